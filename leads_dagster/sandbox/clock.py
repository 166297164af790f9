"""The twin's clock: real time that an admin request may push forward, so that expiry need not be waited for."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta, timezone

_ISO = re.compile(r"^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d+))?)?\s*(Z|z|[+-]\d{2}:?\d{2})?)?$")


class Clock:
    """Wall and monotonic time in one offset; `advance` moves both, a skew only the wall."""

    def __init__(self) -> None:
        self._offset_seconds = 0.0
        self.skew_seconds = 0.0

    def advance(self, seconds: float) -> None:
        self._offset_seconds += seconds

    def skew(self, seconds: float) -> None:
        """The service's wall clock is so many seconds ahead of ours (behind: less than 0); limits are not touched."""
        self.skew_seconds = seconds

    def monotonic(self) -> float:
        """Seconds that never run backwards; for rate limits and expiry."""
        return time.monotonic() + self._offset_seconds

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(timezone.utc) + timedelta(seconds=self._offset_seconds + self.skew_seconds)

    def stamp(self) -> str:
        """ISO with whole seconds, as every `createdTime` recorded from Airtable ends in `.000Z`."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%S.000Z")


def iso_milliseconds(moment: datetime) -> str:
    """`2026-01-02T03:04:05.678Z`, the form of webhook times and of dateTime cells."""
    moment = moment.astimezone(timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse_iso(text: str) -> datetime:
    """Aware UTC from `YYYY-MM-DD`, alone or with a time (`Z`, an offset, or none, which means UTC).

    Raises ValueError for anything else; what `datetime.fromisoformat` takes differs from one Python to the next.
    """
    found = _ISO.match(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not an ISO date or time")
    day, minute, second, fraction, zone = found.groups()
    whole = f"{day}T{minute or '00:00'}:{second or '00'}.{(fraction or '')[:6]:0<6}"
    moment = datetime.strptime(whole + _offset(zone), "%Y-%m-%dT%H:%M:%S.%f%z")
    return moment.astimezone(timezone.utc)


def _offset(zone: str | None) -> str:
    return "+0000" if zone is None or zone in "Zz" else zone.replace(":", "")
