"""What a lead is folded from, and what the fold gives: claims, records, overrides; chosen values and conflicts.

What belongs here: frozen values. How one value is chosen among claims is `choosing`'s business, how a lead comes of all
of them `survivorship`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

FoldRule = Literal[
    "override", "only", "person", "owner", "edited", "newest", "filled", "verified", "longest", "trusted", "content"
]


def is_person(source: str) -> bool:
    """Whether people wrote what this source says; of captures a machine did."""
    return source.partition(":")[0] != "capture"


@dataclass(frozen=True, slots=True)
class RecordView:
    """What the fold needs to know of a record.

    Attributes:
        record_id: the record's surrogate key.
        source: canonical address of the source it belongs to.
        content_hash: 16 bytes over what the record says; breaks the last tie.
        person: False where a machine found it (a capture); True for a sheet or Airtable.
        edit: True where it holds what somebody changed of a lead, and nothing of its own.
    """

    record_id: int
    source: str
    content_hash: bytes
    person: bool = True
    edit: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """What one source record says of one field since `changed_at`; `value` None says that it is blank now."""

    record_id: int
    field: str
    value: str | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Override:
    """A person's decision on one field of one lead; it holds until it is undone."""

    field: str
    value: str | None
    decided_at: datetime
    decision_id: int | None = None


@dataclass(frozen=True, slots=True)
class FoldedField:
    """The value of one field, who said it, since when, and why.

    Attributes:
        record_id: whose claim it is; None: a person decided it.
        rule: the last rule that left some claims out and not this one. before: those that did so before it, in order.
        trust: where "trusted" was among them, the two sources it told apart, as `trusted_sources` names them.
    """

    value: str | None
    record_id: int | None
    changed_at: datetime
    rule: FoldRule
    decision_id: int | None = None
    before: tuple[FoldRule, ...] = ()
    trust: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """Two sources changed one field to different things; the winner's is kept, the other is not forgotten."""

    field: str
    kept: str | None
    lost: str | None
    kept_source: str
    lost_source: str


@dataclass(frozen=True, slots=True)
class FoldedLead:
    """A lead as its claims and decisions make it: field -> chosen value, and the conflicts among sources."""

    fields: dict[str, FoldedField] = field(default_factory=dict)
    conflicts: tuple[FieldConflict, ...] = ()

    def values(self) -> dict[str, str]:
        """Field -> value, blanks left out."""
        return {name: chosen.value for name, chosen in self.fields.items() if chosen.value is not None}
