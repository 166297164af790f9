"""Who watches the capture queue says what nobody will process, and that it cannot be asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from leads_dagster.capture_queue.file_queue import FileQueue
from leads_dagster.capture_queue.items import NewCapture
from leads_dagster.pipeline.watching import Watcher
from leads_dagster.pipeline.watching_queue import QueueWatcher
from leads_dagster_tests.pipeline.conftest import Road


@pytest.fixture
def watching(road: Road) -> Iterator[QueueWatcher]:
    watcher = Watcher(road.settings)
    queue = QueueWatcher(watcher)
    yield queue
    queue.close()
    watcher.close()


def put(road: Road, *customers: str) -> None:
    queue = FileQueue(road.home / "captures.db")
    queue.put([NewCapture(customer, "", b"{}", 0) for customer in customers])
    queue.close()


def test_without_captures_it_says_so(watching: QueueWatcher) -> None:
    assert watching.watch(0) == []
    assert watching.words() == "No captures wait."


def test_captures_of_customers_that_nobody_named_are_said_and_ask_for_no_run(
    watching: QueueWatcher, road: Road
) -> None:
    put(road, "acmee", "acmee", "acme")
    assert watching.watch(0, busy=["acme"]) == []
    assert watching.words() == (
        "3 captures wait, of customers that are at work, paused or switched off; "
        "2 of them of customers that leads.toml does not name."
    )


def test_captures_of_a_customer_at_work_are_said_without_it(watching: QueueWatcher, road: Road) -> None:
    put(road, "acme")
    watching.watch(0, busy=["acme"])
    assert watching.words().endswith("at work, paused or switched off.")


def test_a_queue_that_cannot_be_asked_is_said(watching: QueueWatcher, road: Road) -> None:
    (road.home / "captures.db").write_bytes(b"this is no database at all" * 400)
    assert watching.watch(0) == []
    assert watching.words().startswith("The capture queue cannot be asked: ")
