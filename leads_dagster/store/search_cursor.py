"""Where a page of a search ended, as a text that callers hand back and need not understand.

What belongs here: writing and reading that text. It holds the order's keys of the last lead and a hash of the search.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
import xxhash

from leads_dagster.errors import SettingsError


def write_cursor(search: str, stage: int, keys: Sequence[Any]) -> str:
    """The cursor after a lead.

    Args:
        search: what was searched for, in any form that another search does not have.
        stage: which of the search's statements found the lead.
        keys: the lead's values of what it was ordered by.
    """
    return urlsafe_b64encode(orjson.dumps([_hash(search), stage, *keys])).decode().rstrip("=")


def read_cursor(cursor: str, search: str, keys: int) -> tuple[int, list[Any]]:
    """Stage and keys of a cursor.

    Raises:
        SettingsError: it is no cursor, or another search's.
    """
    try:
        said = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        found, stage, *values = said
        if found == _hash(search) and stage in (0, 1) and len(values) == keys:
            return stage, [_value(one) for one in values]
    except (ValueError, TypeError):
        pass
    raise SettingsError(
        "The cursor is not one of this search.", advice="Ask for the first page again, without a cursor."
    )


def _value(said: Any) -> Any:
    """Times are the only texts that end in a time zone; a folded name has no "+" and no ":"."""
    return datetime.fromisoformat(said) if isinstance(said, str) and said.endswith("+00:00") else said


def _hash(search: str) -> str:
    return xxhash.xxh3_64_hexdigest(search.encode("utf-8", "surrogatepass"))
