"""What a watcher says of itself: in a sensor's tick and wherever else people ask.

What belongs here: sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from leads_dagster.pipeline.pace import Pace

if TYPE_CHECKING:
    from leads_dagster.pipeline.watching import Watcher
    from leads_dagster.pipeline.watching_airtable import AirtableWatcher

_NAMED = 5


def words_of(watcher: Watcher, *, running: Sequence[str] = ()) -> str:
    """How many sheets are as they were, how often they are looked at and why, and what is the matter with others."""
    paused = watcher.paused
    quiet = [name for name in watcher.sheets if name not in running and name not in paused]
    away = [name for name in quiet if watcher.sheets[name].error is not None]
    waiting = watcher.waiting.customers
    said = [
        *watcher.troubles.values(),
        _as_they_were(len(quiet) - len({*away, *waiting}.intersection(quiet)), len(watcher.sheets)),
        *_paces({name: watcher.paces[name] for name in quiet if name in watcher.paces}.items()),
        *([f"Under way: {names(running)}."] if running else []),
        *([f"Found, and waiting for a worker or for Google's quota: {names(waiting)}."] if waiting else []),
        *([f"Not to be read now: {names(away)}."] if away else []),
        *([f"Paused: {names(sorted(paused))}."] if paused else []),
    ]
    return " ".join(said)


def _as_they_were(number: int, all_of_them: int) -> str:
    if all_of_them == 1 and number == 1:
        return "The sheet is as it was."
    return f"{number} of {all_of_them} sheets are as they were."


def _paces(paces: Iterable[tuple[str, Pace]]) -> list[str]:
    """A sentence for each pace, the usual one first."""
    ordered = sorted(paces, key=lambda item: (item[1].seconds, item[1].reason, item[0]))
    groups = [(pace, [name for name, _ in group]) for pace, group in groupby(ordered, key=lambda item: item[1])]
    groups.sort(key=lambda group: -len(group[1]))
    return [f"Every {pace.seconds:g} s ({pace.reason}): {names(who)}." for pace, who in groups]


def words_of_tables(watcher: AirtableWatcher, *, running: Sequence[str] = ()) -> str:
    """How many tables in Airtable have nothing to take in, and which cannot be read."""
    errors = watcher.errors
    said = [
        f"{watcher.customers} {'table' if watcher.customers == 1 else 'tables'} in Airtable, nothing to take in.",
        *([f"Under way: {names(running)}."] if running else []),
        *(f"{name}: {error.message}" for name, error in list(errors.items())[:_NAMED]),
    ]
    return " ".join(said)


def names(customers: Sequence[str]) -> str:
    """The first few by name, and how many more."""
    shown = ", ".join(customers[:_NAMED])
    return shown if len(customers) <= _NAMED else f"{shown} and {len(customers) - _NAMED} more"
