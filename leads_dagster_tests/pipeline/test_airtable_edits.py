"""What becomes of edits made in Airtable: taken into the store, held, refused, or kept as a conflict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from leads_dagster.errors import StoreError
from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.mirrors.budget import Limit
from leads_dagster.mirrors.push import LeadPush, PushResult
from leads_dagster.pipeline import checks, conflicts, holds, quarantine, reviews, undo
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.mirror_booking import Booking
from leads_dagster.sandbox import Sandbox
from leads_dagster.store import tables
from leads_dagster.store.engine import writing
from leads_dagster.store.lead_edits import edit
from leads_dagster_tests.pipeline.airtable_desk import AIRTABLE, BASE, BOB, COMPANY, JANE, Desk
from leads_dagster_tests.pipeline.conftest import Road, Rows

MakeDesk = Callable[..., Desk]


@pytest.fixture
def make_desk(make_road: Callable[..., Road], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> MakeDesk:
    """Desks with a policy of their own; keys of the customer as TOML."""
    monkeypatch.setattr("leads_dagster.budget.place.airtable_limits", lambda *_, **__: (Limit("all", 1000),))
    environ = {"AIRTABLE_ENDPOINT_URL": sandbox.url, "AIRTABLE_API_KEY": "patOurs"}

    def make(toml: str = "", *, debounce_seconds: float = 0) -> Desk:
        airtable = AIRTABLE.replace("debounce_seconds = 0", f"debounce_seconds = {debounce_seconds}")
        return Desk(make_road(f"{toml}\n{airtable}", environ=environ), sandbox)

    return make


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk()


def shown(desk: Desk) -> list[dict[str, Any]]:
    """What stands in the table, in the order of names; without the keys and what is never filled here."""
    records = [record["fields"] for record in desk.sandbox.airtable.records(BASE, desk.table)]
    kept = ("Name", "Email", "Company", "Title")
    return sorted(({name: one[name] for name in kept if name in one} for one in records), key=repr)


def record_as_shown(*row: str) -> dict[str, str]:
    return {name: cell for name, cell in zip(("Name", "Email", "Company", "Title"), row, strict=True) if cell}


def take_the_deletion_back(desk: Desk) -> None:
    with desk.road.open() as ws:
        (deletion,) = [one["id"] for one in undo.list_(ws) if one["kind"] == "deleted"]
        undo.undo_decision(ws, deletion)
    desk.road.sync()


def open_conflicts(desk: Desk) -> list[tuple[str, str | None, str | None]]:
    """Field, kept, lost."""
    with desk.road.open() as ws:
        return [(one["field"], one["kept"], one["lost"]) for one in conflicts.list_(ws)]


def crowd(number: int) -> Rows:
    """So many people who are not like each other."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [f"{letters[at % 26] * 3}{letters[at // 26] * 3}{letters[(at * 7) % 26]}ov" for at in range(number)]
    return [
        (f"{word.title()} {word[::-1].title()}", f"{word}@{word}.example", f"{word} Works", "Clerk") for word in words
    ]


# Edits of records that show a lead.


def test_an_edit_is_taken_in_and_written_nowhere_again(desk: Desk) -> None:
    desk.ready(JANE, BOB)
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    before = desk.sandbox.requests.tally()
    desk.road.sync()
    assert desk.lead_of("Jane Doe")["title"] == "Chair"
    assert (desk.sandbox.requests.tally() - before).writes == 0
    assert desk.road.sync().status == "unchanged"


def test_what_is_typed_in_another_form_is_put_right_on_both_sides(desk: Desk) -> None:
    desk.ready(JANE)
    desk.type_in(desk.record_of("Jane Doe"), Email="  JANE.NEW@Acme.Example ")
    desk.road.sync()
    assert desk.lead_of("Jane Doe")["email"] == "jane.new@acme.example"
    assert shown(desk) == [record_as_shown("Jane Doe", "jane.new@acme.example", "Acme", "CEO")]


def test_a_blanked_cell_blanks_the_field(desk: Desk) -> None:
    desk.ready(JANE)
    desk.type_in(desk.record_of("Jane Doe"), Title="")
    desk.road.sync()
    assert desk.lead_of("Jane Doe")["title"] is None
    assert open_conflicts(desk) == []


def test_a_value_that_is_none_is_kept_as_it_was_typed(desk: Desk) -> None:
    desk.ready(JANE)
    desk.type_in(desk.record_of("Jane Doe"), Email="ask her")
    desk.road.sync()
    assert desk.lead_of("Jane Doe")["email"] == "ask her"
    assert desk.road.sync().status == "unchanged"


def test_blanking_the_last_word_on_who_it_is_is_refused_and_put_back(desk: Desk) -> None:
    desk.ready(("Jane Doe", "", "", "CEO"))
    desk.type_in(desk.record_of("Jane Doe"), Name="")
    desk.road.sync()
    assert desk.lead_of("Jane Doe")["title"] == "CEO"
    assert shown(desk) == [record_as_shown("Jane Doe", "", "", "CEO")]


def test_another_program_edits_like_a_person(desk: Desk) -> None:
    desk.ready(JANE)
    desk.api.update(desk.record_of("Jane Doe"), {"Title": "Chair"})
    desk.road.sync()
    assert desk.lead_of("Jane Doe")["title"] == "Chair"


def test_an_address_that_another_lead_has_stops_nothing(desk: Desk) -> None:
    desk.ready(JANE, BOB)
    desk.type_in(desk.record_of("Bob Stone"), Email="jane@acme.example")
    run = "typed-twice"
    with desk.road.open() as ws:
        run_cycle(ws, run_id=run)
        told = checks.no_strong_key_doubles(ws, run_id=run)
    assert [lead["email"] for lead in desk.road.leads()] == ["jane@acme.example"] * 2
    assert (told.passed, told.metadata["kept_apart_for_a_reason"]) == (True, 1)


def asked_about(desk: Desk) -> list[tuple[str, str]]:
    """The names of both leads of each review that waits."""
    with desk.road.open() as ws:
        return [tuple(sorted((one["left"]["lead"], one["right"]["lead"]))) for one in reviews.list_(ws)]


def test_of_two_leads_to_which_people_gave_one_address_it_is_asked_whether_they_are_one(desk: Desk) -> None:
    desk.ready(JANE, ("Jane Doe-Smith", "", "Acme Holding", "Chair"))
    desk.type_in(desk.record_of("Jane Doe-Smith"), Email="jane@acme.example")
    desk.road.sync()
    with desk.road.open() as ws:
        (review,) = reviews.list_(ws)
        assert (review["kind"], review["rule"]) == ("join", "email")
        assert review["why"].startswith("People gave both the same e-mail or page")
        reviews.resolve(ws, review["id"], "same")
    desk.road.sync()
    assert len(desk.road.leads()) == 1
    assert asked_about(desk) == []


def test_that_question_waits_as_long_as_both_say_so_and_no_longer(desk: Desk) -> None:
    both = (JANE, ("Jane Doe-Smith", "", "Acme Holding", "Chair"))
    desk.ready(*both)
    record = desk.record_of("Jane Doe-Smith")
    desk.type_in(record, Email="jane@acme.example")
    desk.road.sync()
    desk.sync((*JANE[:3], "Founder"), (*both[1][:3], "Queen"))  # both rows are matched anew
    still = asked_about(desk)
    desk.type_in(record, Email="jane@other.example")
    desk.road.sync()

    assert still == [("Jane Doe", "Jane Doe-Smith")]
    assert asked_about(desk) == []


def test_two_who_were_said_to_be_two_are_not_asked_about_again(desk: Desk) -> None:
    both = (JANE, ("Jane Doe-Smith", "", "Acme Holding", "Chair"))
    desk.ready(*both)
    desk.type_in(desk.record_of("Jane Doe-Smith"), Email="jane@acme.example")
    desk.road.sync()
    with desk.road.open() as ws:
        reviews.resolve(ws, reviews.list_(ws)[0]["id"], "not_same")
    desk.sync((*JANE[:3], "Founder"), (*both[1][:3], "Queen"))
    assert asked_about(desk) == []
    assert len(desk.road.leads()) == 2


def test_an_edit_of_a_field_that_was_renamed_is_still_one_of_that_field(desk: Desk) -> None:
    desk.ready(JANE)
    desk.sandbox.airtable.change_field(BASE, desk.table, "Title", {"name": "Role"})
    desk.type_in(desk.record_of("Jane Doe"), Role="Chair")
    desk.road.sync()
    assert desk.lead_of("Jane Doe")["title"] == "Chair"


# Two sides at once.


def test_where_both_sides_changed_a_field_the_newer_wins_and_the_other_is_kept(desk: Desk) -> None:
    desk.ready(JANE)
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    desk.sync((*JANE[:3], "Founder"))
    assert desk.lead_of("Jane Doe")["title"] == "Founder"
    assert open_conflicts(desk) == [("title", "Founder", "Chair")]
    assert shown(desk) == [record_as_shown(*JANE[:3], "Founder")]


def test_both_sides_may_have_filled_a_field_that_was_blank_when_the_record_was_made(desk: Desk) -> None:
    desk.ready((*JANE[:3], ""))
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    desk.sync((*JANE[:3], "Founder"))
    assert desk.lead_of("Jane Doe")["title"] == "Founder"
    assert open_conflicts(desk) == [("title", "Founder", "Chair")]


def test_an_edit_made_after_the_sheets_change_wins_over_it(desk: Desk) -> None:
    desk.ready(JANE)
    desk.sync((*JANE[:3], "Founder"))
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    desk.road.sync()
    assert desk.lead_of("Jane Doe")["title"] == "Chair"
    assert open_conflicts(desk) == []  # whoever typed saw what the sheet says


def test_an_edit_that_was_read_late_loses_to_a_newer_change_of_the_sheet(make_desk: MakeDesk) -> None:
    desk = make_desk(debounce_seconds=2)
    desk.ready(JANE)
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    desk.sync((*JANE[:3], "Founder"))
    assert desk.lead_of("Jane Doe")["title"] == "Founder"
    later(desk, seconds=5)
    assert desk.lead_of("Jane Doe")["title"] == "Founder"
    assert open_conflicts(desk) == [("title", "Founder", "Chair")]
    assert shown(desk) == [record_as_shown(*JANE[:3], "Founder")]


def test_an_edit_does_not_wait_for_a_clock_that_was_put_back(make_desk: MakeDesk) -> None:
    desk = make_desk(debounce_seconds=2)
    desk.ready(JANE)
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    desk.pull()
    later(desk, seconds=-3600)
    assert desk.lead_of("Jane Doe")["title"] == "Chair"


def test_an_edit_counts_though_the_clock_was_put_back_before_it(desk: Desk) -> None:
    desk.ready(JANE)
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair", Company="")
    later(desk, seconds=-3600)
    later(desk, seconds=-3600)
    lead = desk.lead_of("Jane Doe")
    assert (lead["title"], lead["company"]) == ("Chair", None)


def test_what_the_sheet_says_after_an_edit_is_newer_though_the_clock_was_put_back(make_desk: MakeDesk) -> None:
    desk = make_desk(debounce_seconds=2)
    desk.ready(JANE)
    desk.act(create=[{"Name": "Jane Doe", "Email": "jane@acme.example", "Title": "Chair"}])
    desk.pull()
    desk.road.write([(*JANE[:3], "Founder")])
    later(desk, seconds=-3600)
    assert desk.road.leads()[0]["title"] == "Founder"


def test_a_change_of_a_lead_after_an_edit_that_waits_is_newer_though_the_clock_was_put_back(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk(debounce_seconds=2)
    desk.ready(JANE)
    desk.act(create=[{"Name": "Jane Doe", "Email": "jane@acme.example", "Title": "Chair"}])
    desk.pull()
    before = datetime.now(timezone.utc) - timedelta(hours=1)
    monkeypatch.setattr("leads_dagster.store.epochs.wall_clock", lambda: before)
    with desk.road.open() as ws, writing(ws.engine, ws.name) as connection:
        assert edit(connection, ws.policy, desk.road.leads()[0]["id"], {"title": "Founder"}, who="ada")
    later(desk, seconds=5)
    assert desk.road.leads()[0]["title"] == "Founder"


def test_an_edit_over_which_our_own_write_landed_is_written_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ready(JANE)
    record, push = desk.record_of("Jane Doe"), AirtableMirror.push

    def typed_just_before(mirror: AirtableMirror, changes: Sequence[LeadPush]) -> PushResult:
        monkeypatch.undo()
        desk.type_in(record, Title="Chair")
        return push(mirror, changes)

    monkeypatch.setattr(AirtableMirror, "push", typed_just_before)
    desk.sync((*JANE[:3], "Founder"))
    assert shown(desk) == [record_as_shown(*JANE[:3], "Founder")]
    desk.road.sync()
    assert desk.lead_of("Jane Doe")["title"] == "Chair"
    assert shown(desk) == [record_as_shown(*JANE[:3], "Chair")]
    assert desk.road.sync().status == "unchanged"


def test_a_record_that_comes_to_light_just_before_a_write_is_not_written_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process died before it booked that it had made Bob's record."""

    def die(*_: Any, **__: Any) -> None:
        raise StoreError("the process died")

    desk.ready(JANE)
    with monkeypatch.context() as dying:
        dying.setattr(Booking, "book", die)
        with pytest.raises(StoreError, match="died"):
            desk.sync((*JANE[:3], "Chair"), BOB)
    desk.type_in(desk.record_of("Bob Stone"), Title="Founder")
    desk.push()
    assert shown(desk) == [record_as_shown(*BOB[:3], "Founder"), record_as_shown(*JANE[:3], "Chair")]


def test_an_edit_that_a_program_did_not_know_of_is_kept_beside_its_own(desk: Desk) -> None:
    desk.ready(JANE)
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    with desk.road.open() as ws, writing(ws.engine, ws.name) as connection:
        edit(connection, ws.policy, desk.road.leads()[0]["id"], {"title": "Founder"}, who="ada")
    desk.road.sync()
    assert desk.lead_of("Jane Doe")["title"] == "Founder"
    assert open_conflicts(desk) == [("title", "Founder", "Chair")]


def test_an_edit_is_not_lost_to_a_double_where_nothing_tells_which_came_first(desk: Desk) -> None:
    desk.ready(JANE)
    record = desk.record_of("Jane Doe")
    desk.sandbox.airtable.expire_hooks(BASE)
    desk.admin("clock", skew=60)
    desk.act(create=[{"Name": "Jane Doe", "Email": "jane@acme.example", "Title": "Queen"}])
    desk.type_in(record, Title="Chair")
    desk.road.sync()
    assert desk.lead_of("Jane Doe")["title"] == "Chair"


def test_different_fields_of_one_lead_are_no_conflict(desk: Desk) -> None:
    desk.ready(JANE)
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    desk.sync((*JANE[:2], "Zeta", "CEO"))
    lead = desk.lead_of("Jane Doe")
    assert (lead["title"], lead["company"]) == ("Chair", "Zeta")
    assert open_conflicts(desk) == []


# Half-typed values.


def later(desk: Desk, *, seconds: float) -> None:
    """A cycle after a while."""
    with desk.road.open() as ws, pytest.MonkeyPatch.context() as patch:
        moment = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        patch.setattr(type(ws), "now", lambda _: moment)
        run_cycle(ws)


def test_a_field_in_which_somebody_types_is_neither_taken_nor_written_over(make_desk: MakeDesk) -> None:
    desk = make_desk(debounce_seconds=30)
    desk.ready(JANE)
    desk.type_in(desk.record_of("Jane Doe"), Title="Cha")
    desk.sync((*JANE[:2], "Zeta", "Founder"))
    assert desk.lead_of("Jane Doe")["title"] == "Founder"
    assert shown(desk) == [record_as_shown("Jane Doe", "jane@acme.example", "Zeta", "Cha")]
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    later(desk, seconds=60)
    assert desk.lead_of("Jane Doe")["title"] == "Chair"
    assert shown(desk) == [record_as_shown("Jane Doe", "jane@acme.example", "Zeta", "Chair")]


# Records that were made there.


def test_a_record_made_there_becomes_a_lead_and_gets_its_key(desk: Desk) -> None:
    desk.ready(JANE)
    desk.act(create=[{"Name": "Bob Stone", "Email": "bob@zeta.example"}])
    desk.road.sync()
    lead, record = desk.lead_of("Bob Stone"), desk.record_of("Bob Stone")
    keys = {one["id"]: one["fields"].get("lead_key") for one in desk.sandbox.airtable.records(BASE, desk.table)}
    assert keys[record] == lead["id"]
    desk.type_in(record, Title="CTO")
    desk.road.sync()
    assert desk.lead_of("Bob Stone")["title"] == "CTO"
    assert desk.road.sync().status == "unchanged"


def test_an_empty_record_is_nothing_until_something_is_typed(desk: Desk) -> None:
    desk.ready(JANE)
    (made,) = desk.act(create=[{}])["created"]
    desk.road.sync()
    assert [lead["full_name"] for lead in desk.road.leads()] == ["Jane Doe"]
    desk.type_in(made["id"], Name="Bob Stone", Email="bob@zeta.example")
    desk.road.sync()
    assert desk.lead_of("Bob Stone")["email"] == "bob@zeta.example"


def test_an_empty_record_is_not_news_at_every_comparison(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.ready(JANE)
    desk.act(create=[{}])
    desk.road.sync()
    runs = len(desk.road.all("sync_runs"))
    later(desk, seconds=2 * 3600)
    assert len(desk.road.all("sync_runs")) == runs


def test_a_record_of_somebody_known_adds_to_that_lead(desk: Desk) -> None:
    desk.ready(("Jane Doe", "jane@acme.example", "Acme", ""))
    desk.act(create=[{"Name": "Jane Doe", "Email": "jane@acme.example", "Title": "Chair"}])
    desk.road.sync()
    (lead,) = desk.road.leads()
    assert lead["title"] == "Chair"
    desk.road.sync()
    assert record_as_shown("Jane Doe", "jane@acme.example", "Acme", "Chair") in shown(desk)


def test_an_edit_that_a_record_found_late_overrules_is_kept_beside_it(desk: Desk) -> None:
    """The webhook was lost, and nothing tells which of the two came first."""
    desk.ready(JANE)
    desk.sandbox.airtable.expire_hooks(BASE)
    desk.act(create=[{"Name": "Jane Doe", "Email": "jane@acme.example", "Title": "Chair"}])
    with desk.road.open() as ws, writing(ws.engine, ws.name) as connection:
        assert edit(connection, ws.policy, desk.road.leads()[0]["id"], {"title": "Founder"}, who="ada")
    desk.road.sync()
    assert desk.road.leads()[0]["title"] == "Chair"
    assert open_conflicts(desk) == [("title", "Chair", "Founder")]


def test_a_double_is_taken_out_though_the_answer_was_lost(desk: Desk) -> None:
    desk.ready(JANE)
    desk.act(create=[{"Name": "Jane Doe", "Email": "jane@acme.example"}])
    desk.admin("faults", kind="drop_after", method="DELETE", times=1, service="airtable")
    desk.road.sync()
    assert shown(desk) == [record_as_shown(*JANE)]
    assert desk.road.sync().status == "unchanged"


def test_a_copy_of_a_record_makes_no_lead_and_leaves_the_older_alone(desk: Desk) -> None:
    desk.ready(JANE)
    record = desk.record_of("Jane Doe")
    (original,) = desk.sandbox.airtable.records(BASE, desk.table)
    desk.act(create=[original["fields"]])
    desk.road.sync()
    (lead,) = desk.road.leads()
    assert lead["airtable_id"] == record
    assert desk.road.sync().status == "unchanged"


def test_a_copy_of_what_a_lead_said_once_does_not_say_it_again(desk: Desk) -> None:
    desk.ready(JANE)
    (original,) = desk.sandbox.airtable.records(BASE, desk.table)
    desk.act(create=[original["fields"]])
    desk.road.sync()
    desk.type_in(original["id"], Name="Jane Smith")
    desk.road.sync()
    later(desk, seconds=2 * 3600)
    assert [lead["full_name"] for lead in desk.road.leads()] == ["Jane Smith"]


def test_a_copy_stays_one_when_its_lead_is_archived_until_it_tells_of_somebody_else(desk: Desk) -> None:
    desk.ready(JANE, BOB)
    (original,) = [one for one in desk.sandbox.airtable.records(BASE, desk.table) if one["fields"]["Name"] == JANE[0]]
    (copied,) = desk.act(create=[original["fields"]])["created"]
    desk.road.sync()
    desk.sync(BOB)
    later(desk, seconds=4000)  # all records are compared
    assert [lead["full_name"] for lead in desk.road.leads()] == ["Bob Stone"]
    desk.sandbox.airtable.expire_hooks(BASE)
    desk.type_in(copied["id"], Name="June Doe", Email="june@acme.example")
    later(desk, seconds=4000)
    assert [lead["full_name"] for lead in desk.road.leads()] == ["Bob Stone", "June Doe"]


def test_of_a_record_and_its_copy_one_may_be_deleted(desk: Desk) -> None:
    desk.ready(JANE)
    (original,) = desk.sandbox.airtable.records(BASE, desk.table)
    (copied,) = desk.act(create=[original["fields"]])["created"]
    desk.road.sync()
    desk.act(delete=[original["id"]])
    desk.road.sync()
    (lead,) = desk.road.leads()
    assert lead["airtable_id"] == copied["id"]
    desk.sync((*JANE[:3], "Chair"))
    assert shown(desk) == [record_as_shown(*JANE[:3], "Chair")]
    assert desk.road.sync().status == "unchanged"


def test_a_record_that_cannot_be_a_lead_waits_until_it_is_mended(desk: Desk) -> None:
    desk.ready(JANE)
    (made,) = desk.act(create=[{"Title": "CTO"}])["created"]
    desk.road.sync()
    with desk.road.open() as ws:
        assert [one["code"] for one in quarantine.list_(ws)] == ["no_identity"]
    desk.type_in(made["id"], Name="Bob Stone")
    desk.road.sync()
    assert desk.lead_of("Bob Stone")["title"] == "CTO"
    with desk.road.open() as ws:
        assert quarantine.list_(ws) == []


# Records that were deleted there.


@pytest.mark.parametrize("policy", ["archive", "delete"])
def test_the_lead_of_a_deleted_record_is_set_aside(make_desk: MakeDesk, policy: str) -> None:
    desk = make_desk(f'delete_policy = "{policy}"')
    desk.ready(JANE, BOB)
    desk.act(delete=[desk.record_of("Jane Doe")])
    desk.road.sync()
    desk.road.sync()
    assert [lead["full_name"] for lead in desk.road.leads()] == ["Bob Stone"]
    assert shown(desk) == [record_as_shown(*BOB)]


@pytest.mark.parametrize("seconds", [0, 1800])
def test_an_edit_before_a_deletion_is_kept_and_comes_back_with_the_lead(make_desk: MakeDesk, seconds: float) -> None:
    """Also of one that was still being typed."""
    desk = make_desk(debounce_seconds=seconds)
    desk.ready(JANE, BOB)
    record = desk.record_of("Jane Doe")
    desk.type_in(record, Title="Chair", Company="")
    desk.act(delete=[record])
    desk.road.sync()
    assert [lead["full_name"] for lead in desk.road.leads()] == ["Bob Stone"]
    take_the_deletion_back(desk)
    lead = desk.lead_of("Jane Doe")
    assert (lead["title"], lead["company"]) == ("Chair", None)
    assert shown(desk) == [record_as_shown(*BOB), record_as_shown("Jane Doe", "jane@acme.example", "", "Chair")]


def test_where_leads_are_kept_an_edit_before_a_deletion_stands_in_the_new_record(make_desk: MakeDesk) -> None:
    desk = make_desk('delete_policy = "keep"')
    desk.ready(JANE)
    record = desk.record_of("Jane Doe")
    desk.type_in(record, Title="Chair")
    desk.act(delete=[record])
    desk.road.sync()
    desk.road.sync()
    assert shown(desk) == [record_as_shown(*JANE[:3], "Chair")]


def test_an_edit_of_a_record_made_there_is_kept_when_it_is_deleted(desk: Desk) -> None:
    desk.ready(JANE)
    (made,) = desk.act(create=[{"Name": "Bob Stone", "Email": "bob@zeta.example"}])["created"]
    desk.road.sync()
    desk.type_in(made["id"], Title="Chair")
    desk.act(delete=[made["id"]])
    desk.road.sync()
    take_the_deletion_back(desk)
    assert desk.lead_of("Bob Stone")["title"] == "Chair"


def test_a_record_that_told_of_somebody_else_before_it_was_deleted_takes_that_one_along(desk: Desk) -> None:
    desk.ready(JANE)
    (made,) = desk.act(create=[{"Name": "Bob Stone", "Email": "bob@zeta.example"}])["created"]
    desk.road.sync()
    desk.type_in(made["id"], Name="Ann Lee", Email="ann@beta.example")
    desk.act(delete=[made["id"]])
    desk.road.sync()
    desk.road.sync()
    assert [lead["full_name"] for lead in desk.road.leads()] == ["Jane Doe"]


def test_an_edit_just_before_we_took_its_record_out_is_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ready(JANE, BOB)
    record, push = desk.record_of("Jane Doe"), AirtableMirror.push

    def typed_just_before(mirror: AirtableMirror, changes: Sequence[LeadPush]) -> PushResult:
        monkeypatch.undo()
        desk.type_in(record, Title="Chair")
        return push(mirror, changes)

    monkeypatch.setattr(AirtableMirror, "push", typed_just_before)
    desk.sync(BOB)
    desk.road.sync()
    desk.sync(JANE, BOB)
    assert desk.lead_of("Jane Doe")["title"] == "Chair"


def test_an_edit_before_a_deletion_that_our_write_met_first_is_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ready(JANE, BOB)
    record, push = desk.record_of("Jane Doe"), AirtableMirror.push

    def deleted_just_before(mirror: AirtableMirror, changes: Sequence[LeadPush]) -> PushResult:
        monkeypatch.undo()
        desk.type_in(record, Company="Zeta")
        desk.act(delete=[record])
        return push(mirror, changes)

    monkeypatch.setattr(AirtableMirror, "push", deleted_just_before)
    desk.sync((*JANE[:3], "Chair"), BOB)
    assert desk.cells(record) == {"": None, COMPANY: "Zeta"}


def test_a_deletion_of_which_nothing_tells_is_learnt_from_our_next_write(desk: Desk) -> None:
    desk.ready(JANE, BOB)
    hooks = desk.sandbox.world.bases[BASE].hooks
    kept = dict(hooks)
    hooks.clear()  # deaf for a moment
    desk.act(delete=[desk.record_of("Jane Doe")])
    hooks.update(kept)
    desk.sync((*JANE[:3], "Chair"), BOB)
    later(desk, seconds=5)
    later(desk, seconds=10)
    assert [lead["full_name"] for lead in desk.road.leads()] == ["Bob Stone"]
    before = desk.sandbox.requests.tally()
    later(desk, seconds=20)
    assert (desk.sandbox.requests.tally() - before).writes == 0


def test_where_leads_are_kept_a_deleted_record_is_made_anew(make_desk: MakeDesk) -> None:
    desk = make_desk('delete_policy = "keep"')
    desk.ready(JANE, BOB)
    desk.act(delete=[desk.record_of("Jane Doe")])
    desk.road.sync()
    assert [lead["full_name"] for lead in desk.road.leads()] == ["Bob Stone", "Jane Doe"]
    assert shown(desk) == [record_as_shown(*BOB), record_as_shown(*JANE)]


def test_a_record_that_is_brought_back_brings_its_lead_back(desk: Desk) -> None:
    desk.ready(JANE, BOB)
    record = desk.record_of("Jane Doe")
    fields = next(one["fields"] for one in desk.sandbox.airtable.records(BASE, desk.table) if one["id"] == record)
    desk.act(delete=[record])
    desk.road.sync()
    desk.act(create=[fields])
    desk.road.sync()
    assert [lead["full_name"] for lead in desk.road.leads()] == ["Bob Stone", "Jane Doe"]
    assert shown(desk) == [record_as_shown(*BOB), record_as_shown(*JANE)]
    assert desk.road.sync().status == "unchanged"


def test_what_was_typed_into_a_record_that_was_brought_back_is_an_edit(desk: Desk) -> None:
    desk.ready(JANE, BOB)
    record = desk.record_of("Jane Doe")
    fields = next(one["fields"] for one in desk.sandbox.airtable.records(BASE, desk.table) if one["id"] == record)
    desk.act(delete=[record])
    desk.road.sync()
    desk.act(create=[{**fields, "Title": "Chair"}])
    desk.road.sync()
    assert desk.lead_of("Jane Doe")["title"] == "Chair"
    assert shown(desk) == [record_as_shown(*BOB), record_as_shown(*JANE[:3], "Chair")]
    assert desk.road.sync().status == "unchanged"


def test_what_a_record_that_was_brought_back_says_of_old_is_no_edit(desk: Desk) -> None:
    desk.ready(JANE, BOB)
    record = desk.record_of("Jane Doe")
    fields = next(one["fields"] for one in desk.sandbox.airtable.records(BASE, desk.table) if one["id"] == record)
    desk.sync((*JANE[:3], "Chair"), BOB)
    desk.act(delete=[record])
    desk.road.sync()
    desk.act(create=[fields])
    desk.road.sync()
    assert desk.lead_of("Jane Doe")["title"] == "Chair"
    assert shown(desk) == [record_as_shown(*BOB), record_as_shown(*JANE[:3], "Chair")]


def deleted_and_brought_back(desk: Desk, **typed: str) -> str:
    """Jane's record out of the bin, with that typed into it since, and nobody took it in yet."""
    desk.ready(JANE, BOB)
    record = desk.record_of("Jane Doe")
    fields = next(one["fields"] for one in desk.sandbox.airtable.records(BASE, desk.table) if one["id"] == record)
    desk.act(delete=[record])
    desk.road.sync()
    (made,) = desk.act(create=[fields])["created"]
    desk.type_in(made["id"], **typed)
    return str(made["id"])


def test_what_a_record_says_that_waits_is_older_than_what_the_sheet_says_meanwhile(make_desk: MakeDesk) -> None:
    desk = make_desk(debounce_seconds=2)
    deleted_and_brought_back(desk, Company="Zeta")
    desk.sync((*JANE[:3], "Founder"), BOB)  # brings the lead back
    assert record_as_shown(*JANE[:2], "Zeta", "CEO") in shown(desk)  # nothing is written over it
    later(desk, seconds=5)
    assert (desk.lead_of("Jane Doe")["title"], desk.lead_of("Jane Doe")["company"]) == ("Founder", "Zeta")
    assert shown(desk) == [record_as_shown(*BOB), record_as_shown(*JANE[:2], "Zeta", "Founder")]


def test_what_was_typed_into_a_record_that_waits_is_at_odds_with_what_the_sheet_says_meanwhile(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(debounce_seconds=2)
    deleted_and_brought_back(desk, Title="Chair")
    desk.sync((*JANE[:3], "Founder"), BOB)
    later(desk, seconds=5)
    assert desk.lead_of("Jane Doe")["title"] == "Founder"
    assert open_conflicts(desk) == [("title", "Founder", "Chair")]


def test_what_a_record_that_waits_leaves_blank_says_nothing(make_desk: MakeDesk) -> None:
    desk = make_desk(debounce_seconds=2)
    desk.ready((*JANE[:3], ""), BOB)
    record = desk.record_of("Jane Doe")
    fields = next(one["fields"] for one in desk.sandbox.airtable.records(BASE, desk.table) if one["id"] == record)
    desk.act(delete=[record])
    desk.road.sync()
    desk.act(create=[fields])
    desk.sync(JANE, BOB)
    later(desk, seconds=5)
    assert desk.lead_of("Jane Doe")["title"] == "CEO"


def test_taking_a_deletion_back_makes_the_record_anew(desk: Desk) -> None:
    desk.ready(JANE, BOB)
    desk.act(delete=[desk.record_of("Jane Doe")])
    desk.road.sync()
    take_the_deletion_back(desk)
    assert [lead["full_name"] for lead in desk.road.leads()] == ["Bob Stone", "Jane Doe"]
    assert shown(desk) == [record_as_shown(*BOB), record_as_shown(*JANE)]


# The guard.

MANY = 40


def all_deleted_but_one(desk: Desk) -> None:
    desk.ready(*crowd(MANY))
    ids = [record["id"] for record in desk.sandbox.airtable.records(BASE, desk.table)]
    desk.act(delete=ids[1:])
    desk.road.sync()


def test_too_many_deletions_are_held_until_somebody_looks(desk: Desk) -> None:
    all_deleted_but_one(desk)
    assert len(desk.road.leads()) == MANY
    assert len(shown(desk)) == 1  # nothing is put back either
    with desk.road.open() as ws:
        (hold,) = holds.list_(ws)
    assert (hold["status"], hold["removals"]) == ("open", MANY - 1)


def test_what_people_go_on_typing_does_not_wait_with_a_plan(desk: Desk) -> None:
    all_deleted_but_one(desk)
    (left,) = desk.sandbox.airtable.records(BASE, desk.table)
    desk.type_in(left["id"], Title="Chair")
    desk.road.sync()
    with desk.road.open() as ws:
        (hold,) = holds.list_(ws)
    assert (hold["status"], hold["removals"], hold["changes"]) == ("open", MANY - 1, 0)
    assert [lead["title"] for lead in desk.road.leads()].count("Chair") == 1


def test_an_edit_after_the_plan_does_not_take_the_approval_away(desk: Desk) -> None:
    all_deleted_but_one(desk)
    with desk.road.open() as ws:
        holds.approve(ws, holds.list_(ws)[0]["id"], who="ada")
    (left,) = desk.sandbox.airtable.records(BASE, desk.table)
    desk.type_in(left["id"], Title="Chair")
    desk.road.sync()
    assert [lead["title"] for lead in desk.road.leads()] == ["Chair"]
    with desk.road.open() as ws:
        assert holds.list_(ws) == []


def test_deletions_that_were_approved_are_carried_out(desk: Desk) -> None:
    all_deleted_but_one(desk)
    with desk.road.open() as ws:
        holds.approve(ws, holds.list_(ws)[0]["id"], who="ada")
    desk.road.sync()
    assert len(desk.road.leads()) == 1
    assert len(shown(desk)) == 1


def test_deletions_that_were_dropped_are_made_good(desk: Desk) -> None:
    all_deleted_but_one(desk)
    with desk.road.open() as ws:
        holds.drop(ws, holds.list_(ws)[0]["id"], who="ada")
    desk.road.sync()
    assert len(desk.road.leads()) == MANY
    assert len(shown(desk)) == MANY


def test_what_was_typed_before_deletions_that_are_held_is_shown_with_them_and_kept_when_they_are_approved(
    desk: Desk,
) -> None:
    desk.ready(*crowd(MANY))
    ids = [record["id"] for record in desk.sandbox.airtable.records(BASE, desk.table)]
    desk.type_in(ids[1], Title="Chair")
    desk.act(delete=ids[1:])
    desk.road.sync()
    with desk.road.open() as ws:
        (hold,) = holds.list_(ws)
        told = [one["changes"] for one in holds.show(ws, hold["id"])["plan"]]
        holds.approve(ws, hold["id"], who="ada")
    desk.road.sync()
    titles = [claim["value"] for claim in desk.road.all("claims", tables.claims.c.value == "Chair")]

    assert [one for one in told if one] == [[{"field": "title", "old": "Clerk", "new": "Chair"}]]
    assert (len(desk.road.leads()), titles) == (1, ["Chair"])


def test_what_is_held_keeps_new_records_from_nothing(desk: Desk) -> None:
    all_deleted_but_one(desk)
    desk.act(create=[{"Name": "Jane Doe", "Email": "jane@acme.example"}])
    desk.road.sync()
    assert desk.lead_of("Jane Doe")["email"] == "jane@acme.example"
    assert len(desk.road.leads()) == MANY + 1
