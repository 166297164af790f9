"""The twin's clock: real time that an admin request may push forward, so that expiry need not be waited for."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone


class Clock:
    """Wall and monotonic time in one offset; `advance` moves both."""

    def __init__(self) -> None:
        self._offset_seconds = 0.0

    def advance(self, seconds: float) -> None:
        self._offset_seconds += seconds

    def monotonic(self) -> float:
        """Seconds that never run backwards; for rate limits and expiry."""
        return time.monotonic() + self._offset_seconds

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(timezone.utc) + timedelta(seconds=self._offset_seconds)

    def stamp(self) -> str:
        """ISO with whole seconds, as every `createdTime` recorded from Airtable ends in `.000Z`."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%S.000Z")


def iso_milliseconds(moment: datetime) -> str:
    """`2026-01-02T03:04:05.678Z`, the form of webhook times and of dateTime cells."""
    moment = moment.astimezone(timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse_iso(text: str) -> datetime:
    """Aware UTC from ISO 8601 (`Z`, an offset, or none, which means UTC). Raises ValueError."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
