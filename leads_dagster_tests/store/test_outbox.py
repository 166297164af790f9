"""The outbox: marks are made, worked off, tried again later, and given up in the end; none is lost."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from sqlalchemy import Engine, select

from leads_dagster.store import outbox
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.tables import sync_status

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def mark(engine: Engine, lead: str, version: int) -> None:
    with writing(engine) as connection:
        outbox.mark(connection, "acme", ["crm"], {lead: version})


def due(engine: Engine, now: datetime = NOW) -> list[tuple[str, int]]:
    with reading(engine) as connection:
        return [(one.lead_id, one.version) for one in outbox.due(connection, "acme", "crm", now=now, limit=10)]


def land(engine: Engine, lead: str, version: int) -> None:
    row = {
        "lead_id": lead, "mirror": "crm", "version": version, "external_id": None, "base": {"email": "a"},
        "operation": "create", "at": NOW,
    }  # fmt: skip
    with writing(engine) as connection:
        outbox.book_success(connection, [row])


def fail(engine: Engine, lead: str, *, attempts: int = 0, permanent: bool = False) -> None:
    with writing(engine) as connection:
        outbox.book_failure(
            connection, [lead], "crm", error="down", permanent=permanent, now=NOW, attempts={lead: attempts}
        )


def test_a_mark_is_due_until_it_landed(engine: Engine) -> None:
    mark(engine, "a", 1)
    assert due(engine) == [("a", 1)]
    land(engine, "a", 1)
    assert due(engine) == []


def test_a_lead_that_changed_while_it_was_sent_stays_due(engine: Engine) -> None:
    mark(engine, "a", 1)
    mark(engine, "a", 2)
    land(engine, "a", 1)
    assert due(engine) == [("a", 2)]


def test_what_the_mirror_answered_is_kept_for_the_next_difference(engine: Engine) -> None:
    mark(engine, "a", 1)
    land(engine, "a", 1)
    mark(engine, "a", 2)
    with reading(engine) as connection:
        (found,) = outbox.due(connection, "acme", "crm", now=NOW, limit=10)
    assert found.base == {"email": "a"}


def test_a_failure_is_tried_again_later_and_later(engine: Engine) -> None:
    mark(engine, "a", 1)
    fail(engine, "a")
    assert due(engine) == []
    assert due(engine, NOW + timedelta(seconds=2)) == [("a", 1)]
    fail(engine, "a", attempts=3)
    assert due(engine, NOW + timedelta(seconds=15)) == []
    assert due(engine, NOW + timedelta(seconds=16)) == [("a", 1)]


def test_a_permanent_failure_waits_for_the_lead_to_change(engine: Engine) -> None:
    mark(engine, "a", 1)
    fail(engine, "a", permanent=True)
    assert due(engine, NOW + timedelta(days=1)) == []
    mark(engine, "a", 2)
    assert due(engine) == [("a", 2)]


def test_what_is_postponed_waits_also_where_the_clock_was_put_back(engine: Engine) -> None:
    mark(engine, "a", 1)
    land(engine, "a", 1)
    mark(engine, "a", 2)
    before = NOW - timedelta(hours=1)
    assert due(engine, before) == [("a", 2)], "no wait set by another clock is trusted"
    with writing(engine) as connection:
        outbox.postpone(connection, "crm", ["a"], now=before, until=before + timedelta(seconds=2))
    assert due(engine, before) == [], "a cycle would go on for ever"
    assert due(engine, before + timedelta(seconds=3)) == [("a", 2)]


def test_after_the_last_attempt_a_mark_is_dead_and_still_counted(engine: Engine) -> None:
    mark(engine, "a", 1)
    fail(engine, "a", attempts=outbox.MAX_ATTEMPTS - 1)
    with reading(engine) as connection:
        assert outbox.counts(connection, "acme") == {"crm": {"dead": 1}}
        assert connection.execute(select(sync_status.c.error_message)).scalar_one() == "down"
