"""Findings that nobody could be given yet: until a worker is free, and while Google lets no more be read.

What belongs here: keeping them and choosing among them. What was found is `watching_sheet`'s.

A finding that was passed over would otherwise be found again a whole interval later: fifty sheets that change at once
would take minutes, and each in turn a run that fails at Google's quota.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from leads_dagster.pipeline.watching_sheet import Finding


class Waiting:
    """One finding a customer, the last look's."""

    def __init__(self) -> None:
        self._found: dict[str, Finding] = {}

    def __len__(self) -> int:
        return len(self._found)

    def note(self, customer: str, finding: Finding | None) -> None:
        """What the last look came to; None takes back what one before it found."""
        if finding is None:
            self._found.pop(customer, None)
        else:
            self._found[customer] = finding

    def drop(self, customers: Collection[str]) -> None:
        """These have a cycle under way, are paused or gone: what is to be found of them is found afterwards."""
        for name in self._found.keys() & set(customers):
            del self._found[name]

    def take(self, most: int | None, may_run: Callable[[Finding], bool]) -> list[Finding]:
        """The longest waiting that may run now, so many at most; they wait no more."""
        taken: list[Finding] = []
        for one in sorted(self._found.values(), key=lambda each: each.seen_at):
            if most is not None and len(taken) >= most:
                break
            if may_run(one):
                taken.append(one)
        self.drop([one.customer for one in taken])
        return taken

    @property
    def customers(self) -> list[str]:
        """Who waits."""
        return sorted(self._found)
