"""What both kinds of queue promise."""

from __future__ import annotations

import json

import pytest

from leads_dagster.capture_queue.items import LOST_LEASES, SUSPECT, Leased, NewCapture, Settled
from leads_dagster.capture_queue.protocol import CaptureQueue
from leads_dagster.errors import CaptureTooLargeError, InvalidLeadError, QueueFullError
from leads_dagster_tests.capture_queue.conftest import START, Clock, MakeQueue, capture, ends, keys


def test_what_was_put_in_comes_out_whole(queue: CaptureQueue, clock: Clock) -> None:
    body = '{"name": "Zoë \u0000 名前 😀", "tags": ["a", {"b": [1, null, true]}]}'.encode()
    (receipt,) = queue.put([NewCapture("acme", "schlüssel 🔑", body, 1_700_000_000_123)])
    (leased,) = queue.lease(customer="acme")

    assert receipt.is_new
    assert leased == Leased(
        receipt.id, "acme", "schlüssel 🔑", body, 1_700_000_000_123, int(START * 1000), 1, leased.lease
    )


def test_ids_sort_as_items_came_in(queue: CaptureQueue, clock: Clock) -> None:
    ids = [receipt.id for receipt in queue.put([capture() for _ in range(50)])]
    clock.now += 1
    ids += [receipt.id for receipt in queue.put([capture()])]

    assert sorted(set(ids)) == ids
    assert [one.id for one in queue.lease(customer="acme")] == ids


def test_a_key_is_put_in_once(queue: CaptureQueue) -> None:
    first, same = queue.put([capture("k"), capture("k", body=b'{"full_name": "Grace Hopper"}')])
    (again,) = queue.put([capture("k")])
    (elsewhere,) = queue.put([capture("k", customer="other")])

    assert (first.is_new, same.is_new, again.is_new, elsewhere.is_new) == (True, False, False, True)
    assert first.id == same.id == again.id
    assert [one.body for one in queue.lease(customer="acme")] == [capture().body]


def test_a_key_is_known_after_it_was_settled_too(queue: CaptureQueue) -> None:
    (first,) = queue.put([capture("k")])
    queue.settle(ends(queue.lease(customer="acme"), "recorded"))
    (again,) = queue.put([capture("k")])

    assert (again.id, again.is_new) == (first.id, False)
    assert queue.waiting() == {}


def test_items_without_a_key_are_each_their_own(queue: CaptureQueue) -> None:
    receipts = queue.put([capture(), capture()])
    leased = queue.lease(customer="acme")

    assert keys(leased) == [receipt.id for receipt in receipts]
    assert len(set(keys(leased))) == 2


def test_nothing_to_put_is_nothing(queue: CaptureQueue) -> None:
    assert queue.put([]) == []


def test_customers_are_leased_apart_and_together(queue: CaptureQueue, clock: Clock) -> None:
    for key, customer in (("1", "a"), ("2", "b"), ("3", "a")):
        queue.put([capture(key, customer=customer)])
        clock.now += 0.01

    assert queue.waiting() == {"a": 2, "b": 1}
    assert keys(queue.lease(customer="b")) == ["2"]
    assert keys(queue.lease(customer="c")) == []
    assert keys(queue.lease(customer=None)) == ["1", "3"]
    assert queue.waiting() == {}


def test_the_longest_waiting_go_first_and_no_more_than_asked_for(queue: CaptureQueue) -> None:
    queue.put([capture(str(number)) for number in range(5)])

    assert keys(queue.lease(customer="acme", limit=2)) == ["0", "1"]
    assert keys(queue.lease(customer="acme", limit=2)) == ["2", "3"]


def test_a_lease_is_nobody_elses_until_it_ends(queue: CaptureQueue, make_queue: MakeQueue, clock: Clock) -> None:
    queue.put([capture("k")])
    (lost,) = queue.lease(customer="acme", seconds=60)
    other = make_queue()
    clock.now += 59
    before = other.lease(customer="acme")
    clock.now += 2
    due, (taken,) = other.waiting(), other.lease(customer="acme")

    assert before == []
    assert due == {"acme": 1}
    assert (taken.key, taken.attempt, taken.lease != lost.lease) == ("k", 1, True)
    assert queue.settle(ends([lost], "recorded")) == 0
    assert other.settle(ends([taken], "recorded")) == 1
    assert other.settle(ends([taken], "recorded")) == 0


def test_a_lease_that_ended_and_that_nobody_took_still_settles(queue: CaptureQueue, clock: Clock) -> None:
    queue.put([capture("k")])
    leased = queue.lease(customer="acme", seconds=1)
    clock.now += 100

    assert queue.settle(ends(leased, "recorded")) == 1
    assert queue.waiting() == {}


def test_a_lease_can_be_made_longer(queue: CaptureQueue, clock: Clock) -> None:
    queue.put([capture("k")])
    leased = queue.lease(customer="acme", seconds=10)
    clock.now += 9
    extended = queue.extend(leased, seconds=10)
    clock.now += 9

    assert extended == 1
    assert queue.lease(customer="acme") == []


def test_what_is_given_back_is_due_at_once_and_first(queue: CaptureQueue, clock: Clock) -> None:
    queue.put([capture("1"), capture("2")])
    leased = queue.lease(customer="acme", limit=1)
    clock.now += 5
    queue.put([capture("3")])

    assert queue.extend(leased, seconds=0) == 1
    assert queue.extend(leased, seconds=0) == 0
    assert queue.settle(ends(leased, "recorded")) == 0
    assert keys(queue.lease(customer="acme")) == ["1", "2", "3"]


def test_a_lease_of_another_place_settles_nothing(queue: CaptureQueue) -> None:
    wrong = ["", "x", "1.x", "9" * 40 + ".y", "²", "no:lease"]

    assert queue.settle([Settled("id", lease, "recorded") for lease in wrong]) == 0


def test_a_failure_comes_back_later_and_each_time_later_still(queue: CaptureQueue, clock: Clock) -> None:
    queue.put([capture("k")])
    attempts = []
    for delay in (5, 30):
        leased = queue.lease(customer="acme")
        attempts.append(leased[0].attempt)
        queue.settle(ends(leased, "failed", "the database was away"))
        clock.now += delay - 1
        assert queue.lease(customer="acme") == []
        assert queue.status("acme").delayed == 1
        clock.now += 2
        assert queue.waiting() == {"acme": 1}
    queue.settle(ends(queue.lease(customer="acme"), "failed", "no use"))
    (dead,) = queue.dead("acme")

    assert attempts == [1, 2]
    assert (dead.key, dead.attempts, dead.reason, dead.body) == ("k", 3, "no use", capture().body)
    assert dead.died_at_ms == clock.ms
    assert queue.waiting() == {}


def test_a_failure_waits_behind_what_came_meanwhile(queue: CaptureQueue, clock: Clock) -> None:
    queue.put([capture("bad")])
    queue.settle(ends(queue.lease(customer="acme"), "failed"))
    queue.put([capture("good")])
    clock.now += 10
    queue.put([capture("late")])

    assert keys(queue.lease(customer="acme")) == ["good", "bad", "late"]


def test_attempts_and_delays_can_be_set(make_queue: MakeQueue, clock: Clock) -> None:
    queue = make_queue(attempts=2, retry_seconds=0)
    queue.put([capture("k")])
    for _ in range(2):
        queue.settle(ends(queue.lease(customer="acme"), "failed"))

    assert queue.status().dead == 1


def test_the_dead_are_tried_again_from_the_start(make_queue: MakeQueue, clock: Clock) -> None:
    queue = make_queue(attempts=1)
    for key in "abc":
        queue.put([capture(key)])
        queue.settle(ends(queue.lease(customer="acme"), "failed", "no"))
        clock.now += 1
    queue.put([capture("z", customer="other")])

    assert [item.key for item in queue.dead(None, limit=2)] == ["a", "b"]
    assert queue.retry_dead("other") == 0
    assert queue.retry_dead("acme", limit=2) == 2
    assert [(one.key, one.attempt) for one in queue.lease(customer="acme")] == [("a", 1), ("b", 1)]
    assert queue.retry_dead(None) == 1


def test_what_kills_its_workers_is_leased_alone_and_then_dies(queue: CaptureQueue, clock: Clock) -> None:
    queue.put([capture(key) for key in ("killer", "innocent")])
    sizes = []
    for _ in range(SUSPECT + 1):
        sizes.append(len(queue.lease(customer="acme", seconds=1)))
        clock.now += 2
    queue.settle(ends([one for one in _all(queue) if one.key == "innocent"], "recorded"))
    for _ in range(LOST_LEASES):
        clock.now += 5000
        queue.lease(customer="acme", seconds=1)
    (dead,) = queue.dead("acme")

    assert sizes == [2, 2, 2, 1]
    assert (dead.key, queue.status().recorded) == ("killer", 1)
    assert "workers died" in dead.reason


def _all(queue: CaptureQueue) -> list[Leased]:
    leased: list[Leased] = []
    while more := queue.lease(customer=None):
        leased += more
    return leased


def test_what_was_settled_can_be_replayed(queue: CaptureQueue, clock: Clock) -> None:
    times = []
    for key, outcome in (("1", "recorded"), ("2", "duplicate"), ("3", "rejected"), ("4", "recorded")):
        queue.put([capture(key)])
        queue.settle(ends(queue.lease(customer="acme"), outcome))  # type: ignore[arg-type]
        times.append(clock.ms)
        clock.now += 1

    assert queue.replay("other", since_ms=0, until_ms=2**50) == 0
    assert queue.replay("acme", since_ms=times[1], until_ms=times[3]) == 2
    assert keys(queue.lease(customer="acme")) == ["2", "3"]
    assert queue.replay(None, since_ms=0, until_ms=2**50) == 2
    status = queue.status()
    assert (status.queued, status.leased, status.recorded, status.duplicates, status.rejected) == (2, 2, 0, 0, 0)


def test_what_is_settled_is_forgotten_when_it_had_its_time(make_queue: MakeQueue, clock: Clock) -> None:
    queue = make_queue(keep_days=1)
    queue.put([capture("old")])
    queue.settle(ends(queue.lease(customer="acme"), "recorded"))
    clock.now += 86_400 + 1
    queue.put([capture("new")])
    queue.settle(ends(queue.lease(customer="acme"), "recorded"))
    (again,) = queue.put([capture("old")])

    assert again.is_new
    assert queue.status().recorded == 1


def test_status_counts_everything_once(queue: CaptureQueue, clock: Clock) -> None:
    queue.put([capture(str(number)) for number in range(7)] + [capture("x", customer="other")])
    leased = queue.lease(customer="acme", limit=4)
    queue.settle(ends(leased[:1], "recorded") + ends(leased[1:2], "rejected", "no") + ends(leased[2:3], "failed", "x"))
    status, all_of_it = queue.status("acme"), queue.status()

    assert (status.queued, status.leased, status.delayed, status.dead) == (3, 1, 1, 0)
    assert (status.recorded, status.duplicates, status.rejected) == (1, 0, 1)
    assert (status.enqueued_a_minute, status.settled_a_minute) == (7, 2)
    assert status.oldest_at_ms == clock.ms
    assert (all_of_it.queued, all_of_it.enqueued_a_minute, all_of_it.limit) == (4, 8, 2_000_000)
    assert all_of_it.bytes > 0
    clock.now += 120
    later = queue.status("acme")
    assert (later.queued, later.leased, later.delayed, later.enqueued_a_minute) == (5, 0, 0, 0)


def test_of_an_empty_queue_there_is_a_status(queue: CaptureQueue) -> None:
    status = queue.status("nobody")

    assert (status.queued, status.oldest_at_ms, status.limit) == (0, None, 2_000_000)
    assert (queue.waiting(), queue.dead("nobody"), queue.lease(customer="nobody")) == ({}, [], [])


def test_a_full_queue_says_so_and_takes_nothing(make_queue: MakeQueue) -> None:
    queue = make_queue(waiting=3)
    queue.put([capture("1"), capture("2")])
    with pytest.raises(QueueFullError, match="2 of 3 items wait") as full:
        queue.put([capture("3"), capture("4")])
    taken = queue.put([capture("1"), capture("3"), capture("2")])

    assert (full.value.http_status, full.value.transient) == (429, True)
    assert (full.value.context["waiting"], full.value.context["limit"]) == (2, 3)
    assert [receipt.is_new for receipt in taken] == [False, True, False]
    with pytest.raises(QueueFullError):
        queue.put([capture("4")])
    queue.settle(ends(queue.lease(customer="acme", limit=1), "recorded"))
    assert queue.put([capture("4")])[0].is_new


def test_one_too_large_lets_none_of_its_batch_in(make_queue: MakeQueue) -> None:
    queue = make_queue(item_bytes=100)
    with pytest.raises(CaptureTooLargeError, match="101 bytes") as refused:
        queue.put([capture("1"), capture("2", body=b"x" * 101)])

    assert refused.value.http_status == 413
    assert queue.status().queued == 0


@pytest.mark.parametrize("key", ["k" * 257, "a\0b", "\ud800"])
def test_what_cannot_be_a_key_is_refused(queue: CaptureQueue, key: str) -> None:
    with pytest.raises(InvalidLeadError):
        queue.put([capture("fine"), capture(key)])

    assert queue.waiting() == {}


def test_a_large_item_is_kept_whole(queue: CaptureQueue) -> None:
    body = json.dumps({"about": "é" * 400_000}, ensure_ascii=False).encode()
    queue.put([capture("k", body=body)])

    assert queue.lease(customer="acme")[0].body == body


def test_an_export_has_what_is_not_settled(queue: CaptureQueue, clock: Clock) -> None:
    queue.put([capture(str(number)) for number in range(4)] + [capture("x", customer="other")])
    leased = queue.lease(customer="acme", limit=3)
    queue.settle(ends(leased[:1], "recorded") + ends(leased[1:2], "failed", "why"))
    lines = [json.loads(line) for line in queue.export("acme")]
    found = {line["key"]: line for line in lines}

    assert {key: line["state"] for key, line in found.items()} == {"1": "delayed", "2": "leased", "3": "queued"}
    assert found["1"]["reason"] == "why"
    assert found["1"]["attempts"] == 1
    assert found["2"]["data"] == {"full_name": "Ada Lovelace"}
    assert found["2"]["captured_at"] == "2023-11-14T22:13:20.000+00:00"
    assert len(list(queue.export(None))) == 4


def test_clearing_keeps_what_is_settled_and_exports_first(queue: CaptureQueue) -> None:
    queue.put([capture(str(number)) for number in range(1200)] + [capture("x", customer="other")])
    queue.settle(ends(queue.lease(customer="acme", limit=1), "recorded"))
    queue.lease(customer="acme", limit=1)
    exported: list[bytes] = []
    cleared = queue.clear("acme", export=exported.append)
    status = queue.status("acme")

    assert cleared == len(b"".join(exported).splitlines()) == 1199
    assert (status.queued, status.leased, status.recorded) == (0, 0, 1)
    assert queue.waiting() == {"other": 1}
    assert queue.put([capture("5")])[0].is_new
    assert queue.clear(None) == 2


def test_what_cannot_be_exported_stays(queue: CaptureQueue) -> None:
    queue.put([capture("k")])

    def full(lines: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(Exception, match="No space left"):
        queue.clear("acme", export=full)
    assert queue.waiting() == {"acme": 1}


def test_a_clock_that_was_set_back_holds_nothing_up(queue: CaptureQueue, clock: Clock) -> None:
    queue.put([capture(key) for key in "abc"])
    queue.lease(customer="acme", limit=1)
    queue.settle(ends(queue.lease(customer="acme", limit=1), "failed"))
    clock.now -= 86_400

    assert queue.waiting() == {"acme": 3}
    assert sorted(keys(queue.lease(customer="acme"))) == ["a", "b", "c"]


def test_a_closed_queue_opens_again_when_it_is_used(queue: CaptureQueue) -> None:
    queue.put([capture("k")])
    queue.close()

    assert queue.waiting() == {"acme": 1}


def test_thousands_at_once_are_told_apart_by_customer_and_key(queue: CaptureQueue) -> None:
    queue.put([capture("known"), capture("k7", customer="other")])
    many = [capture(f"k{number % 1_500}") for number in range(1_700)]
    mixed = [*many, capture(), capture(), capture("k7", customer="other"), capture("known")]

    receipts = queue.put(mixed)

    assert [one.is_new for one in receipts] == [True] * 1_500 + [False] * 200 + [True, True, False, False]
    assert receipts[1_500].id == receipts[0].id
    assert receipts[-4].id != receipts[-3].id
    assert queue.waiting() == {"acme": 1_503, "other": 1}
