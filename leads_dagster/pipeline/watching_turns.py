"""Whose turn it is to be looked at: a heap of moments, one a customer.

What belongs here: the order of turns. Moments are seconds of whatever clock the caller uses.
"""

from __future__ import annotations

from heapq import heappop, heappush


class Turns:
    """At any time a customer waits for its turn, or is out: being looked at."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._at: dict[str, float] = {}
        self._out: dict[str, float | None] = {}  # customer -> a turn that was given meanwhile

    def give(self, name: str, at: float) -> None:
        """Let it be this customer's turn then, and not when it would have been; at once if it is out until later."""
        if name in self._out:
            self._out[name] = at
            return
        self._at[name] = at
        heappush(self._heap, (at, name))

    def take(self, now: float) -> list[tuple[str, float]]:
        """Customers whose turn has come, with its moment; they are out until `come_back`."""
        taken = []
        while self._heap and self._heap[0][0] <= now:
            at, name = heappop(self._heap)
            if self._at.get(name) == at:
                del self._at[name]
                self._out[name] = None
                taken.append((name, at))
        return taken

    def come_back(self, name: str, at: float) -> None:
        """The look is over; the next turn is then, or when it was given meanwhile."""
        given = self._out.pop(name, None)
        self.give(name, at if given is None else given)

    def drop(self, name: str) -> None:
        """This customer has no more turns."""
        self._at.pop(name, None)
        self._out.pop(name, None)

    def is_out(self, name: str) -> bool:
        """Whether it is being looked at."""
        return name in self._out

    def next_at(self) -> float | None:
        """When somebody's turn comes; None where nobody waits for one."""
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None
