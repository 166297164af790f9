"""What pages show: what the pipeline says, put into the order in which people look at it.

What belongs here: sorting and summing what use cases return. No queries, no rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leads_dagster.interfaces.api.answering import Answering
from leads_dagster.interfaces.dashboard.words import FIELD_ORDER, counted
from leads_dagster.pipeline import conflicts, quarantine, reviews
from leads_dagster.pipeline.workspace import Workspace

INBOXES = ("quarantine", "conflicts", "reviews", "holds")
_MAX_LISTED = 50


async def inbox_counts(leads: Answering) -> dict[str, int]:
    """Inbox -> how much waits in it, of all customers, and `total`."""
    found = [one["waiting"] for one in await leads.statuses()]
    counts = {name: sum(waits[name] for waits in found) for name in INBOXES}
    return {**counts, "total": sum(counts.values())}


def card_of(status: Mapping[str, Any]) -> dict[str, Any]:
    """A customer as the overview shows it: its status, and state (running, paused, failed, waiting or in step)."""
    return {**status, "state": _state(status), "store": status["freshness"].get("store")}


def _state(status: Mapping[str, Any]) -> str:
    if status["is_running"]:
        return "running"
    if status["is_paused"]:
        return "paused"
    if status["last_error"]:
        return "failed"
    if status["last_sync_at"] is None:
        return "new"
    return "waiting" if status["waiting"]["holds"] else "in_step"


def headline(cards: Sequence[Mapping[str, Any]], waits: int) -> str:
    """The first sentence of the overview."""
    failed = sum(one["state"] == "failed" for one in cards)
    if failed:
        said = f"{counted(failed, 'customer')} could not be synced"
    elif all(one["state"] == "new" for one in cards):
        return "Nothing was synced yet."
    else:
        said = "Everything is in step"
    if waits:
        return f"{said}, {counted(waits, 'thing')} {'waits' if waits == 1 else 'wait'} for you."
    return f"{said}, and nothing waits for you."


def fields_of(lead: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A lead's fields with where each comes from, in the order in which people read them."""
    known = [{"name": name, **facts} for name, facts in lead["fields"].items()]
    return sorted(known, key=lambda one: FIELD_ORDER.get(one["name"], len(FIELD_ORDER)))


def side_by_side(records: Sequence[Mapping[str, Any]], *, key: str = "says") -> list[dict[str, Any]]:
    """What several records say, field by field: name, values (one a record) and whether they differ."""
    names = {name for one in records for name in one[key]}
    ordered = sorted(names, key=lambda name: FIELD_ORDER.get(name, len(FIELD_ORDER)))
    rows = [{"name": name, "values": [one[key].get(name) for one in records]} for name in ordered]
    return [{**row, "differs": len({value for value in row["values"] if value is not None}) > 1} for row in rows]


def timeline(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A lead's history, with the originals of each match side by side."""
    return [{**one, "pairs": [_pair(match) for match in _matches(one)]} for one in entries]


def _matches(entry: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [entry] if "originals" in entry else entry.get("matches", ())


def _pair(match: Mapping[str, Any]) -> dict[str, Any]:
    return {"sides": match["originals"], "rows": side_by_side(match["originals"], key="fields")}


def listed_conflicts(ws: Workspace) -> list[dict[str, Any]]:
    """Conflicts that wait, each with what its choices do."""
    return [conflicts.show(ws, one["id"]) for one in conflicts.list_(ws, limit=_MAX_LISTED)]


def listed_quarantine(ws: Workspace) -> list[dict[str, Any]]:
    """Rows in quarantine, in the order of the sheet."""
    return quarantine.list_(ws, limit=200)


def listed_reviews(ws: Workspace) -> list[dict[str, Any]]:
    """Pairs that wait, the strongest first, with what each answer does."""
    return [
        {**one, "fields": sorted(one["fields"], key=lambda field: FIELD_ORDER.get(field["field"], 99))}
        for one in (reviews.show(ws, found["id"]) for found in reviews.list_(ws, limit=_MAX_LISTED))
    ]


def plan_of(hold: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a hold would do, without columns that have no field."""
    return [{**row, "changes": [one for one in row["changes"] if one["field"] != "raw_data"]} for row in hold["plan"]]
