"""Sheets, disks, keys and settings that are wrong: words and an exit code for each; nothing half-written or lost."""

from __future__ import annotations

import io
import json
import os
import resource
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from leads_dagster.errors import LeadsError, StoreBusyError, StoreError
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster.sandbox import Sandbox
from leads_dagster.settings import load_settings
from leads_dagster_tests.acceptance.conftest import Road, assert_crm_equals_store, fields
from leads_dagster_tests.conftest import REPOSITORY

GOOD = b"Name,Email,Company\nJane Doe,jane@a.example,Acme\nBob Stone,bob@z.example,Zeta\n"
# What a cycle may write though it fails: that it was there.
_BOOKING = ("sync_runs", "sync_states", "staging", "counters", "sqlite_sequence", "source_states", "watching")


def environment(home: Path, **more: str) -> dict[str, str]:
    """This process's, without any setting of ours but those given."""
    ours = ("LEADS_", "LEAD_", "AIRTABLE_", "GOOGLE_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {
        **inherited,
        "PYTHONPATH": str(REPOSITORY),
        "LEADS_HOME": str(home),
        "LEADS_RETRY_DELAY_SECONDS": "0",
        **more,
    }


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def rows(self) -> dict[str, int]:
        """Counts that are not 0."""
        return {name: count for name, count in self.json["rows"].items() if count}


class CommandLine:
    """The process of `command_runner`, working in a folder with one sheet and one state folder."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder, self.home, self.sheet = folder, folder / "home", folder / "sheet.csv"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "leads_dagster_tests.acceptance.command_runner"],
            cwd=folder,
            env=environment(self.home, **environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str) -> Ended:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"run": arguments}) + "\n")
        self._process.stdin.flush()
        ended = Ended(**json.loads(self._process.stdout.readline()))
        assert "Traceback" not in ended.out + ended.err
        return ended

    def sync(self, content: bytes) -> Ended:
        self.sheet.write_bytes(content)
        return self("sync", "--sheet", "sheet.csv", "--json")

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def content(self) -> dict[str, list[Any]]:
        """All rows of both databases, but those in which a cycle books that it was there."""
        found = {}
        for name in ("leads.db", "crm.db"):
            connection = sqlite3.connect(self.home / name)
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in sorted(set(tables) - set(_BOOKING)):
                found[f"{name}:{table}"] = sorted(connection.execute(f"SELECT * FROM {table}"), key=repr)
            connection.close()
        return found

    def stray_files(self) -> list[str]:
        """Half-written files."""
        endings = (".part", ".tmp", "-journal", "~")
        return [str(path) for path in self.home.rglob("*") if path.name.endswith(endings)]


@pytest.fixture(scope="module")
def leads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """One command line for all sheets; it holds Jane and Bob before and after each test."""
    line = CommandLine(tmp_path_factory.mktemp("bad"))
    assert line.sync(GOOD).rows == {"read": 2, "created": 2}
    yield line
    line.close()


def archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")
    return packed.getvalue()


REFUSED: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "empty": (b"", ("empty", "0 bytes", "Check")),
    "blank lines": (b"  \n\n\r\n", ("empty", "Check")),
    "header only": (b"Name,Email,Company\n", ("header and no rows", "nothing was changed", "restore")),
    "zip": (archive(), ("Excel workbook or another zip", "Export the sheet as CSV")),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", ("PDF", "Export the sheet as CSV")),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), (".xls", "Export the sheet as CSV")),
    "gzip": (b"\x1f\x8b\x08" + bytes(60), ("gzip", "Unpack")),
    "binary": (bytes(range(256)) * 40, ("binary", "Export the sheet as CSV")),
    "login page": (b"<!DOCTYPE html><html><title>Sign in</title></html>", ("web page", "Share the sheet")),
    "json": (b'[{"name": "Jane"}]', ("JSON", "leads migrate")),
    "open quote": (GOOD + b'Ann Lee,"ann@b.example,Beta\nTom Fox,tom@f.example,Fox\n', ("row 4", "never ends", "mend")),
    "unknown headers": (b"Quux,Blorp\n1,2\n", ('"Quux"', '"Blorp"', "[customers.columns]")),
    "no header": (b"jane@a.example,Jane Doe\nbob@z.example,Bob Stone\n", ("no header row", "Insert a row")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_sheet_that_cannot_be_read_ends_with_1_and_changes_nothing(leads: CommandLine, name: str) -> None:
    content, words = REFUSED[name]
    before = leads.content()
    ended = leads.sync(content)
    assert (ended.code, ended.json["status"], ended.rows, ended.err) == (1, "failed", {}, "")
    assert [word for word in words if word not in ended.json["error"]] == []
    assert (leads.content(), leads.stray_files()) == (before, [])


def test_after_any_of_them_a_good_sheet_is_as_it_was(leads: CommandLine) -> None:
    before = leads.content()
    for name in ("empty", "pdf", "open quote", "unknown headers"):
        leads.sync(REFUSED[name][0])
    after = leads.sync(GOOD)
    assert (after.code, after.json["status"], after.rows) == (0, "unchanged", {"read": 2, "unchanged": 2})
    assert leads.content() == before


def test_in_words_the_fault_and_what_to_do_are_two_lines_on_stderr(leads: CommandLine) -> None:
    leads.sheet.write_bytes(b"%PDF-1.7\n")
    ended = leads("sync", "--sheet", "sheet.csv")
    assert ended.code == 1
    said = ended.err.strip().splitlines()
    assert any("PDF" in line for line in said)
    assert any("Export the sheet as CSV" in line for line in said)


def columns(count: int) -> bytes:
    labels = [f"Column {number}" for number in range(count - 3)]
    cells = ",".join(str(number) for number in range(count - 3))
    header, *rows = GOOD.decode().splitlines()
    return "\n".join([",".join([header, *labels]), *(f"{row},{cells}" for row in rows)]).encode()


@dataclass(frozen=True)
class Taken:
    """A sheet that comes in all the same: its counts, its quarantine (row, code), and what else must be true."""

    content: bytes
    rows: dict[str, int]
    quarantine: tuple[tuple[int, str], ...] = ()
    holds: Callable[[dict[str, dict[str, Any]]], bool] = lambda leads: True


TAKEN = {
    "10 MB in one cell": Taken(
        GOOD + b'Big One,big@b.example,"' + b"x" * 10_000_000 + b'"\n',
        {"read": 3, "unchanged": 2, "quarantined": 1},
        ((4, "cell_too_large"),),
    ),
    "2,000 columns": Taken(
        columns(2_000),
        {"read": 2, "updated": 2},
        holds=lambda leads: all(
            len(lead["raw_data"]) == 1_997 and lead["raw_data"]["Column 1996"] == "1996" for lead in leads.values()
        ),
    ),
    "NUL bytes": Taken(
        b"Name,Email,Company\nJa\0ne Doe,jane@a.example,Acme\n\0Bob Stone,bob@z.example,Zeta\0\nAnn Lee,\0,\0\0\n",
        {"read": 3, "created": 1, "unchanged": 2},
        holds=lambda leads: leads["Ann Lee"]["email"] is None,
    ),
    "ragged rows": Taken(
        b"Name,Email,Company\nJane Doe,jane@a.example,Acme,too,,much\nBob Stone,bob@z.example\n\n,,\n",
        {"read": 3, "updated": 2, "quarantined": 1},
        ((5, "empty_row"),),
        holds=lambda leads: (
            leads["Jane Doe"]["raw_data"] == {"extra_1": "too", "extra_3": "much"}
            and leads["Bob Stone"]["company"] is None
        ),
    ),
    "blank, repeated and padded headers": Taken(
        b' Name ,EMAIL,,Email, ,"Company ",Company\nJane Doe,jane@a.example,x,jane2@a.example,y,Acme,Acme Holding\n'
        b"Bob Stone,bob@z.example,,,,Zeta,\n",
        {"read": 2, "updated": 1, "unchanged": 1},
        holds=lambda leads: (
            leads["Jane Doe"]["company"] == "Acme"
            and {"x", "y", "jane2@a.example", "Acme Holding"} == set(leads["Jane Doe"]["raw_data"].values())
        ),
    ),
    "a stray cell far right": Taken(
        GOOD.replace(b"Company", b"Company" + b"," * 300).replace(b"Acme", b"Acme" + b"," * 299 + b"stray"),
        {"read": 2, "updated": 1, "unchanged": 1},
        holds=lambda leads: list(leads["Jane Doe"]["raw_data"].values()) == ["stray"],
    ),
    "cells that look like formulas": Taken(
        GOOD.replace(b"Acme", b'"=HYPERLINK(""http://evil.example"",""x"")"').replace(b"Zeta", b"+Zeta @ -1")
        + b"=1+1,,\n@handle,at@h.example,-2+3\n",
        {"read": 4, "created": 1, "updated": 2, "quarantined": 1},
        ((4, "invalid_name"),),
        holds=lambda leads: (
            leads["Jane Doe"]["company"] == '=HYPERLINK("http://evil.example","x")'
            and leads["Bob Stone"]["company"] == "+Zeta @ -1"
            and leads["@handle"]["company"] == "-2+3"
        ),
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_sheet_with_odd_cells_comes_in_and_says_what_it_could_not_take(road: Road, name: str) -> None:
    case = TAKEN[name]
    road.sheet.write_bytes(GOOD)
    road.sync()
    road.sheet.write_bytes(case.content)
    result = road.sync()
    assert result.status == "done"
    assert {name: count for name, count in asdict(result.rows).items() if count} == case.rows
    waiting = road.all("quarantine")
    assert [(row["row_number"], row["code"]) for row in waiting] == list(case.quarantine)
    assert all(row["message"] and row["suggestion"] and len(row["cell"]) <= 200 for row in waiting)
    assert case.holds({lead["full_name"]: lead | {"raw_data": lead["raw_data"] or {}} for lead in road.leads()})
    assert_crm_equals_store(road)
    road.sheet.write_bytes(GOOD)
    assert road.sync().rows.created == 0
    assert [fields(lead, "full_name", "email", "company", "raw_data") for lead in road.leads()] == [
        ("Bob Stone", "bob@z.example", "Zeta", None),
        ("Jane Doe", "jane@a.example", "Acme", None),
    ]


def test_rows_in_quarantine_end_with_0_and_are_listed(leads: CommandLine) -> None:
    ended = leads.sync(GOOD + b",,\n=1+1,,\n")
    assert (ended.code, ended.rows, ended.err) == (0, {"read": 4, "unchanged": 2, "quarantined": 2}, "")
    waiting = leads("quarantine", "--json").json
    assert [(row["row_number"], row["code"], row["cell"]) for row in waiting] == [
        (4, "empty_row", ""),
        (5, "invalid_name", "=1+1"),
    ]
    assert leads.stray_files() == []


def whole_process(folder: Path, *arguments: str, limit_bytes: int | None = None, **environ: str) -> Ended:
    """One command in a process of its own; files may grow to `limit_bytes`, as on a disk that is full."""

    def limit() -> None:
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    ended = subprocess.run(
        [sys.executable, "-m", "leads_dagster", *arguments],
        cwd=folder,
        env=environment(folder / "home", **environ),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )
    assert "Traceback" not in ended.stdout + ended.stderr
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def test_a_full_disk_ends_with_1_and_what_was_committed_before_stays_whole(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    people = [f"Ada {chr(97 + number // 26)}{chr(97 + number % 26)}son,p{number}@a.example" for number in range(600)]
    sheet.write_text("\n".join(["Name,Email,Notes", *(f"{one},{'x' * 1500}" for one in people)]))
    full = whole_process(tmp_path, "sync", "--sheet", "sheet.csv", "--json", limit_bytes=1_500_000)
    assert (full.code, full.json["status"]) == (1, "failed")
    assert "disk" in full.json["error"] or "room" in full.json["error"]
    connection = sqlite3.connect(tmp_path / "home" / "leads.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    count = "SELECT count(*), count(lead_id) FROM source_records"
    records, with_lead = connection.execute(count).fetchone()
    assert records == with_lead == connection.execute("SELECT count(*) FROM leads").fetchone()[0]
    connection.close()
    after = whole_process(tmp_path, "sync", "--sheet", "sheet.csv", "--json")
    assert (after.code, after.json["status"], after.json["rows"]["read"]) == (0, "done", 600)
    assert after.json["rows"]["created"] + after.json["rows"]["unchanged"] == 600


def test_a_state_folder_that_cannot_be_written_ends_with_1_and_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_bytes(GOOD)
    ended = whole_process(tmp_path, "sync", "--sheet", "sheet.csv", LEADS_HOME="/proc/leads")
    assert (ended.code, ended.out) == (1, "")
    assert "/proc/leads" in ended.err
    assert "Set LEADS_HOME" in ended.err


@pytest.mark.parametrize(
    ("database", "words"),
    [("/proc/state/leads.db", "Check the folder"), ("sheet.csv", "LEAD_DATABASE_PATH")],
    ids=["read-only", "no database"],
)
def test_a_database_that_cannot_be_opened_is_told_and_left_alone(tmp_path: Path, database: str, words: str) -> None:
    (tmp_path / "sheet.csv").write_bytes(GOOD)
    settings = load_settings({"LEAD_DATABASE_PATH": str(tmp_path / database)}, cwd=tmp_path)
    with pytest.raises(StoreError, match=words) as refused, open_workspace(settings):
        pass
    assert refused.value.exit_code == 1
    assert (tmp_path / "sheet.csv").read_bytes() == GOOD


def test_a_typo_in_the_settings_ends_with_2_and_names_the_nearest_key(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "leads.toml").write_text('[[customers]]\nname = "acme"\nsheet = "sheet.csv"\ndelete_polcy = "keep"\n')
    ended = whole_process(tmp_path, "sync", "--json")
    assert ended.code == 2
    assert "delete_polcy" in ended.json["error"]
    assert "delete_policy" in ended.json["error"]
    assert [path.name for path in home.iterdir()] == ["leads.toml"]


_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("database", ["leads.db", "crm.db"])
def test_a_database_locked_by_another_process_is_told_and_caught_up_with(make_road: Any, database: str) -> None:
    road = make_road()
    urls = {name: f"sqlite:///{road.home / name}?timeout=0.2" for name in ("leads.db", "crm.db")}
    patient = Road(road.home, environ={"LEADS_DATABASE_URL": urls["leads.db"], "LEADS_CRM_URL": urls["crm.db"]})
    patient.sync([("Jane Doe", "jane@a.example", "Acme", "CEO")])
    holder = subprocess.Popen(
        [sys.executable, "-c", _LOCK, str(road.home / database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    holder.stdout.readline()
    with pytest.raises(StoreBusyError, match="busy") as refused:
        patient.sync([("Jane Doe", "jane@a.example", "Acme", "Chair"), ("Bob Stone", "bob@z.example", "Zeta", "")])
    assert refused.value.transient
    assert refused.value.exit_code == 1
    holder.stdin.close()
    holder.stdout.close()
    holder.wait()
    patient.sync()
    assert [lead["title"] for lead in patient.leads()] == [None, "Chair"]
    assert_crm_equals_store(patient)


AIRTABLE = '[customers.airtable]\nbase_id = "{base}"\ntable = "{table}"\nplan = "team"\n'


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.mark.parametrize(
    ("base", "table", "key", "words"),
    [
        ("appLeadsSandbox01", "Leads", "", ("AIRTABLE_API_KEY",)),
        ("appLeadsSandbox01", "Leads", "refused", ("key", "AIRTABLE_API_KEY")),
        ("appNoSuchBase0001", "Leads", "patAny", ("appNoSuchBase0001",)),
        ("appLeadsSandbox01", "Leeds", "patAny", ("Leeds",)),
    ],
    ids=["no key", "wrong key", "no such base", "no such table"],
)
def test_an_airtable_that_refuses_is_told_with_advice_and_the_leads_wait_for_it(
    make_road: Any, sandbox: Sandbox, base: str, table: str, key: str, words: tuple[str, ...]
) -> None:
    sandbox.reset()
    environ = {"AIRTABLE_ENDPOINT_URL": sandbox.url, "LEADS_RETRY_DELAY_SECONDS": "0"}
    road = make_road(AIRTABLE.format(base=base, table=table), environ={**environ, "AIRTABLE_API_KEY": key})
    if key == "refused":
        sandbox.faults.add({"kind": "status", "status": 401})
    with pytest.raises(LeadsError) as refused:
        road.sync([("Jane Doe", "jane@a.example", "Acme", "CEO")])
    assert refused.value.exit_code in (1, 2)
    assert refused.value.advice
    assert [word for word in words if word not in str(refused.value)] == []
    assert [lead["full_name"] for lead in road.leads()] == ["Jane Doe"]
    assert_crm_equals_store(road)
    sandbox.faults.replace([])
    mended = AIRTABLE.format(base="appLeadsSandbox01", table="Leads")
    Road(road.home, toml=mended, environ={**environ, "AIRTABLE_API_KEY": "patAny"}).sync()
    (lead,) = road.leads()
    assert lead["airtable_id"]
    assert not lead["sync_pending"]
