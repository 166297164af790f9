"""A file is read whole or not at all, and read again only when it may have changed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from leads_dagster.errors import AccessError, ServiceUnavailableError, SettingsError, SheetFormatError
from leads_dagster.sources.fetched import Fetched, NotModified, SheetMarker, checksum_of
from leads_dagster.sources.local_files import read_file

SOURCE = "file:leads.csv"


@pytest.fixture
def shut(leads: Path) -> Path:
    leads.chmod(0)
    return leads


@pytest.fixture
def leads(tmp_path: Path) -> Path:
    path = tmp_path / "leads.csv"
    path.write_bytes(b"Name\nAda\n")
    return path


def now() -> float:
    return time.time()


def later() -> float:
    """A clock by which every file has been left alone for a while."""
    return time.time() + 10


def read(
    path: Path, previous: SheetMarker | None = None, *, max_bytes: int = 1000, clock: Callable[[], float] = later
) -> Fetched | NotModified:
    return read_file(path, source=SOURCE, previous=previous, max_bytes=max_bytes, settle_seconds=0.01, clock=clock)


def fetched(path: Path, clock: Callable[[], float] = later) -> Fetched:
    found = read(path, clock=clock)
    assert isinstance(found, Fetched)
    return found


def test_the_bytes_come_as_they_are(leads: Path) -> None:
    found = fetched(leads)
    assert (found.data, found.bytes, found.calls, found.warnings) == (b"Name\nAda\n", 9, 0, ())
    assert found.checksum == found.marker.checksum == checksum_of(b"Name\nAda\n")


def test_a_file_left_alone_is_not_read_again_and_an_edit_of_one_byte_is_seen(leads: Path) -> None:
    first = fetched(leads)
    again = read(leads, first.marker)
    assert isinstance(again, NotModified)
    assert (again.checksum, again.marker, again.bytes) == (first.checksum, first.marker, 9)
    seen = leads.stat()
    leads.write_bytes(b"Name\nEva\n")
    os.utime(leads, ns=(seen.st_atime_ns, seen.st_mtime_ns))  # as copying tools do
    assert isinstance(read(leads, first.marker), Fetched)


def test_a_marker_survives_json(leads: Path) -> None:
    marker = fetched(leads).marker
    assert SheetMarker.from_dict({**marker.as_dict(), "file": list(marker.file), "of_tomorrow": 1}) == marker


def test_a_file_just_written_is_read_again_in_case_a_second_edit_left_no_trace(leads: Path) -> None:
    first = fetched(leads, now)
    assert first.marker.file == ()
    assert isinstance(read(leads, first.marker), Fetched)


def test_a_replaced_file_is_read(leads: Path, tmp_path: Path) -> None:
    marker = fetched(leads).marker
    other = tmp_path / "new"
    other.write_bytes(b"Name\nEva\n")
    other.replace(leads)
    found = read(leads, marker)
    assert isinstance(found, Fetched)
    assert found.data == b"Name\nEva\n"


def test_a_file_still_being_written_is_waited_for(leads: Path) -> None:
    begun = threading.Event()

    def write() -> None:
        with leads.open("wb", buffering=0) as file:
            for number in range(40):
                file.write(b"%04d\n" % number)
                begun.set()
                time.sleep(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait()
    found = read_file(leads, source=SOURCE, previous=None, max_bytes=1000, settle_seconds=0.5)
    writer.join()
    assert isinstance(found, Fetched)
    assert found.data.count(b"\n") == 40


def test_a_file_that_is_written_to_without_end_is_unavailable(leads: Path) -> None:
    stop = threading.Event()

    def touch() -> None:
        while not stop.wait(0.001):
            os.utime(leads)

    toucher = threading.Thread(target=touch)
    toucher.start()
    with pytest.raises(ServiceUnavailableError, match="keeps being written to"):
        read_file(leads, source=SOURCE, previous=None, max_bytes=1000, settle_seconds=0.01)
    stop.set()
    toucher.join()


def test_an_empty_file_has_no_bytes(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    assert fetched(tmp_path / "empty.csv").data == b""


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"There is no file .*gone\.csv"):
        read(tmp_path / "gone.csv")


def test_a_path_through_a_file_is_missing_too(leads: Path) -> None:
    with pytest.raises(SettingsError, match="There is no file"):
        read(leads / "more.csv")


def test_a_folder_is_no_sheet(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is a folder"):
        read(tmp_path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(SettingsError, match="not a regular file"):
        read(tmp_path / "pipe.csv")


def test_a_file_over_the_limit_is_refused(leads: Path) -> None:
    assert fetched(leads).bytes == 9
    with pytest.raises(SheetFormatError, match="has 9 bytes; the limit is 8"):
        read(leads, max_bytes=8)


def test_a_circle_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").symlink_to(tmp_path / "b.csv")
    (tmp_path / "b.csv").symlink_to(tmp_path / "a.csv")
    with pytest.raises(AccessError, match="cannot be read"):
        read(tmp_path / "a.csv")


def test_a_file_we_may_not_read_says_so(shut: Path, ordinary_user: None) -> None:
    with pytest.raises(AccessError, match="may not be read"):
        read(shut)
