"""Findings that wait: whose turn it is first, and who is passed over."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from leads_dagster.pipeline.watching_sheet import CHANGED, Finding
from leads_dagster.pipeline.watching_waiting import Waiting

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)


def _finding(customer: str, seconds: int) -> Finding:
    return Finding(customer, CHANGED, NOON + timedelta(seconds=seconds))


def _waiting() -> Waiting:
    made = Waiting()
    for customer, seconds in (("acme", 2), ("zeta", 1), ("moon", 3)):
        made.note(customer, _finding(customer, seconds))
    return made


def test_the_longest_waiting_go_first_and_wait_no_more() -> None:
    waiting = _waiting()
    assert [one.customer for one in waiting.take(2, lambda _: True)] == ["zeta", "acme"]
    assert waiting.customers == ["moon"]


def test_who_may_not_run_is_passed_over_and_goes_on_waiting() -> None:
    waiting = _waiting()
    taken = waiting.take(None, lambda one: one.customer != "zeta")
    assert [one.customer for one in taken] == ["acme", "moon"]
    assert waiting.customers == ["zeta"]


def test_nobody_is_asked_whether_they_may_run_beyond_those_wanted() -> None:
    asked: list[str] = []
    _waiting().take(1, lambda one: asked.append(one.customer) is None)
    assert asked == ["zeta"]


def test_what_a_later_look_finds_or_no_longer_finds_takes_its_place() -> None:
    waiting = _waiting()
    waiting.note("moon", _finding("moon", 0))
    waiting.note("zeta", None)
    waiting.drop(["acme", "nobody"])
    assert [one.customer for one in waiting.take(None, lambda _: True)] == ["moon"]
    assert not len(waiting)
