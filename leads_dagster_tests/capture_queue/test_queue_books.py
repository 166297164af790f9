"""What a queue ever took in is somewhere: the books add up through every verb, and say so when an item vanishes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from leads_dagster.capture_queue.items import Ended, QueueBooks, Settled
from leads_dagster.capture_queue.protocol import CaptureQueue
from leads_dagster_tests.capture_queue.conftest import Clock, MakeQueue, capture, ends

DAY = 86_400


def vanish(queue: CaptureQueue, place: str, request: pytest.FixtureRequest, state: int) -> None:
    """An item goes behind the queue's back."""
    if place == "file":
        with sqlite3.connect(request.getfixturevalue("tmp_path") / "captures.db") as file:
            file.execute("DELETE FROM items WHERE seq = (SELECT min(seq) FROM items WHERE state = ?)", (state,))
        file.close()
        return
    from redis import Redis

    url, prefix = (request.getfixturevalue(name) for name in ("redis_server", "prefix"))
    with Redis.from_url(url) as client:
        client.zpopmin(f"{prefix}:z:{state}:acme")


def test_a_queue_that_never_took_anything_in_adds_up(queue: CaptureQueue) -> None:
    assert queue.books("acme") == QueueBooks()


def test_each_capture_is_counted_where_it_is(queue: CaptureQueue) -> None:
    queue.put([capture(key) for key in "abcdefg"])
    queue.put([capture("a"), capture("h", customer="other")])
    first, second, third, fourth = queue.lease(customer="acme", limit=4)
    queue.settle(ends([first], "recorded") + ends([second], "duplicate") + ends([third], "rejected"))
    queue.settle(ends([fourth], "failed"))
    queue.lease(customer="acme", limit=1)

    books = queue.books("acme")

    assert books == QueueBooks(taken=7, waiting=4, recorded=1, duplicates=1, rejected=1)
    assert books.missing == 0
    assert queue.books("other") == QueueBooks(taken=1, waiting=1)


def test_dead_retried_cleared_and_replayed_captures_are_counted_on(make_queue: MakeQueue, clock: Clock) -> None:
    queue = make_queue(attempts=1)
    queue.put([capture(key) for key in "abcd"])
    queue.settle(ends(queue.lease(customer="acme", limit=3), "failed"))
    assert queue.books("acme") == QueueBooks(taken=4, waiting=1, dead=3)
    queue.retry_dead("acme", limit=1)
    queue.settle(ends(queue.lease(customer="acme", limit=1), "recorded"))
    queue.replay("acme", since_ms=0, until_ms=clock.ms + 1)
    assert queue.books("acme") == QueueBooks(taken=4, waiting=2, dead=2)
    assert queue.clear("acme") == 4
    assert queue.books("acme") == QueueBooks(taken=4, cleared=4)


def test_what_is_no_longer_kept_stays_counted(make_queue: MakeQueue, clock: Clock) -> None:
    queue = make_queue(keep_days=1)
    queue.put([capture(key) for key in "abcd"])
    first, second, third = queue.lease(customer="acme", limit=3)
    queue.settle(ends([first, second], "recorded") + ends([third], "rejected"))
    clock.now += 2 * DAY
    queue.settle(ends(queue.lease(customer="acme"), "duplicate"))

    assert queue.books("acme") == QueueBooks(taken=4, recorded=2, duplicates=1, rejected=1)
    assert [one.outcome for one in queue.ended("acme", before_ms=clock.ms + 1)] == ["duplicate"]


@pytest.mark.parametrize("state", [0, 1, 3, 4], ids=["queued", "leased", "dead", "recorded"])
def test_an_item_that_vanishes_is_missing(
    make_queue: MakeQueue, place: str, request: pytest.FixtureRequest, state: int
) -> None:
    queue = make_queue(attempts=1)
    queue.put([capture(key) for key in "abcdefgh"])
    queue.settle(ends(queue.lease(customer="acme", limit=2), "failed"))
    queue.settle(ends(queue.lease(customer="acme", limit=2), "recorded"))
    queue.lease(customer="acme", limit=2)
    assert queue.books("acme").missing == 0

    vanish(queue, place, request, state)

    assert queue.books("acme").missing == 1


def test_settled_captures_are_listed_the_latest_first_before_a_moment(queue: CaptureQueue, clock: Clock) -> None:
    queue.put([capture(key) for key in "abc"])
    started = clock.ms
    for outcome in ("recorded", "duplicate", "rejected"):
        (one,) = queue.lease(customer="acme", limit=1)
        queue.settle([Settled(one.id, one.lease, outcome)])  # type: ignore[arg-type]
        clock.now += 1

    found = queue.ended("acme", before_ms=started + 2_000)

    assert [(one.key, one.outcome, one.at_ms) for one in found] == [
        ("b", "duplicate", started + 1_000), ("a", "recorded", started)
    ]  # fmt: skip
    assert queue.ended("acme", before_ms=started + 9_000, limit=1) == [
        Ended(queue.ended("acme", before_ms=started + 9_000)[0].id, "c", "rejected", started + 2_000)
    ]
    assert queue.ended("other", before_ms=started + 9_000) == []


@pytest.mark.parametrize("place", ["file"])
def test_a_file_of_the_version_before_is_counted_from_what_is_in_it(make_queue: MakeQueue, tmp_path: Path) -> None:
    queue = make_queue()
    queue.put([capture(key) for key in "abc"])
    queue.settle(ends(queue.lease(customer="acme", limit=1), "recorded"))
    queue.close()
    with sqlite3.connect(tmp_path / "captures.db") as file:
        file.execute("DELETE FROM counts WHERE state > 6")
        file.execute("PRAGMA user_version = 1")
    file.close()

    assert make_queue().books("acme") == QueueBooks(taken=3, waiting=2, recorded=1)


@pytest.mark.parametrize("place", ["redis"])
def test_a_redis_of_the_version_before_is_counted_from_what_is_in_it(
    queue: CaptureQueue, redis_server: str, prefix: str
) -> None:
    from redis import Redis

    queue.put([capture(key) for key in "abc"])
    with Redis.from_url(redis_server) as client:
        client.delete(f"{prefix}:s:acme")
    queue.put([capture("d")])

    assert queue.books("acme") == QueueBooks(taken=4, waiting=4)
