"""After a migration: whether the store holds what the files say.

What belongs here: counting and comparing. It reads the file again, by today's rules, and trusts nothing that the
writing noted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from leads_dagster.pipeline.migrate_reading import ArrivalReader, Survey
from leads_dagster.store import migration_log
from leads_dagster.store.intake import Arrival, Reader
from leads_dagster.store.policy import Policy

SAMPLES = 50
_MOST_SHOWN = 20
_AT_A_TIME = 500


@dataclass(slots=True)
class Check:
    """What a check of one file found.

    Attributes:
        records: in the file. stored: how many of them the store has.
        compared: of how many every field was compared.
        differences: the first twenty: what is wrong with which record, in words; no values, they are people's data.
    """

    records: int = 0
    stored: int = 0
    compared: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing differs."""
        return self.records == self.stored and not self.differences

    def as_dict(self) -> dict[str, Any]:
        """For the log, and for people."""
        return {"passed": self.passed, **asdict(self)}

    def differ(self, words: str) -> None:
        """Note a difference."""
        if len(self.differences) < _MOST_SHOWN:
            self.differences.append(words)


def check_file(connection: Connection, policy: Policy, survey: Survey, path: Path, *, max_bytes: int) -> Check:
    """Compare a file with the store: every record there in one state, and fifty of them field by field."""
    check = Check()
    reader = ArrivalReader(survey, policy.rules)
    arrivals = (arrival for _, arrival in reader.arrivals(path, after=0, max_bytes=max_bytes))
    every = max(1, survey.records // SAMPLES)
    while part := list(islice(arrivals, _AT_A_TIME)):
        _check_part(connection, policy, reader, part, check=check, every=every)
    if check.records != survey.records:
        check.differ(f"The file holds {check.records} records and not {survey.records}, as when it was first read.")
    return check


def _check_part(
    connection: Connection, policy: Policy, reader: ArrivalReader, part: Sequence[Arrival], *, check: Check, every: int
) -> None:
    keys = [arrival.key for arrival in part]
    found = {
        one.source_key: one for one in migration_log.records_by_key(connection, policy.customer, reader.source, keys)
    }
    for arrival in part:
        check.records += 1
        stored = found.get(arrival.key)
        if stored is None:
            check.differ(f"Record {arrival.row_number} is not in the store.")
            continue
        check.stored += 1
        if check.records % every == 0:
            check.compared += 1
            for words in _differences(arrival, stored, reader.read):
                check.differ(f"Record {arrival.row_number} {words}")


def _differences(arrival: Arrival, stored: migration_log.StoredRecord, read: Reader) -> Iterator[str]:
    """What a record and the store's do not agree on; names of fields, no values."""
    if arrival.row.rejection is not None:
        if stored.state != "quarantined":
            yield f"is {stored.state}, though it can be no lead."
        return
    if stored.state == "quarantined" or stored.lead_id is None:
        yield "belongs to no lead."
    yield from (
        f"has another {label} in the store." for label, text in arrival.raw.items() if stored.raw.get(label) != text
    )
    fields, said = read(stored.raw).fields, stored.said.get("fields", {})
    yield from (
        f"was read otherwise: {name}." for name in sorted({*fields, *said}) if fields.get(name) != said.get(name)
    )
