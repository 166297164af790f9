"""The system of record: tables, and everything that reads or writes them.

What belongs here: rows, transactions, and how records become leads in them. `LeadDatabase` and `AsyncLeadDatabase` are
its public doors; they are imported when they are first asked for, since the commands that only read pay for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leads_dagster.store.async_lead_database import AsyncLeadDatabase
    from leads_dagster.store.lead_database import LeadDatabase
    from leads_dagster.store.lead_filter import LeadFilter

__all__ = ["AsyncLeadDatabase", "LeadDatabase", "LeadFilter"]

_DOORS = {
    "AsyncLeadDatabase": "leads_dagster.store.async_lead_database",
    "LeadDatabase": "leads_dagster.store.lead_database",
    "LeadFilter": "leads_dagster.store.lead_filter",
}


def __getattr__(name: str) -> Any:
    if name not in _DOORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_DOORS[name]), name)
