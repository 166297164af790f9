"""What one look at a sheet saw: its bytes or that they are the same, and whether a cycle has anything to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from leads_dagster.sources.fetched import Fetched, NotModified
from leads_dagster.store.ledger import SourceState


@dataclass(frozen=True, slots=True)
class Look:
    """One look.

    Attributes:
        state: the source's last closed ledger.
        fetched: the sheet, or that it is the same.
        fingerprint: of its bytes, the mapping and the rules.
        has_work: whether the fingerprint differs, or something else waits for a cycle.
        observed_at: when; the time of the claims that come of it.
        numbers: bytes, seconds, calls, for metadata.
    """

    state: SourceState
    fetched: Fetched | NotModified
    fingerprint: str
    has_work: bool
    observed_at: datetime
    numbers: Mapping[str, int | float | str]
