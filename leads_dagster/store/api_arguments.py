"""Arguments of the public database that cannot be meant: refused in words before anything is done.

What belongs here: names of mirrors, numbers, ids. What a record may hold is `api_records`', what a filter may be is
`lead_filter`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import get_close_matches

from leads_dagster.errors import SettingsError
from leads_dagster.store.outbox import MIRRORS, MirrorName

LARGEST_NUMBER = 2**63 - 1  # what a database takes


def whole_number(name: str, value: object, *, least: int = 0, most: int = LARGEST_NUMBER, advice: str = "") -> int:
    """A whole number within bounds.

    Raises:
        SettingsError: it is another kind of thing, or out of bounds; names the argument.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise SettingsError(f"{name} takes a whole number, not a {type(value).__name__}.", advice=advice)
    if not least <= value <= most:
        bounds = f"{least:,} or more" if most == LARGEST_NUMBER and value < least else f"{least:,} to {most:,}"
        raise SettingsError(f"{name} is a whole number, {bounds}.", advice=advice)
    return value


def seconds(name: str, value: object) -> float:
    """A time to wait, in seconds.

    Raises:
        SettingsError: it is no number from 0 on; names the argument.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise SettingsError(f"{name} takes a number of seconds from 0 on.")
    return float(value)


def mirrors_named(named: str | Sequence[str] | None) -> list[MirrorName] | None:
    """The mirrors that somebody names, one or several; None where nobody names any.

    Raises:
        SettingsError: there is no such mirror; the nearest is named.
    """
    if named is None:
        return None
    names = [named] if isinstance(named, str) else list(named)
    for name in names:
        if name not in MIRRORS:
            near = get_close_matches(str(name), MIRRORS, n=1)
            advice = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(MIRRORS)}."
            raise SettingsError(f"There is no mirror {name!r}.", advice=advice)
    return [mirror for mirror in MIRRORS if mirror in names]


def lead_ids_of(given: str | Sequence[str]) -> list[str]:
    """Ids of leads, from one or several.

    Raises:
        SettingsError: it is neither.
    """
    if isinstance(given, str):
        return [given]
    if not isinstance(given, Sequence | set | frozenset):
        raise SettingsError(f"Leads are named by an id or several, not by a {type(given).__name__}.")
    return list(given)
