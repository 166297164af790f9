"""An edit made in Airtable in the lead's words, and what came of many.

What belongs here: the shapes that taking edits in shares; `airtable_intake` and `airtable_said` do it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leads_dagster.store.airtable_changes import ChangeKind


@dataclass(frozen=True, slots=True)
class AirtableEdit:
    """What waits of one record, in the lead's words.

    Attributes:
        record_id: "rec…".
        values: lead field -> value as it stands there (text, number, bool; None for blank).
        said_at: lead field -> when.
        at: of the newest of them.
        lead_key: the lead that the record names, where it was made; None where it names none.
        overwritten: of the values, those over which a write of ours landed: they count, but do not stand there.
    """

    record_id: str
    kind: ChangeKind
    values: Mapping[str, Any]
    said_at: Mapping[str, datetime]
    at: datetime
    lead_key: str | None = None
    overwritten: frozenset[str] = frozenset()

    def over(self, base: Mapping[str, Any] | None) -> dict[str, Any]:
        """What stands in the record now, if that stood there before."""
        return {**(base or {}), **{name: value for name, value in self.values.items() if name not in self.overwritten}}


@dataclass(slots=True)
class Taken:
    """What came of them: counts, and what somebody should see."""

    edited: int = 0
    created: int = 0
    merged: int = 0
    quarantined: int = 0
    deleted: int = 0
    restored: int = 0
    refused: int = 0
    duplicates: int = 0
    unknown: list[str] = field(default_factory=list)

    def numbers(self) -> dict[str, int]:
        """For metadata."""
        names = ("edited", "created", "merged", "quarantined", "deleted", "restored", "refused", "duplicates")
        return {f"records_{name}": getattr(self, name) for name in names}
