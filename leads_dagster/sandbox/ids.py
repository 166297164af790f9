"""Identifiers as Airtable makes them: a three-letter prefix and fourteen letters or digits. Nothing else."""

from __future__ import annotations

import random
import re
import string

ALPHABET = string.ascii_letters + string.digits
_SHAPE = re.compile(r"^(app|tbl|fld|viw|rec|sel|usr|itr|ach|com|att|wsp)[A-Za-z0-9]{14}$")
_random = random.SystemRandom()


def new_id(prefix: str) -> str:
    """`prefix` (three letters, such as `rec`) and fourteen random letters or digits."""
    return prefix + "".join(_random.choices(ALPHABET, k=14))


def is_id(text: object, prefix: str) -> bool:
    """Whether `text` has the form of an id of that kind."""
    return isinstance(text, str) and text.startswith(prefix) and _SHAPE.match(text) is not None
