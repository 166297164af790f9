"""Sheets that are files on this machine.

What belongs here: reading one file whole, so that neither a half-written nor a just-replaced file is taken for
the sheet. What the bytes mean is not asked.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from leads_dagster.errors import AccessError, LeadsError, ServiceUnavailableError, SettingsError, SheetFormatError
from leads_dagster.sources.fetched import Fetched, NotModified, SheetMarker, checksum_of

# A file written to within this time may not be finished: it is looked at again until it is quiet.
SETTLE_SECONDS = 0.05
LOOKS = 20
# A second edit within the file system's clock tick leaves no trace in the times (FAT counts in 2 s): such a young
# file gets no marker, and is read again.
TRUSTED_AGE_SECONDS = 2.0


def read_file(
    path: Path,
    *,
    source: str,
    previous: SheetMarker | None,
    max_bytes: int,
    settle_seconds: float = SETTLE_SECONDS,
    clock: Callable[[], float] = time.time,
) -> Fetched | NotModified:
    """Read a file, unless it is as `previous` saw it.

    Args:
        path: absolute.
        source: `SheetAddress.canonical`.
        previous: a marker of the same source.
        max_bytes: a larger file is refused unread.
        settle_seconds: how long a file must have been left alone.
        clock: seconds since 1970.

    Raises:
        SettingsError: not there, or a folder or device.
        AccessError: not readable for us.
        SheetFormatError: larger than `max_bytes`.
        ServiceUnavailableError: it keeps being written to.
    """
    started = time.monotonic()
    try:
        if previous is not None and previous.file and previous.file == _identity(path.stat()):
            return NotModified(previous.checksum, previous, time.monotonic() - started)
        data, seen = _read_quiet(path, max_bytes=max_bytes, settle_seconds=settle_seconds, clock=clock)
    except OSError as error:
        raise _typed(error, path) from error
    checksum = checksum_of(data)
    marker = SheetMarker(source, checksum, len(data), file=_identity(seen) if _is_old(seen, clock()) else ())
    made_at = datetime.fromtimestamp(seen.st_mtime, timezone.utc)
    return Fetched(data, checksum, marker, time.monotonic() - started, made_at=made_at)


def _read_quiet(
    path: Path, *, max_bytes: int, settle_seconds: float, clock: Callable[[], float]
) -> tuple[bytes, os.stat_result]:
    for _ in range(LOOKS):
        data, before, after = _read_once(path, max_bytes=max_bytes)
        quiet_for = clock() - after.st_mtime
        changed = _identity(before) != _identity(after) or len(data) != after.st_size
        if not changed and not 0 <= quiet_for < settle_seconds:
            return data, after
        time.sleep(settle_seconds)
    raise ServiceUnavailableError(f"{path} keeps being written to.", advice="Wait until the file is complete.")


def _read_once(path: Path, *, max_bytes: int) -> tuple[bytes, os.stat_result, os.stat_result]:
    _check_kind(path.stat(), path)  # before opening: a pipe would wait for a writer for ever
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  unbuffered, so that one read is one copy
        before = os.fstat(file.fileno())
        if before.st_size > max_bytes:
            raise SheetFormatError(
                f"{path} has {before.st_size:,} bytes; the limit is {max_bytes:,}.",
                advice="Is it the right file? If so, raise the limit of a sheet's size.",
            )
        return file.read(), before, os.fstat(file.fileno())


def _check_kind(seen: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(seen.st_mode):
        raise SettingsError(f"{path} is a folder, not a file.", advice="Name the CSV or TSV file in it.")
    if not stat.S_ISREG(seen.st_mode):
        raise SettingsError(f"{path} is not a regular file.", advice="Write the rows to a CSV file first.")


def _identity(seen: os.stat_result) -> tuple[int, ...]:
    """What changes when a file does; ctime because tools that copy set mtime back."""
    return (seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino, seen.st_dev)


def _is_old(seen: os.stat_result, now: float) -> bool:
    return now - max(seen.st_mtime, seen.st_ctime) > TRUSTED_AGE_SECONDS


def _typed(error: OSError, path: Path) -> LeadsError:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return SettingsError(f"There is no file {path}.", advice="Correct the path of the sheet.")
    if isinstance(error, PermissionError):
        return AccessError(f"{path} may not be read by this user.", advice="Give the file read permission.")
    return AccessError(f"{path} cannot be read: {error.strerror or error}.")
