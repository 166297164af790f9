"""What pages show: what the pipeline says, put into the order in which people look at it.

What belongs here: sorting and summing what use cases return. No queries, no rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool

from leads_dagster.interfaces.api.answering import Answering
from leads_dagster.interfaces.dashboard.words import FIELD_ORDER, counted
from leads_dagster.notifications.memory import read_memory
from leads_dagster.pipeline import conflicts, quarantine, reviews
from leads_dagster.pipeline.alerting import standing
from leads_dagster.pipeline.workspace import Workspace

INBOXES = ("quarantine", "conflicts", "reviews", "holds")
_MAX_LISTED = 50
_MOST_ALERTS = 20
# Where something can be done about an alert of a customer; elsewhere its own page.
_PAGES = {
    "hold": "/inboxes/holds?customerId={}",
    "dead_letters": "/inboxes/outbox?customerId={}",
    "out_of_step": "/inboxes/outbox?customerId={}",
    "error_rate": "/inboxes/quarantine?customerId={}",
    "budget": "/budget",
}
_PAGES_OF_ALL = {"dead_letters": "/queue", "budget": "/budget"}


async def inbox_counts(leads: Answering) -> dict[str, int]:
    """Inbox -> how much waits in it, of all customers, and `total`; and what mirrors would not take: `outbox`."""
    found = [one["waiting"] for one in await leads.statuses()]
    counts = {name: sum(waits[name] for waits in found) for name in INBOXES}
    refused = sum(in_trouble(one) for one in await leads.statuses())
    return {**counts, "total": sum(counts.values()), "outbox": refused}


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


def headline(cards: Sequence[Mapping[str, Any]], waits: int, alerts: int) -> str:
    """The first sentence of the overview."""
    failed = sum(one["state"] == "failed" for one in cards)
    if failed:
        said = f"{counted(failed, 'customer')} could not be synced"
    elif all(one["state"] == "new" for one in cards):
        return "Nothing was synced yet."
    elif alerts:
        said = f"{counted(alerts, 'alert')} {'stands' if alerts == 1 else 'stand'}"
    else:
        said = "Everything is in step"
    if waits:
        return f"{said}, {counted(waits, 'thing')} {'waits' if waits == 1 else 'wait'} for you."
    return f"{said}, and nothing waits for you."


def in_trouble(status: Mapping[str, Any]) -> int:
    """How many leads a customer's mirrors would not take; of those that they took in part ten at most."""
    gone: int = sum(one.get("failed", 0) + one.get("dead", 0) for one in status["outbox"].values())
    return max(gone, len(status["refused"]))


def undone(status: Mapping[str, Any]) -> bool:
    """Whether there is anything that a customer's mirrors have still to hear of."""
    return bool(in_trouble(status)) or any(one.get("pending", 0) for one in status["outbox"].values())


async def alerts_of(leads: Answering) -> dict[str, Any]:
    """The alerts that stand, each with the page where something can be done about it, and when was looked last."""
    found = await run_in_threadpool(standing, leads.settings)
    known = set(leads.customers())
    shown = [{**one, "page": _page_of(one)} for one in found if one["customer"] is None or one["customer"] in known]
    return {"shown": shown[:_MOST_ALERTS], "count": len(shown), "looked_at": await run_in_threadpool(_looked_at, leads)}


def _looked_at(leads: Answering) -> datetime | None:
    moments = read_memory(leads.settings.home).examined.values()
    return datetime.fromtimestamp(max(moments), timezone.utc) if moments else None


def _page_of(alert: Mapping[str, Any]) -> str | None:
    customer = alert["customer"]
    if customer is None:
        return _PAGES_OF_ALL.get(alert["kind"])
    query = quote(customer, safe="")
    return _PAGES.get(alert["kind"], "/customers/{}").format(query)


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
