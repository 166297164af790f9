"""What Dagster sees is pinned here, name by name: others ask for it by these names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from leads_dagster.definitions import build
from leads_dagster.errors import SettingsError
from leads_dagster.settings import load_settings

ROAD = (
    "raw_leads", "airtable_edits", "captured_leads", "normalized_leads", "deduped_leads", "lead_store", "crm_store",
    "airtable_mirror",
)  # fmt: skip
PARENTS = {
    "google_sheet": set(),
    "airtable_table": set(),
    "raw_leads": {"google_sheet"},
    "airtable_edits": {"airtable_table"},
    "capture_queue": set(),
    "captured_leads": {"capture_queue"},
    "normalized_leads": {"raw_leads", "airtable_edits", "captured_leads"},
    "deduped_leads": {"normalized_leads"},
    "lead_store": {"deduped_leads"},
    "crm_store": {"lead_store"},
    "airtable_mirror": {"lead_store"},
}
KINDS = {
    "google_sheet": {"googlesheets"},
    "airtable_table": {"airtable"},
    "raw_leads": {"python", "csv"},
    "airtable_edits": {"airtable", "python"},
    "capture_queue": {"sqlite"},
    "captured_leads": {"python"},
    "normalized_leads": {"python"},
    "deduped_leads": {"python"},
    "lead_store": {"table", "sqlite"},
    "crm_store": {"table", "sqlite"},
    "airtable_mirror": {"airtable"},
}
CHECKS = {
    ("airtable_edits", "airtable_read"): False,
    ("captured_leads", "queue_adds_up"): False,
    ("captured_leads", "queue_flows"): False,
    ("normalized_leads", "headers_known"): True,
    ("normalized_leads", "sheet_not_shrunk"): True,
    ("normalized_leads", "error_rate"): False,
    ("lead_store", "ledger_adds_up"): True,
    ("lead_store", "no_strong_key_doubles"): True,
    ("lead_store", "freshness"): False,
    ("crm_store", "stores_agree"): True,
    ("airtable_mirror", "stores_agree"): True,
}


@pytest.fixture
def defs(tmp_path: Path) -> dg.Definitions:
    """The definitions of a machine without any configuration."""
    return build(load_settings({"LEADS_HOME": str(tmp_path)}, tmp_path))


def assets(defs: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def steps(defs: dg.Definitions) -> Iterator[dg.AssetsDefinition]:
    return (one for one in defs.assets or () if isinstance(one, dg.AssetsDefinition))


def test_the_assets_are_one_road_from_the_sheet_to_every_store(defs: dg.Definitions) -> None:
    parents = {key: {dep.asset_key.to_user_string() for dep in spec.deps} for key, spec in assets(defs).items()}
    assert parents == PARENTS


def test_every_asset_says_what_it_is_whose_it_is_and_what_it_is_made_of(defs: dg.Definitions) -> None:
    for key, spec in assets(defs).items():
        assert spec.description
        assert spec.description.endswith(".")
        assert list(spec.owners) == ["team:leads"]
        assert spec.group_name == "leads"
        assert spec.kinds == KINDS[key]
        assert spec.tags["layer"] in {"source", "raw", "staged", "store", "mirror"}


def test_every_asset_of_the_road_says_where_it_is_kept_and_the_store_which_columns_it_has(defs: dg.Definitions) -> None:
    said = {key: assets(defs)[key].metadata for key in ROAD}
    assert all(metadata["kept_in"].value for metadata in said.values())
    schema = said["lead_store"]["dagster/column_schema"]
    described = {column.name: column.description for column in schema.value.columns}
    assert {"id", "full_name", "email", "raw_data"} <= set(described)
    assert "lead_key" in described["id"]


def test_code_versions_are_those_of_the_rules(defs: dg.Definitions) -> None:
    from leads_dagster.leads.headers import HEADERS_VERSION
    from leads_dagster.leads.matching import MATCHING_VERSION
    from leads_dagster.leads.normalization import NORMALIZATION_VERSION

    versions = {key: assets(defs)[key].code_version for key in ROAD}
    assert all(versions.values())
    assert versions["normalized_leads"] == f"headers {HEADERS_VERSION}, normalization {NORMALIZATION_VERSION}"
    assert versions["deduped_leads"] == f"matching {MATCHING_VERSION}"


def test_every_asset_of_the_road_has_one_partition_a_customer(defs: dg.Definitions) -> None:
    for key in ROAD:
        assert assets(defs)[key].partitions_def == dg.StaticPartitionsDefinition(["default"])


def test_customers_of_leads_toml_are_the_partitions(tmp_path: Path) -> None:
    (tmp_path / "leads.toml").write_text(
        '[[customers]]\nname = "acme"\nsheet = "a.csv"\n\n[[customers]]\nname = "globex"\nsheet = "b.csv"\n'
    )
    defs = build(load_settings({"LEADS_HOME": str(tmp_path)}, tmp_path))
    partitions = {spec.partitions_def for spec in assets(defs).values()}
    assert [one.get_partition_keys() for one in partitions if one] == [["acme", "globex"]]


def test_each_check_is_one_property_and_blocks_where_a_bad_write_would_spread(defs: dg.Definitions) -> None:
    found = {(spec.asset_key.to_user_string(), spec.name): spec for one in steps(defs) for spec in one.check_specs}
    assert {key: spec.blocking for key, spec in found.items()} == CHECKS
    assert all(spec.description for spec in found.values())


def test_every_check_is_a_function_of_the_pipeline() -> None:
    from leads_dagster.pipeline import checks

    assert [name for _, name in CHECKS if not callable(getattr(checks, name, None))] == []


def test_every_asset_is_tried_again_three_times_with_growing_delay(defs: dg.Definitions) -> None:
    policies = {one.op.name: one.op.retry_policy for one in steps(defs)}
    assert set(policies) == set(ROAD)
    for policy in policies.values():
        assert policy == dg.RetryPolicy(
            max_retries=3, delay=1.0, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
        )


def test_the_first_delay_is_that_of_the_settings(tmp_path: Path) -> None:
    settings = load_settings({"LEADS_HOME": str(tmp_path), "LEADS_RETRY_DELAY_SECONDS": "0.25"}, tmp_path)
    policies = [one.op.retry_policy for one in steps(build(settings))]
    assert {policy.delay for policy in policies if policy} == {0.25}


def test_one_job_runs_the_whole_road_and_others_keep_it_in_order(defs: dg.Definitions) -> None:
    job = defs.resolve_job_def("leads_sync")
    assert {node.name for node in job.nodes} == set(ROAD)
    assert [one.name for one in defs.jobs or ()] == [
        "leads_sync",
        "backup_leads",
        "clean_up",
        "freshness_roll_up",
        "compare_stores",
        "audit_airtable",
    ]


def test_a_sensor_of_one_second_that_runs_from_the_start_watches_the_sheets(defs: dg.Definitions) -> None:
    (sensor,) = [one for one in defs.sensors or () if one.name == "sheet_sensor"]
    assert isinstance(sensor, dg.SensorDefinition)
    assert (sensor.minimum_interval_seconds, sensor.job_name) == (1, "leads_sync")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_what_is_scheduled_is_on_from_the_start(defs: dg.Definitions) -> None:
    schedules = [one for one in defs.schedules or () if isinstance(one, dg.ScheduleDefinition)]
    found = {one.name: (one.job_name, one.cron_schedule) for one in schedules}
    assert found["backup_schedule"] == ("backup_leads", "30 2 * * *")
    assert found["freshness_schedule"] == ("freshness_roll_up", "* * * * *")
    assert found["alert_schedule"][1] == "* * * * *"
    assert {one.default_status for one in schedules} == {dg.DefaultScheduleStatus.RUNNING}


def test_the_stores_have_a_freshness_policy(defs: dg.Definitions) -> None:
    having = {key for key, spec in assets(defs).items() if spec.freshness_policy is not None}
    assert having == {"lead_store", "crm_store", "airtable_mirror"}


def test_a_backup_time_that_is_no_cron_expression_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="LEADS_BACKUP_CRON"):
        load_settings({"LEADS_HOME": str(tmp_path), "LEADS_BACKUP_CRON": "at 25 o clock sharp"}, tmp_path)


def test_steps_run_in_one_process(defs: dg.Definitions) -> None:
    assert defs.executor is dg.in_process_executor


def test_the_code_location_loads_without_any_configuration_and_without_a_warning(tmp_path: Path) -> None:
    assert _load(tmp_path, expected=0) == ""


def test_a_typo_in_leads_toml_is_named_when_the_code_location_loads(tmp_path: Path) -> None:
    (tmp_path / "leads.toml").write_text('[[customers]]\nname = "acme"\nshet = "a.csv"\n')
    last_lines = _load(tmp_path, expected=1)
    assert "unknown key shet → sheet" in last_lines


def _load(home: Path, *, expected: int) -> str:
    """Import the code location in a process of its own, as Dagster does; the end of what it said."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("LEAD", "DAGSTER"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "from leads_dagster.definitions import defs; print(defs.jobs)"],
        env={**environ, "LEADS_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parent.parent,
    )
    assert done.returncode == expected, done.stderr
    return done.stderr[-500:]
