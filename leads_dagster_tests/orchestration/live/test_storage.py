"""That Dagster's storages with kept connections hold what the stock ones hold, and the other way round."""

from __future__ import annotations

import gc
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.runs import SqliteRunStorage

from leads_dagster.orchestration.live.storage import KeptEventLogStorage, KeptRunStorage

KEPT = """
run_storage: {{module: leads_dagster.orchestration.live.storage, class: KeptRunStorage, config: {{base_dir: {folder}}}}}
event_log_storage:
  {{module: leads_dagster.orchestration.live.storage, class: KeptEventLogStorage, config: {{base_dir: {folder}}}}}
schedule_storage:
  {{module: leads_dagster.orchestration.live.storage, class: KeptScheduleStorage, config: {{base_dir: {folder}}}}}
telemetry: {{enabled: false}}
"""
STOCK = """
run_storage: {{module: dagster._core.storage.runs, class: SqliteRunStorage, config: {{base_dir: {folder}}}}}
event_log_storage:
  module: dagster._core.storage.event_log
  class: ConsolidatedSqliteEventLogStorage
  config: {{base_dir: {folder}}}
schedule_storage:
  module: dagster._core.storage.schedules
  class: SqliteScheduleStorage
  config: {{base_dir: {folder}}}
telemetry: {{enabled: false}}
"""


@dg.asset
def numbers() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": 3})


@dg.asset_check(asset=numbers)
def there() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def _instance(tmp_path: Path, config: str) -> dg.DagsterInstance:
    home = tmp_path / ("kept" if config is KEPT else "stock")
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(config.format(folder=tmp_path / "files"))
    return dg.DagsterInstance.from_config(str(home))


def _materialize(instance: dg.DagsterInstance) -> str:
    done = dg.materialize([numbers, there], instance=instance)
    assert done.success
    return done.run_id


def _story(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    return [str(one.dagster_event.event_type_value) for one in instance.all_logs(run_id) if one.dagster_event]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.mark.parametrize(("writer", "reader"), [(KEPT, STOCK), (STOCK, KEPT)], ids=["kept-stock", "stock-kept"])
def test_a_run_that_one_wrote_the_other_reads_whole(folder: Path, writer: str, reader: str) -> None:
    with _instance(folder, writer) as wrote:
        run_id = _materialize(wrote)
        told = _story(wrote, run_id)
        key = numbers.key
        checked = wrote.event_log_storage.get_latest_asset_check_execution_by_key([*there.check_keys])
    with _instance(folder, reader) as read:
        run = read.get_run_by_id(run_id)
        assert run is not None
        assert run.status is dg.DagsterRunStatus.SUCCESS
        assert _story(read, run_id) == told
        event = read.get_latest_materialization_event(key)
        assert event is not None
        assert event.asset_materialization is not None
        assert event.asset_materialization.metadata["rows"].value == 3
        assert read.event_log_storage.get_latest_asset_check_execution_by_key([*there.check_keys]).keys() == (
            checked.keys()
        )
        assert "ASSET_CHECK_EVALUATION" in told


def test_both_may_write_beside_each_other(folder: Path) -> None:
    with _instance(folder, KEPT) as kept, _instance(folder, STOCK) as stock:
        runs = [_materialize(one) for one in (kept, stock, kept, stock)]
        assert {run.run_id for run in kept.get_runs()} == set(runs) == {run.run_id for run in stock.get_runs()}


def test_they_are_dagsters_own_storages(folder: Path) -> None:
    with _instance(folder, KEPT) as kept:
        assert isinstance(kept.event_log_storage, KeptEventLogStorage)
        assert isinstance(kept.event_log_storage, ConsolidatedSqliteEventLogStorage)
        assert isinstance(kept.run_storage, KeptRunStorage)
        assert isinstance(kept.run_storage, SqliteRunStorage)
        assert kept.event_log_storage.supports_asset_checks


def test_nothing_is_left_open_after_the_instance(folder: Path) -> None:
    with _instance(folder, KEPT) as kept:
        _materialize(kept)
    del kept
    gc.collect()
    opened = [Path(one).resolve() for one in map(_target, Path("/proc/self/fd").iterdir()) if one]
    assert not [one for one in opened if one.is_relative_to((folder / "files").resolve())]


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""
