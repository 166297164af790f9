"""Cron expressions of five fields, in UTC: what is one, and when it was last due.

What belongs here: reading an expression and finding its moments. Who runs what by it is for others to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache

_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# Name, least, most, and what a word in it means.
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day", 1, 31, {}),
    ("month", 1, 12, {word: number for number, word in enumerate(_MONTHS, start=1)}),
    ("weekday", 0, 7, {word: number for number, word in enumerate(_DAYS)}),
)
# 29 February comes at least once in eight years.
_DAYS_BACK = 366 * 8


@dataclass(frozen=True)
class Cron:
    """A cron expression, read.

    Attributes:
        minutes, hours, days, months, weekdays: when it is due; Sunday is 0.
        either_day: whether a day counts that is right by `days` or by `weekdays`, as cron has it where both are set.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def last_due(self, at: datetime) -> datetime | None:
        """The newest moment, `at` included, at which it was due; None where there is none in eight years."""
        now = at.astimezone(timezone.utc).replace(second=0, microsecond=0)
        for back in range(_DAYS_BACK):
            day = now - timedelta(days=back)
            if not self._is_day(day):
                continue
            limit = (now.hour, now.minute) if back == 0 else (23, 59)
            if (found := self._last_in_day(limit)) is not None:
                return day.replace(hour=found[0], minute=found[1])
        return None

    def _is_day(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return of_month or of_week if self.either_day else of_month and of_week

    def _last_in_day(self, limit: tuple[int, int]) -> tuple[int, int] | None:
        for hour in sorted(self.hours, reverse=True):
            minutes = [minute for minute in self.minutes if (hour, minute) <= limit]
            if minutes:
                return hour, max(minutes)
        return None


@lru_cache(maxsize=4096)
def read_cron(text: str) -> Cron:
    """Read an expression such as `*/15 8-18 * * mon-fri` or `@hourly`.

    Raises:
        ValueError: it is none; the message begins with what it must be.
    """
    parts = _ALIASES.get(text.strip().lower(), text).lower().split()
    if len(parts) != len(_FIELDS):
        raise ValueError("must be a cron expression of five fields such as 30 2 * * *")
    sets = [_field(part, *field) for part, field in zip(parts, _FIELDS, strict=True)]
    weekdays = frozenset(day % 7 for day in sets[4])
    return Cron(
        sets[0], sets[1], sets[2], sets[3], weekdays, not (parts[2].startswith("*") or parts[4].startswith("*"))
    )


def _field(text: str, name: str, least: int, most: int, words: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        try:
            found.update(_range(part, least, most, words))
        except ValueError:
            raise ValueError(
                f"must be a cron expression of five fields; its {name} is a number from {least} to {most}, a list of "
                f"them, a range, or *, not {part}"
            ) from None
    return frozenset(found)


def _range(part: str, least: int, most: int, words: dict[str, int]) -> range:
    """The numbers of one item: `*`, `5`, `mon`, `8-18`, `*/15`, `8-18/2`."""
    span, slash, step = part.partition("/")
    first, dash, last = ("*", "", "") if span == "*" else span.partition("-")
    low = least if first == "*" else _number(first, words)
    high = most if first == "*" or (slash and not dash) else _number(last, words) if dash else low
    by = _number(step, {}) if slash else 1
    if not least <= low <= high <= most or by < 1:
        raise ValueError(part)
    return range(low, high + 1, by)


def _number(text: str, words: dict[str, int]) -> int:
    if text in words:
        return words[text]
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)
