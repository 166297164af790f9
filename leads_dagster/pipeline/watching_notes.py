"""What a watcher writes down of its looks, and reads of the services' quotas; seldom, so that looking stays cheap.

What belongs here: table `watching` as the watcher keeps it, and who may read of Google's quota, as last read.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timezone

from sqlalchemy import Engine

from leads_dagster.errors import LeadsError
from leads_dagster.pipeline.google_quota import GoogleQuota, google_quota
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
        self._quota = GoogleQuota()
        self._quota_at = 0.0
        self._taken: deque[float] = deque()  # when reads were allowed that may not be counted yet
        self._asking = threading.Lock()
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
        with self._asking:
            return self._quota_now().share

    def take_reads(self, *, spare: bool = False) -> bool:
        """Whether one more of Google's sheets may be read, which then counts as begun; of any thread.

        Args:
            spare: it could as well be read later; half of the minute is kept for those that cannot wait.
        """
        with self._asking:
            now, quota = time.monotonic(), self._quota_now()
            while self._taken and self._taken[0] < now - _QUOTA_SECONDS:
                self._taken.popleft()
            if not quota.has_room(len(self._taken), spare=spare):
                return False
            self._taken.append(now)
            return True

    def _quota_now(self) -> GoogleQuota:
        if time.monotonic() >= self._quota_at:
            self._quota_at = time.monotonic() + _QUOTA_SECONDS
            self._quota = google_quota(self._settings)
        return self._quota
