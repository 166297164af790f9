"""What the books of a budget must be able to do, wherever they are kept, and what they say of every limit.

What belongs here: the shapes that `governor`, `status` and the two kinds of books (`file_books`, `redis_books`) share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from leads_dagster.budget.limits import Limit
from leads_dagster.budget.plans import MonthUse, month_of

# Above the service's own window: clocks are read in whole milliseconds at both ends.
MARGIN_MS = 10
# How long a call without an answer may still be on its way; one whose process died keeps its place no longer.
ON_ITS_WAY_MS = 4_000
# Entries further ahead than this were made before the clock was set back.
FUTURE_MS = 10_000
# How often to look again while all places are kept for calls on their way: their answers come any moment.
LOOK_AGAIN_MS = 20
# While parked, one call in this time goes out, so that a larger plan is noticed.
PROBE_MS = 3_600_000
# A park further ahead than the longest month was made before the clock was set back.
LONGEST_PARK_MS = 32 * 86_400_000
# A base that looked for edits in this time is one of those that share an account.
SHARING_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Entry:
    """The answer to one call's wish for a place.

    Attributes:
        began_ms: when it was entered, in ms since the epoch by the books' clock.
        wait_ms: look again after so long; 0 when entered.
        parked_until_ms: not before then; 0 when not parked.
        reason: why it is parked.
        probing: it was let through although parked, to see whether that still holds.
    """

    began_ms: int = 0
    wait_ms: int = 0
    parked_until_ms: int = 0
    reason: str = ""
    probing: bool = False


@dataclass(frozen=True, slots=True)
class LimitFacts:
    """One limit as it stands in the books; times in ms since the epoch, 0 for never.

    Attributes:
        used: calls in the window that ends now.
        month: the month that `month_calls`, `month_pulls` and `month_since_ms` are of.
        month_limit: 0 for none.
        since_ms: when the limit was first kept here.
        hours: hours since the epoch -> calls in that hour.
        now_ms: by the books' clock.
    """

    name: str
    slots: str = ""
    calls: int = 0
    window_ms: int = 0
    resting_until_ms: int = 0
    rests: int = 0
    month: str = ""
    month_calls: int = 0
    month_pulls: int = 0
    month_since_ms: int = 0
    month_limit: int = 0
    write_share: float = 0.0
    account: str = ""
    parked_until_ms: int = 0
    parked_reason: str = ""
    probe_at_ms: int = 0
    last_pull_ms: int = 0
    since_ms: int = 0
    used: int = 0
    hours: Mapping[int, int] = field(default_factory=dict)
    now_ms: int = 0

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self.now_ms / 1000

    @property
    def month_use(self) -> MonthUse:
        """What is used of the running month."""
        this_month = self.month == month_of(self.now)
        return MonthUse(
            limit=self.month_limit or None,
            calls=self.month_calls if this_month else 0,
            pulls=self.month_pulls if this_month else 0,
            since=(self.month_since_ms if this_month else self.now_ms) / 1000,
            write_share=self.write_share,
        )

    @property
    def parked(self) -> bool:
        return is_parked(self.parked_until_ms, self.now_ms)

    @property
    def asleep(self) -> bool:
        """Whether it is parked and not even a probe is due."""
        return self.parked and waits_for_probe(self.probe_at_ms, self.now_ms)


# What each kind of books keeps of a limit, in the order of `LimitFacts`.
KEPT = (
    "name", "slots", "calls", "window_ms", "resting_until_ms", "rests", "month", "month_calls", "month_pulls",
    "month_since_ms", "month_limit", "write_share", "account", "parked_until_ms", "parked_reason", "probe_at_ms",
    "last_pull_ms", "since_ms",
)  # fmt: skip
TEXTS = ("name", "slots", "month", "account", "parked_reason")


def is_parked(until_ms: int, now_ms: int) -> bool:
    """Whether a park still holds."""
    return 0 < until_ms - now_ms <= LONGEST_PARK_MS


def waits_for_probe(probe_at_ms: int, now_ms: int) -> bool:
    """Whether a parked limit lets nothing through just now."""
    return 0 < probe_at_ms - now_ms <= PROBE_MS


def rest_left_ms(until_ms: int, now_ms: int, limit: Limit) -> int:
    """What is left of a rest; a longer one than there can be is of before the clock was set back."""
    left = until_ms - now_ms
    return left if 0 < left <= longest_rest_ms(limit) else 0


def longest_rest_ms(limit: Limit) -> int:
    """No rest of this limit is longer."""
    return int(2 * limit.rest_seconds * 1000)


def window_ms(limit: Limit) -> int:
    """The window that is kept: the service's own and a margin."""
    return int(limit.seconds * 1000) + MARGIN_MS


def settings_of(limit: Limit) -> dict[str, Any]:
    """What is written down when a limit is first met, and again when it was changed."""
    return {
        "name": limit.name,
        "slots": limit.slots,
        "calls": limit.calls,
        "window_ms": int(limit.seconds * 1000),
        "month_limit": limit.monthly_calls or 0,
        "write_share": limit.write_share,
        "account": limit.account,
    }


class Books(Protocol):
    """Where processes keep a budget together. Every call is all or nothing, whoever else calls.

    Raises:
        StoreError, StoreBusyError: the books cannot be used.
    """

    def enter(self, ticket: str) -> Entry:
        """Enters a call in every limit, or in none."""

    def settle(self, ticket: str, began_ms: int, least_ms: int) -> int:
        """Moves a call to the time at which it can have arrived at the latest; returns the ms it took.

        Args:
            least_ms: what every answer takes; none of a call's time is believed to be more of it than it took.
        """

    def rest(self, limit: Limit, seconds: float) -> None:
        """Nobody calls for so long."""

    def park(self, name: str, until_ms: int, reason: str) -> bool:
        """Lets nothing through until then but probes; returns whether that is new."""

    def unpark(self, names: tuple[str, ...]) -> None:
        """Ends every park of these limits."""

    def claim_pull(self, name: str, account: str, *, last_ms: int) -> bool:
        """Enters a look for edits, if the last one is still `last_ms`; returns whether it was."""

    def note_pull(self, name: str) -> None:
        """Enters that somebody looked as a part of something else."""

    def facts(self) -> tuple[LimitFacts, ...]:
        """Every limit in these books, by name."""

    def close(self) -> None:
        """Lets go of them."""
