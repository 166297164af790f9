"""Leads as people look for them: a page of a search, how many there are, and one lead with all that is known of it.

What belongs here: putting together what search, provenance, history and matches say. What of it is shown how is the
interfaces' business.
"""

from __future__ import annotations

from typing import Any

from leads_dagster.leads.fields import RAW_DATA
from leads_dagster.pipeline import lead_lookup
from leads_dagster.pipeline.history import matches
from leads_dagster.pipeline.provenance import provenance
from leads_dagster.pipeline.sheet_rows import Places
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import history, lead_rows, lead_search, records
from leads_dagster.store.engine import reading
from leads_dagster.store.lead_filter import LeadFilter
from leads_dagster.store.lead_search import Order

_UNSHOWN = frozenset({RAW_DATA, "customer"})


def page(
    ws: Workspace, query: LeadFilter, *, limit: int = 50, after: str | None = None, order: Order = "relevance"
) -> dict[str, Any]:
    """A page of the leads that meet a filter.

    Args:
        limit: 1 to 1,000. after: `next_cursor` of the page before.

    Returns:
        leads: their columns but `raw_data`; next_cursor: where the next page begins, None on the last.

    Raises:
        SettingsError: the limit or order cannot be, or the cursor is another search's.
    """
    with reading(ws.engine) as connection:
        found = lead_search.search(connection, ws.name, query, limit=limit, after=after, order=order)
    return {"leads": [_shown(row) for row in found], "next_cursor": found.next}


def count(ws: Workspace, query: LeadFilter) -> int:
    """How many leads meet a filter; looks at each of them."""
    with reading(ws.engine) as connection:
        return lead_search.count(connection, ws.name, query)


def lead(ws: Workspace, named: str) -> dict[str, Any]:
    """One lead, with where each field comes from, its records, and why these are one lead.

    Args:
        named: its id, or the beginning of it.

    Returns:
        Its columns, and state; lives_on_in and stands_for, where it was merged or others into it; fields: as
        `provenance`; records: source, source_key, row, kind, and what each says; matches: rule, score, why
        and both originals.

    Raises:
        NotFoundError: no such lead, or several.
    """
    with reading(ws.engine) as connection:
        row = lead_lookup.the_one(connection, ws.name, named)
        facts = {
            **{name: value for name, value in lead_rows.shown(row).items() if name != "customer"},
            "state": lead_lookup.state_of(row),
            "lives_on_in": lead_lookup.stands_for(connection, row) if row["merged_into"] else None,
            "stands_for": history.merged_into(connection, row["id"]),
        }
        living = [one for one in history.records_ever(connection, [row["id"]]) if one.lead_id == row["id"]]
        said = records.sayings_of(connection, [one.id for one in living])
        places = Places(ws, connection)
        facts["records"] = [
            {**places.of(one), "kind": one.kind, "removed_at": one.removed_at, "says": said.get(one.id, {})}
            for one in living
        ]
    return {**facts, "fields": provenance(ws, row["id"])["fields"], "matches": matches(ws, row["id"])}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _UNSHOWN}
