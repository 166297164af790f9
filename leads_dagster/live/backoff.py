"""How long to wait before a part that died is started again, and when to give it up.

What belongs here: counting. Seconds of health come from the keeper.
"""

from __future__ import annotations

from leads_dagster.live.part import Pace


class Backoff:
    """The deaths of one part.

    Attributes:
        restarts: lives after the first, in all.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._deaths = 0
        self._never_well = 0
        self.restarts = 0

    def died(self, healthy_seconds: float) -> float | None:
        """Count a death after so much health; seconds until the next life, or None where there shall be none."""
        self._never_well = 0 if healthy_seconds >= self._pace.settled else self._never_well + 1
        if healthy_seconds >= self._pace.forgive:
            self._deaths = 0
        if self._never_well >= self._pace.give_up:
            return None
        pause = min(self._pace.first_pause * 2.0**self._deaths, self._pace.longest_pause)
        self._deaths = min(self._deaths + 1, 30)
        self.restarts += 1
        return pause
