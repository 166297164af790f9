"""What people are told of a budget: how much is used, at what pace, how long it lasts, and when it is parked.

What belongs here: reading books for `leads status`, `leads doctor` and metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from leads_dagster.budget.books import SHARING_MS, LimitFacts
from leads_dagster.budget.file_tables import read_file_books
from leads_dagster.budget.plans import lasts_until, pace_an_hour, pull_interval_seconds


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """What `leads status` shows of one limit.

    Attributes:
        name: whose limit; a token is named by a hash only.
        calls, seconds: the limit; no calls where they are only counted.
        used: calls in the window that ends now.
        resting_seconds: until the rest after a refusal ends; 0 when none.
        rests: refusals since the books were made.
        month_calls: calls in the running month (UTC).
        month_limit: calls that the plan allows in a month; None for no limit, as for the next four.
        month_left: those of it that are left.
        pace: calls an hour, over the last day.
        lasts_until: when those left are used up at this pace (UTC); None when that is not in this month.
        parked_until: nothing but one question an hour is sent before then (UTC); None when not parked.
        pull_interval_seconds: how often edits may be looked for; None where nobody looks.
    """

    name: str
    calls: int
    seconds: float
    used: int
    resting_seconds: float
    rests: int
    month_calls: int
    month_limit: int | None = None
    month_left: int | None = None
    pace: float = 0.0
    lasts_until: datetime | None = None
    parked_until: datetime | None = None
    pull_interval_seconds: float | None = None


def budget_status(
    home: Path, url: str | None = None, *, clock: Callable[[], float] | None = None
) -> tuple[LimitStatus, ...]:
    """Every limit that was ever kept under this folder, or at `url`; empty when none was. Needs no token.

    Raises:
        StoreError, StoreBusyError: the books cannot be read.
    """
    if url is not None:
        from leads_dagster.budget.redis_books import read_redis_books

        return status_of(read_redis_books(url, clock))
    return status_of(read_file_books(home, clock) if clock else read_file_books(home))


def status_of(facts: Sequence[LimitFacts]) -> tuple[LimitStatus, ...]:
    """The status of every limit in the books."""
    by_name = {one.name: one for one in facts}
    return tuple(_status(one, by_name) for one in facts)


def _status(facts: LimitFacts, by_name: Mapping[str, LimitFacts]) -> LimitStatus:
    use = facts.month_use
    pace = pace_an_hour(facts.hours, since=facts.since_ms / 1000, now=facts.now)
    spent = lasts_until(use.left, pace, facts.now)
    return LimitStatus(
        name=facts.name,
        calls=facts.calls,
        seconds=facts.window_ms / 1000,
        used=facts.used,
        resting_seconds=max(0, facts.resting_until_ms - facts.now_ms) / 1000,
        rests=facts.rests,
        month_calls=use.calls,
        month_limit=use.limit,
        month_left=use.left,
        pace=round(pace, 2),
        lasts_until=None if spent is None else _utc(spent),
        parked_until=_utc(facts.parked_until_ms / 1000) if facts.parked else None,
        pull_interval_seconds=_pull_interval(facts, by_name),
    )


def _pull_interval(facts: LimitFacts, by_name: Mapping[str, LimitFacts]) -> float | None:
    account = by_name.get(facts.account)
    if account is None:
        return None
    return round(pull_interval_seconds(account.month_use, facts.now, sharers=sharers(facts, by_name.values())), 2)


def sharers(facts: LimitFacts, everyone: Iterable[LimitFacts]) -> int:
    """How many bases look for edits on the account of this one, itself among them."""
    return 1 + sum(
        other.account == facts.account and other.now_ms - other.last_pull_ms < SHARING_MS
        for other in everyone
        if other.name != facts.name
    )


def _utc(moment: float) -> datetime:
    return datetime.fromtimestamp(int(moment), timezone.utc)
