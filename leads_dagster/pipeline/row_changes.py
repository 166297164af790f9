"""Which rows of a fetch are new, changed or gone, and what they claim; work grows with what changed.

What belongs here: putting the pure rules of `leads.reconciliation` and `leads.guard` to the store's records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from sqlalchemy import Connection

from leads_dagster.leads import guard
from leads_dagster.leads.fields import RAW_DATA, ColumnMapping, NormalizedRow
from leads_dagster.leads.guard import GuardedRow
from leads_dagster.leads.headers import map_headers
from leads_dagster.leads.matching import content_hash
from leads_dagster.leads.normalization import Normalizer
from leads_dagster.leads.reconciliation import (
    DIGEST_BYTES,
    UNPAIRED,
    Indexes,
    RowView,
    changed_fields,
    pair_changed,
    pair_digests,
    row_hash,
    short_key,
)
from leads_dagster.leads.tabular import Table
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import claim_rows, hold_rows, ledger, records
from leads_dagster.store.changes import ChangeSet, Gone, GuardReport, RowChange, first_claims, said_fields
from leads_dagster.store.ledger import SourceState
from leads_dagster.store.records import KnownRecord
from leads_dagster.store.search_words import name_key

# Column targets that are parts of a lead field; every other target is a field itself.
_PARTS = {
    "first_name": "full_name", "middle_name": "full_name", "last_name": "full_name", "name_prefix": "full_name",
    "name_suffix": "full_name", "city": "location", "region": "location", "country": "location",
    "postal_code": "location", "street": "location",
}  # fmt: skip
_REPORT_EVERY = 5_000
# Places of records that stand nowhere in the sheet: no row's neighbours point there.
_OUT_OF_PLACE = 2**40


def find(
    ws: Workspace,
    connection: Connection,
    table: Table,
    mapping: ColumnMapping,
    *,
    state: SourceState,
    raw: Mapping[str, Any],
) -> ChangeSet:
    """Compare a sheet with the last closed ledger of its source. New records get negative keys until numbered."""
    return _Comparison(ws, connection, table, mapping, state).run(raw)


def number_new_records(connection: Connection, found: ChangeSet) -> None:
    """Reserve surrogate keys for the new records of a change set."""
    new = [change for change in found.changes if not change.known]
    if not new:
        return
    first = records.allocate_ids(connection, len(new))
    ids = np.frombuffer(found.record_ids, dtype="<i8").copy()
    ids[ids < 0] = -1 - ids[ids < 0] + first
    for change in new:
        change.record_id = -1 - change.record_id + first
    found.record_ids = ids.tobytes()


class _Comparison:
    """One sheet against one ledger."""

    def __init__(
        self, ws: Workspace, connection: Connection, table: Table, mapping: ColumnMapping, state: SourceState
    ) -> None:
        self.ws, self.connection, self.table, self.mapping, self.state = ws, connection, table, mapping, state
        self.labels = mapping.labels()
        self.digests = table.digests()
        self.rules_changed = state.version > 0 and (
            state.rules_fingerprint != ws.rules_fingerprint or state.header != list(self.labels)
        )
        self.old_ids, self.old_digests = self._known_order()
        self.paired = pair_digests(self.old_digests, self.digests)
        self.rows: dict[int, NormalizedRow] = {}
        self.cells: dict[int, dict[str, str]] = {}

    def run(self, raw: Mapping[str, Any]) -> ChangeSet:
        fresh = np.flatnonzero(self.paired == UNPAIRED)
        left_over = self._left_over()
        self._normalise(range(len(self.table.lines)) if self.rules_changed else fresh.tolist())
        partner = pair_changed(
            [self._new_view(int(index)) for index in fresh],
            [self._old_view(index, known) for index, known in left_over.items()],
            self.paired,
        )
        partner_of = {new: left_over[old] for new, old in partner.items()}
        if self.rules_changed:
            partner_of |= self._digest_partners()
        partner_of |= self._returning([int(index) for index in fresh if int(index) not in partner_of])
        changes = self._changes(partner_of)
        stayed = set(partner.values())
        gone_ones = [known for index, known in left_over.items() if index not in stayed]
        gone = [Gone(known.id, known.lead_id, known.state) for known in gone_ones]
        found = self._change_set(raw, changes, gone)
        self._apply_guard(found)
        return found

    def _known_order(self) -> tuple[Indexes, bytes]:
        """Records and digests of the last closed ledger; after cycles that died, what they wrote too, to look at.

        What they wrote of a known record is not what its digest stands for, so that digest pairs with nothing.
        """
        ids = np.frombuffer(self.state.record_ids, dtype="<i8")
        digests = self.state.digests
        if self.state.open_run_id is None:
            return ids, digests
        connection, customer, source = self.connection, self.ws.name, self.state.source
        live = np.array(records.live_ids(connection, customer, source), dtype=np.int64)
        dead_runs = ledger.unclosed_runs(connection, customer, source)
        written = np.array(sorted(records.ids_written_by(connection, customer, source, dead_runs)), dtype=np.int64)
        extra = np.setdiff1d(live, ids)
        view = np.frombuffer(digests, dtype="<u8").reshape(-1, 2).copy()
        view[~np.isin(ids, live) | np.isin(ids, written)] = 0
        return np.concatenate([ids, extra]), view.tobytes() + bytes(DIGEST_BYTES * len(extra))

    def _left_over(self) -> dict[int, KnownRecord]:
        """Old index -> record, of those that no digest paired."""
        open_ones = np.ones(len(self.old_ids), dtype=bool)
        open_ones[self.paired[self.paired != UNPAIRED]] = False
        indexes = np.flatnonzero(open_ones)
        index_of = {int(self.old_ids[index]): int(index) for index in indexes}
        found = {index_of[known.id]: known for known in records.known_records(self.connection, list(index_of))}
        return dict(sorted(found.items()))

    def _digest_partners(self) -> dict[int, KnownRecord]:
        """New index -> record for rows whose digest did not change, when today's rules read them anew."""
        pairs = {int(new): int(self.old_ids[old]) for new, old in enumerate(self.paired) if old != UNPAIRED}
        known = {one.id: one for one in records.known_records(self.connection, list(pairs.values()))}
        return {new: known[record] for new, record in pairs.items() if record in known}

    def _returning(self, new: Sequence[int]) -> dict[int, KnownRecord]:
        """New index -> record, of rows that left the sheet and are back: cut, and pasted a cycle later."""
        if not new or self.state.version == 0:
            return {}
        views = [self._new_view(index) for index in new]
        gone = records.removed_like(
            self.connection,
            self.ws.name,
            self.state.source,
            source_keys={view.source_key for view in views if view.source_key},
            row_hashes={view.row_hash for view in views},
            emails={view.email for view in views if view.email},
            names={name_key(view.name) for view in views if view.name},
        )
        known = dict(enumerate(gone, start=_OUT_OF_PLACE))
        paired = pair_changed(views, [self._old_view(index, one) for index, one in known.items()], self.paired)
        return {index: known[old] for index, old in paired.items()}

    def _normalise(self, indexes: Iterable[int]) -> None:
        wanted = list(indexes)
        normalizer = Normalizer(self.mapping, self.ws.rules)
        for done, (index, cells) in enumerate(zip(wanted, self.table.rows(wanted), strict=True)):
            self.rows[index] = normalizer.row(cells)
            self.cells[index] = _labelled(self.labels, cells)
            if done % _REPORT_EVERY == _REPORT_EVERY - 1:
                self.ws.report(10 + 20 * done // len(wanted), f"Normalised {done + 1:,} of {len(wanted):,} rows")

    def _new_view(self, index: int) -> RowView:
        row, cells = self.rows[index], self.cells[index]
        return RowView(
            index=index,
            source_key=self._source_key(cells),
            row_hash=row_hash(cells),
            name=row.fields.get("full_name", ""),
            email=row.fields.get("email", ""),
            cells=cells,
        )

    def _old_view(self, index: int, known: KnownRecord) -> RowView:
        fields = known.said.get("fields", {})
        return RowView(
            index=index,
            source_key=known.source_key or "",
            row_hash=known.row_hash,
            name=fields.get("full_name", ""),
            email=fields.get("email", ""),
            cells=known.raw,
            leadless=known.lead_id is None and known.state == "quarantined",
        )

    def _source_key(self, cells: Mapping[str, str]) -> str:
        labels = (column.label for column in self.mapping.columns if column.target == "row_id")
        return next((short_key(cells[label]) for label in labels if cells.get(label)), "")

    def _changes(self, partner_of: Mapping[int, KnownRecord]) -> list[RowChange]:
        never_said = self._never_said(partner_of) if self.rules_changed else {}
        changes = []
        new_ones = 0
        for index in sorted(self.rows):
            known = partner_of.get(index)
            if known is None:
                new_ones += 1
                changes.append(self._new_record(index, key=-new_ones))
            else:
                changes.append(self._changed_record(index, known, never_said.get(known.id, frozenset())))
        return changes

    def _new_record(self, index: int, *, key: int) -> RowChange:
        row, cells = self.rows[index], self.cells[index]
        return RowChange(
            key, False, self.table.row_numbers[index], self._source_key(cells), cells, row,
            row_hash(cells), content_hash(row), first_claims(row),
        )  # fmt: skip

    def _changed_record(self, index: int, known: KnownRecord, never_said: frozenset[str]) -> RowChange:
        row, cells = self.rows[index], self.cells[index]
        claims: dict[str, str | None] = {}
        loses: Literal["", "blank", "change"] = ""
        undone_by = known.undone_by
        if row.rejection is None:
            before = self._said_before(known)
            claims = changed_fields(before, said_fields(row), covered=self._covered(), never_said=never_said)
            loses = _loses(before, claims)
            if claims and undone_by is not None:  # it says something new, and is a row like any other again
                claims, undone_by = {**claims, **first_claims(row)}, None
        digest = row_hash(cells)
        undone = {name: value for name, value in (known.undone or {}).items() if name not in claims}
        return RowChange(
            known.id, True, self.table.row_numbers[index], self._source_key(cells), cells, row, digest,
            content_hash(row), claims, state=known.state, lead_id=known.lead_id, loses=loses,
            same_row=digest == known.row_hash, undone=undone or None, undone_by=undone_by,
        )  # fmt: skip

    def _said_before(self, known: KnownRecord) -> Mapping[str, str]:
        """The base, normalised by today's rules; a record that only ever was in quarantine has said nothing."""
        if known.lead_id is None and known.undone_by is None and known.state == "quarantined":
            return {}
        mapping, normalizer = self._reader(tuple(known.raw))
        return said_fields(normalizer.row([known.raw[label] for label in mapping.labels()]))

    @lru_cache(maxsize=64)  # noqa: B019  # a comparison lives for one cycle
    def _reader(self, labels: tuple[str, ...]) -> tuple[ColumnMapping, Normalizer]:
        if labels == self.labels:
            return self.mapping, Normalizer(self.mapping, self.ws.rules)
        overrides = {field: label for field, label in self.ws.customer.columns.items() if label in labels}
        mapping = map_headers(labels, overrides=overrides, learned=self.ws.learned_headers)
        return mapping, Normalizer(mapping, self.ws.rules)

    @lru_cache(maxsize=1)  # noqa: B019  # likewise
    def _covered(self) -> frozenset[str]:
        """Lead fields that a column of this sheet can speak of."""
        targets = {column.target for column in self.mapping.columns if column.target}
        fields = {_PARTS.get(target, target) for target in targets} | {RAW_DATA}
        return frozenset(fields | ({"full_name"} if "company" in fields else set()))

    def _never_said(self, partner_of: Mapping[int, KnownRecord]) -> dict[int, frozenset[str]]:
        """Record -> fields it never claimed: under a new mapping a column may speak of them for the first time."""
        said = claim_rows.fields_said(self.connection, [known.id for known in partner_of.values()])
        return {record: self._covered() - fields for record, fields in said.items()}

    def _change_set(self, raw: Mapping[str, Any], changes: list[RowChange], gone: list[Gone]) -> ChangeSet:
        order = np.where(self.paired == UNPAIRED, 0, self.old_ids[self.paired] if len(self.old_ids) else 0)
        order = order.astype("<i8")
        for index, change in zip(sorted(self.rows), changes, strict=True):
            order[index] = change.record_id
        silent = np.ones(len(order), dtype=bool)
        silent[sorted(self.rows)] = False
        return ChangeSet(
            source=self.ws.source,
            fingerprint=self.ws.fingerprint(raw["checksum"]),
            rules_fingerprint=self.ws.rules_fingerprint,
            checksum=raw["checksum"],
            marker=raw["marker"],
            header=list(self.labels),
            observed_at=datetime.fromisoformat(raw["observed_at"]),
            base_version=self.state.version,
            read_rows=len(self.table.lines),
            unexamined=int(silent.sum()),
            unexamined_quarantined=self._among(order[silent], "quarantined"),
            unexamined_undone=self._among(order[silent], "held"),
            digests=self.digests,
            record_ids=order.tobytes(),
            changes=changes,
            gone=gone,
        )

    def _among(self, ids: Indexes, state: str) -> int:
        """How many of these records last ended in that state."""
        found = records.ids_in_state(self.connection, self.ws.name, self.state.source, state)
        return int(np.isin(ids, list(found)).sum()) if found else 0

    def _apply_guard(self, found: ChangeSet) -> None:
        """Park what is more than the customer allows: only the guarded rows, unless this very plan was approved."""
        rows = _guarded_rows(found)
        known, policy = len(self.old_ids), self.ws.customer
        if not guard.exceeds(rows, known, share=policy.guard_share, minimum=policy.guard_minimum):
            return
        plan_hash = guard.plan_hash(rows)
        hold = hold_rows.standing(self.connection, self.ws.name, self.state.source)
        approved = hold is not None and hold["status"] == "approved" and hold["plan_hash"] == plan_hash
        limit_rows = guard.limit(known, share=policy.guard_share, minimum=policy.guard_minimum)
        found.guard = GuardReport(plan_hash, limit_rows, tuple(rows), hold["id"] if approved and hold else None)
        if not approved:
            self._park(found, {row.record_id for row in rows})

    def _park(self, found: ChangeSet, parked: set[int]) -> None:
        for change in found.changes:
            change.held = change.record_id in parked
        found.gone = [replace(one, held=one.record_id in parked) for one in found.gone]
        held_gone = [one.record_id for one in found.gone if one.held]
        ids = np.frombuffer(found.record_ids, dtype="<i8")
        digests = np.frombuffer(found.digests, dtype="<u8").reshape(-1, 2).copy()
        digests[np.isin(ids, list(parked))] = 0
        found.digests = digests.tobytes() + bytes(DIGEST_BYTES * len(held_gone))
        found.record_ids = np.concatenate([ids, np.array(held_gone, dtype="<i8")]).tobytes()


def _loses(before: Mapping[str, str], claims: Mapping[str, str | None]) -> Literal["", "blank", "change"]:
    """What the guard would call this change; filling a blank cell and columns without a field are not its business."""
    overwritten = [value for name, value in claims.items() if name in before and name != RAW_DATA]
    if not overwritten:
        return ""
    return "blank" if None in overwritten else "change"


def _guarded_rows(found: ChangeSet) -> list[GuardedRow]:
    removed = [GuardedRow(one.record_id, "remove") for one in found.gone if one.lead_id is not None]
    touched = [GuardedRow(one.record_id, one.loses, one.row_hash) for one in found.changes if one.loses]
    return removed + touched


def _labelled(labels: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """Column label -> cell; a cell beyond the header goes under its position, a blank is kept out of sight later."""
    base = dict(zip(labels, cells, strict=False))
    base.update((f"extra_{number}", cell) for number, cell in enumerate(cells[len(labels) :], start=1) if cell)
    for label in labels[len(cells) :]:
        base[label] = ""
    return base
