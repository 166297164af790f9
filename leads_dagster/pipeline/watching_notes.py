"""What a watcher writes down of its looks, and reads of the services' quotas; seldom, so that looking stays cheap.

What belongs here: table `watching` as the watcher keeps it, and the share of Google's quota that is used.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from sqlalchemy import Engine

from leads_dagster.budget import budget_place
from leads_dagster.budget.status import LimitStatus
from leads_dagster.errors import LeadsError
from leads_dagster.pipeline.pace import Pace
from leads_dagster.settings import Settings
from leads_dagster.store import watch_rows
from leads_dagster.store.attempts import LOCK_WAIT
from leads_dagster.store.engine import writing

logger = logging.getLogger(__name__)

LOOKED_SECONDS = 60.0
_QUOTA_SECONDS = 5.0
# A note can wait; the look that would have to wait for it cannot.
_LOCK_WAIT_SECONDS = 0.2
_GOOGLE_READS = "google reads of user"
# Of a sheet that changed: its tab's title and its cells.
_READS_A_CYCLE = 2


@dataclass(frozen=True, slots=True)
class _Quota:
    """Of Google's reads a minute: the share that is used, 0 to 1, and how many are left, None where nobody counts."""

    share: float = 0.0
    left: int | None = None


class Notes:
    """Writes a customer's pace when it changes, and once a minute who could be looked at.

    Args:
        settings: of the process.
        engine: the lead database.
    """

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine.execution_options(**{LOCK_WAIT: _LOCK_WAIT_SECONDS})
        self._written: dict[str, Pace] = {}
        self._looked_at = time.monotonic()
        self._quota = _Quota()
        self._quota_at = 0.0
        self._taken: deque[float] = deque()  # when cycles were begun that may not have read yet
        self._triggers: dict[str, datetime] = {}

    def note_answered(self, triggers: Mapping[str, datetime]) -> None:
        """The cycles that were wanted then, by customer, were asked for."""
        self._triggers.update(triggers)
        self.write({}, [])

    def write(self, paces: Mapping[str, Pace], looked: list[str]) -> bool:
        """Write what is new; whether `looked` was taken in. A database that is busy is told the next time."""
        changed = {name: pace for name, pace in paces.items() if self._written.get(name) != pace}
        minute = time.monotonic() - self._looked_at >= LOOKED_SECONDS and bool(looked)
        if not (changed or minute or self._triggers):
            return False
        now = datetime.now(timezone.utc)
        try:
            with writing(self._engine) as connection:
                for name, pace in changed.items():
                    watch_rows.note_pace(connection, name, seconds=pace.seconds, reason=pace.reason, at=now)
                for name, at in self._triggers.items():
                    watch_rows.answered(connection, name, triggered_at=at)
                if minute:
                    watch_rows.note_looks(connection, looked, at=now)
        except LeadsError as error:
            logger.debug("The pace of looks is not written down yet: %s", error.message)
            return False
        self._written.update(changed)
        self._triggers.clear()
        self._looked_at = time.monotonic() if minute else self._looked_at
        return minute

    def forget(self, customer: str) -> None:
        """Somebody else wrote of this customer's pace, as when it was paused."""
        self._written.pop(customer, None)

    def google_share(self) -> float:
        """Share of Google's reads a minute that are used, 0 to 1; 1 where it refused lately."""
        return self._quota_now().share

    def take_reads(self) -> bool:
        """Whether Google lets another cycle read, which then counts as begun."""
        now, left = time.monotonic(), self._quota_now().left
        while self._taken and self._taken[0] < now - _QUOTA_SECONDS:
            self._taken.popleft()
        if left is not None and left - _READS_A_CYCLE * len(self._taken) < _READS_A_CYCLE:
            return False
        self._taken.append(now)
        return True

    def _quota_now(self) -> _Quota:
        if time.monotonic() >= self._quota_at:
            self._quota_at = time.monotonic() + _QUOTA_SECONDS
            self._quota = self._read_quota()
        return self._quota

    def _read_quota(self) -> _Quota:
        try:
            limits = [one for one in budget_place(self._settings).status() if one.name.startswith(_GOOGLE_READS)]
        except LeadsError as error:
            logger.debug("The budget cannot be read: %s", error.message)
            return _Quota()
        known = [_quota_of(one) for one in limits if one.calls]
        return max(known, key=lambda one: one.share, default=_Quota())


def _quota_of(limit: LimitStatus) -> _Quota:
    if limit.resting_seconds:
        return _Quota(1.0, 0)
    return _Quota(limit.used / limit.calls, limit.calls - limit.used)
