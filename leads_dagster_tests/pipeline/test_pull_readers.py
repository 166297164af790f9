"""Several readers of one base, and readers that die, on either kind of database."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from leads_dagster.budget import Limit
from leads_dagster.pipeline import airtable_noting
from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.pipeline.airtable_desk import AIRTABLE, JANE, TITLE, Desk, environment
from leads_dagster_tests.pipeline.conftest import Road


@pytest.fixture(autouse=True)
def no_pacing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leads_dagster.budget.place.airtable_limits", lambda *_, **__: (Limit("all", 1000),))


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Roads of this file are on either kind of database."""
    return on_both


@pytest.fixture
def desk(make_road: Callable[..., Road], sandbox: Sandbox) -> Desk:
    return Desk(make_road(AIRTABLE, environ=environment(sandbox)), sandbox)


def test_what_was_read_and_not_noted_is_read_again_and_noted_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies after Airtable answered and before our transaction ended."""

    def die(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed")

    desk.ready(JANE)
    desk.type_in(jane := desk.record_of("Jane Doe"), Title="Chair")
    cursor = desk.hook()["cursor"]
    with monkeypatch.context() as dying:
        dying.setattr(airtable_noting.airtable_bases, "adopt", die)
        with pytest.raises(RuntimeError, match="killed"):
            desk.pull()
    assert (desk.hook()["cursor"], desk.changes()) == (cursor, [])
    assert (desk.pull().changes, desk.changes()) == (1, [(jane, TITLE, "changed", "Chair")])
    assert desk.hook()["cursor"] == cursor + 1


def test_two_readers_at_once_note_everything_once(desk: Desk) -> None:
    desk.ready(JANE)
    for number in range(70):
        desk.act(create=[{"Name": f"Lead {number}"}])
    cursor = desk.hook()["cursor"]
    with ThreadPoolExecutor(4) as pool:
        done = [one.result() for one in [pool.submit(desk.pull) for _ in range(4)]]
    assert [one.error for one in done] == [None] * 4
    assert sum(one.changes for one in done) == 140
    assert desk.hook()["cursor"] == cursor + 70
    assert len(desk.changes()) == 140


def test_two_readers_who_both_want_a_hook_leave_one(desk: Desk) -> None:
    with ThreadPoolExecutor(3) as pool:
        done = [one.result() for one in [pool.submit(desk.pull) for _ in range(3)]]
    assert [one.error for one in done] == [None] * 3
    assert desk.hook()["hook_id"] in desk.hooks
    assert desk.pull().status == "read"


def test_a_cell_typed_and_taken_back_between_two_looks_waits_for_nothing(desk: Desk) -> None:
    desk.ready(JANE)
    jane = desk.record_of("Jane Doe")
    desk.type_in(jane, Title="Chai")
    assert desk.pull().waiting == 1
    desk.type_in(jane, Title="CEO")
    assert desk.pull().waiting == 0
