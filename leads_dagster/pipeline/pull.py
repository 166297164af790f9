"""Reading what people changed in Airtable into `airtable_changes`; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leads_dagster.errors import LeadsError
from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.pipeline.workspace import Workspace

PullStatus = Literal["none", "read", "swept", "waiting", "parked", "failed"]


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came of reading.

    Attributes:
        status: "none" without Airtable; "waiting" where the budget allows no call yet.
        changes: edits noted now. waiting: edits that nobody took in yet.
    """

    status: PullStatus
    changes: int = 0
    waiting: int = 0
    calls: int = 0
    seconds: float = 0.0
    error: LeadsError | None = None


def pull(ws: Workspace, mirror: AirtableMirror | None = None) -> Pulled:
    """Read what is new."""
    return Pulled("none")
