"""lead_store: write what changed, batch by batch, each batch whole or not at all, and close the ledger.

What belongs here: the order of writing and the closing sum. How rows are built is `lead_writer`'s business.

A cycle that dies between two batches loses nothing: what it wrote is written with its base, the ledger stays open, and
the next cycle finds the rest by comparing with the last closed one. Running the same cycle twice changes nothing.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from leads_dagster.errors import StaleStageError, StoreError
from leads_dagster.pipeline.follow_rules import follow_rules
from leads_dagster.pipeline.freshness import Measuring, first_seen, made_at
from leads_dagster.pipeline.ingest import NORMALIZED, RAW, normalize, written_already
from leads_dagster.pipeline.resolve import DEDUPED, resolve
from leads_dagster.pipeline.retention import KEPT_SNAPSHOTS
from leads_dagster.pipeline.stages import Outcome, stage
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import (
    epochs,
    hold_rows,
    ledger,
    match_rows,
    review_rows,
    rulings,
    staging,
    typed_doubles,
    watch_rows,
)
from leads_dagster.store.batches import Batch, batches
from leads_dagster.store.changes import ChangeSet
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.hold_rows import MATCHING
from leads_dagster.store.lead_writer import BatchResult, LeadWriter
from leads_dagster.store.ledger import RowCounts, SourceState
from leads_dagster.store.matching_state import note_first_rules
from leads_dagster.store.replanning import plan_anew
from leads_dagster.store.resolution import Resolution
from leads_dagster.store.statements import chunks

logger = logging.getLogger(__name__)

STORE = "lead_store"
# From so many new records on, their keys are written first; also how many at a time.
_MANY_RECORDS = 5_000


def record(ws: Workspace, *, run_id: str) -> Outcome:
    """Write the staged resolution into the lead database and close the ledger of this cycle.

    Raises:
        StaleStageError: nothing was resolved yet, or for another sheet than the one normalised last.
        StoreError, StoreBusyError: the database refuses; batches written before stay, the rest comes next time.
    """
    if (done := written_already(ws, RAW, NORMALIZED, DEDUPED)) is not None:
        return done
    with stage(ws, run_id, STORE, percent=50, message="Writing leads"):
        started = time.monotonic()
        _look_again_at_what_a_first_try_wrote(ws, run_id)
        with reading(ws.engine) as connection:
            staged = staging.find(connection, ws.name, DEDUPED)
            normalized = staging.find(connection, ws.name, NORMALIZED)
            if staged is None or normalized is None or staged.source != ws.source:
                raise _nothing_staged(ws)
            state = ledger.source_state(connection, ws.name, staged.source)
            last_look = ledger.last_look(connection, ws.name, staged.source)
            resolution = Resolution.from_payloads(staging.payloads(connection, ws.name, DEDUPED))
        change_set = _staged_changes(ws)
        _check_fresh(staged, normalized, state)
        recording = _Recording(ws, run_id, change_set, resolution, last_look=last_look)
        numbers = _numbers(recording.run(), resolution, time.monotonic() - started)
        with reading(ws.engine) as connection:
            waiting = review_rows.count_waiting(connection, ws.name)
        more = {"leads_refolded": recording.refolded, "reviews_waiting": waiting, **recording.measuring.numbers()}
        return Outcome(True, staged.fingerprint, {**numbers, **more})


def _look_again_at_what_a_first_try_wrote(ws: Workspace, run_id: str) -> None:
    """A step that is tried again has batches of its own in the store, which what was staged knows nothing of."""
    with reading(ws.engine) as connection:
        tried = ledger.source_state(connection, ws.name, ws.source, order=False).open_run_id == run_id
    if tried:
        normalize(ws, run_id=run_id)
        resolve(ws, run_id=run_id)


def _staged_changes(ws: Workspace) -> ChangeSet:
    with reading(ws.engine) as connection:
        return ChangeSet.from_payloads(staging.payloads(connection, ws.name, NORMALIZED))


def _nothing_staged(ws: Workspace) -> StaleStageError:
    return StaleStageError(
        f"Nothing waits to be written for customer {ws.name}.",
        advice="Materialise raw_leads, normalized_leads and deduped_leads first, or run `leads sync`.",
    )


def _check_fresh(staged: staging.Stage, normalized: staging.Stage, state: SourceState) -> None:
    """A plan made against another state of the store must not be written over this one."""
    if staged.fingerprint != normalized.fingerprint or staged.run_id != normalized.run_id:
        raise StaleStageError(
            "The matching is older than the rows it was made from.", advice="Materialise deduped_leads again."
        )
    if staged.base_version != state.version:
        raise StaleStageError(
            "These rows were written already, or another cycle closed since they were read.",
            advice="Run the whole road again with `leads sync`; it starts from what is there now.",
        )


class _Recording:
    """The writing of one cycle."""

    def __init__(
        self, ws: Workspace, run_id: str, change_set: ChangeSet, resolution: Resolution, *, last_look: datetime | None
    ) -> None:
        self.ws, self.run_id, self.change_set, self.resolution = ws, run_id, change_set, resolution
        observed_at = change_set.observed_at
        # A first load is no edit that somebody waits for: its minutes would stand in every percentile of the day.
        self.is_awaited = last_look is not None
        self.seen_at = first_seen(ws, observed_at, last_look=last_look)
        self.writer = LeadWriter(
            ws.policy, run_id, change_set.source, observed_at, seen_at=self.seen_at, is_awaited=self.is_awaited
        )
        made = made_at(ws.sheet_made_at, observed_at=observed_at, last_look=last_look)
        if made is not None:
            ws.made_at[self.seen_at] = made
        self.measuring = Measuring(ws, run_id, "store")
        self.result = BatchResult()
        self.refolded = 0

    def run(self) -> RowCounts:
        self._open()
        self._write_keys_first()
        found = self.change_set
        parts = list(batches(found.changes, found.gone, self.resolution, size=self.ws.settings.batch_size))
        for done, batch in enumerate(parts, start=1):
            self._write(batch, last=done == len(parts))
            if done % 20 == 0 or done == len(parts):
                self.ws.report(50 + 35 * done // len(parts), f"Wrote batch {done:,} of {len(parts):,}")
        self.refolded = follow_rules(self.ws, run_id=self.run_id)
        counts = self._counts()
        self._close(counts)
        self._prune_snapshots()
        return counts

    def _prune_snapshots(self) -> None:
        """Keep the newest raw sheets only: one is kept for every change, and a sheet may change every second."""
        try:
            self.ws.snapshots.prune({self.change_set.checksum}, newest=KEPT_SNAPSHOTS)
        except StoreError as error:  # the cycle is closed and right; the next one tries to tidy up again
            logger.warning("Old raw sheets could not be removed: %s", error.message)

    def _open(self) -> None:
        with writing(self.ws.engine, self.ws.name) as connection:
            ledger.fail_dead_runs(connection, self.ws.name, self.run_id, at=self.ws.now())
            ledger.open_source(connection, self.ws.name, self.change_set.source, self.run_id)
            rulings.adopt_first(connection, self.ws.policy, at=self.change_set.observed_at)
            note_first_rules(connection, self.ws.policy, at=self.ws.now(), run_id=self.run_id)

    def _write_keys_first(self) -> None:
        """Of a large load, the new records' blocking keys, sorted, before the records themselves.

        Keys are hashes: written with their batches, 700 of them would touch as many pages in every transaction of 50
        rows. A key whose record does not come, because the cycle died, finds nobody: ids are given out once.
        """
        known = {change.record_id for change in self.change_set.changes if change.known}
        new = [(record, keys) for record, keys in self.resolution.keys.items() if record not in known]
        if len(new) < _MANY_RECORDS:
            return
        for part in chunks(new, _MANY_RECORDS):
            with writing(self.ws.engine, self.ws.name) as connection:
                match_rows.insert_keys(connection, self.ws.name, dict(part))
        self.resolution.keys = {record: keys for record, keys in self.resolution.keys.items() if record in known}

    def _write(self, batch: Batch, *, last: bool) -> None:
        with writing(self.ws.engine, self.ws.name) as connection:
            if epochs.epoch(connection, self.ws.name) != self.resolution.epoch:
                batch = plan_anew(connection, self.ws.policy, batch)
            written = self.writer.write(connection, batch)
            if self.is_awaited:
                self.measuring.gather(connection, self.seen_at, written.changed, last=last)
        self.result.add(written)

    def _counts(self) -> RowCounts:
        """Every row in exactly one state, each counted for itself; nothing is had by subtraction."""
        found, result = self.change_set, self.result
        parked = sum(change.held for change in found.changes) + sum(one.held for one in found.gone)
        return RowCounts(
            read=found.read_rows + sum(one.held for one in found.gone),
            created=result.created,
            updated=result.updated,
            unchanged=found.unexamined - found.unexamined_quarantined - found.unexamined_undone + result.unchanged,
            merged=result.merged,
            quarantined=found.unexamined_quarantined + result.quarantined,
            held=parked + found.unexamined_undone + result.held,
            removed=result.removed,
        )

    def _close(self, counts: RowCounts) -> None:
        if not counts.adds_up:
            raise StoreError(
                f"The ledger does not add up ({counts}); the cycle stays open and the next one looks again.",
                advice="Please report this with the sheet's shape; no row was lost.",
            )
        with writing(self.ws.engine, self.ws.name) as connection:
            matched = {*self.resolution.touched, *self.resolution.rematched}
            typed_doubles.ask_after(connection, self.ws.policy, matched, run_id=self.run_id, at=self.ws.now())
            self._settle_hold(connection)
            ledger.save_source_state(connection, self._state(counts))
            self._book_run(connection, counts)
            staging.clear(connection, self.ws.name, [RAW, NORMALIZED, DEDUPED])

    def _state(self, counts: RowCounts) -> SourceState:
        found = self.change_set
        return SourceState(
            customer=self.ws.name,
            source=found.source,
            fingerprint=found.fingerprint,
            rules_fingerprint=found.rules_fingerprint,
            marker=found.marker,
            checksum=found.checksum,
            header=found.header,
            digests=found.digests,
            record_ids=found.record_ids,
            read_rows=counts.read,
            held_rows=sum(change.held for change in found.changes) + sum(one.held for one in found.gone),
            version=found.base_version + 1,
            closed_at=self.ws.now(),
        )

    def _book_run(self, connection: Connection, counts: RowCounts) -> None:
        now = self.ws.now()
        status = "held" if counts.held or hold_rows.stands_open(connection, self.ws.name, MATCHING) else "done"
        ledger.begin_run(
            connection,
            run_id=self.run_id,
            customer=self.ws.name,
            source=self.change_set.source,
            checksum=self.change_set.checksum,
            observed_at=self.change_set.observed_at,
        )
        values = {**ledger.count_columns(counts), "status": status, "finished_at": now, "error": None}
        ledger.update_run(connection, self.ws.name, self.run_id, **values)
        run = ledger.find_run(connection, self.ws.name, self.run_id)
        if run is not None:
            seconds = (now - run["started_at"]).total_seconds()
            ledger.finish_state(connection, self.ws.name, run=run, finished_at=now, seconds=seconds)
            watch_rows.forget_failures(connection, self.ws.name)

    def _settle_hold(self, connection: Connection) -> None:
        """Park the plan, or say what became of the one that stood: applied, or dissolved as the rows returned."""
        report, now = self.change_set.guard, max(self.ws.now(), self.change_set.observed_at)
        standing = hold_rows.standing(connection, self.ws.name, self.change_set.source)
        if report is None or report.approved_hold is not None:
            if standing is not None:
                done = "applied" if report is not None else "dissolved"
                hold_rows.settle(connection, standing["id"], done, at=now)
            return
        leads = {change.record_id: change.lead_id for change in self.change_set.changes}
        leads.update((one.record_id, one.lead_id) for one in self.change_set.gone)
        claims = {change.record_id: change.claims for change in self.change_set.changes}
        plan = [
            {"record_id": r.record_id, "lead_id": leads[r.record_id], "kind": r.kind, "fields": claims.get(r.record_id)}
            for r in report.rows
        ]
        row = {
            "customer": self.ws.name,
            "source": self.change_set.source,
            "plan_hash": report.plan_hash,
            "status": "open",
            "removals": report.count("remove"),
            "changes": report.count("change"),
            "blanks": report.count("blank"),
            "limit_rows": report.limit_rows,
            "plan": plan,
            "created_at": now,
            "run_id": self.run_id,
        }
        hold_rows.put(connection, row)


def _numbers(counts: RowCounts, resolution: Resolution, seconds: float) -> dict[str, Any]:
    return {
        "rows_read": counts.read,
        "rows_created": counts.created,
        "rows_updated": counts.updated,
        "rows_unchanged": counts.unchanged,
        "rows_merged": counts.merged,
        "rows_quarantined": counts.quarantined,
        "rows_held": counts.held,
        "rows_removed": counts.removed,
        "leads_new": len(resolution.new_leads),
        "leads_merged": len(resolution.merged),
        "error_rate": round(counts.error_rate, 6),
        "seconds": round(seconds, 4),
    }
