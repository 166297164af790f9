"""Parts of a body that may be anything: what is not of the shape expected counts as not there.

What belongs here: looking, without trusting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def mapping_at(value: Any, name: str) -> Mapping[str, Any]:
    """The object at a name; an empty one where there is none."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def mappings_at(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects in the list at a name."""
    found = value.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def text_of(value: object) -> str:
    """Text or a number as text; "" for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""
