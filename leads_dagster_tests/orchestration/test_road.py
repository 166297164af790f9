"""How a stage becomes a step: what it reports, how its faults are told, when it is tried again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from leads_dagster.errors import LeadsError, ServiceUnavailableError, SheetNotSharedError
from leads_dagster.orchestration.checks import Check
from leads_dagster.orchestration.resources import Workspaces
from leads_dagster.orchestration.road import RoadAsset, build_asset, retry_policy
from leads_dagster.pipeline.stages import Outcome
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.settings import load_settings
from leads_dagster.store import ledger
from leads_dagster.store.engine import writing

CUSTOMERS = dg.StaticPartitionsDefinition(["default"])
DONE = Outcome(changed=True, data_version="v1", numbers={"rows_read": 3, "seconds": 0.5, "checksum": "c0ffee"})

Run = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Materialise assets made of these stages, in a state folder of their own."""
    settings = load_settings({"LEADS_HOME": str(tmp_path)}, tmp_path)

    def materialize(*stages: RoadAsset, **options: Any) -> dg.ExecuteInProcessResult:
        built = [build_asset(one, partitions=CUSTOMERS, retries=retry_policy(0.01)) for one in stages]
        with Workspaces(lambda: settings) as leads:
            options = {"partition_key": "default", "resources": {"leads": leads}, "raise_on_error": False, **options}
            return dg.materialize(built, **options)

    return materialize


def stage(key: str = "one", call: Callable[[], Outcome] = lambda: DONE, **more: Any) -> RoadAsset:
    def call_it(ws: Workspace, run_id: str) -> Outcome:
        assert run_id
        assert ws.name == "default"
        return call()

    facts: dict[str, Any] = {"description": "", "deps": (), "kinds": frozenset(), "layer": "raw", "kept_in": "", **more}
    return RoadAsset(key=key, stage=call_it, **facts)


def failing(*errors: LeadsError) -> tuple[Callable[[], Outcome], list[LeadsError]]:
    """A stage that raises these in turn and then works; and those it has not raised yet."""
    left = list(errors)

    def call() -> Outcome:
        if left:
            raise left.pop(0)
        return DONE

    return call, left


def events(result: dg.ExecuteInProcessResult, kind: str) -> list[dg.DagsterEvent]:
    return [event for event in result.all_events if event.event_type_value == kind]


def test_numbers_of_the_outcome_become_metadata_that_dagster_plots(run: Run) -> None:
    (materialized,) = run(stage()).asset_materializations_for_node("one")
    assert materialized.metadata["rows_read"] == dg.IntMetadataValue(3)
    assert materialized.metadata["seconds"] == dg.FloatMetadataValue(0.5)
    assert materialized.metadata["checksum"] == dg.TextMetadataValue("c0ffee")


def test_every_materialisation_says_how_long_it_took(run: Run) -> None:
    (materialized,) = run(stage(call=lambda: Outcome(True, "v1"))).asset_materializations_for_node("one")
    assert isinstance(materialized.metadata["seconds"], dg.FloatMetadataValue)


def test_the_data_version_is_that_of_the_outcome(run: Run) -> None:
    (materialized,) = run(stage()).asset_materializations_for_node("one")
    assert materialized.tags is not None
    assert materialized.tags["dagster/data_version"] == "v1"
    assert materialized.partition == "default"


def test_a_gate_with_nothing_changed_materializes_nothing_and_skips_what_follows(run: Run) -> None:
    same = Outcome(changed=False, data_version="v1")
    result = run(stage("gate", lambda: same, is_gate=True), stage("next", deps=("gate",)))
    assert result.success
    assert events(result, "ASSET_MATERIALIZATION") == []
    assert [event.step_key for event in events(result, "STEP_SKIPPED")] == ["next"]


def test_a_stage_that_is_no_gate_materializes_although_nothing_changed(run: Run) -> None:
    result = run(stage(call=lambda: Outcome(changed=False, data_version="v1")))
    assert len(events(result, "ASSET_MATERIALIZATION")) == 1


def test_a_fault_that_only_a_person_can_mend_is_not_tried_again(run: Run) -> None:
    call, left = failing(*[SheetNotSharedError("It is not shared.", advice="Share it.")] * 2)
    result = run(stage(call=call))
    assert not result.success
    assert len(left) == 1
    assert events(result, "STEP_UP_FOR_RETRY") == []


def test_a_fault_is_told_in_words_with_what_to_do(run: Run) -> None:
    call, _ = failing(SheetNotSharedError("It is not shared.", advice="Share it.", sheet="secret"))
    (failure,) = events(run(stage(call=call)), "STEP_FAILURE")
    told = failure.step_failure_data.user_failure_data
    assert told is not None
    assert told.description == "It is not shared. Share it."
    assert told.metadata == {
        "error": dg.TextMetadataValue("SheetNotSharedError"),
        "advice": dg.TextMetadataValue("Share it."),
        "transient": dg.BoolMetadataValue(False),
    }


def test_a_passing_fault_is_tried_again_until_it_passes(run: Run) -> None:
    call, left = failing(ServiceUnavailableError("Timed out."), ServiceUnavailableError("Timed out."))
    result = run(stage(call=call))
    assert result.success
    assert left == []
    assert len(events(result, "STEP_UP_FOR_RETRY")) == 2


def test_a_passing_fault_that_does_not_pass_fails_after_three_tries_more(run: Run) -> None:
    call, left = failing(*[ServiceUnavailableError("Timed out.")] * 9)
    result = run(stage(call=call))
    assert not result.success
    assert len(left) == 5


def test_ctrl_c_ends_the_run_with_the_steps_that_would_not_need_this_one(run: Run) -> None:
    called: list[str] = []

    def interrupted() -> Outcome:
        called.append("first")
        raise KeyboardInterrupt

    def never() -> Outcome:
        called.append("other")
        return DONE

    result = run(stage("first", interrupted, priority=1), stage("other", never))
    assert called == ["first"]
    assert not result.success
    assert events(result, "STEP_UP_FOR_RETRY") == []


def test_a_customer_that_leads_toml_does_not_name_fails_by_name(run: Run, tmp_path: Path) -> None:
    settings = load_settings({"LEADS_HOME": str(tmp_path)}, tmp_path)
    built = build_asset(stage(), partitions=dg.StaticPartitionsDefinition(["gone"]), retries=retry_policy(0.01))
    with Workspaces(lambda: settings) as leads:
        result = dg.materialize([built], partition_key="gone", resources={"leads": leads}, raise_on_error=False)
    (failure,) = events(result, "STEP_FAILURE")
    assert "There is no customer 'gone'." in str(failure.step_failure_data.user_failure_data)


def lose_two_rows(ws: Workspace, run_id: str) -> Outcome:
    """Book a cycle that read two rows and says of neither where it ended."""
    with writing(ws.engine) as connection:
        ledger.begin_run(
            connection, run_id=run_id, customer=ws.name, source=ws.source, checksum="", observed_at=ws.now()
        )
        ledger.update_run(connection, ws.name, run_id, rows_read=2)
    return DONE


ADDS_UP = Check("ledger_adds_up", "Every row ended in one state.")


def test_a_blocking_check_that_fails_stops_what_follows_and_is_not_tried_again(run: Run) -> None:
    losing = replace(stage(checks=(ADDS_UP,)), stage=lose_two_rows)
    result = run(losing, stage("next", deps=("one",)))
    (evaluation,) = result.get_asset_check_evaluations()
    assert not evaluation.passed
    assert evaluation.metadata["rows_read"] == dg.IntMetadataValue(2)
    assert result.asset_materializations_for_node("next") == []
    assert events(result, "STEP_UP_FOR_RETRY") == []
    assert not result.success


def test_a_check_that_only_warns_lets_what_follows_go_on(run: Run) -> None:
    never_synced = Check("freshness", "Synced lately.", blocking=False)
    result = run(stage(checks=(never_synced,)), stage("next", deps=("one",)))
    (evaluation,) = result.get_asset_check_evaluations()
    assert not evaluation.passed
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    assert len(result.asset_materializations_for_node("next")) == 1
    assert result.success


def test_a_check_can_be_asked_for_alone(run: Run) -> None:
    called: list[str] = []

    def call() -> Outcome:
        called.append("stage")
        return DONE

    only_checks = dg.AssetSelection.all_asset_checks()
    result = run(stage(call=call, checks=(ADDS_UP,)), selection=only_checks, partition_key=None)
    assert result.success
    assert [one.check_name for one in result.get_asset_check_evaluations()] == ["ledger_adds_up"]
    assert called == []


def test_an_asset_can_be_materialized_without_its_checks(run: Run) -> None:
    result = run(stage(checks=(ADDS_UP,)), selection=dg.AssetSelection.assets("one").without_checks())
    assert len(result.asset_materializations_for_node("one")) == 1
    assert result.get_asset_check_evaluations() == []
