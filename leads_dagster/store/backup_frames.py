"""Encrypted streams: a file as a row of frames of about 1 MB, each encrypted alone, so that memory does not grow.

What belongs here: the format. It is `LEADSENC1`, then 16 random bytes that name the stream, then frames: four bytes of
length (big-endian) and a Fernet token as bytes. A frame's plaintext begins with the stream's name, its index and
whether it is the last: frames that were swapped, cut off or taken from another file are found.

The token is the specification's (https://github.com/fernet/spec) without its base64, which would cost a third more.
"""

from __future__ import annotations

import base64
import io
import os
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from leads_dagster.errors import StoreError

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from leads_dagster.store.backup_keys import BackupKeys

MAGIC = b"LEADSENC1"
FRAME_BYTES = 1_000_000
_NAME_BYTES = 16
_HEAD = struct.Struct(f">{_NAME_BYTES}sQ?")
_LENGTH = struct.Struct(">I")
_LONGEST_TOKEN = 2 * FRAME_BYTES


class FrameWriter(io.RawIOBase):
    """Encrypts what is written to it into `target`; `close` writes the last frame and leaves `target` open."""

    def __init__(self, target: BinaryIO, keys: BackupKeys) -> None:
        super().__init__()
        self._target, self._cipher = target, keys.cipher()
        self._name = os.urandom(_NAME_BYTES)
        self._index = 0
        self._waiting = bytearray()
        target.write(MAGIC + self._name)

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        taken = memoryview(data).cast("B")
        self._waiting += taken
        while len(self._waiting) > FRAME_BYTES:  # one byte more, so that the last frame is never written here
            self._write_frame(bytes(self._waiting[:FRAME_BYTES]), last=False)
            del self._waiting[:FRAME_BYTES]
        return len(taken)

    def finish(self) -> None:
        """Write the last frame: without it, a reader takes the stream for cut off."""
        self._write_frame(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _write_frame(self, data: bytes, *, last: bool) -> None:
        token = self._cipher.encrypt(_HEAD.pack(self._name, self._index, last) + data)
        packed = base64.urlsafe_b64decode(token)
        self._target.write(_LENGTH.pack(len(packed)) + packed)
        self._index += 1


class FrameReader(io.RawIOBase):
    """What was written, decrypted.

    Raises (on reading):
        StoreError: the stream was changed or cut off, or no key opens it.
    """

    def __init__(self, source: BinaryIO, keys: BackupKeys) -> None:
        super().__init__()
        self._source, self._cipher = source, keys.cipher()
        if self._read(len(MAGIC)) != MAGIC:
            raise StoreError("The encrypted backup does not begin as one.")
        self._name = self._read(_NAME_BYTES)
        self._index = 0
        self._waiting = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        while not self._waiting and not self._ended:
            self._waiting = self._read_frame()
        target = memoryview(buffer).cast("B")
        given = min(len(target), len(self._waiting))
        target[:given] = self._waiting[:given]
        self._waiting = self._waiting[given:]
        return given

    def _read_frame(self) -> memoryview:
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size))
        if length > _LONGEST_TOKEN:
            raise StoreError(f"The encrypted backup is damaged at frame {self._index}.")
        plain = self._decrypt(self._read(length))
        name, index, last = _HEAD.unpack_from(plain)
        if (name, index) != (self._name, self._index):
            raise StoreError(f"The encrypted backup is damaged: frame {self._index} belongs elsewhere.")
        self._index, self._ended = index + 1, last
        if last and self._source.read(1):
            raise StoreError("The encrypted backup is damaged: it goes on after its last frame.")
        return memoryview(plain)[_HEAD.size :]

    def _decrypt(self, packed: bytes) -> bytes:
        from cryptography.fernet import InvalidToken

        try:
            return self._cipher.decrypt(base64.urlsafe_b64encode(packed))
        except InvalidToken as error:
            raise StoreError(
                f"The encrypted backup is damaged at frame {self._index}, or no key given opens it."
            ) from error

    def _read(self, count: int) -> bytes:
        found = self._source.read(count)
        if len(found) < count:
            raise StoreError("The encrypted backup is cut off.")
        return found


def copy_stream(source: BinaryIO, target: BinaryIO, told: Callable[[int], None] | None = None) -> int:
    """Copy all there is, a megabyte at a time; the number of bytes. `told` hears it as it grows."""
    done = 0
    while piece := source.read(FRAME_BYTES):
        target.write(piece)
        done += len(piece)
        if told is not None:
            told(done)
    return done
