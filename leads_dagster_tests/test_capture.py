"""The door `leads_dagster.capture`: what scrapers and scripts hand over, and what that costs them."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from leads_dagster import capture
from leads_dagster.capture import clear_queue, enqueue, enqueue_many, queue_status, retry_failed
from leads_dagster.capture_queue.file_queue import FileQueue
from leads_dagster.capture_queue.items import Leased, Settled
from leads_dagster.errors import CaptureTooLargeError, InvalidLeadError, QueueFullError, SettingsError, StoreError

ADA = {"Full Name": "Ada Lovelace", "E-Mail": "ada@example.com"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder of the test's own."""
    monkeypatch.setenv("LEADS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LEADS_QUEUE_URL", raising=False)
    yield tmp_path / "home"
    monkeypatch.delenv("LEADS_QUEUE_URL", raising=False)
    capture._HERE.queue().close()


def leased(home: Path) -> list[Leased]:
    queue = FileQueue(home / "captures.db")
    try:
        return queue.lease(customer=None)
    finally:
        queue.close()


def bodies(home: Path) -> list[Any]:
    return [json.loads(one.body) for one in leased(home)]


def test_a_lead_is_there_when_the_call_returns(home: Path) -> None:
    given = enqueue(ADA, customer="acme", key="list-7:ada")
    (found,) = leased(home)

    assert (found.id, found.customer, found.key) == (given, "acme", "list-7:ada")
    assert json.loads(found.body) == ADA


def test_the_same_key_is_handed_over_once() -> None:
    assert enqueue(ADA, key="k") == enqueue({"name": "somebody else"}, key="k")
    assert enqueue(ADA) != enqueue(ADA)
    assert queue_status()["queued"] == 3


def test_many_are_handed_over_in_their_order(home: Path) -> None:
    ids = enqueue_many(({"n": number} for number in range(5)), keys=["a", None, "b", "a", None])

    assert ids[0] == ids[3]
    assert len(set(ids)) == 4
    assert [body["n"] for body in bodies(home)] == [0, 1, 2, 4]


def test_of_many_none_is_handed_over_where_one_cannot_be() -> None:
    with pytest.raises(InvalidLeadError) as refused:
        enqueue_many([ADA, {"when": object()}])
    with pytest.raises(InvalidLeadError, match="2 items and 1 keys"):
        enqueue_many([ADA, ADA], keys=["a"])

    assert refused.value.context["position"] == 1
    assert queue_status()["queued"] == 0


def test_values_that_json_does_not_have_become_the_nearest_it_has(home: Path) -> None:
    day = datetime(2026, 2, 15, 10, 30, tzinfo=timezone(timedelta(hours=2)))
    given = {
        "missing": math.nan,
        "endless": -math.inf,
        "price": Decimal("1.10"),
        "when": day,
        "naive": datetime(2026, 2, 15),
        "nested": MappingProxyType({"list": (1, [True, None, {"ö": "😀"}])}),
        "phone": 4915112345678,
    }
    enqueue(MappingProxyType(given))

    assert bodies(home) == [
        {
            "missing": None,
            "endless": None,
            "price": "1.10",
            "when": "2026-02-15T10:30:00+02:00",
            "naive": "2026-02-15T00:00:00+00:00",
            "nested": {"list": [1, [True, None, {"ö": "😀"}]]},
            "phone": 4915112345678,
        }
    ]


def _deep() -> dict[str, Any]:
    data: dict[str, Any] = {}
    for _ in range(1000):
        data = {"in": data}
    return data


@pytest.mark.parametrize(
    "data",
    [
        [ADA],
        "Ada Lovelace",
        None,
        {1: "a number for a name"},
        {"nested": [{None: 1}]},
        {"what": object()},
        {"what": {1, 2}},
        {"text": "\ud800"},
        {"number": 2**70},
        _deep(),
        {"confidence": math.nan},
        {"confidence": 85},
        {"confidence": -0.1},
        {"confidence": True},
    ],
)
def test_what_cannot_be_a_lead_is_refused_and_not_shown(data: Any) -> None:
    with pytest.raises(InvalidLeadError) as refused:
        enqueue(data)

    assert "Ada" not in str(refused.value)
    assert queue_status()["queued"] == 0


@pytest.mark.parametrize("key", ["", "  ", "k" * 257, "\0", "\udfff", 7, b"k"])
def test_what_cannot_be_a_key_is_refused(key: Any) -> None:
    with pytest.raises(InvalidLeadError, match="key"):
        enqueue(ADA, key=key)


def test_a_key_may_be_of_any_script_and_256_characters_long(home: Path) -> None:
    enqueue(ADA, key="名" * 256)

    assert leased(home)[0].key == "名" * 256


@pytest.mark.parametrize(
    "scraped_at",
    [
        "2026-02-15T10:30:00Z",
        "2026-02-15T12:30:00+02:00",
        "2026-02-15T10:30:00",
        1771151400,
        1771151400000,
        datetime(2026, 2, 15, 10, 30),
        datetime(2026, 2, 15, 10, 30, tzinfo=timezone.utc),
    ],
)
def test_a_capture_is_of_the_time_it_was_scraped(home: Path, scraped_at: Any) -> None:
    enqueue({**ADA, "scraped_at": scraped_at})

    assert leased(home)[0].captured_at_ms == 1771151400000


@pytest.mark.parametrize("scraped_at", ["soon", "", None, True, 1e300, -5, "2999-01-01", [1], math.inf])
def test_a_time_that_says_nothing_or_is_to_come_is_now(home: Path, scraped_at: Any) -> None:
    enqueue({**ADA, "scraped_at": scraped_at})
    (found,) = leased(home)

    assert 0 <= found.enqueued_at_ms - found.captured_at_ms < 60_000


def test_limits_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADS_QUEUE_ITEM_BYTES", "100")
    monkeypatch.setenv("LEADS_QUEUE_LIMIT", "2")
    with pytest.raises(CaptureTooLargeError):
        enqueue({"about": "x" * 100})
    enqueue(ADA)
    enqueue(ADA)
    with pytest.raises(QueueFullError):
        enqueue(ADA)

    assert queue_status()["limit"] == 2


def test_another_folder_or_file_is_another_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    enqueue(ADA)
    monkeypatch.setenv("LEADS_HOME", str(tmp_path / "other"))
    assert queue_status()["queued"] == 0
    monkeypatch.setenv("LEADS_QUEUE_URL", f"sqlite:///{tmp_path}/elsewhere.db")
    enqueue(ADA)
    monkeypatch.setenv("LEADS_QUEUE_URL", "sqlite:///near.db")
    monkeypatch.chdir(tmp_path)
    enqueue(ADA)
    enqueue(ADA)
    monkeypatch.setenv("LEADS_QUEUE_URL", "sqlite")
    monkeypatch.setenv("LEADS_HOME", str(home))

    assert queue_status()["queued"] == 1
    assert (tmp_path / "elsewhere.db").is_file()
    assert (tmp_path / "near.db").is_file()


def test_a_wrong_variable_of_the_queue_is_said_and_of_others_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADS_WORKERS", "many")
    enqueue(ADA)
    monkeypatch.setenv("LEADS_QUEUE_URL", "mongodb://user:hunter2@host")
    with pytest.raises(SettingsError, match="LEADS_QUEUE_URL") as wrong:
        enqueue(ADA)

    assert "hunter2" not in str(wrong.value)


def test_status_says_since_when_the_oldest_waits() -> None:
    empty = queue_status()
    enqueue(ADA, customer="acme")
    status = queue_status("acme")

    assert (empty["oldest_at"], empty["oldest_seconds"]) == (None, None)
    assert (status["queued"], status["oldest_at"].tzinfo) == (1, timezone.utc)
    assert 0 <= status["oldest_seconds"] < 60


def test_dead_letters_are_tried_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue(ADA)
    queue = FileQueue(home / "captures.db")
    for attempt in range(3):
        (one,) = queue.lease(customer=None)
        queue.settle([Settled(one.id, one.lease, "failed", "away")])
        queue._clock = lambda attempt=attempt: time.time() + 100 * (attempt + 1)  # type: ignore[misc]
    queue.close()

    assert (queue_status()["dead"], retry_failed(), queue_status()["queued"]) == (1, 1, 1)


def test_clearing_keeps_an_export(tmp_path: Path) -> None:
    enqueue(ADA, key="a")
    enqueue(ADA, customer="acme")
    export = tmp_path / "left.jsonl"

    assert clear_queue("acme", export=export) == 1
    assert clear_queue(export=export) == 1
    assert [json.loads(line)["data"] for line in export.read_text().splitlines()] == [ADA, ADA]
    assert export.stat().st_mode & 0o777 == 0o600
    assert queue_status()["queued"] == 0


def test_without_an_export_nothing_is_cleared(tmp_path: Path) -> None:
    enqueue(ADA)
    with pytest.raises(StoreError, match="cannot be written"):
        clear_queue(export=tmp_path)
    with pytest.raises(StoreError, match="No space left"):
        clear_queue(export="/dev/full")

    assert queue_status()["queued"] == 1


def test_threads_share_the_queue() -> None:
    threads = [threading.Thread(target=lambda: [enqueue(ADA) for _ in range(25)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert queue_status()["queued"] == 200


def test_parent_and_children_of_a_fork_share_the_queue() -> None:
    script = """
import os, sys, threading
from leads_dagster.capture import enqueue, queue_status
enqueue({"name": "before"})
busy = threading.Thread(target=lambda: [enqueue({"name": "beside"}) for _ in range(100)])
busy.start()
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        for _ in range(20):
            enqueue({"name": "child"})
        os._exit(0)
    children.append(child)
busy.join()
print([os.waitpid(child, 0)[1] for child in children], queue_status()["queued"])
"""
    warnings = ["-W", "ignore::DeprecationWarning"]  # Python 3.12 warns of any fork beside threads
    ended = subprocess.run([sys.executable, *warnings, "-c", script], capture_output=True, text=True, check=True)

    assert ended.stdout == "[0, 0, 0] 161\n"


def test_handing_over_imports_next_to_nothing() -> None:
    script = """
import sys
from leads_dagster.capture import enqueue
enqueue({"name": "Ada Lovelace"})
print(*{name.partition(".")[0] for name in sys.modules})
print(*(name for name in sys.modules if name.startswith("leads_dagster.")))
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    libraries, ours = (set(line.split()) for line in ended.stdout.splitlines())

    assert not libraries & {"sqlalchemy", "pandas", "numpy", "dagster", "httpx", "redis", "alembic", "pydantic"}
    assert not {name for name in ours if name.split(".")[1] in ("store", "pipeline", "sources", "mirrors")}
