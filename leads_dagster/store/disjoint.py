"""Disjoint sets: what hangs together through any chain of links.

What belongs here: the sets. What is linked, and why, is told where they are used.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


class DisjointSets(Generic[Item]):
    """Sets that grow by linking; an item never linked is a set of its own."""

    def __init__(self) -> None:
        self._above: dict[Item, Item] = {}

    def name_of(self, item: Item) -> Item:
        """The item that names the set of another."""
        above = self._above
        while (higher := above.setdefault(item, item)) != item:
            above[item] = above[higher]
            item = above[item]
        return item

    def link(self, *items: Item) -> None:
        """Put items, with all that hangs on them, into one set."""
        for item in items[1:]:
            self._above[self.name_of(items[0])] = self.name_of(item)

    def names(self) -> dict[Item, Item]:
        """Every item ever seen -> the item that names its set."""
        return {item: self.name_of(item) for item in list(self._above)}

    def groups(self) -> Iterable[list[Item]]:
        """The sets of all items ever seen."""
        found: dict[Item, list[Item]] = {}
        for item, name in self.names().items():
            found.setdefault(name, []).append(item)
        return found.values()
