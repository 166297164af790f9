"""Spreading a month's calls: how often to look for edits, at what pace calls go, and how long they last so.

What belongs here: arithmetic. Nothing is read, and the time is always given.

A month is a calendar month in UTC. Airtable says that a month's calls come back "at the start of the next month"
(support.airtable.com/docs/managing-api-call-limits-in-airtable) and not in which time zone; where it is another one,
the refusal of the first hours parks the mirror, and the hourly question finds out when they are over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

HOUR = 3600
# What tells the pace: this hour and those before it.
PACE_HOURS = 24
# A look further ahead than this was entered before the clock was set back.
_FUTURE = 10.0
# However much was written, looking for edits keeps this share of what is left: a first load is no habit.
LEAST_PULL_SHARE = 0.5

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class MonthUse:
    """What is used of a month.

    Attributes:
        limit: calls that the plan allows; None for no limit.
        calls: all made this month.
        pulls: those among them that looked for edits.
        since: when the first of this month was counted, in seconds since the epoch.
        write_share: share of what is left that is kept for everything but looking, at least.
    """

    limit: int | None
    calls: int = 0
    pulls: int = 0
    since: float = 0.0
    write_share: float = 0.0

    @property
    def left(self) -> int | None:
        return None if self.limit is None else max(0, self.limit - self.calls)


def month_of(moment: float) -> str:
    """The month (UTC) of a time in seconds since the epoch: "2026-11"."""
    return f"{_utc(moment):%Y-%m}"


def month_end(moment: float) -> float:
    """When the month of `moment` is over, both in seconds since the epoch."""
    first = _utc(moment).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1).timestamp()


def calls_for_pulls(use: MonthUse, now: float) -> float:
    """How many of the calls left may be spent on looking for edits.

    Kept from them is what the rest of the month will need for all else at this month's habit (judged by a day at
    least), but no less than `write_share` of what is left, and no more than half of it.
    """
    if use.left is None:
        return float("inf")
    habit = (use.calls - use.pulls) / max(_DAY, now - use.since)
    expected = habit * (month_end(now) - now)
    kept = min(max(expected, use.write_share * use.left), max(LEAST_PULL_SHARE, use.write_share) * use.left)
    return use.left - kept


def pull_interval_seconds(use: MonthUse, now: float, *, sharers: int = 1, least: float = 1.0) -> float:
    """How long to wait between two looks for edits, so that the month's calls last until its end.

    Args:
        use: of the account that pays.
        sharers: how many bases look on that account.
        least: the customer's own interval, in seconds.
    """
    left = month_end(now) - now
    calls = calls_for_pulls(use, now)
    if calls < 1:
        return max(least, left)
    return max(least, left * max(1, sharers) / calls)


def next_pull(use: MonthUse, now: float, *, last: float, sharers: int = 1, least: float = 1.0) -> float:
    """When to look again, in seconds since the epoch; at once where the clock was set back behind `last`."""
    if last > now + _FUTURE:
        return now
    if calls_for_pulls(use, now) < 1:
        return month_end(now)
    due = last + pull_interval_seconds(use, now, sharers=sharers, least=least)
    # A new month pays again; whoever waits for it looks as soon as it begins.
    return max(last + least, min(due, month_end(last)))


def pace_an_hour(calls_by_hour: Mapping[int, int], *, since: float, now: float) -> float:
    """Calls an hour over the last day, or since counting began; an hour at least.

    Args:
        calls_by_hour: hours since the epoch -> calls in that hour.
        since: when counting began, in seconds since the epoch.
    """
    this_hour = int(now // HOUR)
    first = this_hour - PACE_HOURS + 1
    calls = sum(count for hour, count in calls_by_hour.items() if first <= hour <= this_hour)
    seconds = now - max(since, first * HOUR)
    return calls * HOUR / max(HOUR, seconds)


def lasts_until(left: int | None, pace: float, now: float) -> float | None:
    """When `left` calls are used up at `pace` an hour; None where that is not in this month."""
    if left is None or (pace <= 0 and left > 0):
        return None
    spent = now + left * HOUR / pace if left else now
    return None if spent >= month_end(now) else spent


def _utc(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, timezone.utc)
