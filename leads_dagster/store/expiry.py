"""Lines of the lead database that had their time: of the ledger, and what was staged for nobody.

What belongs here: which lines may go. Never among them: leads, records, claims, decisions, history, matches, conflicts,
holds and the outbox, since explaining and undoing need them however old they are. Freshness has its own rules.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Delete, delete, exists, func, or_, select

from leads_dagster.store.tables import source_states, staging, sync_runs, sync_states

_STAGED_FOR = timedelta(hours=1)


def drop_expired(connection: Connection, *, now: datetime, ledger_days: float) -> dict[str, int]:
    """Delete what had its time; table -> lines."""
    before = now - timedelta(days=ledger_days)
    statements: dict[str, Delete] = {
        "sync_runs": _ledger_lines(before),
        "staging": _stale_stages(now - _STAGED_FOR),
    }
    return {name: connection.execute(statement).rowcount for name, statement in statements.items()}


def _ledger_lines(before: datetime) -> Delete:
    """Lines of cycles that are over and caught up with, but for each customer's last one."""
    last = select(sync_states.c.last_run_id).where(sync_states.c.last_run_id.is_not(None))
    of_same = sync_runs.alias()
    newest = select(func.max(of_same.c.started_at)).where(of_same.c.customer == sync_runs.c.customer).scalar_subquery()
    closed_since = exists().where(
        source_states.c.customer == sync_runs.c.customer,
        source_states.c.source == sync_runs.c.source,
        source_states.c.closed_at > sync_runs.c.started_at,
        source_states.c.open_run_id.is_(None),
    )
    return delete(sync_runs).where(
        sync_runs.c.started_at < before,
        sync_runs.c.started_at < newest,
        sync_runs.c.run_id.not_in(last),
        or_(sync_runs.c.status.not_in(("running", "failed")), closed_since),
    )


def _stale_stages(before: datetime) -> Delete:
    """Outputs that no asset can go on from: a ledger of their source closed since they were computed."""
    closed = exists().where(
        source_states.c.customer == staging.c.customer,
        source_states.c.source == staging.c.source,
        source_states.c.version > staging.c.base_version,
    )
    return delete(staging).where(staging.c.staged_at < before, closed)


def checksums_needed(connection: Connection) -> set[str]:
    """The raw sheets that a ledger or a cycle under way needs."""
    closed = select(source_states.c.checksum).where(source_states.c.checksum.is_not(None))
    running = select(sync_runs.c.checksum).where(sync_runs.c.status == "running", sync_runs.c.checksum.is_not(None))
    return {*connection.execute(closed).scalars(), *connection.execute(running).scalars()}
