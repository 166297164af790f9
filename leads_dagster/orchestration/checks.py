"""The asset checks: one property each.

What belongs here: their names, what they promise and whether a failure stops what comes after. What they look at is
`pipeline.checks`; the pipeline itself refuses a bad write whether or not anyone asks these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from leads_dagster.orchestration.metadata import run_metadata

if TYPE_CHECKING:
    from leads_dagster.pipeline.workspace import Workspace

_SEVERITIES = {"error": dg.AssetCheckSeverity.ERROR, "warn": dg.AssetCheckSeverity.WARN}


@dataclass(frozen=True)
class Check:
    """One property of an asset.

    Attributes:
        name: unique on its asset; the function of this name in `pipeline.checks` looks, and writes nothing.
        description: what holds when it passes.
        blocking: whether assets downstream wait for it and stay as they are when it fails.
        options: keywords of that function.
    """

    name: str
    description: str
    blocking: bool = True
    options: Mapping[str, str] = field(default_factory=dict)

    def spec(self, asset: str) -> dg.AssetCheckSpec:
        """What Dagster knows of it beforehand."""
        return dg.AssetCheckSpec(self.name, asset=asset, description=self.description, blocking=self.blocking)

    def result(self, asset: str, ws: Workspace, run_id: str) -> dg.AssetCheckResult:
        """Look, and say what was found."""
        from leads_dagster.pipeline import checks  # late: it loads what an unchanged sheet never needs

        outcome = getattr(checks, self.name)(ws, run_id=run_id, **self.options)
        return dg.AssetCheckResult(
            passed=outcome.passed,
            asset_key=asset,
            check_name=self.name,
            metadata=run_metadata(outcome.metadata),
            severity=_SEVERITIES[outcome.severity],
            description=outcome.description,
        )


SHEET_NOT_SHRUNK = Check(
    "sheet_not_shrunk", "The sheet has rows, and not so few that the guard would have to hold the cycle."
)
HEADERS_KNOWN = Check("headers_known", "The sheet has a column that makes a lead.")
ERROR_RATE = Check(
    "error_rate", "Few rows are in quarantine; warns and never blocks, so that the good rows go on.", blocking=False
)
LEDGER_ADDS_UP = Check("ledger_adds_up", "Every row of the sheet ended in exactly one state.")
NO_STRONG_KEY_DOUBLES = Check(
    "no_strong_key_doubles",
    "No two active leads share a LinkedIn URL or an e-mail, unless a person decided that they are two.",
)
FRESHNESS = Check("freshness", "The store was right soon enough after the edit was seen.", blocking=False)
AIRTABLE_READ = Check(
    "airtable_read", "Airtable could be read; warns and never blocks, so that the sheet goes on.", blocking=False
)
QUEUE_FLOWS = Check(
    "queue_flows", "No capture waits for long and few are dead; warns and never blocks.", blocking=False
)
QUEUE_ADDS_UP = Check(
    "queue_adds_up",
    "Every capture that the queue ever took in is recorded, a duplicate, rejected, dead, cleared or waiting; what it "
    "settled is in the lead database.",
    blocking=False,
)
CRM_AGREES = Check("stores_agree", "The CRM holds what the lead store holds.", options={"mirror": "crm"})
AIRTABLE_AGREES = Check("stores_agree", "Airtable holds what the lead store holds.", options={"mirror": "airtable"})
