"""Which rows hang together: the naive rules and the peers' pairs become clusters by it."""

from __future__ import annotations

from collections.abc import Iterable


def joined(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Of every row from 0 to `count` the first row it hangs together with, over any number of pairs."""
    parent = list(range(count))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for a, b in pairs:
        one, other = root(a), root(b)
        parent[max(one, other)] = min(one, other)
    return [root(row) for row in range(count)]
