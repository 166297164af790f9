"""The main job, cycle by cycle: what a sheet's edits do to the store, and what they leave alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection

from leads_dagster.errors import ContentError, SheetFormatError, StoreBusyError, UnknownHeadersError
from leads_dagster.pipeline import record as record_module
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.ingest import fetch_raw, has_work, normalize
from leads_dagster.pipeline.record import record
from leads_dagster.pipeline.resolve import resolve
from leads_dagster.store import outbox, tables
from leads_dagster.store.batches import Batch
from leads_dagster.store.engine import writing
from leads_dagster.store.lead_writer import BatchResult, LeadWriter
from leads_dagster_tests.pipeline.conftest import HEADER, Road

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")
ANN = ("Ann Lee", "ann@beta.example", "Beta", "Founder")


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Every test here runs on SQLite and on PostgreSQL."""
    return on_both


def files_of(home: Path) -> dict[str, str]:
    """Content of everything under a state folder, but SQLite's shared memory and locks."""
    passed_over = ("-shm", "-wal", ".lock")
    files = [path for path in home.rglob("*") if path.is_file() and not path.name.endswith(passed_over)]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_first_sync_makes_a_lead_of_every_row_in_every_store(road: Road) -> None:
    result = road.sync([JANE, BOB])
    assert (result.status, result.rows.read, result.rows.created) == ("done", 2, 2)
    assert [lead["email"] for lead in road.leads()] == ["bob@zeta.example", "jane@acme.example"]
    assert sorted(row["email"] for row in road.crm()) == ["bob@zeta.example", "jane@acme.example"]


def test_a_second_sync_of_the_same_sheet_writes_nothing_at_all(road: Road) -> None:
    road.sync([JANE, BOB])
    before = files_of(road.home)
    result = road.sync()
    assert (result.status, result.rows.read, result.rows.unchanged) == ("unchanged", 2, 2)
    assert files_of(road.home) == before


def test_a_sorted_sheet_changes_no_lead_claim_or_history(road: Road) -> None:
    road.sync([JANE, BOB, ANN])
    before = [road.all(name) for name in ("leads", "claims", "lead_history", "source_records", "sync_status")]
    result = road.sync([ANN, JANE, BOB])
    assert result.rows.unchanged == 3
    assert [road.all(name) for name in ("leads", "claims", "lead_history", "source_records", "sync_status")] == before


def test_an_edited_cell_updates_the_lead_and_leaves_its_history(road: Road) -> None:
    road.sync([JANE, BOB])
    result = road.sync([(*JANE[:3], "Chair"), BOB])
    assert (result.rows.updated, result.rows.unchanged) == (1, 1)
    assert [lead["title"] for lead in road.leads()] == ["CTO", "Chair"]
    (change,) = [one for one in road.all("lead_history") if one["operation"] == "updated"]
    assert (change["field"], change["old"], change["new"]) == ("title", "CEO", "Chair")
    assert sorted(row["title"] for row in road.crm()) == ["CTO", "Chair"]


def test_editing_the_identifying_cell_is_an_edit_of_the_same_lead(road: Road) -> None:
    road.sync([JANE, BOB])
    ids = {lead["id"] for lead in road.leads()}
    result = road.sync([("Jane Doe", "jane.doe@acme.example", "Acme", "CEO"), BOB])
    assert (result.rows.updated, result.rows.created) == (1, 0)
    assert {lead["id"] for lead in road.leads()} == ids


def test_an_inserted_row_creates_one_lead_and_touches_no_other(road: Road) -> None:
    road.sync([JANE, BOB])
    result = road.sync([ANN, JANE, BOB])
    assert (result.rows.created, result.rows.unchanged) == (1, 2)
    assert len(road.leads()) == 3


def test_a_row_that_left_archives_its_lead_and_the_crm_row(road: Road) -> None:
    road.sync([JANE, BOB])
    result = road.sync([JANE])
    assert (result.rows.removed, result.rows.unchanged) == (1, 1)
    assert [lead["full_name"] for lead in road.leads()] == ["Jane Doe"]
    assert [lead["archived_at"] is not None for lead in road.all("leads")].count(True) == 1


def test_a_duplicate_row_merges_into_its_lead_and_one_of_the_two_may_leave(road: Road) -> None:
    first = road.sync([JANE, ("DOE, JANE", "JANE@acme.example", "ACME Inc.", ""), BOB])
    assert (first.rows.created, first.rows.merged) == (2, 1)
    lead = next(lead["id"] for lead in road.leads() if lead["email"] == "jane@acme.example")
    second = road.sync([JANE, BOB])
    assert second.rows.removed == 1
    assert lead in {one["id"] for one in road.leads()}


def test_a_duplicate_that_comes_later_joins_the_lead_that_is_there(road: Road) -> None:
    road.sync([JANE, BOB])
    ids = {lead["id"] for lead in road.leads()}
    result = road.sync([JANE, BOB, ("Jane Doe", "jane@acme.example", "Acme", "Chair")])
    assert (result.rows.merged, result.rows.created) == (1, 0)
    assert {lead["id"] for lead in road.leads()} == ids


def test_a_bad_row_goes_to_quarantine_and_leaves_it_when_the_sheet_is_mended(road: Road) -> None:
    bad = ("", "not-an-email", "", "Intern")
    first = road.sync([JANE, bad])
    assert (first.rows.created, first.rows.quarantined) == (1, 1)
    (row,) = road.all("quarantine")
    assert (row["row_number"], row["cell"]) == (3, "not-an-email")
    again = road.sync([JANE, bad, BOB])
    assert (again.rows.quarantined, again.rows.unchanged) == (1, 1)
    mended = road.sync([JANE, ("Sam Fox", "sam@fox.example", "", "Intern"), BOB])
    assert (mended.rows.created, mended.rows.quarantined) == (1, 0)
    assert road.all("quarantine") == []


def test_a_good_row_that_goes_bad_keeps_its_lead_until_it_is_mended(road: Road) -> None:
    road.sync([JANE, BOB])
    result = road.sync([("", "", "", "CEO"), BOB])
    assert len(road.leads()) == 2 - result.rows.removed


def test_a_column_that_is_moved_or_renamed_claims_nothing(road: Road) -> None:
    road.sync([JANE, BOB])
    claims = len(road.all("claims"))
    moved = [(row[1], row[0], row[3], row[2]) for row in (JANE, BOB)]
    result = road.sync(moved, header=("E-Mail", "Full Name", "Job Title", "Company"))
    assert result.rows.unchanged == 2
    assert len(road.all("claims")) == claims


def test_a_column_that_vanished_blanks_nothing(road: Road) -> None:
    road.sync([JANE, BOB])
    road.sync([row[:3] for row in (JANE, BOB)], header=HEADER[:3])
    assert sorted(lead["title"] for lead in road.leads()) == ["CEO", "CTO"]


def test_a_blanked_cell_blanks_the_field(road: Road) -> None:
    road.sync([JANE, BOB])
    road.sync([(*JANE[:3], ""), BOB])
    assert [lead["title"] for lead in road.leads()] == ["CTO", None]


def test_columns_without_a_field_are_kept(road: Road) -> None:
    road.sync([(*JANE, "blue")], header=(*HEADER, "Favourite colour"))
    assert road.leads()[0]["raw_data"] == {"Favourite colour": "blue"}


def test_a_new_mapping_reads_a_column_for_the_first_time(make_road: Callable[..., Road]) -> None:
    road = make_road()
    road.sync([(*JANE, "504-621-8927")], header=(*HEADER, "Zugang"))
    assert road.leads()[0]["phone"] is None
    mapped = Road(road.home, toml='[customers.columns]\nphone = "Zugang"\n', environ=road.environ)
    result = mapped.sync()
    assert result.rows.updated == 1
    assert mapped.leads()[0]["phone"] == "+15046218927"


@pytest.mark.parametrize("content", [b"", b"   \n\n", b"Name,Email\n", b"PK\x03\x04" + bytes(99), b"%PDF-1.7 x"])
def test_a_sheet_that_holds_no_rows_is_an_error_and_changes_nothing(road: Road, content: bytes) -> None:
    road.sync([JANE, BOB])
    road.sheet.write_bytes(content)
    with pytest.raises(SheetFormatError):
        road.sync()
    assert len(road.leads()) == 2
    assert road.sync([JANE, BOB]).status in {"unchanged", "done"}


def test_a_sheet_without_a_known_column_is_refused_and_the_headers_are_named(road: Road) -> None:
    with pytest.raises(UnknownHeadersError, match="column1"):
        road.sync([("a", "b")], header=("column1", "column2"))
    assert road.leads() == []


def test_a_failed_cycle_is_booked_and_the_next_one_works(road: Road) -> None:
    with pytest.raises(ContentError):
        road.sync([("a", "b")], header=("column1", "column2"))
    (run,) = road.all("sync_runs")
    assert run["status"] == "failed"
    assert road.sync([JANE]).status == "done"


def test_two_sheets_of_one_customer_are_two_sources(road: Road, tmp_path: Path) -> None:
    road.sync([JANE, BOB])
    other = tmp_path / "other.csv"
    other.write_text("Name,Email\nAnn Lee,ann@beta.example\n")
    road.home.joinpath("leads.toml").write_text(f'[[customers]]\nname = "acme"\nsheet = "{other}"\n')
    moved = Road.__new__(Road)
    moved.home, moved.sheet, moved.environ = road.home, other, road.environ
    from leads_dagster.settings import load_settings

    moved.settings = load_settings({"LEADS_HOME": str(road.home), **road.environ}, cwd=road.home)
    result = moved.sync()
    assert (result.rows.read, result.rows.created, result.rows.removed) == (1, 1, 0)
    assert len(moved.leads()) == 3


def test_under_the_policy_keep_a_lead_outlives_its_row_and_is_found_again_when_the_row_returns(
    make_road: Callable[..., Road],
) -> None:
    road = make_road('delete_policy = "keep"\n')
    road.sync([JANE, BOB])
    ids = {lead["id"] for lead in road.leads()}
    gone = road.sync([JANE])
    assert (gone.rows.removed, {lead["id"] for lead in road.leads()}) == (1, ids)
    back = road.sync([JANE, BOB])
    assert (back.rows.unchanged, back.rows.merged, back.rows.created) == (2, 0, 0)
    assert {lead["id"] for lead in road.leads()} == ids
    assert len(road.all("source_records")) == 2


def test_a_row_cut_in_one_cycle_and_pasted_in_a_later_one_is_the_same_lead(road: Road) -> None:
    road.sync([JANE, BOB])
    ids = {lead["full_name"]: lead["id"] for lead in road.leads()}
    road.sync([BOB])
    back = road.sync([BOB, JANE])
    assert (back.rows.created, back.rows.unchanged) == (1, 1)
    assert {lead["full_name"]: lead["id"] for lead in road.leads()} == ids
    jane = [row["operation"] for row in road.all("lead_history", tables.lead_history.c.lead_id == ids["Jane Doe"])]
    assert jane == ["created", "archived", "restored"]


def test_a_row_that_returns_with_another_value_is_the_same_lead_where_nothing_else_is_its_like(road: Road) -> None:
    road.sync([JANE, BOB])
    ids = {lead["full_name"]: lead["id"] for lead in road.leads()}
    road.sync([BOB])
    road.sync([BOB, JANE])
    road.sync([BOB, (*JANE[:3], "Chief of all")])
    assert {lead["full_name"]: lead["id"] for lead in road.leads()} == ids


def test_under_the_policy_delete_the_crm_row_goes_and_the_store_still_knows(make_road: Callable[..., Road]) -> None:
    road = make_road('delete_policy = "delete"\n')
    road.sync([JANE, BOB])
    road.sync([JANE])
    assert [row["full_name"] for row in road.crm()] == ["Jane Doe"]
    assert sorted(lead["full_name"] for lead in road.all("leads")) == ["Bob Stone", "Jane Doe"]


def test_marks_for_a_mirror_that_was_taken_away_keep_nothing_busy(road: Road) -> None:
    road.sync([JANE])
    with road.open() as ws, writing(ws.engine) as connection:
        outbox.mark(connection, "acme", ["airtable"], {road.leads()[0]["id"]: 1})
    assert road.sync().status == "unchanged"


def test_a_look_that_another_cycle_overtook_does_not_take_away_what_came_since(road: Road) -> None:
    ada, grace = ("Ada Lovelace", "ada@x.example", "", ""), ("Grace Hopper", "grace@x.example", "", "")
    road.sync([ada])
    road.write([(*ada[:3], "Analyst")])
    with road.open() as late:
        assert has_work(late)
        road.sync([ada, grace])
        run_cycle(late)
    assert [lead["full_name"] for lead in road.leads()] == ["Ada Lovelace", "Grace Hopper"]


def test_a_step_that_is_tried_again_goes_on_from_what_its_first_try_wrote(
    make_road: Callable[..., Road], monkeypatch: pytest.MonkeyPatch
) -> None:
    road = make_road(environ={"LEADS_BATCH_SIZE": "2"})
    road.write([(f"Person Number{n}", f"p{n}@firm{n}.example", f"Firm {n}", "CEO") for n in range(9)])
    written = LeadWriter.write
    calls = 0

    def busy_at_the_third(self: LeadWriter, connection: Connection, batch: Batch) -> BatchResult:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise StoreBusyError("The lead database is busy: database is locked.")
        return written(self, connection, batch)

    monkeypatch.setattr(LeadWriter, "write", busy_at_the_third)
    with road.open() as ws:
        for stage in (fetch_raw, normalize, resolve):
            stage(ws, run_id="r")
        with pytest.raises(StoreBusyError):
            record(ws, run_id="r")
        record(ws, run_id="r")
    assert len(road.leads()) == len(road.all("source_records")) == 9
    assert road.sync().rows.unchanged == 9


def test_a_large_load_can_be_matched_against_afterwards(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_module, "_MANY_RECORDS", 2)
    road.sync([JANE, BOB, ANN])
    assert road.sync([JANE, BOB, ANN, ("Bob Stone", "bob@zeta.example", "Zeta", "Chair")]).rows.merged == 1


def test_raw_sheets_are_kept_for_a_while_and_not_for_ever(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_module, "KEPT_SNAPSHOTS", 2)
    for title in ("CEO", "CTO", "CFO", "COO"):
        road.sync([(*JANE[:3], title)])
    assert len(list((road.home / "raw").rglob("*.csv"))) == 2
    assert road.sync().status == "unchanged"
