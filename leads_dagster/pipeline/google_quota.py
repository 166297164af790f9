"""What is left of Google's reads a minute, and whose sheets use them up.

What belongs here: that question, for those that decide who may read. Keeping to the quota is `sources.google_budget`'s.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass

from leads_dagster.budget import budget_place
from leads_dagster.errors import LeadsError, SettingsError
from leads_dagster.settings import Settings
from leads_dagster.sources.sheet_address import SheetAddress, parse_sheet

logger = logging.getLogger(__name__)

# Of a sheet that is read in full: its tab's title and its cells.
READS_A_SHEET = 2
# Reads that could as well come later leave so much of the minute to those of sheets that somebody edits.
_KEPT_SHARE = 0.5
_GOOGLE_READS = "google reads of user"


@dataclass(frozen=True, slots=True)
class GoogleQuota:
    """Google's reads a minute.

    Attributes:
        calls: the limit; None where nobody counts.
        used: of it; all where Google refused lately.
    """

    calls: int | None = None
    used: int = 0

    @property
    def share(self) -> float:
        """What is used, 0 to 1."""
        return min(1.0, self.used / self.calls) if self.calls else 0.0

    def has_room(self, begun: int = 0, *, spare: bool = False) -> bool:
        """Whether one more sheet may be read.

        Args:
            begun: sheets whose reads may not be counted yet.
            spare: the read could as well come later.
        """
        if self.calls is None:
            return True
        allowed = self.calls * (1 - _KEPT_SHARE) if spare else self.calls
        return self.used + READS_A_SHEET * (begun + 1) <= allowed


def google_quota(settings: Settings) -> GoogleQuota:
    """As the books have it now; where they cannot be read, as if nobody counted."""
    try:
        limits = [one for one in budget_place(settings).status() if one.name.startswith(_GOOGLE_READS)]
    except LeadsError as error:
        logger.debug("The budget cannot be read: %s", error.message)
        return GoogleQuota()
    known = [GoogleQuota(one.calls, one.calls if one.resting_seconds else one.used) for one in limits if one.calls]
    return max(known, key=lambda one: one.share, default=GoogleQuota())


def counts_reads(settings: Settings, address: SheetAddress) -> bool:
    """Whether reads of the sheet at this address are counted."""
    return settings.google_credentials is not None and address.kind == "google"


def counted_customers(settings: Settings) -> frozenset[str]:
    """Whose sheets' reads are counted; an address that cannot be read is told elsewhere."""
    found = set[str]()
    for one in settings.customers:
        with suppress(SettingsError):
            if counts_reads(settings, parse_sheet(one.sheet)):
                found.add(one.name)
    return frozenset(found)
