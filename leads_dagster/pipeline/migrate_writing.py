"""Taking one surveyed JSON file in, batch by batch, each batch whole or not at all with its place in the log.

What belongs here: the loop, the counting, and what is put where a record says nothing. Which files, and in what order
things happen around them, is `migrate`'s business.

A batch is one short transaction, and between two of them nothing is held: a sheet's cycle comes in between, and plans
anew what the batch overtook.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import Connection

from leads_dagster.pipeline.migrate_reading import ArrivalReader, Survey
from leads_dagster.sources.json_files import JsonRecord
from leads_dagster.store import migration_log
from leads_dagster.store.intake import Arrival, Landed, take_in
from leads_dagster.store.policy import Policy
from leads_dagster.store.retry import run_retried

Transaction: TypeAlias = Callable[[], AbstractContextManager[Connection]]
Incoming: TypeAlias = tuple[JsonRecord, Arrival]

STATES = ("created", "updated", "unchanged", "merged", "quarantined")
MOST_FAULTS = 100
# What people miss first when a lead lacks it.
_LOOKED_FOR = ("full_name", "email", "phone", "company", "title", "linkedin_url", "status", "source")


@dataclass(slots=True)
class Tally:
    """Where the records of a file ended so far; kept in the log with every batch.

    Attributes:
        rows: state -> how many. missing: field -> how many leads-to-be lack it. defaulted: field -> how many got the
            default. faults: the first hundred records that could not be leads: record, line, code, message.
    """

    rows: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    defaulted: Counter[str] = field(default_factory=Counter)
    faults: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def from_summary(cls, summary: Mapping[str, Any]) -> Tally:
        """The tally that a log's summary holds; an empty one of an empty summary."""
        counted = {name: Counter(summary.get(name, {})) for name in ("rows", "missing", "defaulted")}
        counted["rows"].pop("read", None)
        return cls(**counted, faults=list(summary.get("faults", ())))

    def summary(self) -> dict[str, Any]:
        """For the log, and for people."""
        rows = {"read": sum(self.rows.values()), **{state: self.rows[state] for state in STATES}}
        return {
            "rows": rows, "missing": dict(self.missing), "defaulted": dict(+self.defaulted), "faults": self.faults,
        }  # fmt: skip

    def add(self, batch: Iterable[Incoming], landed: Iterable[Landed]) -> None:
        """Count a batch."""
        for (record, arrival), end in zip(batch, landed, strict=True):
            self.rows[end.state] += 1
            if arrival.row.rejection is None:
                self.missing.update(name for name in _LOOKED_FOR if name not in arrival.row.fields)
                self.defaulted["source"] += bool(arrival.founding) and end.state == "created"
            elif len(self.faults) < MOST_FAULTS:
                self.faults.append(_fault(record, arrival))


def _fault(record: JsonRecord, arrival: Arrival) -> dict[str, Any]:
    rejection = arrival.row.rejection
    assert rejection is not None
    return {
        "record": record.index, "line": record.line, "code": rejection.code, "message": rejection.message,
        "suggestion": rejection.suggestion,
    }  # fmt: skip


class FileWriter:
    """Takes one file in.

    Args:
        policy: of the customer.
        survey: of the file.
        migration_id: the run that the history names.
        at: when the migration began: one time for all of it, so that the order of records decides nothing.
        who: who started it.
    """

    def __init__(self, policy: Policy, survey: Survey, *, migration_id: str, at: datetime, who: str) -> None:
        self._policy, self._survey = policy, survey
        self._run_id, self._at, self._who = migration_id, at, who
        self._reader = ArrivalReader(survey, policy.rules)

    def write(
        self,
        transaction: Transaction,
        row: migration_log.MigratedFile,
        *,
        path: Path,
        max_bytes: int,
        told: Callable[[int], None],
    ) -> Tally:
        """Take in what lies behind the log's position.

        Args:
            transaction: opens a write transaction.
            row: the file's row in the log.
            path: the file, or a copy of it.
            max_bytes: as in `read_records`.
            told: how many records are through, after each batch.
        """
        tally = Tally.from_summary(row.summary)
        incoming = self._reader.arrivals(path, after=row.position, max_bytes=max_bytes)
        for batch in _batches(incoming, self._policy.batch_size):
            tally = run_retried("migration batch", self._write_batch, transaction, row, batch, tally)
            told(batch[-1][0].index)
        return tally

    def _write_batch(
        self, transaction: Transaction, row: migration_log.MigratedFile, batch: Sequence[Incoming], before: Tally
    ) -> Tally:
        """Take one batch in and book it; returns the tally with it, and leaves the one before as it was."""
        tally = Tally.from_summary(before.summary())
        with transaction() as connection:
            tally.add(batch, self._take_in(connection, [arrival for _, arrival in batch]))
            summary = {**row.summary, **tally.summary()}
            migration_log.change(connection, row.id, position=batch[-1][0].index, summary=summary)
        return tally

    def _take_in(self, connection: Connection, arrivals: Sequence[Arrival]) -> list[Landed]:
        return take_in(
            connection, self._policy, arrivals, source=self._survey.file.source, run_id=self._run_id, at=self._at,
            reread=self._reader.read, who=self._who,
        )  # fmt: skip


def _batches(incoming: Iterator[Incoming], size: int) -> Iterator[list[Incoming]]:
    while batch := list(islice(incoming, size)):
        yield batch
