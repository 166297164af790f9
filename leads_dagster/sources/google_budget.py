"""Reads of the Sheets API within Google's quotas, together with all other processes.

What belongs here: when a read may be made, and what is done when Google says that it was one too many. Which reads
there are is `google_sheets`; Drive has quotas of its own, hundreds of times as large, that nothing here comes near.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from leads_dagster.budget import BudgetPlace, google_limits
from leads_dagster.errors import RateLimitedError

# A quota that is used up for longer ends the fetch: the sheet is read by the next cycle, and nobody's road is blocked.
PATIENCE_SECONDS = 30.0

_NOBODY = "login"


class GoogleReads:
    """The reads of one user.

    Args:
        place: where the budget is kept.
        email: of the service account; "" where the key file does not say.
    """

    def __init__(self, place: BudgetPlace, email: str) -> None:
        self._place = place
        self._limits = google_limits(email or _NOBODY, project_of(email))

    @contextmanager
    def read(self) -> Iterator[None]:
        """Runs the body as one read, when there is room for it. After a refusal nobody reads for a minute.

        Raises:
            RateLimitedError: there is none for longer than we wait, or Google refused.
            StoreError, StoreBusyError: the budget cannot be kept.
        """
        with self._place.open(self._limits) as budget, budget.slot(patience_seconds=PATIENCE_SECONDS):
            try:
                yield
            except RateLimitedError:
                budget.rest()
                raise


def project_of(email: str) -> str:
    """The Cloud project that a service account belongs to: robot@PROJECT.iam.gserviceaccount.com."""
    return email.rpartition("@")[2].partition(".")[0] or _NOBODY
