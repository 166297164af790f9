"""Planning a batch again, when the store has moved on since a cycle planned it.

What belongs here: that one step. A cycle reads, matches and then writes batch by batch; in between others may write
(the public database, a migration, an undo). Since adding rows in any batching gives the leads of one batch, the rows of
the batch at hand can be matched again by themselves, inside the transaction that writes them.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from leads_dagster.store import match_rows, records
from leads_dagster.store.batches import Batch, whole
from leads_dagster.store.changes import Gone, RowChange, first_claims
from leads_dagster.store.policy import Policy
from leads_dagster.store.records import KnownRecord
from leads_dagster.store.resolution import resolve_rows


def plan_anew(connection: Connection, policy: Policy, batch: Batch) -> Batch:
    """The same rows as `batch`, matched against the store as it stands in this transaction."""
    ids = [change.record_id for change in batch.changes] + [one.record_id for one in batch.gone]
    known = {one.id: one for one in records.known_records(connection, ids)}
    changes = [_as_it_stands(change, known.get(change.record_id)) for change in batch.changes]
    gone = [
        Gone(one.record_id, known[one.record_id].lead_id, one.state) for one in batch.gone if one.record_id in known
    ]
    match_rows.forget_keys(connection, [change.record_id for change in changes if not change.known])
    return whole(changes, gone, resolve_rows(policy, connection, gone, changes))


def _as_it_stands(change: RowChange, known: KnownRecord | None) -> RowChange:
    if known is None:
        return change
    claims, undone_by = change.claims, known.undone_by
    if claims and undone_by is not None:  # taken back in between; but it says something new
        claims, undone_by = {**claims, **first_claims(change.row)}, None
    undone = {name: value for name, value in (known.undone or {}).items() if name not in claims}
    return replace(
        change, known=True, lead_id=known.lead_id, state=known.state, claims=claims, undone=undone or None,
        undone_by=undone_by,
    )  # fmt: skip
