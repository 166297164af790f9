"""What the live system keeps of each customer, on either back end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine

from leads_dagster.store import outbox, watch_rows
from leads_dagster.store.engine import open_engine, reading, writing
from leads_dagster.store.ledger import SourceState, save_source_state
from leads_dagster.store.schema import ensure_schema
from leads_dagster.store.tables import sync_status
from leads_dagster.store.watch_rows import Standing

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = open_engine(database_url)
    ensure_schema(made)
    yield made
    made.dispose()


def standing(engine: Engine, customer: str = "acme") -> Standing:
    with reading(engine) as connection:
        return watch_rows.standings(connection, ["acme", "zeta"])[customer]


def test_of_a_customer_that_never_synced_nothing_is_known(engine: Engine) -> None:
    assert standing(engine) == Standing()


def test_pausing_keeps_the_reason_until_the_customer_goes_on(engine: Engine) -> None:
    with writing(engine) as connection:
        watch_rows.set_paused(connection, "acme", paused=True, reason="moving house", at=NOW)
    assert (standing(engine).paused, standing(engine).reason) == (True, "moving house")
    assert not standing(engine, "zeta").paused
    with writing(engine) as connection:
        watch_rows.set_paused(connection, "acme", paused=False, reason="", at=NOW)
    assert (standing(engine).paused, standing(engine).reason) == (False, "")


def test_failures_are_known_until_a_cycle_gets_to_its_end(engine: Engine) -> None:
    with writing(engine) as connection:
        watch_rows.note_failure(connection, "acme", failures=3, retry_at=LATER)
    assert (standing(engine).failures, standing(engine).retry_at) == (3, LATER)
    with writing(engine) as connection:
        watch_rows.forget_failures(connection, "acme")
    assert (standing(engine).failures, standing(engine).retry_at) == (0, None)


def test_what_is_asked_for_anew_is_not_answered_by_what_was_asked_for_before(engine: Engine) -> None:
    with writing(engine) as connection:
        watch_rows.ask(connection, "acme", at=NOW)
        watch_rows.ask(connection, "acme", at=LATER)
        watch_rows.answered(connection, "acme", triggered_at=NOW)
    assert standing(engine).triggered_at == LATER


def test_marks_tell_when_the_first_of_them_is_due(engine: Engine) -> None:
    with writing(engine) as connection:
        outbox.mark_new(connection, "acme", ["crm"], ["L1", "L2"], seen_at=NOW)
        connection.execute(sync_status.update().values(next_attempt_at=LATER))
    assert (standing(engine).marks, standing(engine).next_mark_at) == (2, LATER)
    with writing(engine) as connection:
        outbox.mark_new(connection, "acme", ["airtable"], ["L1"], seen_at=NOW)
    assert (standing(engine).marks, standing(engine).next_mark_at) == (3, None)
    assert standing(engine, "zeta").marks == 0


def test_each_source_has_the_fingerprint_of_its_last_ledger(engine: Engine) -> None:
    with writing(engine) as connection:
        save_source_state(connection, SourceState("acme", "file:/a", fingerprint="one"))
        save_source_state(connection, SourceState("acme", "file:/b", fingerprint="two"))
    assert standing(engine).fingerprints == {"file:/a": "one", "file:/b": "two"}


def test_pace_and_looks_stand_beside_each_other(engine: Engine) -> None:
    with writing(engine) as connection:
        watch_rows.note_pace(connection, "acme", seconds=2.0, reason="not edited for a while", at=NOW)
        watch_rows.note_looks(connection, ["acme", "zeta"], at=LATER)
    with reading(engine) as connection:
        row = watch_rows.watched(connection, "acme")
        other = watch_rows.watched(connection, "zeta")
    assert row is not None
    assert (row.interval_seconds, row.reason, row.looked_at) == (2.0, "not edited for a while", LATER)
    assert other is not None
    assert (other.interval_seconds, other.looked_at) == (None, LATER)
