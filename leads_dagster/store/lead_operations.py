"""What the public database can do: operations that `LeadDatabase` runs, and `AsyncLeadDatabase` awaits.

What belongs here: the operations, each a function that takes what a method was given and returns what is to be done in
a transaction, so that it can be done again. Connections, retries and the choice between waiting and awaiting are the
classes' business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from leads_dagster.leads.fields import NormalizedRow
from leads_dagster.leads.text import storable
from leads_dagster.store import lead_rows, lead_search, outbox, records
from leads_dagster.store.api_arguments import lead_ids_of, mirrors_named, whole_number
from leads_dagster.store.api_records import (
    SOURCE,
    arrival_of,
    arrival_or_rejection,
    reader_of,
    refuse_invalid,
)
from leads_dagster.store.intake import Arrival, Landed, take_in
from leads_dagster.store.lead_edits import edit, new_run_id, this_moment
from leads_dagster.store.lead_filter import LeadFilter
from leads_dagster.store.lead_search import LeadPage, Order
from leads_dagster.store.outbox import MirrorName
from leads_dagster.store.policy import Policy

Lead = dict[str, Any]
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf an operation runs: the customer's policy, and who is to stand in the history."""

    policy: Policy
    who: str


class Operation(Protocol[R_co]):
    """What is done in one transaction."""

    def __call__(self, connection: Connection, caller: Caller, /) -> R_co:
        """Do it; may be called again after a failure that undid it."""


def save(data: Mapping[str, Any]) -> Operation[Landed]:
    """Take one record in, or change the lead whose id it gives.

    Raises (when done):
        InvalidLeadError: it names nobody, or a field cannot be what it says; the field is named.
    """

    def done(connection: Connection, caller: Caller, /) -> Landed:
        known = data.get("id") if isinstance(data, Mapping) else None
        if isinstance(known, str) and _find(connection, caller, known) is not None:
            changed = edit(connection, caller.policy, known, data, who=caller.who, keep_unknown=True)
            return Landed(known, 0, known, "updated" if changed else "unchanged")
        arrival = arrival_of(data, caller.policy.rules)
        refuse_invalid(arrival.row, standing=_as_it_would_stand(connection, caller.policy, arrival))
        return _take_in(connection, caller, [arrival])[0]

    return done


def save_all(batch: Sequence[Mapping[str, Any]]) -> Operation[list[Landed]]:
    """Take records in together, as a sheet's rows are: one that cannot be a lead goes to quarantine and stops no other,
    and a value that its field should not hold is kept as it was."""

    def done(connection: Connection, caller: Caller, /) -> list[Landed]:
        return _take_in(connection, caller, [arrival_or_rejection(data, caller.policy.rules) for data in batch])

    return done


def get(lead_id: str) -> Operation[Lead | None]:
    """A lead by id, archived and merged ones too; None where there is none."""

    def done(connection: Connection, caller: Caller, /) -> Lead | None:
        row = _find(connection, caller, lead_id)
        return None if row is None else lead_rows.shown(row)

    return done


def update(lead_id: str, data: Mapping[str, Any]) -> Operation[bool]:
    """Change fields of a lead as an edit of its own source, which a newer edit of any other source overtakes."""

    def done(connection: Connection, caller: Caller, /) -> bool:
        return edit(connection, caller.policy, lead_id, data, who=caller.who)

    return done


def search(query: LeadFilter, *, limit: int, after: str | None, offset: int, order: Order) -> Operation[LeadPage]:
    """A page of leads."""

    def done(connection: Connection, caller: Caller, /) -> LeadPage:
        customer = caller.policy.customer
        return lead_search.search(connection, customer, query, limit=limit, after=after, offset=offset, order=order)

    return done


def count(query: LeadFilter) -> Operation[int]:
    """How many leads there are."""
    return lambda connection, caller: lead_search.count(connection, caller.policy.customer, query)


def mark_for_sync(lead_ids: str | Sequence[str], mirrors: MirrorName | Sequence[MirrorName] | None) -> Operation[int]:
    """Let mirrors look at leads again though nothing changed; how many leads were marked.

    Raises:
        SettingsError: no such mirror. NotFoundError, when done: no such lead.
    """
    ids = lead_ids_of(lead_ids)
    named = mirrors_named(mirrors)

    def done(connection: Connection, caller: Caller, /) -> int:
        policy = caller.policy
        versions = {lead: lead_rows.get(connection, policy.customer, lead)["version"] for lead in ids}
        outbox.mark(connection, policy.customer, policy.mirrors if named is None else named, versions)
        lead_rows.note_pending(connection, list(versions))
        return len(versions)

    return done


def sync_pending(*, limit: int, mirror: MirrorName | None) -> Operation[list[Lead]]:
    """Leads that a mirror has still to hear of; each with `pending`: the mirrors.

    Raises:
        SettingsError: no such mirror, or no such limit.
    """
    mirrors = mirrors_named(mirror) or outbox.MIRRORS
    whole_number("limit", limit, least=1)

    def done(connection: Connection, caller: Caller, /) -> list[Lead]:
        waiting = outbox.waiting(connection, caller.policy.customer, mirrors, limit=limit)
        found = lead_rows.load(connection, list(waiting))
        return [{**lead_rows.shown(found[lead]), "pending": waiting[lead]} for lead in waiting if lead in found]

    return done


def _find(connection: Connection, caller: Caller, lead_id: str) -> Lead | None:
    """The row of one of the customer's leads; None where there is none, or it is another customer's."""
    row = lead_rows.load(connection, [storable(str(lead_id))]).get(str(lead_id))
    return row if row is not None and row["customer"] == caller.policy.customer else None


def _take_in(connection: Connection, caller: Caller, arrivals: Sequence[Arrival]) -> list[Landed]:
    policy = caller.policy
    return take_in(
        connection,
        policy,
        arrivals,
        source=SOURCE,
        run_id=new_run_id(),
        at=this_moment(connection, policy),
        reread=reader_of(policy.rules),
        who=caller.who,
    )


def _as_it_would_stand(connection: Connection, policy: Policy, arrival: Arrival) -> NormalizedRow:
    """What an arrival says; one that names nobody says it of the record that its key names, where there is one."""
    if arrival.row.rejection is None:
        return arrival.row
    known = records.by_source_key(connection, policy.customer, SOURCE, [arrival.key]).get(arrival.key)
    return arrival.row if known is None else reader_of(policy.rules)({**known.raw, **arrival.raw})
