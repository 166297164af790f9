"""The queue in a file: processes, forks, a locked file, a full disk, files that are not ours."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from leads_dagster.capture_queue.file_queue import FileQueue
from leads_dagster.capture_queue.items import QueueLimits
from leads_dagster.errors import StoreBusyError, StoreError
from leads_dagster_tests.capture_queue.conftest import capture, ends, keys

SECRET = "ada.lovelace@example.com"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "captures.db"


def test_the_file_is_for_its_owner_only(path: Path) -> None:
    FileQueue(path).put([capture()])

    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


def test_every_commit_is_on_the_disk(path: Path) -> None:
    queue = FileQueue(path)
    with queue._file.reading() as connection:
        pragmas = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]

    assert pragmas == ["wal", 2]


def test_processes_that_make_the_file_at_once_share_it(path: Path) -> None:
    script = """
import sys
from pathlib import Path
from leads_dagster.capture_queue.file_queue import FileQueue
from leads_dagster.capture_queue.items import NewCapture
sys.stdin.readline()
FileQueue(Path(sys.argv[1])).put([NewCapture("acme", "", b"{}", 0)])
"""
    command = [sys.executable, "-c", script, str(path)]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True) for _ in range(4)]
    for one in started:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    codes = [one.communicate(timeout=60) and one.returncode for one in started]

    assert codes == [0, 0, 0, 0]
    assert FileQueue(path).waiting() == {"acme": 4}


def test_a_child_opens_a_connection_of_its_own_and_leaves_the_parents_alone(path: Path) -> None:
    queue = FileQueue(path)
    queue.put([capture("parent")])
    child = os.fork()
    if child == 0:
        queue.put([capture("child")])
        queue.close()
        os._exit(len(queue.lease(customer="acme", limit=1)))
    _, status = os.waitpid(child, 0)
    queue.put([capture("after")])

    assert os.waitstatus_to_exitcode(status) == 1
    assert keys(queue.lease(customer="acme")) == ["child", "after"]


def test_a_locked_file_is_waited_for_and_then_said_to_be_busy(path: Path) -> None:
    queue = FileQueue(path, busy_seconds=0.2)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusyError, match="is busy") as busy:
        queue.put([capture()])
    looked = queue.waiting()
    other.execute("ROLLBACK")
    other.close()

    assert (busy.value.transient, looked) == (True, {})
    assert queue.put([capture()])[0].is_new


def test_a_file_of_a_newer_version_is_left_alone(path: Path) -> None:
    queue = FileQueue(path)
    queue.put([capture()])
    queue.close()
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version = 99")
    file.close()
    with pytest.raises(StoreError, match="newer version"):
        FileQueue(path)


def test_a_file_of_something_else_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE leads (id TEXT)")
    file.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is no capture queue"):
        FileQueue(path)
    path.write_text("this is text " * 100)
    with pytest.raises(StoreError, match="cannot be used"):
        FileQueue(path)

    assert before.startswith(b"SQLite format 3")


def test_a_folder_that_cannot_be_is_said(path: Path) -> None:
    path.parent.write_text("a file")
    with pytest.raises(StoreError, match="cannot be used"):
        FileQueue(path)


def test_a_full_disk_is_said_and_what_was_acknowledged_stays(path: Path) -> None:
    queue = FileQueue(path, QueueLimits(item_bytes=1_000_000))
    queue.put([capture("there")])
    with queue._file.reading() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 10}")
    with pytest.raises(StoreError, match="full") as full:
        queue.put([capture("no room", body=b'"' + SECRET.encode() * 20_000 + b'"')])
    with queue._file.reading() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")

    assert SECRET not in str(full.value)
    assert queue.put([capture("room")])[0].is_new
    assert keys(queue.lease(customer="acme")) == ["there", "room"]


def test_a_file_that_was_removed_is_made_again(path: Path) -> None:
    queue = FileQueue(path)
    queue.put([capture("gone")])
    for file in path.parent.iterdir():
        file.unlink()
    queue.put([capture("seen")])

    assert keys(FileQueue(path).lease(customer="acme")) == ["seen"]


def test_what_a_killed_process_was_told_is_there(path: Path) -> None:
    script = """
import sys
from pathlib import Path
from leads_dagster.capture_queue.file_queue import FileQueue
from leads_dagster.capture_queue.items import NewCapture
queue, number = FileQueue(Path(sys.argv[1])), 0
while True:
    number += 1
    queue.put([NewCapture("acme", str(number), b"{}", 0)])
    print(number, flush=True)
"""
    started = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    told = [started.stdout.readline() for _ in range(30)]
    os.kill(started.pid, signal.SIGKILL)
    told += started.communicate()[0].splitlines(keepends=True)
    found = keys(FileQueue(path).lease(customer="acme", limit=100_000))

    assert found[: len(told)] == [line.strip() for line in told]
    assert len(found) <= len(told) + 1


def test_numbers_that_were_settled_are_not_counted_one_by_one(path: Path) -> None:
    queue = FileQueue(path)
    for _ in range(3):
        queue.put([capture() for _ in range(10)])
        queue.settle(ends(queue.lease(customer="acme"), "recorded"))
    with queue._file.reading() as connection:
        counted = connection.execute("SELECT state, count(*) FROM items GROUP BY state").fetchall()
        kept = connection.execute("SELECT state, items FROM counts WHERE items > 0 AND state < 7").fetchall()

    assert counted == kept == [(4, 30)]


def test_questions_are_answered_from_the_index(path: Path) -> None:
    queue = FileQueue(path)
    with queue._file.reading() as connection:
        from leads_dagster.capture_queue.file_queue import _DUE, _due_arguments

        plan = connection.execute(f"EXPLAIN QUERY PLAN {_DUE}", _due_arguments("acme", 1, 10)).fetchall()
    steps = [row[3] for row in plan]

    assert sum("items_by_state (customer=? AND state=?" in step for step in steps) == 5
    assert not any("TEMP B-TREE" in step for step in steps)
