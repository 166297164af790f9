"""Watching over SQLite and over PostgreSQL, which has no counter of changes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest

from leads_dagster.pipeline import pausing
from leads_dagster.pipeline.watching import Watcher
from leads_dagster.pipeline.watching_sheet import ASKED_FOR, CHANGED
from leads_dagster_tests.pipeline.conftest import Road

ADA = ("Ada Lovelace", "ada@engines.example", "Engines", "Analyst")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Both kinds."""
    return on_both


def test_edits_pauses_and_questions_are_found_on_either(road: Road) -> None:
    road.sync([ADA])
    with closing(Watcher(road.settings)) as watcher:
        assert watcher.watch(1.5) == []
        road.write([ADA, BOB])
        assert [one.why for one in watcher.watch(5)] == [CHANGED]
        road.sync()
        watcher.settle("acme")
        assert watcher.watch(1.5) == []
        with road.open() as ws:
            pausing.pause(ws)
        assert watcher.watch(1.5) == []
        assert watcher.paused
        with road.open() as ws:
            pausing.resume(ws)
        assert [one.why for one in watcher.watch(5)] == [ASKED_FOR]
