"""Reads the rule tables of `leads/data`, once a process.

What belongs here: finding and parsing the packaged TOML files. What a table means stays with the module that uses it.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib.resources import files
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@lru_cache(maxsize=32)
def load_table(name: str) -> dict[str, Any]:
    """The packaged table `data/<name>.toml`.

    Args:
        name: file name without its ending.

    Raises:
        FileNotFoundError: no such table is packaged.
    """
    text = files("leads_dagster.leads").joinpath("data").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def folded_set(name: str, key: str) -> frozenset[str]:
    """The entries of one list of a table, lower-cased, for membership tests."""
    return frozenset(entry.casefold() for entry in load_table(name)[key])
