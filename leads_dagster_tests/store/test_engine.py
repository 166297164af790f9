"""Opening the lead database of either kind, and transactions on it, sync and async, before and after a fork."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, insert, select, text

from leads_dagster.errors import SettingsError, StoreBusyError, StoreError
from leads_dagster.store import engine as engine_module
from leads_dagster.store.engine import (
    async_reading,
    async_writing,
    open_async_engine,
    open_engine,
    read_url,
    reading,
    writing,
)
from leads_dagster.store.tables import counters


def test_a_write_that_raises_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(RuntimeError), writing(engine) as connection:  # noqa: PT012  # the insert must come first
        connection.execute(counters.insert(), {"name": "x", "value": 1})
        raise RuntimeError
    with reading(engine) as connection:
        assert connection.execute(select(counters)).all() == []


@pytest.mark.parametrize("url", ["nonsense", "nosuchdialect:///x", "mysql+nosuchdriver://x"])
def test_a_url_that_cannot_be_used_is_a_settings_error(url: str) -> None:
    with pytest.raises(SettingsError, match="database URL"):
        open_engine(url)


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgres://jane:pw@host/leads", "postgresql+psycopg"),
        ("postgresql://jane:pw@host/leads", "postgresql+psycopg"),
        ("postgresql+psycopg://jane:pw@host/leads", "postgresql+psycopg"),
        ("sqlite:///leads.db", "sqlite"),
    ],
)
def test_urls_are_taken_as_people_write_them(given: str, driver: str) -> None:
    assert read_url(given).drivername == driver


def test_async_connections_are_set_up_alike(sqlite_engine: Engine) -> None:
    async def pragmas() -> list[object]:
        opened = open_async_engine(sqlite_engine.url.render_as_string())
        async with async_reading(opened) as connection:
            names = ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
            found = [(await connection.execute(text(f"PRAGMA {name}"))).scalar_one() for name in names]
        await opened.dispose()
        return found

    assert asyncio.run(pragmas()) == ["wal", 1, 30_000, 1]


def test_async_writes_are_committed_whole_or_not_at_all(engine: Engine) -> None:
    async def write() -> None:
        opened = open_async_engine(engine.url.render_as_string(hide_password=False))
        async with async_writing(opened, "acme") as connection:
            await connection.execute(insert(counters).values(name="kept", value=1))
        with pytest.raises(RuntimeError):  # noqa: PT012  # the insert must come first
            async with async_writing(opened, "acme") as connection:
                await connection.execute(insert(counters).values(name="lost", value=1))
                raise RuntimeError
        with pytest.raises(StoreError) as refused:
            async with async_writing(opened) as connection:
                await connection.execute(insert(counters).values(name="kept", value=2))
        assert refused.value.context["field"] == "name"
        await opened.dispose()

    asyncio.run(write())
    with reading(engine) as connection:
        assert connection.execute(select(counters.c.name)).scalars().all() == ["kept"]


def test_a_reader_sees_one_moment_whatever_is_written_meanwhile(engine: Engine) -> None:
    with reading(engine) as connection:
        assert connection.execute(select(counters)).all() == []
        with writing(engine) as writer:
            writer.execute(insert(counters).values(name="x", value=1))
        assert connection.execute(select(counters)).all() == []


def test_more_connections_than_there_may_be_is_a_transient_error(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "POOL_SIZE", 1)
    monkeypatch.setattr(engine_module, "POOL_LIMIT", 1)
    monkeypatch.setattr(engine_module, "POOL_TIMEOUT_SECONDS", 0.05)
    engine = open_engine(database_url)
    with reading(engine), pytest.raises(StoreBusyError, match="All connections"), reading(engine):
        pass
    engine.dispose()


def in_child(work: Callable[[], None]) -> int:
    """Fork, do the work in the child, and give its exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        work()
    except BaseException:  # noqa: BLE001  # a child that went on would run the tests a second time
        os._exit(1)
    os._exit(0)


def test_parent_and_child_of_a_fork_both_write(engine: Engine) -> None:
    def write(name: str) -> None:
        for number in range(20):
            with writing(engine, "acme") as connection:
                connection.execute(insert(counters).values(name=f"{name} {number}", value=1))

    write("before")
    assert in_child(lambda: write("child")) == 0
    write("after")
    with reading(engine) as connection:
        assert len(connection.execute(select(counters)).all()) == 60
