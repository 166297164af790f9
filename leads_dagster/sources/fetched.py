"""What fetching a sheet gives: bytes, or the news that nothing changed; and the marker that tells next time.

What belongs here: values that every kind of source shares. How they are come by is in `local_files`, `web_csv`
and `google_sheets`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

import xxhash


@dataclass(frozen=True, slots=True)
class SheetMarker:
    """What lets the next fetch of the same sheet stop early. Keep it where the fetch was used to the end.

    Every value is plain JSON. A marker is only believed for the source it was made for, and holds only what the
    source's kind can vouch for: a validator that could miss an edit is left out.

    Attributes:
        source: `SheetAddress.canonical`.
        checksum, size: of the bytes that were read with it.
        etag, last_modified: of an HTTP answer, as sent.
        drive_version, drive_modified_at: of Google Drive.
        read_at: seconds since 1970 of the last full read through Google's API.
        title, title_read_at: name of the tab, and when the API last said that it is the tab's.
        file: size, mtime_ns, ctime_ns, inode and device of a local file.
    """

    source: str
    checksum: str = ""
    size: int = 0
    etag: str = ""
    last_modified: str = ""
    drive_version: str = ""
    drive_modified_at: str = ""
    read_at: float = 0.0
    title: str = ""
    title_read_at: float = 0.0
    file: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Only what is set, for a JSON column."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> SheetMarker:
        """The marker of a stored dict; what an older or newer release knew besides is passed over."""
        known = {item.name for item in fields(cls)}
        values = {name: value for name, value in stored.items() if name in known}
        return cls(**{"source": "", **values, "file": tuple(values.get("file", ()))})


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes of a sheet.

    Attributes:
        data: the CSV as it was found, undecoded (made from strings where Google's API was asked).
        checksum: xxh3_128 of the bytes, hex.
        marker: hand it to the next fetch.
        seconds: wall time.
        calls, retries: HTTP requests sent, and how many of them were retries.
        warnings: what the user should know about this source, one sentence each.
        made_at: when it was last edited, as its source says; None where it does not. HTTP tells whole seconds.
    """

    data: bytes = field(repr=False)
    checksum: str
    marker: SheetMarker
    seconds: float
    calls: int = 0
    retries: int = 0
    warnings: tuple[str, ...] = ()
    made_at: datetime | None = None

    @property
    def bytes(self) -> int:
        """How many bytes the sheet has."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class NotModified:
    """The source says that the sheet is as it was; the bytes of `checksum` still hold."""

    checksum: str
    marker: SheetMarker
    seconds: float
    calls: int = 0
    retries: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """How many bytes the sheet had when it was last read."""
        return self.marker.size


@dataclass(frozen=True, slots=True)
class Moved:
    """The source says that the sheet is another one; what is in it was not read.

    Attributes:
        state: what the source calls the state that the sheet is in now.
    """

    state: str


def checksum_of(data: bytes) -> str:
    """xxh3_128 of the bytes as 32 hex digits: it tells that something changed, not who changed it."""
    return xxhash.xxh3_128_hexdigest(data)
