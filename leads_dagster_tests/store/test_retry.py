"""What may pass is tried again under one deadline; what will not pass fails at once and names the field."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from leads_dagster.breakers import shared_breakers
from leads_dagster.errors import CircuitOpenError, StoreBusyError, StoreError
from leads_dagster.settings import load_settings
from leads_dagster.store.engine import async_reading, async_writing, open_async_engine, open_engine, reading, writing
from leads_dagster.store.metrics import shared_metrics, store_metrics
from leads_dagster.store.retry import StoreRetries, booked_retries, retried, run_retried, usual_retries
from leads_dagster.store.schema import ensure_schema
from leads_dagster.store.tables import counters
from leads_dagster_tests.store.locks import locked_by_another_process

AT_ONCE = StoreRetries(delay_seconds=0.0)
BUSY = StoreBusyError("The lead database is busy: database is locked.", cause="database is locked")


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """Counters and breakers as a process has them that just started."""
    shared_metrics.cache_clear()
    shared_breakers.cache_clear()
    yield
    shared_metrics.cache_clear()
    shared_breakers.cache_clear()


@pytest.fixture
def url(engine: Engine) -> str:
    """Of the upgraded database of this test."""
    return engine.url.render_as_string(hide_password=False)


def failing(times: int, error: Exception = BUSY) -> Callable[[], int]:
    """Fails so many times, then says at which call it came through."""
    calls = 0

    def call() -> int:
        nonlocal calls
        calls += 1
        if calls <= times:
            raise error
        return calls

    return call


def add_one(engine: Engine) -> None:
    with writing(engine, "acme") as connection:
        connection.execute(insert(counters).values(name="x", value=1))


def ones(engine: Engine) -> int:
    with reading(engine) as connection:
        return len(connection.execute(select(counters).where(counters.c.name == "x")).all())


def test_three_attempts_are_made_in_all() -> None:
    assert run_retried("lead save", failing(2), policy=AT_ONCE) == 3
    with pytest.raises(StoreBusyError) as given_up:
        run_retried("lead save", failing(3), policy=AT_ONCE)
    assert given_up.value.context["attempts"] == 3


def test_every_retry_is_told_with_attempt_cause_and_delay(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with caplog.at_level(logging.WARNING):
        run_retried("lead save", failing(3), policy=StoreRetries(attempts=4))
    assert caplog.messages[:2] == [
        "Transient error on attempt 1/4 for lead save: database is locked. Retrying in 0.10 seconds",
        "Transient error on attempt 2/4 for lead save: database is locked. Retrying in 0.20 seconds",
    ]
    assert slept == pytest.approx([0.1, 0.2, 0.4], rel=0.021)


def test_no_attempt_begins_after_the_deadline() -> None:
    with pytest.raises(StoreBusyError) as given_up:
        run_retried("lead save", failing(9), policy=StoreRetries(attempts=9, delay_seconds=60.0, deadline_seconds=1.0))
    assert given_up.value.context["attempts"] == 1


def test_a_decorated_method_follows_the_policy_of_its_object() -> None:
    class Saver:
        retries = StoreRetries(attempts=5, delay_seconds=0.0)
        call = staticmethod(failing(4))

        @retried("lead save")
        def save(self, more: int) -> int:
            """Save."""
            return self.call() + more

    assert Saver().save(more=10) == 15
    assert Saver.save.__doc__ == "Save."


def test_a_coroutine_function_is_tried_again_in_the_same_way(caplog: pytest.LogCaptureFixture) -> None:
    call = failing(2)

    @retried("lead save", StoreRetries(delay_seconds=0.001))
    async def save() -> int:
        return call()

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(save()) == 3
    assert len(caplog.messages) == 2


def test_a_generator_cannot_be_tried_again() -> None:
    def rows() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError):
        retried("lead read")(rows)


def test_an_operation_within_another_is_not_tried_by_itself() -> None:
    inner = failing(1)
    outer_calls: list[int] = []

    def outer() -> int:
        outer_calls.append(1)
        return run_retried("inner", inner, policy=AT_ONCE)

    assert run_retried("outer", outer, policy=AT_ONCE) == 2
    assert len(outer_calls) == 2


@pytest.mark.parametrize("row", [{"name": "x", "value": None}, {"name": "taken", "value": 1}], ids=["null", "twice"])
def test_a_refused_row_fails_at_once_and_names_the_field(engine: Engine, row: dict[str, object]) -> None:
    with writing(engine) as connection:
        connection.execute(insert(counters).values(name="taken", value=1))
    calls: list[int] = []

    def save() -> None:
        calls.append(1)
        with writing(engine) as connection:
            connection.execute(insert(counters), [row])

    with pytest.raises(StoreError) as refused:
        run_retried("lead save", save, policy=AT_ONCE)
    field = "value" if row["value"] is None else "name"
    assert refused.value.context["field"] == field
    assert field in refused.value.message
    assert len(calls) == 1


def test_a_table_that_is_not_there_fails_at_once(engine: Engine) -> None:
    def save() -> None:
        with writing(engine) as connection:
            connection.execute(text("INSERT INTO nowhere VALUES (1)"))

    with pytest.raises(StoreError, match="nowhere"):
        run_retried("lead save", save, policy=AT_ONCE)
    assert store_metrics()["operations"]["lead save"]["retries"] == 0


def test_what_another_process_locks_is_written_once_it_lets_go(
    engine: Engine, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with locked_by_another_process(url) as release:
        # The share of the first attempt runs out; by the second one the lock is gone.
        released = iter([release])

        def save() -> None:
            try:
                add_one(engine)
            except StoreBusyError:
                next(released, lambda: None)()
                raise

        run_retried("lead save", save, policy=StoreRetries(attempts=3, deadline_seconds=3.0))
    assert ones(engine) == 1
    assert caplog.messages[0].startswith("Transient error on attempt 1/3 for lead save: ")
    wait = store_metrics()["operations"]["lead save"]["lock_wait_seconds"]
    assert wait["count"] == 2
    assert 0.5 < wait["max"] <= wait["total"]


def test_the_deadline_holds_over_all_waits_for_a_lock(engine: Engine, url: str) -> None:
    started = time.monotonic()
    with locked_by_another_process(url):
        began = time.monotonic()
        with pytest.raises(StoreBusyError) as given_up:
            run_retried("lead save", add_one, engine, policy=StoreRetries(deadline_seconds=0.9, delay_seconds=0.01))
        assert time.monotonic() - began < 5.0
    assert given_up.value.context["attempts"] == 3
    assert time.monotonic() - started < 60.0
    assert ones(engine) == 0


def test_an_async_writer_waits_for_another_process_too(engine: Engine, url: str) -> None:
    policy = StoreRetries(deadline_seconds=0.6, delay_seconds=0.01)

    @retried("lead save", policy)
    async def save(opened: AsyncEngine) -> None:
        async with async_writing(opened, "acme") as connection:
            await connection.execute(insert(counters).values(name="x", value=1))

    async def both() -> int:
        opened = open_async_engine(url)
        with locked_by_another_process(url), pytest.raises(StoreBusyError):
            await save(opened)
        await save(opened)
        async with async_reading(opened) as connection:
            found = (await connection.execute(select(counters.c.value))).scalars().all()
        await opened.dispose()
        return len(found)

    assert asyncio.run(both()) == 1


def test_retries_are_counted_by_operation_and_booked_in_the_database(engine: Engine) -> None:
    call = failing(2)

    def save() -> None:
        add_one(engine) if call() == 3 else None

    def save_after_failures() -> None:
        with reading(engine):
            save()

    run_retried("lead save", save_after_failures, policy=AT_ONCE)
    with suppress(StoreBusyError):
        run_retried("lead delete", failing(9), policy=AT_ONCE)
    counts = store_metrics()["operations"]
    assert (counts["lead save"]["calls"], counts["lead save"]["retries"], counts["lead save"]["failures"]) == (1, 2, 0)
    assert (counts["lead delete"]["retries"], counts["lead delete"]["failures"]) == (2, 1)
    with reading(engine) as connection:
        assert booked_retries(connection) == {"lead save": 2}


def test_async_retries_are_booked_too(engine: Engine, url: str) -> None:
    call = failing(1)

    @retried("lead save", AT_ONCE)
    async def save(opened: AsyncEngine) -> None:
        async with async_writing(opened):
            call()

    async def run() -> None:
        opened = open_async_engine(url)
        await save(opened)
        await opened.dispose()

    asyncio.run(run())
    with reading(engine) as connection:
        assert booked_retries(connection) == {"lead save": 1}


def test_retries_that_cannot_be_booked_now_are_booked_with_the_next(engine: Engine) -> None:
    def save(call: Callable[[], int]) -> None:
        with reading(engine):
            call()

    run_retried("lead save", save, failing(1), policy=AT_ONCE)
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE counters RENAME TO elsewhere"))
    run_retried("lead save", save, failing(2), policy=AT_ONCE)
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO counters"))
    run_retried("lead delete", save, failing(1), policy=AT_ONCE)
    with reading(engine) as connection:
        assert booked_retries(connection) == {"lead save": 3, "lead delete": 1}


def test_a_database_that_fails_five_operations_is_rested_and_not_asked(engine: Engine) -> None:
    def save() -> None:
        with writing(engine):
            raise BUSY

    for _ in range(5):
        with pytest.raises(StoreBusyError):
            run_retried("lead save", save, policy=AT_ONCE)
    with pytest.raises(CircuitOpenError) as refused:
        run_retried("lead save", add_one, engine, policy=AT_ONCE)
    assert refused.value.retry_after_seconds <= 5.0
    (state,) = shared_breakers().states()
    assert (state["host"], state["state"], state["rest_seconds"]) == ("lead database", "open", 5.0)
    assert ones(engine) == 0


def test_an_operation_that_came_through_in_the_end_is_no_failure_of_the_database(engine: Engine) -> None:
    for _ in range(6):
        call = failing(2)

        def save(call: Callable[[], int] = call) -> None:
            with writing(engine):
                call()

        run_retried("lead save", save, policy=AT_ONCE)
    assert [state["state"] for state in shared_breakers().states()] == ["closed"]


@pytest.mark.parametrize(
    ("environ", "policy"),
    [
        ({}, StoreRetries(3, 0.1, 30.0)),
        ({"LEADS_RETRY_MAX": "7", "LEADS_RETRY_DELAY_SECONDS": "0.5"}, StoreRetries(7, 0.5, 30.0)),
        ({"LEADS_RETRY_MAX": "0"}, StoreRetries(1, 0.1, 30.0)),
        (
            {
                "LEADS_RETRY_MAX": "7",
                "LEADS_STORE_ATTEMPTS": "2",
                "LEADS_STORE_RETRY_DELAY_SECONDS": "1",
                "LEADS_STORE_DEADLINE_SECONDS": "5",
            },
            StoreRetries(2, 1.0, 5.0),
        ),
    ],
)
def test_the_policy_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], policy: StoreRetries
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert usual_retries() == policy
    assert StoreRetries.from_settings(load_settings(environ)) == policy


def test_another_customers_writer_does_not_wait_on_postgresql(postgres_engine: Engine, postgres_url: str) -> None:
    with locked_by_another_process(postgres_url), writing(postgres_engine, "other") as connection:
        connection.execute(insert(counters).values(name="x", value=1))
    assert ones(postgres_engine) == 1


def test_a_connection_that_the_server_cut_is_a_transient_error(postgres_engine: Engine, postgres_url: str) -> None:
    other = open_engine(postgres_url)
    ensure_schema(other)
    cuts = iter([True])

    def save() -> None:
        with writing(postgres_engine) as connection:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            if next(cuts, False):
                with writing(other) as killer:
                    killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            connection.execute(insert(counters).values(name="x", value=1))

    run_retried("lead save", save, policy=AT_ONCE)
    other.dispose()
    assert ones(postgres_engine) == 1
    assert store_metrics()["operations"]["lead save"]["retries"] == 1
