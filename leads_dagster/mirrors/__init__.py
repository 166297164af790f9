"""Where leads go: Airtable and the CRM. Only differences are sent.

`AirtableSyncManager` is the public door to both ways of Airtable. It stands above this package, which knows nothing of
what uses it, and is therefore found by its name when it is first asked for.
"""

from __future__ import annotations

from typing import Any

_DOORS = {"AirtableSyncManager": "leads_dagster.airtable_sync"}


def __getattr__(name: str) -> Any:
    if name not in _DOORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_DOORS[name]), name)
