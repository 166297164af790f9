"""All records of an Airtable table compared with what is known: after a hook was lost, by the hour, or at each look."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pyairtable import Api

from leads_dagster.budget import Limit
from leads_dagster.errors import StoreError
from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.pipeline.mirror_booking import Booking
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.mirrors.airtable_cases import bases
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

HOOKLESS = "patNoHooks"
SCOPES = ["data.records:read", "data.records:write", "schema.bases:read", "schema.bases:write"]


@pytest.fixture(autouse=True)
def no_pacing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leads_dagster.budget.place.airtable_limits", lambda *_, **__: (Limit("all", 1000),))


@pytest.fixture
def desk(make_road: Callable[..., Road], sandbox: Sandbox) -> Desk:
    return Desk(make_road(AIRTABLE, environ=environment(sandbox)), sandbox)


@pytest.fixture(scope="module")
def strict_sandbox() -> Iterator[Sandbox]:
    """A twin with a token that may not listen, and one that may not read the schema."""
    tokens = {
        HOOKLESS: {"scopes": SCOPES},
        "patNoSchema": {"scopes": ["data.records:read", "data.records:write", "webhook:manage"]},
    }
    with Sandbox(bases(tokens=tokens)) as running:
        yield running


@pytest.fixture
def hookless(make_road: Callable[..., Road], strict_sandbox: Sandbox) -> Desk:
    strict_sandbox.reset()
    return Desk(make_road(AIRTABLE, environ=environment(strict_sandbox, HOOKLESS)), strict_sandbox)


def lose(desk: Desk, how: str) -> None:
    if how == "removed":
        (hook,) = desk.hooks
        Api("patOther", endpoint_url=desk.sandbox.url).base(BASE).webhook(hook).delete()
    else:
        desk.admin(f"webhooks/{BASE}", state=how)


@pytest.mark.parametrize("how", ["removed", "expired", "invalid"])
def test_a_lost_hook_is_made_anew_with_a_word_of_warning_and_what_it_missed_is_found(
    desk: Desk, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk.ready(JANE, BOB)
    old = desk.hook()["hook_id"]
    lose(desk, how)
    jane, bob = desk.record_of("Jane Doe"), desk.record_of("Bob Stone")
    desk.type_in(jane, Title="Chair")
    desk.act(delete=[bob])
    (made,) = desk.act(create=[{"Name": "Ann Lee"}])["created"]
    with caplog.at_level(logging.WARNING):
        done = desk.pull()
    assert (done.status, done.error) == ("swept", None)
    assert "base" in caplog.text
    hook = desk.hook()
    assert (hook["status"], desk.hooks) == ("active", [hook["hook_id"]])
    assert hook["hook_id"] != old
    assert sorted((record, kind) for record, field, kind, _ in desk.changes() if field == "") == sorted(
        [(bob, "deleted"), (made["id"], "created")]
    )
    assert desk.cells(jane) == {TITLE: "Chair"}
    assert desk.cells(made["id"]) == {"": None, NAME: "Ann Lee"}
    again = desk.pull()
    assert (again.status, again.changes) == ("read", 0)


def test_the_alert_stays_booked_until_the_new_hook_was_read(desk: Desk) -> None:
    desk.ready(JANE)
    lose(desk, "invalid")
    desk.pull()
    assert (desk.hook()["status"], desk.hook()["cursor"]) == ("active", 1)


def test_a_hook_that_turned_ill_and_whose_reader_died_is_not_read_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed")

    desk.ready(JANE)
    lose(desk, "invalid")
    with monkeypatch.context() as dying:
        dying.setattr("leads_dagster.pipeline.pull.lose_hook", die)
        with pytest.raises(RuntimeError, match="killed"):
            desk.pull()
    assert desk.hook()["status"] == "lost"
    assert (desk.pull().status, desk.hook()["status"]) == ("swept", "active")


def test_payloads_that_were_dropped_unread_have_the_records_compared(desk: Desk) -> None:
    desk.ready(JANE)
    with desk.road.open() as ws, ws.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE airtable_hooks SET read_at = '2020-01-01 00:00:00.000000'")
    assert desk.pull().status == "swept"


def test_records_are_compared_when_somebody_wants_that_now_due_or_not(desk: Desk) -> None:
    desk.ready(JANE)
    assert desk.pull(audit=False).status == "read"
    assert (desk.pull(audit=False, whole=True).status, desk.pull().status) == ("swept", "read")


def test_records_are_compared_by_the_hour_and_only_where_that_is_wanted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ready(JANE)
    real = Workspace.now
    monkeypatch.setattr(Workspace, "now", lambda ws: real(ws) + timedelta(minutes=59))
    assert desk.pull().status == "read"
    monkeypatch.setattr(Workspace, "now", lambda ws: real(ws) + timedelta(minutes=61))
    assert desk.pull(audit=False).status == "read"
    assert (desk.pull().status, desk.pull().status) == ("swept", "read")


def test_a_sweep_of_a_table_in_step_notes_nothing(desk: Desk) -> None:
    desk.ready(JANE, BOB)
    lose(desk, "removed")
    assert (desk.pull().changes, desk.changes()) == (0, [])


def test_a_sweep_notes_an_edit_that_waits_already_no_second_time(desk: Desk) -> None:
    desk.ready(JANE)
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    desk.pull()
    before = desk.road.all("airtable_changes")
    lose(desk, "removed")
    done = desk.pull()
    assert (done.status, done.changes) == ("swept", 0)
    assert desk.road.all("airtable_changes") == before


def test_what_is_typed_on_while_the_records_are_compared_is_taken_as_it_ends(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ready(JANE)
    jane = desk.record_of("Jane Doe")
    lose(desk, "removed")
    desk.type_in(jane, Title="Cha")
    monkeypatch.setattr("leads_dagster.pipeline.sweep.time.sleep", lambda _: desk.type_in(jane, Title="Chair"))
    assert desk.pull().error is None
    assert desk.cells(jane) == {TITLE: "Chair"}


def test_what_is_taken_back_while_the_records_are_compared_is_no_edit(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ready(JANE)
    jane = desk.record_of("Jane Doe")
    lose(desk, "removed")
    desk.type_in(jane, Title="Cha")
    monkeypatch.setattr("leads_dagster.pipeline.sweep.time.sleep", lambda _: desk.type_in(jane, Title="CEO"))
    assert (desk.pull().waiting, desk.changes()) == (0, [])


def test_what_we_write_while_the_records_are_compared_is_no_edit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing shows the old value, and the base is the new one by the time it is judged."""
    desk.ready(JANE)
    lose(desk, "removed")
    listed = AirtableMirror.pages

    def pages(mirror: AirtableMirror) -> Iterator[Any]:
        for page in listed(mirror):
            with monkeypatch.context() as once:
                once.setattr(AirtableMirror, "pages", listed)
                desk.sync((*JANE[:3], "Chair"))
            yield page

    monkeypatch.setattr(AirtableMirror, "pages", pages)
    assert (desk.pull().error, desk.changes()) == (None, [])


def test_records_of_one_lead_key_are_told_of_with_the_oldest_first(desk: Desk) -> None:
    desk.ready(JANE)
    desk.act(delete=[desk.record_of("Jane Doe")])
    desk.pull()
    key = desk.lead_of("Jane Doe")["id"]
    lose(desk, "removed")
    (first,) = desk.act(create=[{"Name": "Jane Doe", "lead_key": key}])["created"]
    desk.admin("clock", skew=5)
    (second,) = desk.act(create=[{"Name": "Jane Doe", "lead_key": key}])["created"]
    desk.pull()
    made = {
        row["record_id"]: row["changed_at"] for row in desk.road.all("airtable_changes") if row["kind"] == "created"
    }
    assert made[first["id"]] < made[second["id"]]


def test_a_copy_that_is_known_is_not_told_of_at_each_sweep(desk: Desk) -> None:
    desk.ready(JANE)
    key = desk.lead_of("Jane Doe")["id"]
    (copy,) = desk.act(create=[{**dict(zip(COLUMNS, JANE, strict=True)), "lead_key": key}])["created"]
    desk.sync(JANE)
    lose(desk, "removed")
    assert (desk.pull().changes, desk.changes()) == (0, [])
    lose(desk, "removed")
    desk.act(delete=[copy["id"]])
    desk.pull()
    assert desk.changes() == [(copy["id"], "", "deleted", None)]


def test_more_records_than_one_answer_holds_are_all_compared(desk: Desk) -> None:
    desk.ready(JANE)
    lose(desk, "removed")
    for start in range(0, 250, 10):
        desk.act(create=[{"Name": f"Lead {number}"} for number in range(start, start + 10)])
    done = desk.pull()
    assert (done.status, done.changes) == ("swept", 500)


def test_without_the_scope_for_hooks_it_is_named_and_each_look_compares(hookless: Desk) -> None:
    hookless.sync(JANE)
    hook = hookless.hook()
    assert (hook["status"], "webhook:manage" in hook["error"]) == ("refused", True)
    hookless.pull()
    jane = hookless.record_of("Jane Doe")
    hookless.type_in(jane, Title="Chair")
    done = hookless.pull()
    assert (done.status, done.changes) == ("swept", 1)
    assert hookless.cells(jane) == {TITLE: "Chair"}
    assert hookless.pull().changes == 0


def test_without_hooks_what_was_typed_and_taken_back_waits_no_more(hookless: Desk) -> None:
    hookless.sync(JANE)
    hookless.pull()
    jane = hookless.record_of("Jane Doe")
    hookless.type_in(jane, Title="Chair", Company="Beta")
    assert hookless.pull().waiting == 2
    hookless.type_in(jane, Title="CEO")
    assert hookless.pull().waiting == 1
    assert hookless.cells(jane) == {COMPANY: "Beta"}


def test_without_hooks_made_and_deleted_records_are_found_and_noted_once(hookless: Desk) -> None:
    hookless.sync(JANE, BOB)
    hookless.pull()
    bob = hookless.record_of("Bob Stone")
    hookless.act(delete=[bob])
    (made,) = hookless.act(create=[{"Name": "Ann Lee"}])["created"]
    assert hookless.pull().changes == 3
    assert hookless.pull().changes == 0
    assert hookless.cells(bob) == {"": None}
    assert hookless.cells(made["id"]) == {"": None, NAME: "Ann Lee"}


def test_hooks_are_asked_for_again_after_a_day(hookless: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    hookless.sync(JANE)
    hookless.pull()
    monkeypatch.setitem(hookless.road.environ, "AIRTABLE_API_KEY", "patAnother")
    hookless.road.settings = hookless.road.settings_of(hookless.road.environ)
    assert (hookless.pull().error, hookless.hook()["status"]) == (None, "refused")
    real = Workspace.now
    monkeypatch.setattr(Workspace, "now", lambda ws: real(ws) + timedelta(hours=25))
    assert (hookless.pull().error, hookless.hook()["status"]) == (None, "active")


def test_where_the_schema_may_not_be_read_an_edit_has_the_records_compared(
    make_road: Callable[..., Road], strict_sandbox: Sandbox
) -> None:
    strict_sandbox.reset()
    desk = Desk(make_road(AIRTABLE, environ=environment(strict_sandbox, "patNoSchema")), strict_sandbox)
    desk.sync(JANE)
    desk.pull()
    assert (desk.pull().status, desk.hook()["status"]) == ("read", "active")
    desk.type_in(desk.record_of("Jane Doe"), Title="Chair")
    assert (desk.pull().status, [cell for _, _, _, cell in desk.changes("Leads")]) == ("swept", ["Chair"])


def test_without_hooks_a_record_that_is_again_as_it_was_waits_for_nothing(hookless: Desk) -> None:
    hookless.sync(JANE)
    hookless.pull()
    jane = hookless.record_of("Jane Doe")
    hookless.type_in(jane, Title="Chair")
    assert hookless.pull().waiting == 1
    hookless.type_in(jane, Title="CEO")
    assert hookless.pull().waiting == 0


def test_an_edit_that_waits_is_not_waited_for_at_each_look(hookless: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    hookless.sync(JANE, BOB)
    hookless.pull()
    hookless.type_in(hookless.record_of("Jane Doe"), Title="Chair")
    hookless.act(create=[{"Name": "Ann Lee"}], delete=[hookless.record_of("Bob Stone")])
    first = hookless.pull()
    assert first.waiting == 4
    waits: list[float] = []
    monkeypatch.setattr("leads_dagster.pipeline.sweep.time.sleep", waits.append)
    again = hookless.pull()
    assert (again.changes, again.waiting, waits) == (0, 4, [])
    assert again.calls < first.calls


def test_without_hooks_only_what_is_about_to_be_written_is_compared_where_that_is_said(hookless: Desk) -> None:
    hookless.sync(JANE, BOB)
    hookless.pull()
    jane, bob = hookless.record_of("Jane Doe"), hookless.record_of("Bob Stone")
    hookless.type_in(jane, Title="Chair")
    hookless.type_in(bob, Title="Chief")
    done = hookless.pull(records=[jane])
    assert (done.status, done.changes, hookless.cells(bob)) == ("read", 1, {})
    assert hookless.cells(jane) == {TITLE: "Chair"}


def test_with_a_hook_nothing_is_compared_before_a_write(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ready(JANE)
    real = Workspace.now
    monkeypatch.setattr(Workspace, "now", lambda ws: real(ws) + timedelta(hours=2))
    done = desk.pull(records=[desk.record_of("Jane Doe")])
    assert (done.status, done.calls) == ("read", 1)


def test_what_was_typed_into_a_column_while_it_could_not_be_kept_is_found_when_it_can(desk: Desk) -> None:
    desk.ready(JANE)
    jane = desk.record_of("Jane Doe")
    path = f"airtable/{BASE}/Leads/fields/Title"
    desk.admin(path, method="PATCH", type="multipleSelects")
    desk.pull()
    desk.admin(path, method="PATCH", type="singleLineText")
    desk.type_in(jane, Title="Chair")
    assert (desk.pull().error, desk.cells(jane)) == (None, {TITLE: "Chair"})


@pytest.mark.parametrize("seat", ["desk", "hookless"])
def test_a_deletion_that_we_never_booked_is_nobodys(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, seat: str
) -> None:
    """The process dies after Airtable deleted the record; then the lead is wanted again."""

    def die(*_: Any, **__: Any) -> None:
        raise StoreError("the process died")

    desk: Desk = request.getfixturevalue(seat)
    desk.sync(JANE, BOB)
    with monkeypatch.context() as dying:
        dying.setattr(Booking, "book", die)
        with pytest.raises(StoreError, match="died"):
            desk.sync(JANE)
    desk.sync(JANE, BOB)
    real = Workspace.now
    monkeypatch.setattr(Workspace, "now", lambda ws: real(ws) + timedelta(minutes=1))
    desk.sync(JANE, BOB)
    assert desk.changes() == []
    assert sorted(desk.lead_of(name)["airtable_id"] for name in ("Jane Doe", "Bob Stone")) == sorted(
        [desk.record_of("Jane Doe"), desk.record_of("Bob Stone")]
    )
