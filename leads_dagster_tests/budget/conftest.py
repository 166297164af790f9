"""Budgets in both kinds of books: the file of one host, and a Redis."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from leads_dagster.budget import Budget, Limit, redis_books

MakeBudget = Callable[..., Budget]


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self, now: float = 1_780_000_000.0) -> None:
        self.now = now
        self.slept = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def redis_url(redis_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A Redis in which this test has keys of its own, gone afterwards: the server may be somebody's."""
    from redis import Redis

    prefix = f"{{leads:test:{secrets.token_hex(6)}}}"
    made = functools.partial(redis_books.RedisBooks, prefix=prefix)
    monkeypatch.setattr(redis_books, "RedisBooks", made)
    monkeypatch.setattr(redis_books, "read_redis_books", functools.partial(redis_books.read_redis_books, prefix=prefix))
    yield redis_server
    with Redis.from_url(redis_server) as client:
        for key in client.scan_iter(f"{prefix}:*"):
            client.delete(key)


@pytest.fixture(params=["file", "redis"])
def books_url(request: pytest.FixtureRequest) -> str | None:
    """Where the books are: None for the file."""
    return None if request.param == "file" else str(request.getfixturevalue("redis_url"))


@pytest.fixture
def make_budget(tmp_path: Path, clock: Clock, books_url: str | None) -> Iterator[MakeBudget]:
    """Makes budgets in the test's books and on its clock; each stands for a process of its own."""
    with ExitStack() as stack:

        def made(*limits: Limit, **arguments: Any) -> Budget:
            given = {"url": books_url, "clock": clock, "sleep": clock.sleep, **arguments}
            return stack.enter_context(Budget(tmp_path, limits, **given))

        yield made
