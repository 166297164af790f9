"""A customer's road driven through Dagster, in a state folder of its own."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from leads_dagster.definitions import build
from leads_dagster.orchestration.instance import open_instance
from leads_dagster.orchestration.launch import sync_once
from leads_dagster.orchestration.resources import Workspaces
from leads_dagster.pipeline.result import SyncResult
from leads_dagster.settings import Settings, load_settings

HEADER = ("Name", "Email", "Company", "Title")


@dataclass
class DagsterRoad:
    """One customer, one sheet, one Dagster instance."""

    settings: Settings
    instance: dg.DagsterInstance
    sheet: Path

    def write(self, rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> None:
        with self.sheet.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *rows])

    def sync(self, rows: Sequence[Sequence[str]] | None = None, **options: Any) -> SyncResult:
        if rows is not None:
            self.write(rows)
        return sync_once(self.settings, "acme", **{"instance": self.instance, **options})

    def materialize(self, *assets: str) -> dg.ExecuteInProcessResult:
        """Materialise some assets alone, as Dagster's UI does."""
        with Workspaces(lambda: self.settings) as leads:
            return dg.materialize(
                [one for one in build(self.settings).assets or () if isinstance(one, dg.AssetsDefinition)],
                selection=list(assets),
                partition_key="acme",
                instance=self.instance,
                resources={"leads": leads},
                raise_on_error=False,
            )

    def materialized(self, run_id: str) -> list[str]:
        """The assets that a run materialised, in order."""
        kept = self.instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        return [str(entry.dagster_event.step_key) for entry in kept if entry.dagster_event]


@pytest.fixture
def road(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterRoad]:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    sheet = tmp_path / "sheet.csv"
    (tmp_path / "leads.toml").write_text(f'[[customers]]\nname = "acme"\nsheet = "{sheet}"\n')
    settings = load_settings({"LEADS_HOME": str(tmp_path), "LEADS_RETRY_DELAY_SECONDS": "0.01"}, tmp_path)
    with open_instance(settings) as instance:
        yield DagsterRoad(settings, instance, sheet)
