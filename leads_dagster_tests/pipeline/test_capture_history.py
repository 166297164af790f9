"""A lead's captures are its history: when, from where, with what confidence, and which changed it."""

from __future__ import annotations

from typing import Any

from leads_dagster.capture_queue.place import open_queue
from leads_dagster.pipeline.history import history
from leads_dagster.pipeline.undo import undo_run
from leads_dagster_tests.pipeline.conftest import Road
from leads_dagster_tests.pipeline.test_capture import ADA, put, work


def captured(road: Road, **more: Any) -> list[dict[str, Any]]:
    with road.open() as ws:
        told = history(ws, "ada@example.com", **more)["entries"]
    return [one for one in told if one["kind"] == "captured"]


def test_each_capture_of_a_lead_is_told_with_what_it_changed(road: Road) -> None:
    put(road, {**ADA, "confidence": 0.93}, keys=["first"])
    work(road, "one")
    put(road, ADA, {**ADA, "Phone": "+1 202 555 0123", "source": "form"}, keys=["same", "phone"])
    work(road, "two")

    by_key = {one["key"]: one for one in captured(road)}

    assert by_key["first"]["told"] == (
        "Captured 2027-01-15 08:00:00 from “conference”, confidence 0.93: it changed this lead."
    )
    assert by_key["same"]["told"] == "Captured 2027-01-15 08:00:00 from “conference”: it said nothing new."
    assert by_key["phone"]["told"] == "Captured 2027-01-15 08:00:00 from “form”: it changed this lead."
    assert (by_key["phone"]["run_id"], by_key["phone"]["source"]) == ("two", "capture")


def test_the_history_of_one_field_tells_no_captures(road: Road) -> None:
    put(road, ADA)
    work(road)

    assert captured(road, field="title") == []


def test_a_run_of_captures_can_be_undone_and_replayed(road: Road) -> None:
    put(road, ADA)
    work(road, "wrong")
    with road.open() as ws:
        undo_run(ws, "wrong", reason="scraped the wrong page")
    assert road.leads() == []

    queue = open_queue(road.settings)
    assert queue.replay("acme", since_ms=0, until_ms=2**42) == 1
    queue.close()

    assert work(road, "again").numbers()["recorded"] == 1
    assert [lead["email"] for lead in road.leads()] == ["ada@example.com"]
