"""From a database's bytes to a backup's file and back: packed, encrypted, measured, a megabyte at a time.

What belongs here: the order of these steps. How each is done is `gzip`'s and `backup_frames`'.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from leads_dagster.errors import CredentialsError, StoreError
from leads_dagster.store.backup_folder import file_faults
from leads_dagster.store.backup_frames import FRAME_BYTES, FrameReader, FrameWriter

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from leads_dagster.store.backup_keys import BackupKeys
    from leads_dagster.store.backup_manifest import Manifest

# gzip's 6 takes twice as long for a tenth less.
_GZIP_LEVEL = 4
ENCRYPTED_SUFFIX = ".enc"


class MeasuredFile(io.RawIOBase):
    """A file that counts and hashes what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    @property
    def sha256(self) -> str:
        """Of all that was written."""
        return self._hash.hexdigest()

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        taken = memoryview(data).cast("B")
        self._file.write(taken)
        self._hash.update(taken)
        self.size_bytes += len(taken)
        return len(taken)


@contextmanager
def written_file(path: Path) -> Iterator[MeasuredFile]:
    """The file of a backup, to be written from its beginning.

    Raises:
        StoreError: the disk is full or the file cannot be written.
    """
    with file_faults(path), path.open("wb") as file:
        yield MeasuredFile(file)


@contextmanager
def packing(target: BinaryIO, keys: BackupKeys, *, packed: bool) -> Iterator[BinaryIO]:
    """What to write a database's bytes to, so that they come to `target` packed and, where there is a key, encrypted.

    Args:
        target: the backup's file.
        keys: none of them: not encrypted.
        packed: whether the bytes are packed already.
    """
    frames = FrameWriter(target, keys) if keys else None
    below = cast("BinaryIO", frames) if frames else target
    if packed:
        yield below
    else:
        with gzip.GzipFile(filename="", fileobj=below, mode="wb", compresslevel=_GZIP_LEVEL, mtime=0) as packer:
            yield cast("BinaryIO", packer)
    if frames:
        frames.finish()


@contextmanager
def unpacking(path: Path, manifest: Manifest, keys: BackupKeys, *, packed: bool) -> Iterator[BinaryIO]:
    """A database's bytes out of a backup's file.

    Raises:
        CredentialsError: its key is not there.
        StoreError: the file is damaged or cannot be read.
    """
    keys.check(manifest.key_id, manifest.name)
    with reading_faults(manifest.name), decrypting(path, manifest, keys) as plain:
        if packed:
            yield plain
        else:
            with gzip.GzipFile(fileobj=plain, mode="rb") as unpacker:
                yield cast("BinaryIO", unpacker)


@contextmanager
def decrypting(path: Path, manifest: Manifest, keys: BackupKeys) -> Iterator[BinaryIO]:
    """A backup's file without its encryption, where it has one."""
    with path.open("rb") as file:
        yield io.BufferedReader(FrameReader(file, keys), FRAME_BYTES) if manifest.encrypted else file


@contextmanager
def reading_faults(name: str) -> Iterator[None]:
    """Say of whatever is wrong with a file that it is this backup's."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise StoreError(f"The backup {name} is damaged: {error}.") from error
    except OSError as error:
        raise StoreError(f"{name}: {error.filename or 'the file'}: {error.strerror or error}.") from error
    except CredentialsError:
        raise


def file_sha256(path: Path) -> str:
    """Of a whole file, a megabyte at a time."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(FRAME_BYTES):
            found.update(piece)
    return found.hexdigest()
