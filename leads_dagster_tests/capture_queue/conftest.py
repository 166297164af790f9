"""The capture queue in both places: a file, and a Redis."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from leads_dagster.capture_queue.file_queue import FileQueue
from leads_dagster.capture_queue.items import Leased, NewCapture, Outcome, QueueLimits, Settled
from leads_dagster.capture_queue.protocol import CaptureQueue
from leads_dagster.capture_queue.redis_queue import RedisQueue

MakeQueue = Callable[..., CaptureQueue]
START = 1_780_000_000.0


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    @property
    def ms(self) -> int:
        return int(self.now * 1000)


def capture(key: str = "", *, customer: str = "acme", body: bytes = b'{"full_name": "Ada Lovelace"}') -> NewCapture:
    return NewCapture(customer, key, body, 1_700_000_000_000)


def ends(leased: list[Leased], outcome: Outcome, reason: str = "") -> list[Settled]:
    return [Settled(one.id, one.lease, outcome, reason) for one in leased]


def keys(leased: list[Leased]) -> list[str]:
    return [one.key for one in leased]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def prefix(redis_server: str) -> Iterator[str]:
    """Of keys that only this test has, gone afterwards: the server may be somebody's."""
    from redis import Redis

    made = f"{{leads:test:{secrets.token_hex(6)}}}"
    yield made
    with Redis.from_url(redis_server) as client:
        for key in client.scan_iter(f"{made}:*", count=1000):
            client.delete(key)


@pytest.fixture(params=["file", "redis"])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make_queue(request: pytest.FixtureRequest, place: str, tmp_path: Path, clock: Clock) -> Iterator[MakeQueue]:
    """Makes queues in one place and on the test's clock; each stands for a process of its own."""
    with ExitStack() as stack:

        def made(**limits: Any) -> CaptureQueue:
            queue: CaptureQueue
            if place == "file":
                queue = FileQueue(tmp_path / "captures.db", QueueLimits(**limits), clock)
            else:
                url, prefix = (request.getfixturevalue(name) for name in ("redis_server", "prefix"))
                queue = RedisQueue(url, QueueLimits(**limits), clock, prefix=prefix)
            stack.callback(queue.close)
            return queue

        yield made


@pytest.fixture
def queue(make_queue: MakeQueue) -> CaptureQueue:
    return make_queue()
