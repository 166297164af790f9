"""`leads plan`: what a sync would write, call and cost; it fetches and reads, and writes nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from leads_dagster.budget import budget_place
from leads_dagster.leads.headers import confirming, suggestions
from leads_dagster.leads.sheet import read_sheet, sample_of
from leads_dagster.pipeline import ingest
from leads_dagster.pipeline.follow_rules import count_to_change
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.sources.google_sheets import fetch_sheet
from leads_dagster.store import hold_rows, ledger, outbox, rematching
from leads_dagster.store.batches import batches
from leads_dagster.store.changes import ChangeSet
from leads_dagster.store.engine import reading
from leads_dagster.store.lead_writer import row_states
from leads_dagster.store.ledger import RowCounts
from leads_dagster.store.outbox import MirrorName
from leads_dagster.store.resolution import Resolution, resolve_changes

AIRTABLE_RECORDS_A_CALL = 10
AIRTABLE_CALLS_A_SECOND = 5


def plan(ws: Workspace) -> dict[str, Any]:
    """What `leads sync` would do now: rows by outcome, leads, mirror calls and seconds, the first bad rows.

    Updates are an upper bound: a row that says something new may still lose to a newer claim. Where the survivorship
    rules in leads.toml changed, they count what follows those too (`leads.by_new_rules`). What would come of matching
    all records anew is not counted: `matched_anew` says that the sync would, because the rules of matching changed.
    """
    with reading(ws.engine) as connection:
        due = rematching.is_due(connection, ws.policy)
    facts = _planned(replace(ws, books_progress=False))
    status = "changed" if due and facts["status"] == "unchanged" else facts["status"]
    return {**facts, "status": status, "matched_anew": due}


def _unknown_columns(ws: Workspace, data: bytes) -> list[dict[str, str]]:
    """Columns that no field takes though their rows look like one, and the command that gives them to it."""
    table, mapping = read_sheet(data, overrides=ws.customer.columns, learned=ws.learned_headers)
    found = suggestions(mapping, sample_of(table))
    return [{"column": one.label, "looks_like": one.field, "confirm": confirming(one)} for one in found]


def _planned(ws: Workspace) -> dict[str, Any]:
    with reading(ws.engine) as connection:
        state = ledger.source_state(connection, ws.name, ws.source, order=False)
        catching_up = state.open_run_id is not None or hold_rows.approved_waiting(connection, ws.name, ws.source)
        waiting = {mirror: outbox.count_due(connection, ws.name, [mirror], now=ws.now()) for mirror in ws.mirrors}
        standing = ledger.standing_counts(connection, state)
        by_rules = count_to_change(ws, connection)
    fetched = fetch_sheet(
        ws.address,
        http=ws.http,
        credentials=ws.settings.google_credentials,
        max_bytes=ws.settings.max_sheet_bytes,
        sheets_endpoint=ws.settings.google_sheets_endpoint_url,
        budget=budget_place(ws.settings),
    )
    data = fetched.data  # type: ignore[union-attr]  # without a marker a fetch always has its bytes
    unknown = {"unknown_columns": _unknown_columns(ws, data)}
    if ws.fingerprint(fetched.checksum) == state.fingerprint and not catching_up:
        quiet = "changed" if by_rules else "unchanged"
        facts = _facts(ws, quiet, standing, leads=(0, 0, 0), by_rules=by_rules, waiting=waiting, bad=[])
        return {**facts, **unknown}
    found = ingest.find_changes(ws, data, checksum=fetched.checksum, marker=None, observed_at=ws.now())
    with reading(ws.engine) as connection:
        resolution = resolve_changes(ws.policy, connection, found)
    counts = _counts(found, resolution)
    status = "held" if counts.held else "changed"
    bad = [asdict(change.row.rejection) for change in found.changes if change.row.rejection][:20]
    leads = _lead_counts(found, resolution)
    return {**_facts(ws, status, counts, leads=leads, by_rules=by_rules, waiting=waiting, bad=bad), **unknown}


def _counts(found: ChangeSet, resolution: Resolution) -> RowCounts:
    tally = dict.fromkeys(("created", "updated", "unchanged", "merged", "quarantined", "held"), 0)
    for batch in batches(found.changes, found.gone, resolution, size=1000):
        for state in row_states(batch).values():
            tally[state] += 1
    held_gone = sum(one.held for one in found.gone)
    tally["unchanged"] += found.unexamined - found.unexamined_quarantined - found.unexamined_undone
    tally["quarantined"] += found.unexamined_quarantined
    tally["held"] += found.unexamined_undone + sum(change.held for change in found.changes) + held_gone
    return RowCounts(read=found.read_rows + held_gone, removed=len(found.gone) - held_gone, **tally)


def _lead_counts(found: ChangeSet, resolution: Resolution) -> tuple[int, int, int]:
    """Leads that would be created, changed and retired."""
    speaking = [change for change in found.changes if not change.held]
    changed = {change.lead_id for change in speaking if change.lead_id and change.claims}
    new = set(resolution.new_leads)
    changed |= {lead for lead in resolution.assigned.values() if lead not in new}
    leaving = {one.lead_id for one in found.gone if one.lead_id and not one.held}
    retired = set(resolution.merged) | (leaving - changed)
    return len(new), len(changed - retired), len(retired)


def _facts(
    ws: Workspace,
    status: str,
    counts: RowCounts,
    *,
    leads: tuple[int, int, int],
    by_rules: int,
    waiting: Mapping[MirrorName, int],
    bad: list[dict[str, Any]],
) -> dict[str, Any]:
    created, updated, retired = leads[0], leads[1] + by_rules, leads[2]
    mirrors = {"crm": {"creates": created, "updates": updated, "deletes": retired, "waiting": waiting["crm"]}}
    if ws.customer.airtable is not None:
        calls = sum(
            math.ceil(number / AIRTABLE_RECORDS_A_CALL) for number in (created, updated, retired, waiting["airtable"])
        )
        mirrors["airtable"] = {
            **mirrors["crm"],
            "waiting": waiting["airtable"],
            "calls": calls,
            "seconds": math.ceil(calls / AIRTABLE_CALLS_A_SECOND),
        }
    return {
        "customer": ws.name,
        "status": status,
        "rows": asdict(counts),
        "leads": {
            "create": created,
            "update": updated,
            "retire": retired,
            **({"by_new_rules": by_rules} if by_rules else {}),
        },
        "mirrors": mirrors,
        "quarantine": bad,
    }
