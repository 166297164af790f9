"""The books in a file: nobody else reads them, an older file is taken over, a broken one is said so."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from leads_dagster.budget import BUDGET_FILE, Budget, Limit, airtable_limits, budget_status
from leads_dagster.errors import StoreError

OLD_TABLE = """
CREATE TABLE limits (
    name TEXT PRIMARY KEY, slots TEXT NOT NULL, calls INTEGER NOT NULL, window_ms INTEGER NOT NULL,
    resting_until_ms INTEGER NOT NULL DEFAULT 0, rests INTEGER NOT NULL DEFAULT 0,
    month TEXT NOT NULL DEFAULT '', month_calls INTEGER NOT NULL DEFAULT 0)
"""

HOLDER = """
import sys, time
from pathlib import Path
from leads_dagster.budget import Limit
from leads_dagster.budget.file_books import FileBooks
books = FileBooks(Path(sys.argv[1]), [Limit("base", 5)])
with books._lock:
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_token_is_nowhere_in_the_file(tmp_path: Path) -> None:
    with Budget(tmp_path, airtable_limits("appA", "patVerySecret")) as budget, budget.slot():
        pass

    assert b"patVerySecret" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert (tmp_path / BUDGET_FILE).stat().st_mode & 0o777 == 0o600


def test_a_folder_without_a_budget_has_no_status(tmp_path: Path) -> None:
    assert budget_status(tmp_path) == ()


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="call budget"):
        Budget(tmp_path / "file", [Limit("base", 5)])


def test_a_file_that_is_no_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / BUDGET_FILE).write_bytes(b"no database" * 1000)

    with pytest.raises(StoreError, match="call budget"):
        Budget(tmp_path, [Limit("base", 5)])


def test_a_file_of_an_earlier_version_keeps_its_counts(tmp_path: Path) -> None:
    (base, _) = limits = airtable_limits("appA", "patX", monthly_calls=1_000)
    with sqlite3.connect(tmp_path / BUDGET_FILE) as old:
        old.execute(OLD_TABLE)
        old.execute(f"CREATE TABLE {base.slots} (name VARCHAR, item_timestamp INTEGER)")
        old.execute(
            "INSERT INTO limits VALUES (?, ?, 5, 1000, 0, 7, strftime('%Y-%m', 'now'), 40)", (base.name, base.slots)
        )
    old.close()
    (before,) = budget_status(tmp_path)
    with Budget(tmp_path, limits) as budget, budget.slot():
        pass
    after = budget_status(tmp_path)[0]

    assert (before.month_calls, before.rests, before.month_limit) == (40, 7, None)
    assert (after.month_calls, after.rests, after.month_left) == (41, 7, 959)


def test_a_holder_of_the_lock_that_is_killed_stops_nobody(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    with Budget(tmp_path, [Limit("base", 5)]) as budget, budget.slot():
        (status,) = budget.status()

    assert status.used == 1


def test_a_crash_in_the_midst_of_a_transaction_leaves_whole_books(tmp_path: Path) -> None:
    with Budget(tmp_path, [Limit("base", 5)]) as budget:
        with pytest.raises(KeyboardInterrupt), budget._books._transaction():  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        with budget.slot():
            pass
        (status,) = budget.status()

    assert status.month_calls == 1
