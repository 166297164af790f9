"""What a mirror would not take is said, tried again with growing delay, dies after the limit, and is replayed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from leads_dagster.errors import ConflictError, NotFoundError
from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.mirrors.push import LeadPush, PushOutcome, PushResult
from leads_dagster.pipeline import outbox
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.sandbox import Sandbox
from leads_dagster.store import tables
from leads_dagster.store.engine import writing
from leads_dagster.store.outbox import MAX_ATTEMPTS
from leads_dagster_tests.pipeline.airtable_cases import BOB, JANE, airtable_road, cells, marks
from leads_dagster_tests.pipeline.conftest import Road

TOO_LONG = "x" * 100_001


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def road(tmp_path: Path, one_sandbox: Sandbox) -> Road:
    one_sandbox.reset()
    return airtable_road(tmp_path / "home", one_sandbox)


@pytest.fixture
def sandbox(one_sandbox: Sandbox) -> Sandbox:
    return one_sandbox


def listed(road: Road, **which: Any) -> list[tuple[Any, ...]]:
    with road.open() as ws:
        found = outbox.list_(ws, **which)
    return [(one["lead"], one["mirror"], one["status"], one["attempt_count"]) for one in found]


def retry(road: Road, *leads: str) -> dict[str, Any]:
    with road.open() as ws:
        return outbox.retry(ws, leads or None)


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Airtable takes no lead, for a reason that may pass."""

    def push(_: AirtableMirror, changes: list[LeadPush]) -> PushResult:
        return PushResult(tuple(PushOutcome(one.lead_id, "failed", error="not now") for one in changes))

    monkeypatch.setattr(AirtableMirror, "push", push)
    return monkeypatch


def test_nothing_waits_where_the_mirrors_heard_of_all(road: Road) -> None:
    road.sync([JANE, BOB])

    assert listed(road) == []
    assert retry(road)["retried"] == 0


def test_a_lead_that_fails_is_tried_again_with_growing_delay_and_dies_after_the_limit(
    road: Road, refusing: pytest.MonkeyPatch
) -> None:
    road.sync([JANE])
    delays = []
    for _ in range(MAX_ATTEMPTS - 1):
        (mark,) = [row for row in road.all("sync_status") if row["mirror"] == "airtable"]
        delays.append((mark["next_attempt_at"] - mark["last_attempt"]).total_seconds())
        assert (mark["status"], mark["error_message"], mark["operation"]) == ("failed", "not now", "create")
        with road.open() as ws:
            with writing(ws.engine) as connection:
                due = {"next_attempt_at": ws.now() - timedelta(seconds=1)}
                connection.execute(tables.sync_status.update().values(due))
            run_cycle(ws)

    assert delays == [2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert listed(road) == [("Jane Doe", "airtable", "dead", MAX_ATTEMPTS)]


def test_a_dead_lead_is_not_tried_again_by_itself_and_lands_when_it_is_replayed(
    road: Road, sandbox: Sandbox, refusing: pytest.MonkeyPatch
) -> None:
    road.sync([JANE, BOB])
    with road.open() as ws, writing(ws.engine) as connection:
        mine = tables.sync_status.c.mirror == "airtable"
        connection.execute(tables.sync_status.update().where(mine).values(status="dead"))
    refusing.undo()
    assert road.sync().status == "unchanged"
    done = retry(road, "jane@acme.example")

    assert (done["retried"], done["mirrors"]["airtable"], done["left"]) == (1, "heard of 1 leads", [])
    assert cells(sandbox, "Name") == [("Jane Doe",)]
    assert retry(road)["retried"] == 1
    assert cells(sandbox, "Name") == [("Bob Stone",), ("Jane Doe",)]


def test_a_dead_lead_that_changes_is_tried_again(road: Road, sandbox: Sandbox) -> None:
    road.sync([(*JANE[:3], TOO_LONG), BOB])
    dead = listed(road)
    road.sync([JANE, BOB])

    assert dead == [("Jane Doe", "airtable", "dead", 1)]
    assert cells(sandbox, "Title") == [("CEO",), ("CTO",)]
    assert marks(road, "status", "error_message") == [("success", None)] * 2


def test_one_that_is_refused_again_is_said_again(road: Road) -> None:
    road.sync([(*JANE[:3], TOO_LONG)])
    done = retry(road)

    assert done["mirrors"]["airtable"] == "heard of 1 leads, 1 refused"
    assert [(one["status"], one["attempt_count"]) for one in done["left"]] == [("dead", 1)]
    assert '"Title" cannot accept' in done["left"][0]["error_message"]


def test_leads_that_nobody_refused_or_knows_are_not_retried(road: Road) -> None:
    road.sync([JANE])

    with pytest.raises(ConflictError, match="No mirror refused"):
        retry(road, "jane@acme.example")
    with pytest.raises(NotFoundError, match="no such lead"):
        retry(road, "nobody@acme.example")


def test_one_mirror_can_be_listed_alone(road: Road) -> None:
    road.sync([(*JANE[:3], TOO_LONG)])

    assert listed(road, mirror="crm") == []
    assert len(listed(road, mirror="airtable")) == 1
