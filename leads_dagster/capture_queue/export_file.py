"""The file that an export is written to.

What belongs here: getting lines onto the disk before what they say is removed.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import TracebackType

from leads_dagster.errors import StoreError


class ExportFile:
    """A file that lines are added to; made with mode 600 where it is not there.

    Raises:
        StoreError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> ExportFile:
        try:
            self._file = os.open(self._path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        except OSError as error:
            raise self._refused(error) from error
        return self

    def add(self, lines: bytes) -> None:
        """Writes whole lines; they are on the disk when this returns."""
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
            _sync(self._file)
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> StoreError:
        advice = "Nothing that is not in it was removed."
        return StoreError(f"The export {self._path} cannot be written: {error.strerror}.", advice=advice)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)


def _sync(file: int) -> None:
    """A pipe or a terminal keeps nothing that could be synced."""
    if stat.S_ISREG(os.fstat(file).st_mode):
        os.fsync(file)
