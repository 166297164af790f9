"""Many processes on one database: nothing is lost, nothing is doubled, and nobody hears of a lock."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from leads_dagster.store import LeadDatabase, tables
from leads_dagster.store.engine import open_engine, reading
from leads_dagster_tests.pipeline.conftest import Road

# `make crash` writes 500.
WRITES = int(os.environ.get("MANY_WRITES", "60"))

# Every third write is of a record that others write too, by the same key; the rest are its own.
WRITER = """
import sys
from leads_dagster.store import LeadDatabase
url, who, writes = sys.argv[1], sys.argv[2], int(sys.argv[3])
with LeadDatabase(url, "acme", who=who) as database:
    for number in range(writes):
        shared = number % 3 == 0
        key = f"shared-{number}" if shared else f"{who}-{number}"
        database.upsert_lead({"key": key, "email": f"{key}@{key}.example", who if shared else "by": str(number)})
    retries = database.metrics()["operations"]["lead save"]
    print(retries["calls"], retries["retries"], retries["failures"])
"""
READER = """
import sys
from leads_dagster.store import LeadDatabase
with LeadDatabase(sys.argv[1], "acme", who="reader") as database:
    print("reading", flush=True)
    rounds = seen = 0
    while not rounds or not database.search_leads("last", limit=1):
        leads = list(database.get_all_leads())
        assert len({lead["id"] for lead in leads}) == len(leads) >= seen
        seen = len(leads)
        database.search_leads("shared", limit=50)
        database.count_leads()
        rounds += 1
print(rounds, seen)
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str]) -> list[int]:
    """The numbers in its last line; all that it may have to tell besides is that it tried again."""
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert all(line.startswith("Transient error on attempt") for line in errors.splitlines()), errors
    return [int(word) for word in output.splitlines()[-1].split()] if output else []


def many_writers(url: str, *, processes: int, writes: int, readers: int) -> list[list[int]]:
    with closing(LeadDatabase(url, "acme", who="first")) as database:
        reading_on = [start(READER, url) for _ in range(readers)]
        for reader in reading_on:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "reading\n"
        told = [end(one) for one in [start(WRITER, url, f"p{number}", writes) for number in range(processes)]]
        database.add_lead({"key": "last", "email": "last@last.example"})
        for reader in reading_on:
            assert end(reader)[0] > 0
    return told


def assert_all_is_there(url: str, *, processes: int, writes: int) -> None:
    shared = len(range(0, writes, 3))
    with closing(LeadDatabase(url, "acme")) as database:
        leads = {lead["email"]: lead for lead in database.get_all_leads()}
        assert len(leads) == database.count_leads() == shared + processes * (writes - shared) + 1
    for number in range(0, writes, 3):
        said = leads[f"shared-{number}@shared-{number}.example"]["raw_data"]
        assert said == {f"p{process}": str(number) for process in range(processes)}
    for process in range(processes):
        for number in (one for one in range(writes) if one % 3):
            assert leads[f"p{process}-{number}@p{process}-{number}.example"]["raw_data"] == {"by": str(number)}
    engine = open_engine(url)
    with reading(engine) as connection:
        keys = Counter(connection.execute(select(tables.source_records.c.source_key)).scalars())
        created = select(tables.lead_history.c.lead_id).where(tables.lead_history.c.operation == "created")
        histories = Counter(connection.execute(created).scalars())
    engine.dispose()
    assert set(keys.values()) == set(histories.values()) == {1}
    assert len(keys) == len(histories) == len(leads)


def test_sixteen_processes_write_one_file_while_others_read(sqlite_url: str) -> None:
    told = many_writers(sqlite_url, processes=16, writes=WRITES, readers=1)
    assert [(calls, failures) for calls, _, failures in told] == [(WRITES, 0)] * 16
    assert_all_is_there(sqlite_url, processes=16, writes=WRITES)
    engine = open_engine(sqlite_url)
    with reading(engine) as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    engine.dispose()


def test_four_processes_write_one_postgresql(postgres_url: str) -> None:
    told = many_writers(postgres_url, processes=4, writes=2 * WRITES, readers=1)
    assert [(calls, failures) for calls, _, failures in told] == [(2 * WRITES, 0)] * 4
    assert_all_is_there(postgres_url, processes=4, writes=2 * WRITES)


# Persons that the sheet has too, each under several keys, and some of its own.
COLLEAGUE = """
import sys
from leads_dagster.store import LeadDatabase
url, who, writes = sys.argv[1], sys.argv[2], int(sys.argv[3])
with LeadDatabase(url, "acme", who=who) as database:
    print("writing", flush=True)
    for number in range(writes):
        database.upsert_lead({"key": f"{who}-{number}", "email": f"person{number % 30}@x{number % 30}.example"})
        database.upsert_lead({"key": f"{who}-moving", "email": f"person{number % 30}@x{number % 30}.example"})
"""
HEADER = ("ID", "Email", "Title")
ALL_AT_ONCE = "[customers.guard]\nshare = 1.0\nminimum = 1000\n"
Partition = set[frozenset[tuple[str, str]]]


def partition(road: Road) -> Partition:
    """Leads as sets of (source, key) of their records; every live record is in an active lead."""
    active = {lead["id"] for lead in road.leads()}
    found: dict[str, set[tuple[str, str]]] = {}
    for one in road.all("source_records", tables.source_records.c.removed_at.is_(None)):
        assert one["lead_id"] in active
        found.setdefault(one["lead_id"], set()).add(("api" if one["source"] == "api" else "sheet", one["source_key"]))
    assert found.keys() == active
    return {frozenset(members) for members in found.values()}


def sheet_of(version: int) -> list[tuple[str, str, str]]:
    """Sixty rows, of which a third is another person's, gone or back in the next version."""
    rows = [(str(row), (row + version * (row % 3 == 0)) % 40, f"Title {version // 2}") for row in range(60)]
    return [(key, f"person{n}@x{n}.example", title) for key, n, title in rows if (int(key) + version) % 5]


@pytest.fixture(params=["sqlite", "postgresql"])
def environ(request: pytest.FixtureRequest) -> dict[str, str]:
    """Of a road on either kind of database."""
    return {} if request.param == "sqlite" else {"LEADS_DATABASE_URL": request.getfixturevalue("postgres_url")}


def fresh_road(tmp_path: Path) -> Road:
    return Road(tmp_path / "fresh", toml=ALL_AT_ONCE)


def test_cycles_that_others_overtake_end_with_the_leads_of_one_batch(environ: dict[str, str], tmp_path: Path) -> None:
    road = Road(tmp_path / "home", toml=ALL_AT_ONCE, environ={"LEADS_BATCH_SIZE": "5", **environ})
    road.sync(sheet_of(0), HEADER)
    url = road.settings.database_url
    colleagues = [start(COLLEAGUE, url, f"c{number}", 25) for number in range(4)]
    for one in colleagues:
        assert one.stdout is not None
        assert one.stdout.readline() == "writing\n"
    version = 0
    while version < 4 or any(one.poll() is None for one in colleagues):
        version += 1
        assert road.sync(sheet_of(version), HEADER).rows.adds_up
    for one in colleagues:
        assert end(one) == []
    fresh = fresh_road(tmp_path)
    fresh.settings.prepare_home()
    with closing(LeadDatabase(fresh.settings.database_url, "acme")) as database:
        list(database.upsert_leads(_said(one) for one in road.all("source_records") if one["source"] == "api"))
    fresh.sync(sheet_of(version), HEADER)
    assert partition(road) == partition(fresh)
    told = sum(road.all("sync_runs")[-1][f"rows_{state}"] for state in ("created", "updated", "unchanged", "merged"))
    assert told == len(sheet_of(version))


def _said(record: dict[str, Any]) -> dict[str, str]:
    return {"key": record["source_key"], **record["raw"]}


def test_opening_a_database_again_gives_up_no_lock_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that closes it must not take itself for the last: it would remove what we write."""
    monkeypatch.setenv("LEADS_HOME", str(tmp_path))
    path = tmp_path / "leads.db"
    with LeadDatabase(f"sqlite:///{path}") as first:
        first.add_lead({"full_name": "Jane Doe", "email": "jane@acme.example"})
        LeadDatabase(f"sqlite:///{path}").close()
        counted = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
            "print(c.execute('SELECT count(*) FROM leads').fetchone()[0]); c.close()"
        )
        subprocess.run([sys.executable, "-c", counted, str(path)], check=True, capture_output=True)
        first.add_lead({"full_name": "Bob Stone", "email": "bob@zeta.example"})
        done = subprocess.run([sys.executable, "-c", counted, str(path)], check=True, capture_output=True, text=True)
    assert done.stdout == "2\n"
