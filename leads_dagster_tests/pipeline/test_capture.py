"""From the capture queue into the store: each item ends once, in one way, whatever happens in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from leads_dagster.capture_queue.items import NewCapture
from leads_dagster.capture_queue.place import open_queue
from leads_dagster.errors import StoreBusyError
from leads_dagster.pipeline import capture
from leads_dagster.pipeline.capture import Processed, process
from leads_dagster.pipeline.checks import queue_flows
from leads_dagster.store import tables
from leads_dagster_tests.pipeline.conftest import Road

ADA = {"Name": "Ada Lovelace", "E-Mail": "ada@example.com", "Company": "Acme", "source": "conference"}
AT_MS = 1_800_000_000_000


def put(road: Road, *said: Any, keys: list[str] | None = None, customer: str = "acme") -> None:
    queue = open_queue(road.settings)
    names = keys or [f"k{number}" for number in range(len(said))]
    bodies = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in said]
    queue.put([NewCapture(customer, key, body, AT_MS) for key, body in zip(names, bodies, strict=True)])
    queue.close()


def work(road: Road, run_id: str = "run", limit: int | None = None) -> Processed:
    with road.open() as ws:
        return process(ws, run_id=run_id, limit=limit)


def ends(road: Road) -> dict[str, int]:
    return {name: number for name, number in work(road).numbers().items() if number}


def status(road: Road) -> dict[str, Any]:
    with road.open() as ws:
        found = capture.queue_status(ws)
    assert found is not None
    return found


def test_a_capture_becomes_a_lead_with_its_history(road: Road) -> None:
    put(road, {**ADA, "confidence": 0.9})
    assert ends(road) == {"recorded": 1}
    (lead,) = road.leads()
    assert (lead["full_name"], lead["email"], lead["source"]) == ("Ada Lovelace", "ada@example.com", "conference")
    (booked,) = road.all("captures")
    assert (booked["outcome"], booked["lead_id"], booked["changed_lead"]) == ("recorded", lead["id"], True)
    assert (booked["origin"], booked["confidence"]) == ("conference", 0.9)
    assert booked["captured_at"].timestamp() * 1000 == AT_MS


def test_a_capture_joins_the_lead_of_the_sheet_and_never_overwrites_a_person(road: Road) -> None:
    road.sync([["Ada Lovelace", "ada@example.com", "Analytical Engines", "Countess"]])
    put(road, {**ADA, "Title": "Intern", "Phone": "+1 212 555 0100"})
    assert ends(road) == {"recorded": 1}
    (lead,) = road.leads()
    assert (lead["company"], lead["title"], lead["phone"]) == ("Analytical Engines", "Countess", "+12125550100")


def test_a_capture_that_adds_nothing_is_a_duplicate(road: Road) -> None:
    put(road, ADA)
    put(road, ADA, keys=["another"])
    assert ends(road) == {"recorded": 1, "duplicates": 1}
    assert len(road.leads()) == 1
    assert [one["changed_lead"] for one in road.all("captures")].count(False) == 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({**ADA, "confidence": 0.5}, "confidence"),
        ({"Notes": "nobody"}, "name"),
        (b"[1, 2]", "no JSON object"),
        (b"{broken", "no JSON"),
        ({}, "empty"),
    ],
    ids=["unsure", "nobody", "a list", "broken", "empty"],
)
def test_what_cannot_be_recorded_is_rejected_with_its_reason(road: Road, said: Any, why: str) -> None:
    put(road, said, ADA)
    assert ends(road) == {"recorded": 1, "rejected": 1}
    (rejected,) = road.all("captures", tables.captures.c.outcome == "rejected")
    assert why in rejected["reason"].lower() or why in rejected["reason"]
    assert len(road.leads()) == 1


def test_criteria_are_the_customers_own(make_road: Callable[..., Road]) -> None:
    road = make_road('[customers.capture]\nmin_confidence = 0.3\nallowed_sources = ["Conference"]\n')
    put(road, {**ADA, "confidence": 0.5}, {**ADA, "source": "elsewhere", "E-Mail": "eve@example.com"})
    assert ends(road) == {"recorded": 1, "rejected": 1}


def test_captures_of_a_customer_who_takes_none_stay_in_the_queue(make_road: Callable[..., Road]) -> None:
    road = make_road("[customers.capture]\nenabled = false\n")
    put(road, ADA)
    result = road.sync([["Grace Hopper", "grace@example.com", "Navy", ""]])
    assert result.rows.created == 1
    assert status(road)["queued"] == 1


def test_a_cycle_takes_in_what_waits_and_tells_the_mirrors(road: Road) -> None:
    road.sync([["Grace Hopper", "grace@example.com", "Navy", ""]])
    put(road, ADA)
    road.sync()
    assert sorted(row["full_name"] for row in road.crm()) == ["Ada Lovelace", "Grace Hopper"]


def test_an_item_that_comes_again_after_a_crash_has_no_second_effect(road: Road, monkeypatch: Any) -> None:
    put(road, ADA)
    with monkeypatch.context() as patched:
        patched.setattr("leads_dagster.capture_queue.file_queue.FileQueue.settle", _die)
        patched.setattr(capture, "LEASE_SECONDS", 0.001)
        with pytest.raises(KeyboardInterrupt):
            work(road)
    history = road.all("lead_history")
    assert ends(road) == {"recorded": 1}, "what came of it is what came of it the first time"
    assert road.all("lead_history") == history
    assert status(road)["queued"] == 0


def _die(*_: object) -> int:
    raise KeyboardInterrupt


def test_what_spoils_a_batch_fails_alone_and_is_dead_after_three_attempts(
    make_road: Callable[..., Road], monkeypatch: Any
) -> None:
    road = make_road(environ={"LEADS_QUEUE_RETRY_SECONDS": "0"})
    real = capture.take_in

    def poisoned(connection: Any, policy: Any, arrivals: Any, **named: Any) -> Any:
        if any(one.key == "k3" for one in arrivals):
            raise ValueError("poison")
        return real(connection, policy, arrivals, **named)

    monkeypatch.setattr(capture, "take_in", poisoned)
    people = [{**ADA, "Name": f"Person {letter}", "E-Mail": f"{letter}@example.com"} for letter in "abcdefg"]
    put(road, *people)
    total = Processed()
    for _ in range(3):
        total.add(work(road))
    assert (total.ends["recorded"], total.ends["failed"]) == (6, 3)
    assert (status(road)["dead"], status(road)["queued"]) == (1, 0)
    queue = open_queue(road.settings)
    (dead,) = queue.dead("acme")
    queue.close()
    assert dead.reason == "It cannot be processed: ValueError."
    with road.open() as ws:
        assert not queue_flows(ws, run_id="x").passed


def test_a_database_that_is_busy_gives_the_items_back(road: Road, monkeypatch: Any) -> None:
    put(road, ADA)

    def busy(*_: Any, **__: Any) -> Any:
        raise StoreBusyError("The database is busy.")

    with monkeypatch.context() as patched:
        patched.setattr(capture, "take_in", busy)
        patched.setattr(capture, "LEASE_SECONDS", 0.001)
        with pytest.raises(StoreBusyError):
            work(road)
    assert ends(road) == {"recorded": 1}


def test_a_replay_does_nothing_twice_and_mends_what_was_taken_back(road: Road) -> None:
    put(road, ADA)
    work(road)
    queue = open_queue(road.settings)
    assert queue.replay("acme", since_ms=0, until_ms=AT_MS * 2) == 1
    queue.close()
    history = road.all("lead_history")
    assert ends(road) == {"recorded": 1}
    assert road.all("lead_history") == history


def test_no_more_is_processed_than_asked_for(road: Road) -> None:
    put(road, *({**ADA, "Name": f"Person {letter}", "E-Mail": f"{letter}@example.com"} for letter in "abcde"))
    assert work(road, limit=2).numbers() == {
        "recorded": 2, "duplicates": 0, "rejected": 0, "failed": 0, "remaining": 3,
    }  # fmt: skip


def test_every_item_ends_in_one_state_and_the_sum_is_that_of_the_items(road: Road) -> None:
    put(road, ADA, {**ADA, "confidence": 0.1}, b"nonsense", {**ADA, "Phone": "+12125550100"}, ADA)
    done = work(road, limit=4)
    found = status(road)
    states = ("queued", "leased", "delayed", "dead", "recorded", "duplicates", "rejected")
    assert sum(found[name] for name in states) == 5
    assert done.total == 4


def test_two_captures_of_one_person_in_one_batch_are_one_lead(road: Road) -> None:
    put(road, ADA, {**ADA, "Title": "Countess"}, {"Name": "Grace Hopper", "email": "grace@example.com"})
    assert ends(road) == {"recorded": 3}
    assert [(lead["full_name"], lead["title"]) for lead in road.leads()] == [
        ("Ada Lovelace", "Countess"), ("Grace Hopper", None),
    ]  # fmt: skip
