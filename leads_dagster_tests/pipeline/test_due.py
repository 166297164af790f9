"""Whose time it is: once an hour or as cron says, missed minutes once, nobody who is paused or busy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from leads_dagster.customers import AirtableSettings, CustomerSettings, ScheduleSettings
from leads_dagster.pipeline.due import Kind, due, fair_share, own_hourly
from leads_dagster.store import airtable_state, ledger
from leads_dagster.store.airtable_state import TableState
from leads_dagster.store.engine import writing
from leads_dagster.store.statements import upsert
from leads_dagster.store.tables import sync_states
from leads_dagster_tests.pipeline.conftest import Road

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)


class Clock:
    """Asks who is due, minute after minute."""

    def __init__(self, road: Road, *customers: CustomerSettings) -> None:
        self.road, self.customers = road, customers

    def ask(self, at: datetime, *, kind: Kind = "reconcile", busy: tuple[str, ...] = (), limit: int = 100) -> list[str]:
        return self._asked(at, kind, busy=busy, limit=limit)

    def ask_few(self, at: datetime, few: tuple[str, ...], most: int) -> list[str]:
        return self._asked(at, "reconcile", limit=100, few=few, most_of_few=most)

    def _asked(self, at: datetime, kind: Kind, **choosing: Any) -> list[str]:
        with self.road.open() as ws, writing(ws.engine) as connection:
            return [one.customer for one in due(connection, kind, self.customers, now=at, **choosing)]

    def pause(self, customer: str, paused: bool) -> None:
        with self.road.open() as ws, writing(ws.engine) as connection:
            upsert(connection, sync_states, [{"customer": customer, "paused": paused}])


def customer(
    name: str, reconcile: str | None = None, audit: str | None = None, airtable: bool = False
) -> CustomerSettings:
    table = AirtableSettings("appX", name) if airtable else None
    return CustomerSettings(name, "leads.csv", schedules=ScheduleSettings(reconcile, audit), airtable=table)


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    return on_both


def test_a_customer_is_due_at_the_minutes_of_its_cron_and_begins_with_the_next(road: Road) -> None:
    clock = Clock(road, customer("acme", "*/10 * * * *"))
    assert clock.ask(NOON + timedelta(minutes=1)) == []
    asked = [minute for minute in range(2, 60) if clock.ask(NOON + timedelta(minutes=minute))]
    assert asked == [10, 20, 30, 40, 50]


def test_hours_that_were_missed_are_made_up_for_once(road: Road) -> None:
    clock = Clock(road, customer("acme", "0 * * * *"))
    clock.ask(NOON)
    assert clock.ask(NOON + timedelta(hours=8, minutes=13)) == ["acme"]
    assert clock.ask(NOON + timedelta(hours=8, minutes=14)) == []


def test_who_is_paused_or_has_a_cycle_under_way_waits_and_is_not_forgotten(road: Road) -> None:
    clock = Clock(road, customer("acme", "0 * * * *"), customer("beta", "0 * * * *"))
    clock.ask(NOON - timedelta(minutes=5))
    clock.pause("acme", True)
    assert clock.ask(NOON, busy=("beta",)) == []
    assert clock.ask(NOON + timedelta(minutes=1)) == ["beta"]
    clock.pause("acme", False)
    assert clock.ask(NOON + timedelta(minutes=2)) == ["acme"]


def test_only_so_many_are_asked_for_at_once_the_longest_waiting_first(road: Road) -> None:
    clock = Clock(road, customer("acme", "30 * * * *"), customer("beta", "10 * * * *"), customer("ceta", "20 * * * *"))
    clock.ask(NOON)
    assert [clock.ask(NOON + timedelta(minutes=50 + minute), limit=1) for minute in range(4)] == [
        ["beta"],
        ["ceta"],
        ["acme"],
        [],
    ]
    assert clock.ask(NOON + timedelta(hours=3), limit=-2) == []


def test_of_some_only_a_few_are_asked_for_at_once_and_the_others_do_not_wait_for_them(road: Road) -> None:
    clock = Clock(road, *(customer(name, "0 * * * *") for name in ("acme", "beta", "ceta", "zeta")))
    clock.ask(NOON - timedelta(minutes=5))
    google = ("acme", "beta", "ceta")
    minutes = (NOON + timedelta(minutes=one) for one in range(5))
    assert [clock.ask_few(at, google, most) for at, most in zip(minutes, (1, 0, 1, 1, 1), strict=True)] == [
        ["acme", "zeta"],
        [],
        ["beta"],
        ["ceta"],
        [],
    ]


def test_an_empty_cron_is_never(road: Road) -> None:
    clock = Clock(road, customer("acme", "", "", airtable=True))
    clock.ask(NOON)
    assert clock.ask(NOON + timedelta(days=3)) == []
    assert clock.ask(NOON + timedelta(days=3), kind="audit") == []


def test_a_clock_that_was_put_back_starts_anew_instead_of_waiting_for_years(road: Road) -> None:
    clock = Clock(road, customer("acme", "0 * * * *"))
    clock.ask(NOON + timedelta(days=900))
    assert clock.ask(NOON) == []
    assert clock.ask(NOON + timedelta(hours=1)) == ["acme"]


def test_a_thousand_customers_are_spread_over_the_hour() -> None:
    minutes = Counter(own_hourly(f"customer-{number}").split()[0] for number in range(1000))
    assert len(minutes) == 60
    assert max(minutes.values()) < 40
    assert [fair_share([0] * count) for count in (1, 60, 300, 1000)] == [2, 2, 10, 20]


def swept(road: Road, name: str, at: datetime) -> None:
    with road.open() as ws, writing(ws.engine) as connection:
        airtable_state.save_table(connection, TableState(name, "appX", f"tbl{name}", name, at, swept_at=at))


def test_airtable_is_audited_when_the_last_time_is_long_ago_and_again_if_that_came_to_nothing(road: Road) -> None:
    clock = Clock(road, customer("acme", airtable=True), customer("beta"))
    assert clock.ask(NOON, kind="audit") == []
    swept(road, "acme", NOON)
    assert clock.ask(NOON + timedelta(minutes=59), kind="audit") == []
    assert clock.ask(NOON + timedelta(minutes=60), kind="audit") == ["acme"]
    assert clock.ask(NOON + timedelta(minutes=61), kind="audit") == []
    assert clock.ask(NOON + timedelta(minutes=121), kind="audit") == ["acme"]
    swept(road, "acme", NOON + timedelta(minutes=122))
    assert clock.ask(NOON + timedelta(minutes=123), kind="audit") == []


def test_a_cron_of_the_customer_takes_the_place_of_sweep_seconds(road: Road) -> None:
    clock = Clock(road, customer("acme", audit="0 3 * * *", airtable=True))
    swept(road, "acme", NOON)
    clock.ask(NOON, kind="audit")
    assert clock.ask(NOON + timedelta(hours=10), kind="audit") == []
    assert clock.ask(NOON + timedelta(hours=15), kind="audit") == ["acme"]


def test_nobody_is_paused_until_somebody_says_so(road: Road) -> None:
    with road.open() as ws, writing(ws.engine) as connection:
        assert ledger.paused_customers(connection) == set()
