"""What is read of Airtable into the payload log, and what is left out as our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from leads_dagster.budget import Limit
from leads_dagster.errors import StoreError
from leads_dagster.mirrors.airtable_errors import QuotaSpentError
from leads_dagster.pipeline.mirror_booking import Booking
from leads_dagster.pipeline.pull import pull
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.sandbox import Sandbox
from leads_dagster.store import tables
from leads_dagster_tests.pipeline.airtable_desk import (
    AIRTABLE,
    BASE,
    BOB,
    COLUMNS,
    COMPANY,
    JANE,
    NAME,
    TITLE,
    Desk,
    environment,
)
from leads_dagster_tests.pipeline.conftest import Road


@pytest.fixture(autouse=True)
def no_pacing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leads_dagster.budget.place.airtable_limits", lambda *_, **__: (Limit("all", 1000),))


@pytest.fixture
def desk(make_road: Callable[..., Road], sandbox: Sandbox) -> Desk:
    return Desk(make_road(AIRTABLE, environ=environment(sandbox)), sandbox)


@pytest.fixture
def own_desk(make_road: Callable[..., Road]) -> Iterator[Desk]:
    """With a twin whose clock is nobody else's."""
    with Sandbox() as running:
        yield Desk(make_road(AIRTABLE, environ=environment(running)), running)


def times(desk: Desk) -> set[datetime]:
    return {row["changed_at"] for row in desk.road.all("airtable_changes")}


def now() -> datetime:
    return datetime.now(timezone.utc)


def test_without_airtable_there_is_nothing_to_read(road: Road) -> None:
    with road.open() as ws:
        assert pull(ws).status == "none"


def test_a_persons_edit_is_noted_with_its_time(desk: Desk) -> None:
    desk.ready(JANE, BOB)
    before = now() - timedelta(seconds=1)
    desk.type_in(jane := desk.record_of("Jane Doe"), Title="Chair", Company="")
    done = desk.pull()
    assert (done.status, done.changes, done.waiting, done.calls) == ("read", 2, 2, 1)
    assert desk.changes() == [(jane, COMPANY, "changed", None), (jane, TITLE, "changed", "Chair")]
    (at,) = times(desk)
    assert before <= at <= now()


def test_our_own_writes_are_never_noted(desk: Desk) -> None:
    desk.ready(JANE)
    desk.sync((*JANE[:3], "Chair"), BOB)
    assert (desk.pull().waiting, desk.changes()) == (0, [])


def test_our_own_writes_are_known_also_while_nobody_booked_them(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies between Airtable's answer and our booking of it; then a person types."""

    def die(*_: Any) -> None:
        raise StoreError("the process died")

    desk.ready(JANE)
    with monkeypatch.context() as dying:
        dying.setattr(Booking, "book", die)
        with pytest.raises(StoreError, match="died"):
            desk.sync((*JANE[:3], "Chair"), BOB)
    bob = desk.record_of("Bob Stone")
    desk.type_in(bob, Title="Chief")
    assert desk.pull().error is None
    assert desk.changes() == [(bob, TITLE, "changed", "Chief")]
    (mark,) = [mark for mark in desk.road.all("sync_status") if mark["external_id"] == bob]
    assert mark["lead_id"] == desk.lead_of("Bob Stone")["id"]


def test_a_look_at_nothing_new_costs_one_call_and_notes_nothing(desk: Desk) -> None:
    desk.ready(JANE)
    done = desk.pull()
    assert (done.status, done.changes, done.waiting, done.calls, done.error) == ("read", 0, 0, 1, None)


def test_a_persons_edit_stays_noted_though_we_write_over_it(desk: Desk) -> None:
    desk.ready(JANE)
    jane = desk.record_of("Jane Doe")
    desk.type_in(jane, Title="Chair")
    desk.pull()
    # As though our write had been under way already.
    with desk.road.open() as ws, ws.engine.begin() as connection:
        connection.exec_driver_sql('UPDATE sync_status SET unbooked = \'{"title": ["Queen"]}\'')
    desk.api.update(jane, {"Title": "Queen"})
    assert (desk.pull().changes, desk.changes()) == (0, [(jane, TITLE, "overwritten", "Chair")])


def test_another_programs_edit_is_an_edit(desk: Desk) -> None:
    desk.ready(JANE)
    desk.api.update(jane := desk.record_of("Jane Doe"), {"Title": "Chair"})
    assert desk.pull().changes == 1
    assert desk.changes() == [(jane, TITLE, "changed", "Chair")]


def test_what_we_wrote_before_is_ours_for_a_program_and_an_edit_for_a_person(desk: Desk) -> None:
    desk.ready(JANE)
    desk.sync((*JANE[:3], "Chair"))
    desk.sync((*JANE[:3], "Queen"))
    jane = desk.record_of("Jane Doe")
    desk.api.update(jane, {"Title": "Chair"})
    assert (desk.pull().changes, desk.changes()) == (0, [])
    desk.type_in(jane, Title="Queen")
    desk.type_in(jane, Title="Chair")
    assert (desk.pull().changes, desk.changes()) == (1, [(jane, TITLE, "changed", "Chair")])


@pytest.mark.parametrize("looks", [1, 2], ids=["at once", "after a look"])
def test_what_was_typed_and_taken_back_waits_for_nothing(desk: Desk, looks: int) -> None:
    desk.ready(JANE)
    jane = desk.record_of("Jane Doe")
    desk.type_in(jane, Title="Chai")
    if looks == 2:
        assert desk.pull().waiting == 1
    desk.type_in(jane, Title="CEO")
    assert (desk.pull().waiting, desk.changes()) == (0, [])


def test_of_a_cell_typed_on_the_last_word_waits(desk: Desk) -> None:
    desk.ready(JANE)
    jane = desk.record_of("Jane Doe")
    for typed in ("C", "Ch", "Cha"):
        desk.type_in(jane, Title=typed)
    desk.pull()
    desk.type_in(jane, Title="Chair")
    assert (desk.pull().changes, desk.changes()) == (1, [(jane, TITLE, "changed", "Chair")])


def test_a_record_that_was_made_is_noted_with_its_cells_and_what_is_typed_on(desk: Desk) -> None:
    desk.ready(JANE)
    (made,) = desk.act(create=[{"Name": "Ann Lee", "Company": "Beta"}])["created"]
    desk.pull()
    desk.type_in(made["id"], Name="Ann Leeds", Title="Founder")
    assert desk.pull().changes == 2
    assert desk.changes() == [
        (made["id"], "", "created", None),
        (made["id"], NAME, "changed", "Ann Leeds"),
        (made["id"], COMPANY, "changed", "Beta"),
        (made["id"], TITLE, "changed", "Founder"),
    ]


def test_a_record_that_was_deleted_is_noted_beside_what_was_typed_in_it(desk: Desk) -> None:
    desk.ready(JANE)
    jane = desk.record_of("Jane Doe")
    desk.type_in(jane, Title="Chair")
    desk.pull()
    desk.act(delete=[jane])
    desk.pull()
    assert desk.changes() == [(jane, "", "deleted", None), (jane, TITLE, "changed", "Chair")]


def test_a_record_that_was_made_and_deleted_leaves_nothing_to_create(desk: Desk) -> None:
    desk.ready(JANE)
    (made,) = desk.act(create=[{"Name": "Ann Lee"}])["created"]
    desk.pull()
    desk.act(delete=[made["id"]])
    desk.pull()
    assert [kind for _, _, kind, _ in desk.changes()] == ["deleted"]


def test_a_record_that_we_deleted_is_no_deletion(desk: Desk) -> None:
    desk.ready(JANE, BOB)
    desk.sync(JANE)
    assert (desk.pull().waiting, desk.changes()) == (0, [])


def test_columns_that_are_not_kept_in_step_are_left_out(desk: Desk) -> None:
    desk.ready(JANE)
    jane = desk.record_of("Jane Doe")
    desk.admin(f"airtable/{BASE}/Leads/fields", name="Mood", type="singleLineText")
    desk.type_in(jane, Mood="fine")
    assert (desk.pull().waiting, desk.changes()) == (0, [])


def test_a_renamed_column_goes_on(desk: Desk) -> None:
    desk.ready(JANE)
    desk.admin(f"airtable/{BASE}/Leads/fields/Title", method="PATCH", name="Position")
    desk.type_in(jane := desk.record_of("Jane Doe"), Position="Chair")
    desk.pull()
    assert desk.changes() == [(jane, TITLE, "changed", "Chair")]


def test_more_payloads_than_one_answer_holds_are_read_to_the_end(desk: Desk) -> None:
    desk.ready(JANE)
    for number in range(120):
        desk.act(create=[{"Name": f"Lead {number}"}])
    done = desk.pull()
    assert (done.calls, done.changes) == (3, 240)
    assert len({change[0] for change in desk.changes()}) == 120


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_of_airtables_that_is_off_moves_no_edit_out_of_the_time_between_two_looks(
    own_desk: Desk, hours: int
) -> None:
    own_desk.ready(JANE)
    own_desk.admin("clock", skew=hours * 3600)
    before = own_desk.hook()["read_at"]
    own_desk.type_in(own_desk.record_of("Jane Doe"), Title="Chair")
    own_desk.pull()
    (at,) = times(own_desk)
    assert before < at <= now()


def test_payloads_of_several_answers_keep_their_times(desk: Desk) -> None:
    desk.ready(JANE)
    for number in range(60):
        desk.act(create=[{"Name": f"Lead {number}"}])
    desk.pull()
    assert len(times(desk)) > 50


@pytest.fixture
def clones(make_road: Callable[..., Road]) -> Iterator[tuple[Desk, Desk]]:
    """Two customers with a table each in one base."""
    from leads_dagster_tests.mirrors.airtable_cases import bases

    content = bases()
    leads = content["bases"][0]["tables"][0]
    fields = [{"name": one["name"], "type": one["type"]} for one in leads["fields"]]
    second = {"id": "tblOthersSandbox1", "name": "Others", "primaryFieldId": None, "fields": fields}
    content["bases"][0]["tables"].append({name: value for name, value in second.items() if value is not None})
    with Sandbox(content) as running:
        others = AIRTABLE.replace('"Leads"', '"Others"')
        other = f'[[customers]]\nname = "zeta"\nsheet = "zeta.csv"\n{others}'
        road = make_road(AIRTABLE + other, environ=environment(running))
        yield Desk(road, running), Desk(road, running, table="Others", customer="zeta")


def test_a_base_of_two_customers_has_one_hook_and_whoever_reads_reads_for_both(clones: tuple[Desk, Desk]) -> None:
    acme, zeta = clones
    assert (acme.pull().status, zeta.pull().status) == ("swept", "swept")
    assert len(acme.hooks) == 1
    (one,) = acme.act(create=[{"Name": "Ann Lee"}])["created"]
    (other,) = zeta.act(create=[{"Name": "Bea Moss"}])["created"]
    done = acme.pull()
    assert (done.changes, done.waiting) == (2, 2)
    assert {change[0] for change in acme.changes()} == {one["id"]}
    assert {change[0] for change in zeta.changes("tblOthersSandbox1")} == {other["id"]}
    read = zeta.pull()
    assert (read.changes, read.waiting) == (0, 2)


def test_edits_of_a_customer_who_left_leads_toml_are_kept_as_long_as_airtable_keeps_them(
    clones: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, zeta = clones
    acme.pull()
    zeta.pull()
    zeta.act(create=[{"Name": "Bea Moss"}])
    acme.road.settings = replace(acme.road.settings, customers=acme.road.settings.customers[:1])
    real, waiting = Workspace.now, []
    for days in (0, 6, 8):
        monkeypatch.setattr(Workspace, "now", lambda ws, days=days: real(ws) + timedelta(days=days))
        acme.pull()
        waiting.append(len(zeta.changes("tblOthersSandbox1")))
    (table,) = acme.road.all("airtable_tables", tables.airtable_tables.c.customer == "zeta")

    assert waiting == [2, 2, 0]
    assert table["sweep_due"]


def test_a_month_without_calls_parks_and_does_not_raise(desk: Desk) -> None:
    desk.ready(JANE)
    desk.admin(f"airtable/{BASE}", monthlyCalls=0)
    done = desk.pull()
    assert done.status == "parked"
    assert isinstance(done.error, QuotaSpentError)


def test_a_token_that_is_refused_fails_and_the_table_says_why_until_it_is_right_again(desk: Desk) -> None:
    desk.ready(JANE)
    desk.admin("faults", kind="status", status=401, times=1)
    failed = desk.pull()
    assert failed.status == "failed"
    assert failed.error is not None
    (table,) = desk.road.all("airtable_tables")
    assert table["error"] == failed.error.message
    assert desk.pull().status == "read"
    (table,) = desk.road.all("airtable_tables")
    assert table["error"] is None


def test_a_lead_key_that_somebody_changed_is_no_edit_of_the_lead_and_has_the_records_compared(desk: Desk) -> None:
    desk.ready(JANE)
    desk.type_in(desk.record_of("Jane Doe"), lead_key="mine")
    done = desk.pull()
    assert (done.status, desk.changes()) == ("swept", [])


def test_a_copy_of_a_record_that_is_edited_later_is_told_of_as_a_whole(desk: Desk) -> None:
    desk.ready(JANE)
    key = desk.lead_of("Jane Doe")["id"]
    (copy,) = desk.act(create=[{**dict(zip(COLUMNS, JANE, strict=True)), "lead_key": key}])["created"]
    desk.sync(JANE)
    assert desk.changes() == []
    desk.type_in(copy["id"], Name="Joan Doe", Email="joan@acme.example")
    desk.pull()
    cells = desk.cells(copy["id"])
    assert (cells[NAME], cells[COMPANY], cells[desk.key_field()]) == ("Joan Doe", "Acme", key)
    assert cells.keys() >= {""}


def test_the_schema_is_looked_at_again_where_a_column_changed(desk: Desk) -> None:
    desk.ready(JANE)
    desk.admin(f"airtable/{BASE}/Leads/fields", name="Mood", type="singleLineText")
    with_look = desk.pull()
    assert (with_look.calls, desk.pull().calls) == (2, 1)


def test_the_pull_goes_on_under_the_lock_of_a_cycle(desk: Desk) -> None:
    desk.ready(JANE)
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    with desk.road.open() as ws, ws.locked():
        assert pull(ws).changes == 1


def test_a_reader_says_what_waits_while_the_budget_allows_no_look(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ready(JANE)
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    desk.pull()

    def never(*_: Any, **__: Any) -> bool:
        return False

    monkeypatch.setattr("leads_dagster.pipeline.pull.pull_due", never)
    done = desk.pull()
    assert (done.status, done.waiting, done.calls) == ("waiting", 1, 0)
