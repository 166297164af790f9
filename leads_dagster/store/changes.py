"""What `normalized_leads` hands on: the rows that changed, those that are gone, and the order of the sheet.

What belongs here: the values and how they are staged. How they are found is `ingest`'s business.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson

from leads_dagster.leads.fields import RAW_DATA, Issue, NormalizedRow
from leads_dagster.leads.guard import GuardedRow
from leads_dagster.store.statements import chunks

ROWS_PER_CHUNK = 5_000


@dataclass(slots=True)
class RowChange:
    """One row that is new or says something new.

    Attributes:
        record_id: surrogate key, reserved already for a new record.
        known: whether the store has the record.
        row_number: 1-based row of the sheet.
        source_key: the row's own id, where the sheet has an id column.
        raw: column label -> cell.
        row: what that comes to, normalised.
        row_hash, content_hash: 16 bytes each.
        claims: field -> new value, None for a blank; of a new record, all that it says.
        held: parked by the guard.
        state: where the record stood before; "" for a new one.
        lead_id: of a known record.
        loses: what the guard calls it: "blank" or "change" where a value would go, else "".
        same_row: a known record whose cells did not change; only today's rules differ from those it was read by.
        undone: field -> value in force, of what people took back and the row still says.
        undone_by: the decision that took back all that the row says; it then stays out until it says something new.
        match_only: a known record that is matched anew because of a decision; it says what it said, its row stays.
    """

    record_id: int
    known: bool
    row_number: int
    source_key: str
    raw: dict[str, str]
    row: NormalizedRow
    row_hash: bytes
    content_hash: bytes
    claims: dict[str, str | None]
    held: bool = False
    state: str = ""
    lead_id: str | None = None
    loses: Literal["", "blank", "change"] = ""
    same_row: bool = False
    undone: dict[str, str | None] | None = None
    undone_by: int | None = None
    match_only: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """A known record that is no longer in its source."""

    record_id: int
    lead_id: str | None
    state: str
    held: bool = False


@dataclass(frozen=True, slots=True)
class GuardReport:
    """A plan that the guard parked: what approval binds to, and what it would do."""

    plan_hash: str
    limit_rows: int
    rows: tuple[GuardedRow, ...]
    approved_hold: int | None = None

    def count(self, kind: str) -> int:
        """How many rows of one kind the plan has."""
        return sum(row.kind == kind for row in self.rows)


@dataclass(slots=True)
class ChangeSet:
    """All that a fetch changes against the last closed ledger of its source.

    Attributes:
        source, fingerprint, rules_fingerprint, checksum, marker, header: of the fetch.
        observed_at: when the change was first seen; the time of its claims.
        base_version: version of the ledger that it was computed against.
        read_rows: rows in the sheet. unexamined: rows whose digest had not changed.
        unexamined_quarantined: how many of those stand in quarantine. unexamined_undone: how many people took back.
        changes, gone: what is different. guard: set where the guard had something to say.
        digests, record_ids: the sheet's order, 16 and 8 bytes a row; what the ledger closes with.
    """

    source: str
    fingerprint: str
    rules_fingerprint: str
    checksum: str
    marker: dict[str, Any] | None
    header: list[str]
    observed_at: datetime
    base_version: int
    read_rows: int
    unexamined: int
    unexamined_quarantined: int
    unexamined_undone: int
    digests: bytes
    record_ids: bytes
    changes: list[RowChange] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    guard: GuardReport | None = None

    @property
    def quarantined(self) -> int:
        """Rows of the sheet that stand in quarantine when this is written."""
        return self.unexamined_quarantined + sum(change.row.rejection is not None for change in self.changes)

    def payloads(self) -> Iterator[Any]:
        """The chunks to stage: the head first, then rows."""
        yield {
            "quarantined": self.quarantined,
            "source": self.source,
            "fingerprint": self.fingerprint,
            "rules_fingerprint": self.rules_fingerprint,
            "checksum": self.checksum,
            "marker": self.marker,
            "header": self.header,
            "observed_at": self.observed_at.isoformat(),
            "base_version": self.base_version,
            "read_rows": self.read_rows,
            "unexamined": self.unexamined,
            "unexamined_quarantined": self.unexamined_quarantined,
            "unexamined_undone": self.unexamined_undone,
            "digests": _text(self.digests),
            "record_ids": _text(self.record_ids),
            "gone": [[one.record_id, one.lead_id, one.state, one.held] for one in self.gone],
            "guard": _guard_payload(self.guard),
        }
        for part in chunks(self.changes, ROWS_PER_CHUNK):
            yield [_row_payload(change) for change in part]

    @classmethod
    def from_payloads(cls, parts: Iterable[Any]) -> ChangeSet:
        """The reverse of `payloads`."""
        iterator = iter(parts)
        found = cls.head_of(next(iterator))
        found.changes = list(rows_of(iterator))
        return found

    @classmethod
    def head_of(cls, payload: Mapping[str, Any]) -> ChangeSet:
        """A change set without its rows, from the first chunk."""
        head = dict(payload)
        del head["quarantined"]  # for those who read the head alone
        head["observed_at"] = datetime.fromisoformat(head["observed_at"])
        head["digests"], head["record_ids"] = _bytes(head["digests"]), _bytes(head["record_ids"])
        head["gone"] = [Gone(*one) for one in head["gone"]]
        head["guard"] = _guard(head["guard"])
        return cls(**head)


def rows_of(parts: Iterable[Any]) -> Iterator[RowChange]:
    """The rows of all chunks but the first, one at a time."""
    return (_row(packed) for part in parts for packed in part)


def _row_payload(change: RowChange) -> list[Any]:
    row = change.row
    return [
        change.record_id, change.known, change.row_number, change.source_key, change.raw,
        row.fields, row.emails, row.phones, row.addresses, row.beside, row.facts, row.extra,
        [asdict(issue) for issue in row.issues],
        asdict(row.rejection) if row.rejection else None,
        change.row_hash.hex(), change.content_hash.hex(),
        change.claims if change.known else None, change.held, change.state, change.lead_id, change.same_row,
        change.undone, change.undone_by,
    ]  # fmt: skip


def _row(packed: list[Any]) -> RowChange:
    (record_id, known, row_number, source_key, raw, fields, emails, phones, addresses, beside, facts, extra, issues,
     rejection, row_hash, content_hash, claims, held, state, lead_id, same_row, undone, undone_by) = packed  # fmt: skip
    row = NormalizedRow(
        fields, tuple(emails), tuple(phones), extra, tuple(Issue(**issue) for issue in issues),
        Issue(**rejection) if rejection else None, tuple(addresses), beside, tuple(facts),
    )  # fmt: skip
    said = first_claims(row) if claims is None else claims
    return RowChange(
        record_id, known, row_number, source_key, raw, row, bytes.fromhex(row_hash), bytes.fromhex(content_hash),
        said, held, state, lead_id, same_row=same_row, undone=undone, undone_by=undone_by,
    )  # fmt: skip


def first_claims(row: NormalizedRow) -> dict[str, str | None]:
    """What a record claims when it is first seen: all that it says."""
    return {} if row.rejection else dict(said_fields(row))


def said_fields(row: NormalizedRow) -> dict[str, str]:
    """A row's fields and, as one more, the JSON of what has no field of its own."""
    if not row.extra:
        return row.fields
    return {**row.fields, RAW_DATA: orjson.dumps(row.extra, option=orjson.OPT_SORT_KEYS).decode()}


def _guard_payload(guard: GuardReport | None) -> Any:
    if guard is None:
        return None
    rows = [[row.record_id, row.kind, row.row_hash.hex()] for row in guard.rows]
    return [guard.plan_hash, guard.limit_rows, rows, guard.approved_hold]


def _guard(packed: Any) -> GuardReport | None:
    if packed is None:
        return None
    rows = tuple(GuardedRow(record, kind, bytes.fromhex(digest)) for record, kind, digest in packed[2])
    return GuardReport(packed[0], packed[1], rows, packed[3])


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
