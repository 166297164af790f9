"""Whether somebody wrote to the database since one last asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

import pytest
from sqlalchemy import Engine

from leads_dagster.store import watch_rows
from leads_dagster.store.change_counter import POSTGRES_SECONDS, ChangeCounter
from leads_dagster.store.engine import open_engine, reading, writing
from leads_dagster.store.schema import ensure_schema


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    made = open_engine(sqlite_url)
    ensure_schema(made)
    yield made
    made.dispose()


def pause(engine: Engine, *, paused: bool = True) -> None:
    with writing(engine) as connection:
        watch_rows.set_paused(connection, "acme", paused=paused, reason="", at=datetime.now(timezone.utc))


def test_the_first_answer_is_yes_and_then_only_after_a_write(engine: Engine) -> None:
    with closing(ChangeCounter(engine)) as counter:
        assert [counter.moved(), counter.moved()] == [True, False]
        pause(engine)
        assert [counter.moved(), counter.moved()] == [True, False]


def test_reading_is_no_change(engine: Engine) -> None:
    with closing(ChangeCounter(engine)) as counter:
        counter.moved()
        with reading(engine) as connection:
            watch_rows.is_paused(connection, "acme")
        assert not counter.moved()


def test_a_file_that_was_put_in_its_place_is_a_change(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "leads.db"
    pause(engine)
    engine.dispose()
    with closing(ChangeCounter(engine)) as counter:
        counter.moved()
        shutil.copy(path, tmp_path / "copy.db")
        (tmp_path / "copy.db").replace(path)
        assert counter.moved()
        pause(engine, paused=False)
        assert counter.moved()


def test_a_file_that_is_gone_is_one_until_it_is_back(engine: Engine, tmp_path: Path) -> None:
    engine.dispose()
    with closing(ChangeCounter(engine)) as counter:
        (tmp_path / "leads.db").rename(tmp_path / "away.db")
        assert [counter.moved(), counter.moved()] == [True, True]
        (tmp_path / "away.db").rename(tmp_path / "leads.db")
        assert [counter.moved(), counter.moved()] == [True, False]


def test_what_could_not_be_heeded_is_said_again(engine: Engine) -> None:
    with closing(ChangeCounter(engine)) as counter:
        counter.moved()
        counter.forget()
        assert counter.moved()


def test_postgresql_is_asked_once_a_second(postgres_url: str) -> None:
    now = [100.0]
    with closing(ChangeCounter(open_engine(postgres_url), clock=lambda: now[0])) as counter:
        assert [counter.moved(), counter.moved()] == [True, False]
        now[0] += POSTGRES_SECONDS
        assert [counter.moved(), counter.moved()] == [True, False]
