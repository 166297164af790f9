"""How often one address may ask: buckets that fill with time.

What belongs here: counting. What is answered is `security`'s.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_CLIENTS = 10_000
_BURST_SECONDS = 2.0
_WRITE_SHARE = 0.1
_FAILURES_A_MINUTE = 20


class Buckets:
    """One bucket an address; those not seen for longest are forgotten, and so full again.

    Args:
        rate: drops a second. size: drops of a full bucket.
    """

    def __init__(self, rate: float, size: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._size, self._clock = rate, size, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Take a drop: 0 where there was one, else the seconds until there is."""
        now = self._clock()
        left, at = self._left.pop(name, (self._size, now))
        left = min(self._size, left + (now - at) * self._rate)
        wait = 0.0 if left >= 1 else (1 - left) / self._rate
        self._left[name] = (left if wait else left - 1, now)
        if len(self._left) > _MOST_CLIENTS:
            self._left.popitem(last=False)
        return wait


class Rates:
    """How often one address may ask, write, and show a wrong token.

    Args:
        rate: requests a second; a tenth of it may write. 0: no limit but that of wrong tokens.
    """

    def __init__(self, rate: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._all = Buckets(rate, max(1.0, rate * _BURST_SECONDS), clock=clock) if rate else None
        writes = max(1.0, rate * _WRITE_SHARE)
        self._writes = Buckets(writes, writes * _BURST_SECONDS, clock=clock) if rate else None
        self._failures = Buckets(_FAILURES_A_MINUTE / 60, _FAILURES_A_MINUTE, clock=clock)

    def wait(self, client: str, *, writes: bool) -> float:
        """Seconds that this request comes too early; 0 where it may be answered."""
        if self._all is None or self._writes is None:
            return 0.0
        return self._all.take(client) or (self._writes.take(client) if writes else 0.0)

    def failed(self, client: str) -> float:
        """A wrong token was shown: seconds until the next may be tried."""
        return self._failures.take(client)
