"""Which of many names are one slip of the pen apart, without comparing each with each.

What belongs here: the index that finds such names. What a slip is, `comparison` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from leads_dagster.leads.comparison import one_letter_apart
from leads_dagster.leads.match_features import PersonName


class Slips:
    """Names by what is left of them without one letter: two that one slip makes of each other have that in common."""

    def __init__(self) -> None:
        self._near: dict[str, set[str]] = {}
        self._sharing: dict[int, list[PersonName]] = {}

    def add(self, names: Mapping[str, PersonName]) -> None:
        """Take names in, by their keys; those known already are left as they are."""
        if names.keys() <= self._near.keys():
            return
        for key, name in names.items():
            if key not in self._near:
                self._add(name)

    def near(self, name: PersonName) -> Set[str]:
        """Keys of the names taken in that are one letter from this one, which is taken in, too."""
        return self._near[name.key]

    def _add(self, name: PersonName) -> None:
        rests = set(_rests(name))
        others = {other.key: other for rest in rests for other in self._sharing.get(rest, ())}
        near = {key for key, other in others.items() if one_letter_apart(name, other)}
        self._near[name.key] = near
        for key in near:
            self._near[key].add(name.key)
        for rest in rests:
            self._sharing.setdefault(rest, []).append(name)


def _rests(name: PersonName) -> Iterator[int]:
    """Of the whole name without its blanks, and of each word beside the others; hashes, since a long name has many."""
    yield from map(hash, _with_one_left_out(name.joined))
    words = set(name.words)
    for word in words:
        beside = frozenset(words - {word})
        yield from (hash((rest, beside)) for rest in _with_one_left_out(word))


def _with_one_left_out(text: str) -> Iterator[str]:
    yield text
    yield from (text[:place] + text[place + 1 :] for place in range(len(text)))
