"""How often to look, and how long to wait after a failure: arithmetic alone, no clock and no database.

What belongs here: the numbers and the words for them. Who looks is `watching`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass

# After a failure that may pass, a cycle is asked for again after 1, 2, 4, 8 and then every 15 s; after one that only a
# person can mend less and less often. A change of sheet, settings or database is not waited with.
LONGEST_WAIT_SECONDS = 15.0
LONGEST_WAIT_FOR_PERSON_SECONDS = 300.0
# A service that is away is asked again at least so often, so that its return is noticed within seconds.
LONGEST_LOOK_WAIT_SECONDS = 8.0
# A look that costs next to nothing is taken so often while the customer is at a second.
QUICK_LOOK_SECONDS = 0.25
# Of the 12,000 questions a minute that Google Drive allows (developers.google.com/workspace/drive/api/guides/limits).
DRIVE_LOOKS_A_MINUTE = 9_600
# People who edit come back: so long after an edit the sheet is looked at as often as allowed; then half as often after
# each further stretch of this length.
EDITED_SECONDS = 300.0
# Looks that come later than this behind their turn, and than this share of the interval, say that the machine has too
# much to do.
LATE_SECONDS = 2.0
_LATE_SHARE = 0.5
_MOST_STRETCH = 8.0
# Share of a quota that is used -> how much rarer looks become. A sheet that is edited each second, alone, then comes to
# rest at three quarters of Google's 60 reads a minute: nobody waits for the quota, and a burst elsewhere finds room.
_STRETCHES_OF_QUOTA = ((0.92, 8.0), (0.85, 4.0), (0.75, 2.0), (0.5, 1.25))
_LONGEST_FOR_QUOTA_SECONDS = 8.0  # a sheet that is read so seldom fills no minute

EDITED = "edited lately"
IDLE = "not edited for a while"
USUAL = "as often as leads.toml says"
QUOTA = "Google's quota for reading is nearly used up"
BUSY_MACHINE = "this machine has too much to do"
AWAY = "the sheet cannot be read"
REFUSED = "reading the sheet is refused"


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a sheet is looked at, and why so."""

    seconds: float
    reason: str


def drive_look_seconds(sheets: int) -> float:
    """Between two quick looks, where Drive is asked for so many sheets."""
    return max(QUICK_LOOK_SECONDS, sheets * 60 / DRIVE_LOOKS_A_MINUTE)


def retry_seconds(failures: int, *, transient: bool) -> float:
    """How long after the n-th failure in a row to try again."""
    longest = LONGEST_WAIT_SECONDS if transient else LONGEST_WAIT_FOR_PERSON_SECONDS
    return float(min(longest, 2.0 ** min(max(failures, 1) - 1, 20)))


def look_again_seconds(failures: int, interval: float) -> float:
    """From a look that failed to the next; never rarer than the customer's own interval."""
    return max(interval, min(LONGEST_LOOK_WAIT_SECONDS, 0.5 * 2.0 ** min(failures, 10)))


def pace_of(floor: float, ceiling: float, *, idle_seconds: float, late_seconds: float, quota_share: float) -> Pace:
    """How often to look at a sheet that can be reached.

    Args:
        floor: the customer's interval.
        ceiling: the longest interval, reached while nobody edits.
        idle_seconds: since the last edit.
        late_seconds: how much looks come behind their turn.
        quota_share: share of the service's quota used, 0 to 1; 0 where there is none, or where this sheet is not among
            those that use it.
    """
    calm = min(max(floor, ceiling), floor * 2.0 ** min(int(idle_seconds / EDITED_SECONDS), 20))
    wanted = [
        Pace(calm, EDITED if idle_seconds < EDITED_SECONDS else IDLE if calm > floor else USUAL),
        Pace(floor * _stretch(late_seconds / max(LATE_SECONDS, floor * _LATE_SHARE)), BUSY_MACHINE),
        Pace(max(floor, min(floor * _stretch_of_quota(quota_share), _LONGEST_FOR_QUOTA_SECONDS)), QUOTA),
    ]
    return max(wanted, key=lambda one: one.seconds)


def _stretch(factor: float) -> float:
    """1 up to a factor of 1, then in steps of doubling, so that the pace does not change with every look."""
    stretch = 1.0
    while stretch < min(factor, _MOST_STRETCH):
        stretch *= 2
    return stretch


def _stretch_of_quota(share: float) -> float:
    return next((stretch for least, stretch in _STRETCHES_OF_QUOTA if share > least), 1.0)
