"""A token, base or table that Airtable refuses is asked for more and more seldom, and at once when it is another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from leads_dagster.errors import CredentialsError, TargetMissingError
from leads_dagster.mirrors.budget import Limit
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.result import SyncResult
from leads_dagster.pipeline.status import status
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.sandbox import Sandbox
from leads_dagster.sandbox.bases_file import DEFAULT_BASES, read_bases_file
from leads_dagster_tests.pipeline.airtable_cases import JANE, airtable_road, airtable_toml, cells
from leads_dagster_tests.pipeline.conftest import HEADER, Road

MakeRoad = Callable[..., Road]
WRONG = airtable_toml(table="Leeds")


@pytest.fixture(autouse=True)
def without_a_monthly_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leads_dagster.budget.place.airtable_limits", lambda *_, **__: (Limit("all", 1000),))


@pytest.fixture
def road(tmp_path: Path, sandbox: Sandbox) -> Road:
    """A customer whose table is not there."""
    made = airtable_road(tmp_path / "home", sandbox, toml=WRONG)
    made.write([JANE], HEADER)
    return made


def by_itself(road: Road, *, after: float = 0) -> SyncResult:
    """A cycle that nobody asked for, so many seconds from now."""
    real = Workspace.now
    with road.open() as ws, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workspace, "now", lambda ws: real(ws) + timedelta(seconds=after))
        ws.paced = True
        return run_cycle(ws)


def standing(road: Road) -> dict[str, Any]:
    with road.open() as ws:
        found: dict[str, Any] = status(ws)["airtable"]
    return found


def test_a_table_that_is_missing_is_not_asked_for_in_each_cycle(road: Road, sandbox: Sandbox) -> None:
    with pytest.raises(TargetMissingError):
        by_itself(road)
    asked = sandbox.requests.total

    assert by_itself(road).status == "unchanged"
    assert sandbox.requests.total == asked
    found = standing(road)
    assert (found["state"], found["refused_times"]) == ("unreachable", 1)
    assert 'has no table "Leeds"' in found["error"]


def test_it_is_asked_for_after_twice_as_long_each_time_up_to_a_quarter_of_an_hour(road: Road, sandbox: Sandbox) -> None:
    waits, after = [], 0.0
    for _ in range(8):
        with pytest.raises(TargetMissingError):
            by_itself(road, after=after)
        refusal = max(road.all("airtable_refusals"), key=lambda one: int(one["tries"]))
        waits.append((refusal["ask_at"] - refusal["refused_at"]).total_seconds())
        after += waits[-1] + 1

    assert waits == [15, 30, 60, 120, 240, 480, 900, 900]


def test_a_refused_table_costs_one_call_a_look(road: Road, sandbox: Sandbox) -> None:
    before = sandbox.requests.total
    with pytest.raises(TargetMissingError):
        by_itself(road)

    assert sandbox.requests.total - before == 1


def test_what_the_sheet_says_meanwhile_is_taken_in_and_the_refusal_said_again_without_a_call(
    road: Road, sandbox: Sandbox
) -> None:
    with pytest.raises(TargetMissingError):
        by_itself(road)
    asked = sandbox.requests.total
    road.write([(*JANE[:3], "Chair")], HEADER)
    with pytest.raises(TargetMissingError, match="It is asked again at"):
        by_itself(road)

    assert [lead["title"] for lead in road.leads()] == ["Chair"]
    assert sandbox.requests.total == asked


def test_whoever_asks_for_a_sync_gets_one(road: Road, sandbox: Sandbox) -> None:
    for _ in range(2):
        before = sandbox.requests.total
        with pytest.raises(TargetMissingError):
            road.sync()
        assert sandbox.requests.total > before


def test_other_settings_are_asked_about_at_once_and_what_was_refused_is_forgotten(road: Road, sandbox: Sandbox) -> None:
    with pytest.raises(TargetMissingError):
        by_itself(road)
    mended = airtable_road(road.home, sandbox)
    assert by_itself(mended).status == "done"

    assert cells(sandbox, "Name") == [("Jane Doe",)]
    assert mended.all("airtable_refusals") == []
    assert standing(mended)["state"] in ("in_step", "settling")


def test_another_token_in_the_file_is_tried_at_once(tmp_path: Path) -> None:
    token = tmp_path / "token"
    tokens = {"patOld": {"scopes": ["schema.bases:read"]}}
    with Sandbox({**read_bases_file(DEFAULT_BASES), "tokens": tokens}) as strict:
        environ = {"AIRTABLE_API_KEY_FILE": str(token), "AIRTABLE_ENDPOINT_URL": strict.url}
        road = Road(tmp_path / "home", toml=airtable_toml(), environ=environ)
        road.write([JANE], HEADER)
        token.write_text("patOld")
        with pytest.raises(CredentialsError):
            by_itself(road)
        kept = [one["error"] for one in road.all("airtable_refusals")]
        token.write_text("patNew")
        by_itself(road)

        assert cells(strict, "Name") == [("Jane Doe",)]
    assert len(kept) == 1
    assert "patOld" not in kept[0]


def test_a_token_that_may_only_read_goes_on_reading_and_is_asked_to_write_more_and_more_seldom(tmp_path: Path) -> None:
    scopes = ["data.records:read", "schema.bases:read", "webhook:manage"]
    with Sandbox({**read_bases_file(DEFAULT_BASES), "tokens": {"patTest": {"scopes": scopes}}}) as strict:
        road = airtable_road(tmp_path / "home", strict)
        road.write([JANE], HEADER)
        with pytest.raises(CredentialsError, match="lacks the scope"):
            by_itself(road)
        tried = strict.requests.tally()
        by_itself(road, after=1)

        assert [one["doing"] for one in road.all("airtable_refusals")] == ["writing"]
        assert (strict.requests.tally() - tried).writes == 0
        assert standing(road)["state"] == "unreachable"
