"""Leads and their history, as rows.

What belongs here: turning a folded lead into columns and back, reading and writing `leads`, `lead_history`. Which value
a field has is the fold's business, conflicts are `conflict_rows`'.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, func, select, update

from leads_dagster.errors import NotFoundError
from leads_dagster.leads.fields import LEAD_FIELDS, RAW_DATA
from leads_dagster.leads.text import storable
from leads_dagster.store import search_index
from leads_dagster.store.queries import MANY, Query
from leads_dagster.store.search_words import name_key
from leads_dagster.store.statements import bulk_insert, bulk_update, chunks
from leads_dagster.store.tables import lead_history, leads, source_records

# Columns that serve the store alone.
INTERNAL = frozenset({"number", "name_key"})
SHOWN_FIELDS = (*LEAD_FIELDS, RAW_DATA)
_COLUMNS = tuple(column.name for column in leads.c)  # the id comes first
_BY_ID = Query(select(leads).where(leads.c.id.in_(MANY)))
_RETIRED = Query(select(leads.c.id).where(leads.c.id.in_(MANY), leads.c.archived_at.is_not(None)))
_STANDS_IN = Query(select(leads.c.id, leads.c.merged_into, leads.c.archived_at).where(leads.c.id.in_(MANY)))
_MERGED_INTO = Query(select(leads.c.id, leads.c.merged_into).where(leads.c.merged_into.in_(MANY)))


def to_columns(values: Mapping[str, str | None]) -> dict[str, Any]:
    """Claimed texts as the values of columns; every field is there, None where blank."""
    return {name: _to_column(name, values.get(name)) for name in SHOWN_FIELDS}


def _to_column(name: str, value: str | None) -> Any:
    if value is None:
        return None
    kind = "json" if name == RAW_DATA else LEAD_FIELDS[name]
    if kind == "json":
        return orjson.loads(value)
    if kind == "bool":
        return {"true": True, "false": False}.get(value)
    return _number(value) if kind == "number" else value


def _number(value: str) -> float | None:
    """None for a text that is no number: the claim keeps it, a column of numbers cannot."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def to_texts(row: Mapping[str, Any]) -> dict[str, str]:
    """A lead's row as texts by field, blanks left out; the reverse of `to_columns`."""
    texts: dict[str, str] = {}
    for name in SHOWN_FIELDS:
        value = row[name]
        if value is None:
            continue
        if name == RAW_DATA:
            texts[name] = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
        elif isinstance(value, bool):
            texts[name] = "true" if value else "false"
        else:
            texts[name] = str(value)
    return texts


def load(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Leads by id, archived and merged ones too."""
    found: dict[str, dict[str, Any]] = {}
    for row in _BY_ID.rows(connection, ids):
        found[row[0]] = dict(zip(_COLUMNS, row, strict=True))
    return found


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A lead's row as callers of the public database see it."""
    return {name: value for name, value in row.items() if name not in INTERNAL}


def note_pending(connection: Connection, ids: Sequence[str]) -> None:
    """Say on the leads themselves that Airtable has still to hear of them."""
    for part in chunks(ids):
        connection.execute(update(leads).where(leads.c.id.in_(part)).values(sync_pending=True))


def insert(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add new leads, to be found by search at once."""
    rows = search_index.numbered(connection, rows)
    bulk_insert(connection, leads, rows)
    search_index.save(connection, rows)


def change_all(connection: Connection, changes: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> None:
    """Change columns of leads, and what they are found by where that changed.

    Args:
        connection: in a write transaction.
        changes: of each lead its row as it was, and the columns to set.
    """
    rows = [{"id": before["id"], **values, **_ordered_by(values)} for before, values in changes]
    bulk_update(connection, leads, rows)
    found = [{**before, **values} for before, values in changes if search_index.concerns(values)]
    search_index.save(connection, [row for row in found if row["number"] is not None])


def _ordered_by(values: Mapping[str, Any]) -> dict[str, str]:
    return {"name_key": name_key(values["full_name"])} if "full_name" in values else {}


def save_airtable(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Book what Airtable answered onto the leads themselves; rows: `id`, then the columns to set."""
    bulk_update(connection, leads, rows)


def add_history(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append to the history."""
    bulk_insert(connection, lead_history, rows)


def active(connection: Connection, customer: str) -> Iterator[dict[str, Any]]:
    """All active leads of a customer, streamed, oldest first."""
    query = (
        select(leads)
        .where(leads.c.customer == customer, leads.c.archived_at.is_(None), leads.c.merged_into.is_(None))
        .order_by(leads.c.created_at, leads.c.id)
    )
    for row in connection.execution_options(yield_per=1000).execute(query):
        yield dict(row._mapping)


def count_active(connection: Connection, customer: str) -> int:
    """How many active leads a customer has."""
    query = (
        select(func.count())
        .select_from(leads)
        .where(leads.c.customer == customer, leads.c.archived_at.is_(None), leads.c.merged_into.is_(None))
    )
    return int(connection.execute(query).scalar_one())


def strong_key_doubles(connection: Connection, customer: str, run_id: str | None = None) -> list[tuple[str, str, int]]:
    """Strong keys that more than one active lead carries: (column, value, how many).

    With a run, only keys of leads that it changed are looked at: a cycle's check costs what the cycle changed.
    """
    touched = select(lead_history.c.lead_id).where(lead_history.c.run_id == run_id)
    doubles = []
    for column in (leads.c.linkedin_url, leads.c.email):
        query = select(column, func.count()).where(
            leads.c.customer == customer, leads.c.archived_at.is_(None), leads.c.merged_into.is_(None)
        )
        keys = select(column).where(leads.c.id.in_(touched), column.is_not(None))
        query = query.where(column.is_not(None) if run_id is None else column.in_(keys))
        query = query.group_by(column).having(func.count() > 1)
        doubles += [(column.name, value, number) for value, number in connection.execute(query)]
    return doubles


def records_per_lead(connection: Connection, lead_ids: Sequence[str]) -> dict[str, int]:
    """How many live records each of these leads has."""
    found: dict[str, int] = {}
    for part in chunks(lead_ids):
        query = (
            select(source_records.c.lead_id, func.count())
            .where(
                source_records.c.lead_id.in_(part),
                source_records.c.removed_at.is_(None),
                source_records.c.kind == "row",  # an edit keeps no lead alive
            )
            .group_by(source_records.c.lead_id)
        )
        found.update((row[0], row[1]) for row in connection.execute(query))
    return found


def retired(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Of these leads, those that are archived or merged into others."""
    return {lead for (lead,) in _RETIRED.rows(connection, ids)}


def get(connection: Connection, customer: str, lead_id: str) -> dict[str, Any]:
    """One lead of a customer, archived and merged ones too, by column.

    Raises:
        NotFoundError: this customer has no such lead.
    """
    mine = (leads.c.customer == customer, leads.c.id == storable(str(lead_id)))
    row = connection.execute(select(leads).where(*mine)).one_or_none()
    if row is None:
        raise NotFoundError(
            f"There is no lead {lead_id} for customer {customer}.", advice="`leads history` takes its id or e-mail."
        )
    return dict(row._mapping)


def standing_for(connection: Connection, customer: str, lead_id: str) -> str:
    """The lead that stands in the place of this one; itself, where it was never merged.

    Raises:
        NotFoundError: this customer has no such lead.
    """
    row = get(connection, customer, lead_id)
    while row["merged_into"] is not None:
        row = get(connection, customer, row["merged_into"])
    return str(row["id"])


def living_for(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Lead -> the active lead that stands in its place, itself or another; those that none stands for are left out."""
    into: dict[str, str | None] = {}
    frontier = set(ids)
    while frontier:
        rows = _STANDS_IN.rows(connection, sorted(frontier))
        into.update((lead, merged if archived_at is not None else lead) for lead, merged, archived_at in rows)
        frontier = {lead for lead in into.values() if lead is not None} - into.keys()
    return {one: lead for one in ids if (lead := _end_of(one, into)) is not None}


def _end_of(lead: str, into: Mapping[str, str | None]) -> str | None:
    while (heir := into.get(lead)) is not None and heir != lead:
        lead = heir
    return heir


def said_before(connection: Connection, lead_id: str, name: str) -> set[str]:
    """Values that a field of a lead had and has no more, "" for blank."""
    query = select(lead_history.c.old).where(
        lead_history.c.lead_id == lead_id, lead_history.c.field == name, lead_history.c.operation == "updated"
    )
    return {old or "" for old in connection.execute(query).scalars()}


def changed_since(connection: Connection, lead_id: str, name: str, moment: datetime) -> bool:
    """Whether a field of a lead got another value after that moment."""
    query = select(lead_history.c.id).where(
        lead_history.c.lead_id == lead_id,
        lead_history.c.operation == "updated",
        lead_history.c.field == name,
        lead_history.c.at > moment,
    )
    return connection.execute(query.limit(1)).first() is not None


def was_blank(connection: Connection, lead_id: str, name: str) -> bool:
    """Whether a lead lived with this field blank, before somebody filled it."""
    query = select(lead_history.c.id).where(
        lead_history.c.lead_id == lead_id,
        lead_history.c.operation == "updated",
        lead_history.c.field == name,
        lead_history.c.old.is_(None),
    )
    return connection.execute(query.limit(1)).first() is not None


def merges_into(connection: Connection, lead_id: str) -> list[tuple[str, list[int]]]:
    """What was merged into a lead, oldest first: the lead of before, and the records that came with it."""
    query = (
        select(lead_history.c.old)
        .where(lead_history.c.lead_id == lead_id, lead_history.c.operation == "merged", lead_history.c.old.is_not(None))
        .order_by(lead_history.c.id)
    )
    told = [old for old in connection.execute(query).scalars() if old.startswith("{")]
    return [(one["lead"], one["records"]) for one in map(orjson.loads, told)]


def forebears(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Lead that was merged into one of these, at once or by way of others -> the one that it was merged into."""
    found: dict[str, str] = {}
    frontier: Sequence[str] = list(ids)
    while frontier:
        reached = {lost: kept for lost, kept in _MERGED_INTO.rows(connection, frontier) if lost not in found}
        found |= reached
        frontier = list(reached)
    return found


def with_forebears(connection: Connection, lead_id: str) -> list[str]:
    """A lead and all that were merged into it."""
    return [lead_id, *forebears(connection, [lead_id])]
