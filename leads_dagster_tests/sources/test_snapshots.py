"""Raw bytes are kept once, whole, for this user only, and come back as they were."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from leads_dagster.errors import NotFoundError, StoreError
from leads_dagster.sources.fetched import checksum_of
from leads_dagster.sources.snapshots import SnapshotStore

DATA = b"Name,Email\nAda,ada@example.com\n"


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(tmp_path / "state" / "snapshots")


@pytest.fixture
def read_only(store: SnapshotStore) -> SnapshotStore:
    store.put(DATA)
    store.folder.chmod(0o500)
    return store


@contextmanager
def small_disk() -> Iterator[int]:
    """No file may grow beyond 4,096 bytes: a disk that is full, as the system tells it.

    No fixture, because the limit is the whole process's: pytest's own output may go to a file that is longer.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield 4096
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def files(store: SnapshotStore) -> list[str]:
    return sorted(path.name for path in store.folder.rglob("*") if path.is_file())


def test_what_is_put_comes_back(store: SnapshotStore) -> None:
    snapshot = store.put(DATA)
    assert snapshot.checksum == checksum_of(DATA)
    assert snapshot.bytes == len(DATA)
    assert snapshot.path == store.folder / snapshot.checksum[:2] / f"{snapshot.checksum}.csv"
    assert store.get(snapshot.checksum) == DATA
    assert store.has(snapshot.checksum)


def test_the_same_bytes_are_kept_once(store: SnapshotStore) -> None:
    assert store.put(DATA) == store.put(DATA, checksum=checksum_of(DATA))
    assert len(files(store)) == 1


def test_nobody_else_may_read_them(store: SnapshotStore) -> None:
    path = store.put(DATA).path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_empty_bytes_are_bytes(store: SnapshotStore) -> None:
    assert store.get(store.put(b"").checksum) == b""


def test_damage_is_noticed_and_mended_by_putting_again(store: SnapshotStore) -> None:
    snapshot = store.put(DATA)
    snapshot.path.write_bytes(DATA[:-1])
    with pytest.raises(StoreError, match="is damaged"):
        store.get(snapshot.checksum)
    store.put(DATA)
    assert store.get(snapshot.checksum) == DATA


def test_what_was_never_put_is_not_found(store: SnapshotStore) -> None:
    assert not store.has(checksum_of(b"other"))
    with pytest.raises(NotFoundError):
        store.get(checksum_of(b"other"))


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 32, "a" * 31])
def test_only_checksums_are_names(store: SnapshotStore, name: str) -> None:
    with pytest.raises(NotFoundError, match="not the checksum"):
        store.get(name)


def test_a_full_disk_leaves_no_half_file(store: SnapshotStore) -> None:
    kept = store.put(DATA)
    with small_disk() as size, pytest.raises(StoreError, match="no room left") as full:
        store.put(b"x" * (size + 1))
    assert "LEADS_HOME" in full.value.advice
    assert files(store) == [kept.path.name]


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        SnapshotStore(tmp_path / "taken").put(DATA)


def test_a_folder_we_may_not_write_to_is_refused(read_only: SnapshotStore, ordinary_user: None) -> None:
    with pytest.raises(StoreError, match="may not be written to"):
        read_only.put(b"other")


def test_threads_putting_the_same_bytes_do_not_disturb_each_other(store: SnapshotStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        checksums = {snapshot.checksum for snapshot in pool.map(store.put, [DATA] * 32)}
    assert [store.get(checksum) for checksum in checksums] == [DATA]
    assert len(files(store)) == 1


def test_prune_keeps_what_is_named_and_what_is_newest(store: SnapshotStore) -> None:
    snapshots = [store.put(b"%d" % number) for number in range(5)]
    for age, snapshot in enumerate(reversed(snapshots)):
        os.utime(snapshot.path, (1000 - age, 1000 - age))
    assert store.prune({snapshots[0].checksum}, newest=2) == 2
    left = {snapshots[index].checksum for index in (0, 3, 4)}
    assert {name.removesuffix(".csv") for name in files(store)} == left


def test_putting_again_counts_as_new(store: SnapshotStore) -> None:
    old, new = store.put(b"old"), store.put(b"new")
    os.utime(old.path, (10, 10))
    os.utime(new.path, (20, 20))
    store.put(b"old")
    store.prune(newest=1)
    assert files(store) == [old.path.name]


def test_prune_removes_what_a_dead_process_left_but_not_what_is_being_written(store: SnapshotStore) -> None:
    folder = store.put(DATA).path.parent
    (folder / ".dead.part").write_bytes(b"half")
    (folder / ".alive.part").write_bytes(b"half")
    os.utime(folder / ".dead.part", (10, 10))
    store.prune(newest=1)
    assert files(store) == [".alive.part", f"{checksum_of(DATA)}.csv"]


def test_pruning_nothing_is_nothing(store: SnapshotStore) -> None:
    assert store.prune() == 0
