"""The queue in Redis: the server's clock, a server that dies, goes away, forgets or refuses."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from leads_dagster.capture_queue.items import QueueLimits
from leads_dagster.capture_queue.place import QueuePlace
from leads_dagster.capture_queue.redis_queue import RedisQueue
from leads_dagster.errors import SettingsError, StoreBusyError, StoreError
from leads_dagster_tests.capture_queue.conftest import capture, ends, keys
from leads_dagster_tests.redis_server import start_redis


def test_times_are_the_servers_own(redis_server: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = (RedisQueue(redis_server, prefix=prefix) for _ in range(2))
    monkeypatch.setattr(time, "time_ns", lambda: 1)  # this host is decades behind
    here.put([capture("k")])
    monkeypatch.setattr(time, "time_ns", lambda: 4_000_000_000_000_000_000)
    leased = here.lease(customer="acme", seconds=1.0)
    meanwhile = there.lease(customer="acme")
    time.sleep(1.1)
    (again,) = there.lease(customer="acme")

    assert (keys(leased), meanwhile, again.key) == (["k"], [], "k")
    assert again.enqueued_at_ms > 1_700_000_000_000


def test_the_same_call_again_after_a_lost_answer_changes_nothing(
    redis_server: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leads_dagster.capture_queue import redis_queue

    monkeypatch.setattr(redis_queue, "new_ids", lambda count, now: [f"id{number}" for number in range(count)])
    queue = RedisQueue(redis_server, prefix=prefix)
    batch = [capture("k"), capture(""), capture("k")]

    assert queue.put(batch) == queue.put(batch)
    assert queue.waiting() == {"acme": 2}


def test_nothing_is_left_of_what_is_cleared_or_had_its_time(redis_server: str, prefix: str) -> None:
    from redis import Redis

    now = [1_780_000_000.0]
    queue = RedisQueue(redis_server, QueueLimits(keep_days=1), lambda: now[0], prefix=prefix)
    queue.put([capture("cleared")])
    queue.lease(customer="acme")
    queue.clear("acme")
    queue.put([capture("settled")])
    queue.settle(ends(queue.lease(customer="acme"), "recorded"))
    now[0] += 90_000
    queue.put([capture("last")])
    queue.settle(ends(queue.lease(customer="acme"), "recorded"))
    with Redis.from_url(redis_server) as client:
        left = {key.decode().removeprefix(prefix)[:3] for key in client.scan_iter(f"{prefix}:*")}
        items = list(client.scan_iter(f"{prefix}:b:*")) + list(client.scan_iter(f"{prefix}:m:*"))
        waiting, size = client.get(f"{prefix}:open"), client.get(f"{prefix}:bytes")

    assert left <= {":b:", ":m:", ":z:", ":k:", ":p:", ":s:", ":op", ":by", ":cu"}
    assert len(items) == 2
    assert (waiting, size) == (b"0", str(len(capture().body)).encode())


def test_threads_share_it(redis_server: str, prefix: str) -> None:
    queue = RedisQueue(redis_server, prefix=prefix)
    threads = [threading.Thread(target=lambda: [queue.put([capture()]) for _ in range(25)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert queue.waiting() == {"acme": 200}


def test_a_server_that_keeps_a_log_has_everything_after_it_was_killed(tmp_path: Path) -> None:
    socket = tmp_path / "socket"
    server = start_redis(socket, "--appendonly", "yes", "--appendfsync", "always")
    queue = RedisQueue(f"unix://{socket}")
    queue.put([capture("1"), capture("2")])
    queue.settle(ends(queue.lease(customer="acme", limit=1), "recorded"))
    worries = queue.worries()
    server.kill()
    server.wait()
    with pytest.raises(StoreBusyError, match="cannot be reached"):
        queue.put([capture("3")])
    socket.unlink(missing_ok=True)
    again = start_redis(socket, "--appendonly", "yes", "--appendfsync", "always")
    try:
        kept = keys(queue.lease(customer="acme"))
        known = queue.put([capture("1")])[0]
    finally:
        again.kill()
        again.wait()

    assert (worries, kept, known.is_new) == ([], ["2"], False)


def test_a_server_that_may_forget_is_worth_a_word(tmp_path: Path) -> None:
    socket = tmp_path / "socket"
    server = start_redis(socket, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    try:
        worries = RedisQueue(f"unix://{socket}").worries()
    finally:
        server.kill()
        server.wait()

    assert len(worries) == 2
    assert "appendonly yes" in worries[0]
    assert "noeviction" in worries[1]


def test_what_a_server_threw_away_holds_up_nothing_else(redis_server: str, prefix: str) -> None:
    from redis import Redis

    queue = RedisQueue(redis_server, prefix=prefix)
    gone, _ = queue.put([capture("gone"), capture("there")])
    with Redis.from_url(redis_server) as client:
        client.delete(f"{prefix}:b:{gone.id}")

    assert keys(queue.lease(customer="acme")) == ["there"]
    assert queue.status().queued == 0


def test_a_full_server_refuses_and_says_so(tmp_path: Path) -> None:
    socket = tmp_path / "socket"
    server = start_redis(socket, "--maxmemory", "3mb")
    queue = RedisQueue(f"unix://{socket}")
    try:
        with pytest.raises(StoreError, match="refuses") as full:
            _fill(queue)
    finally:
        server.kill()
        server.wait()

    assert "ada@example.com" not in str(full.value)


def _fill(queue: RedisQueue) -> None:
    for _ in range(100):
        queue.put([capture(body=b'{"secret": "ada@example.com"}' + b" " * 100_000)])


def test_a_server_that_is_not_there_is_transient(tmp_path: Path) -> None:
    with pytest.raises(StoreBusyError, match="LEADS_QUEUE_URL"):
        RedisQueue(f"unix://{tmp_path}/nobody").put([capture()])


def test_a_wrong_password_is_for_a_person_and_not_shown(tmp_path: Path) -> None:
    from redis import Redis

    server = start_redis(tmp_path / "socket")
    try:
        with Redis.from_url(f"unix://{tmp_path}/socket") as client:
            client.config_set("requirepass", "correct")
        with pytest.raises(StoreError, match="does not let us in") as refused:
            RedisQueue(f"unix://:hunter2@{tmp_path}/socket").put([capture()])
    finally:
        server.kill()
        server.wait()

    assert "hunter2" not in str(refused.value)
    assert not refused.value.transient


def test_an_address_of_something_else_is_a_setting_to_mend(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="LEADS_QUEUE_URL"):
        QueuePlace(tmp_path, "http://localhost/").open()


def test_nothing_is_written_on_this_host(tmp_path: Path, redis_server: str) -> None:
    QueuePlace(tmp_path, redis_server).open().waiting()

    assert list(tmp_path.iterdir()) == []
