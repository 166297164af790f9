"""The properties that must hold after a cycle, one function each; Dagster's asset checks call these.

What belongs here: reading and judging. Nothing is written, and the same guards stand in the stages themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import Connection

from leads_dagster.pipeline.ingest import NORMALIZED
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import (
    airtable_changes,
    airtable_state,
    claim_rows,
    hold_rows,
    lead_rows,
    ledger,
    match_rows,
    outbox,
    review_rows,
    staging,
)
from leads_dagster.store import freshness as freshness_lines
from leads_dagster.store.engine import reading

# A share of unusable rows above which somebody should look.
ERROR_RATE_LIMIT = 0.05
# No successful cycle for this many intervals (and at least a quarter of an hour) is not fresh.
FRESH_INTERVALS = 10
FRESH_SECONDS = 900.0
# From first seen to stored; a first load of 100,000 rows takes less.
WAIT_SECONDS = 120.0
RUN_LASTS = timedelta(hours=2)
# A capture that waits longer, and a share of dead ones above which somebody should look.
QUEUE_WAIT_SECONDS = 60.0
DEAD_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """Whether a property holds, how bad it is where it does not, and the numbers behind it."""

    passed: bool
    description: str
    metadata: dict[str, Any] = field(default_factory=dict)
    severity: Literal["error", "warn"] = "error"


def sheet_not_shrunk(ws: Workspace, *, run_id: str) -> CheckOutcome:
    """The sheet is not empty, and lost no more rows than the customer's guard allows without asking."""
    with reading(ws.engine) as connection:
        head = _staged_head(ws, connection)
        hold = hold_rows.standing(connection, ws.name, ws.source)
        rows = head["read_rows"] if head else ledger.source_state(connection, ws.name, ws.source, order=False).read_rows
    parked = _parked(head, hold)
    if parked is None:
        return CheckOutcome(True, "The sheet kept its rows.", {"rows": rows})
    count, limit = parked["rows_parked"], parked["limit_rows"]
    words = f"{count} rows are parked: more than {limit} in one cycle. See `leads holds`."
    return CheckOutcome(False, words, {"rows": rows, **parked}, "warn")


def _parked(head: Mapping[str, Any] | None, hold: Mapping[str, Any] | None) -> dict[str, int] | None:
    """What the guard parks in the cycle that is under way, else what stands parked; None where it parks nothing."""
    if head is not None:
        guard = head["guard"]
        approved = guard is None or guard[3] is not None
        return None if approved else {"rows_parked": len(guard[2]), "limit_rows": guard[1]}
    if hold is None:
        return None
    return {"rows_parked": hold["removals"] + hold["changes"] + hold["blanks"], "limit_rows": hold["limit_rows"]}


def _staged_head(ws: Workspace, connection: Connection) -> Mapping[str, Any] | None:
    """What `normalized_leads` says of the cycle that is under way; None where none is."""
    staged = staging.find(connection, ws.name, NORMALIZED)
    if staged is None or staged.source != ws.source:
        return None
    head: Mapping[str, Any] = next(staging.payloads(connection, ws.name, NORMALIZED))
    return head


def headers_known(ws: Workspace, *, run_id: str) -> CheckOutcome:
    """The sheet has a column that makes a lead."""
    from leads_dagster.leads.headers import map_headers

    with reading(ws.engine) as connection:
        head = _staged_head(ws, connection)
        header = head["header"] if head else ledger.source_state(connection, ws.name, ws.source, order=False).header
    header = header or []
    overrides = {name: label for name, label in ws.customer.columns.items() if label in header}
    mapping = map_headers(header, overrides=overrides, learned=ws.learned_headers).columns if header else ()
    mapped = sum(one.target is not None for one in mapping)
    numbers = {"columns": len(header), "columns_mapped": mapped}
    return CheckOutcome(mapped > 0 or not header, f"{mapped} of {len(header)} columns are known.", numbers)


def no_strong_key_doubles(ws: Workspace, *, run_id: str) -> CheckOutcome:
    """No two active leads carry one LinkedIn URL or e-mail, but where a decision, an edit or evidence says so."""
    with reading(ws.engine) as connection:
        doubles = lead_rows.strong_key_doubles(connection, ws.name, run_id)
        explained = match_rows.kept_apart(connection, ws.name, [value for _, value, _ in doubles])
        explained |= review_rows.shared_by_decision(connection, ws.name) if doubles else set()
        # It stops no sync: whoever typed it in two places sees it there.
        explained |= claim_rows.given_by_edits(connection, ws.name, [value for _, value, _ in doubles])
        waiting = review_rows.count_waiting(connection, ws.name)
    open_ones = [one for one in doubles if one[1] not in explained]
    reasons = len(doubles) - len(open_ones)
    numbers = {"doubles": len(open_ones), "kept_apart_for_a_reason": reasons, "reviews_waiting": waiting}
    return CheckOutcome(not open_ones, f"{len(open_ones)} strong keys stand in more than one active lead.", numbers)


def ledger_adds_up(ws: Workspace, *, run_id: str) -> CheckOutcome:
    """Every source row ended in exactly one state, and every live record is in a lead or in quarantine."""
    with reading(ws.engine) as connection:
        run = ledger.find_run(connection, ws.name, run_id)
        lost, live = ledger.unaccounted_records(connection, ws.name, ws.source)
        state = ledger.source_state(connection, ws.name, ws.source, order=False)
    counts = ledger.counts_of(run) if run else ledger.RowCounts()
    closed = run is None or run["status"] == "running" or counts.read == state.read_rows
    passed = counts.adds_up and lost == 0 and closed
    numbers = {"rows_read": counts.read, "live_records": live, "records_unaccounted": lost}
    return CheckOutcome(passed, "Every row is accounted for." if passed else "Rows are not accounted for.", numbers)


def stores_agree(ws: Workspace, *, run_id: str, mirror: Literal["airtable", "crm"]) -> CheckOutcome:
    """The mirror has heard of every lead; what it refused is counted and named in `leads status`."""
    if mirror == "airtable" and ws.customer.airtable is None:
        return CheckOutcome(True, "No Airtable is configured.")
    with reading(ws.engine) as connection:
        counts = outbox.counts(connection, ws.name).get(mirror, {})
        active = lead_rows.count_active(connection, ws.name)
        heard = outbox.count_heard(connection, ws.name, mirror)
        due = outbox.count_due(connection, ws.name, [mirror], now=ws.now())
    behind = counts.get("pending", 0) + counts.get("failed", 0)
    dead = counts.get("dead", 0)
    numbers = {"leads": active, "in_mirror": heard, "waiting": behind, "dead": dead}
    if mirror == "airtable" and ws.airtable_parked is not None:
        return CheckOutcome(False, f"{ws.airtable_parked} {behind} leads wait.", numbers, "warn")
    # What only waits for people to stop typing, or for a hold, is in order.
    late = due + counts.get("failed", 0)
    passed = heard == active and late == 0 and dead == 0
    words = f"The mirror holds {heard} of {active} leads; {behind} wait, {dead} were refused."
    return CheckOutcome(passed, words, numbers, "warn" if dead and not late else "error")


def airtable_read(ws: Workspace, *, run_id: str) -> CheckOutcome:
    """What people changed in Airtable is known."""
    if ws.customer.airtable is None:
        return CheckOutcome(True, "No Airtable is configured.")
    with reading(ws.engine) as connection:
        table = airtable_state.table_of(connection, ws.name)
        hook = airtable_state.hook_of(connection, ws.customer.airtable.base_id)
        waiting = 0 if table is None else airtable_changes.count(connection, table.base_id, table.table_id)
    error = (ws.airtable_failure.message if ws.airtable_failure else None) or hook.error
    return CheckOutcome(error is None, error or f"{waiting} edits wait.", {"edits_waiting": waiting}, "warn")


def freshness(ws: Workspace, *, run_id: str) -> CheckOutcome:
    """The last successful cycle is not older than the customer's interval allows, and its rows stood soon enough."""
    with reading(ws.engine) as connection:
        state = ledger.source_state(connection, ws.name, ws.source, order=False)
        took = freshness_lines.longest_of_run(connection, ws.name, run_id, since=ws.now() - RUN_LASTS)
    if state.closed_at is None:
        return CheckOutcome(False, "No cycle has closed yet.", severity="warn")
    age = (ws.now() - state.closed_at).total_seconds()
    allowed = max(FRESH_SECONDS, ws.customer.interval_seconds * FRESH_INTERVALS)
    numbers = {"age_seconds": round(age, 3)} | ({} if took is None else {"longest_wait_seconds": round(took, 3)})
    if took is not None and took > WAIT_SECONDS:
        words = f"A change stood in the store only {took:.0f} s after it was first seen."
        return CheckOutcome(False, words, numbers, "warn")
    return CheckOutcome(age <= allowed, f"Last written {age:.0f} s ago.", numbers, "warn")


def error_rate(ws: Workspace, *, run_id: str) -> CheckOutcome:
    """Few rows are unusable; the good ones are never stopped by the bad."""
    with reading(ws.engine) as connection:
        head = _staged_head(ws, connection)
        standing = ledger.standing_counts(connection, ledger.source_state(connection, ws.name, ws.source, order=False))
    read, quarantined = (head["read_rows"], head["quarantined"]) if head else (standing.read, standing.quarantined)
    rate = quarantined / read if read else 0.0
    numbers = {"error_rate": round(rate, 6), "rows_quarantined": quarantined, "rows_read": read}
    return CheckOutcome(rate <= ERROR_RATE_LIMIT, f"{quarantined} rows are in quarantine.", numbers, "warn")


def queue_flows(ws: Workspace, *, run_id: str) -> CheckOutcome:
    """No capture of this customer waits for long, and few are dead."""
    from leads_dagster.pipeline.capture import queue_status

    found = queue_status(ws)
    if found is None:
        return CheckOutcome(True, "Nothing was ever enqueued.")
    ended = found["recorded"] + found["duplicates"] + found["rejected"] + found["dead"]
    share = found["dead"] / ended if ended else 0.0
    late = found["oldest_seconds"] > QUEUE_WAIT_SECONDS
    numbers = {**found, "dead_share": round(share, 6)}
    words = f"The oldest capture waits for {found['oldest_seconds']:.0f} s; {found['dead']} are dead."
    return CheckOutcome(not late and share <= DEAD_SHARE, words, numbers, "warn")


def queue_adds_up(ws: Workspace, *, run_id: str) -> CheckOutcome:
    """Every capture of this customer that the queue ever took in is somewhere, and what it settled the store knows."""
    from leads_dagster.pipeline.queue_proof import proof_of

    found = proof_of(ws)
    if found is None:
        return CheckOutcome(True, "Nothing was ever enqueued.")
    return CheckOutcome(found.holds, f"{found.words()}.", found.numbers())
