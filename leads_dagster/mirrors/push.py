"""What a mirror is asked to write, and what it says came of it.

What belongs here: the values that pass between the outbox and every mirror. No I/O, no rule of any one mirror.

The outbox books one `PushOutcome` a lead. A lead without an outcome was not tried (see `PushResult.stopped`) and is
as pending as before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from leads_dagster.errors import LeadsError

Operation = Literal["create", "update", "delete"]

Action = Literal["created", "updated", "deleted", "unchanged", "gone", "failed"]


@dataclass(frozen=True, slots=True)
class LeadPush:
    """One lead that a mirror should be made to say.

    Attributes:
        lead_id: the lead's uuid; Airtable's `lead_key`, the CRM row's id.
        operation: "create" where the mirror has never answered for this lead.
        fields: lead field -> value (text, number, bool; None for blank), only what differs from `base`.
        external_id: Airtable's record id, once known.
        base: lead field -> value as the mirror answered to our last write; None before the first.
        unbooked: lead field -> values that earlier pushes may have written, of which no answer was booked (the process
            ended before): they are ours as much as the base.
        names_lead: whether the record must be told whose it is: a person made it.
    """

    lead_id: str
    operation: Operation
    fields: Mapping[str, Any] = field(default_factory=dict)
    external_id: str | None = None
    base: Mapping[str, Any] | None = None
    unbooked: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    names_lead: bool = False


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What came of one `LeadPush`.

    Attributes:
        lead_id: as in the push.
        action: what was done; "gone": the mirror's record was deleted there, nothing was written (a push of all
            fields without external id and base makes it anew); "failed": see `error`.
        external_id: the mirror's id of the record now; None where there is none.
        answered: the base from now on: the push's base, and over it what the mirror answered for the fields that
            were sent. A field nobody sent keeps its old base, so that an edit made there is still seen as one.
            None where nothing is known to stand there.
        foreign: fields that were not sent and in which the mirror differs from the base: somebody's edits.
        conflict: field -> (theirs, ours), not written because the mirror's value is not our last write.
        withheld: field -> why it could not be written at all (wrong type, option missing, computed).
        refused: of these, those of which the lead's own value is at fault: another value would be taken.
        duplicates: ids of further records with the same `lead_key`; the oldest was kept as ours.
        error: why nothing was written, in words.
        permanent: the same push would fail again until somebody changes the lead or the mirror.
        patient: it failed through no fault of the lead's, such as a full base: tried again however often it fails.
    """

    lead_id: str
    action: Action
    external_id: str | None = None
    answered: dict[str, Any] | None = None
    foreign: dict[str, Any] = field(default_factory=dict)
    conflict: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    withheld: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    duplicates: tuple[str, ...] = ()
    error: str | None = None
    permanent: bool = False
    patient: bool = False

    @property
    def said(self) -> str | None:
        """What a person should know of this lead: why nothing was written, or which values were left out and why."""
        if self.error or not self.refused:
            return self.error
        return "Left out: " + "; ".join(f"{name}: {why}" for name, why in sorted(self.refused.items())) + "."


@dataclass(frozen=True, slots=True)
class PushResult:
    """What came of one `push`.

    Attributes:
        outcomes: one a lead that was tried, in the order of the push.
        calls: requests sent (Airtable, retries included) or transactions begun (CRM).
        retries: how many of them repeated an earlier one.
        seconds: wall time of the whole push, waiting included.
        stopped: what ended the push early; leads without an outcome were then not tried. None: all were.
        trouble: what a person must mend though all were tried, such as a full base; the leads it hit have failed.
    """

    outcomes: tuple[PushOutcome, ...]
    calls: int = 0
    retries: int = 0
    seconds: float = 0.0
    stopped: LeadsError | None = None
    trouble: LeadsError | None = None

    def count(self, action: Action) -> int:
        """How many leads ended that way."""
        return sum(outcome.action == action for outcome in self.outcomes)

    @property
    def created(self) -> int:
        return self.count("created")

    @property
    def updated(self) -> int:
        return self.count("updated")

    @property
    def deleted(self) -> int:
        return self.count("deleted")

    @property
    def failed(self) -> int:
        return self.count("failed")

    @property
    def conflicts(self) -> int:
        """Leads of which at least one field was not written because the mirror had a value of its own."""
        return sum(bool(outcome.conflict) for outcome in self.outcomes)


def check_pushes(changes: Sequence[LeadPush]) -> None:
    """Refuses a batch that no mirror could carry out as meant, before anything is written.

    Raises:
        ValueError: a lead twice, or an empty lead id: a fault of the caller.
    """
    seen: set[str] = set()
    for change in changes:
        if not change.lead_id or change.lead_id in seen:
            raise ValueError(f"lead {change.lead_id!r} is blank or twice in one push")
        seen.add(change.lead_id)


def overlay(base: Mapping[str, Any] | None, answered: Mapping[str, Any]) -> dict[str, Any]:
    """The base after a write: the old one, and over it what was answered for the fields that were sent."""
    return {**(base or {}), **answered}


def foreign_edits(
    base: Mapping[str, Any] | None, theirs: Mapping[str, Any], *, sent: Mapping[str, Any]
) -> dict[str, Any]:
    """The fields nobody sent in which the mirror's value is not the base; blank and absent are one."""
    known = base or {}
    return {name: value for name, value in theirs.items() if name not in sent and value != known.get(name)}
