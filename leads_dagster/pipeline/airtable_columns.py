"""What a look at the fields of a customer's Airtable table means for its leads.

What belongs here: the way from a mirror's target to what the store keeps of it and back, and which leads the mirror
must be told of again because a field is another one, came back, or takes other values now.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from leads_dagster.customers import AirtableSettings
from leads_dagster.mirrors.airtable_schema import ATTENTION, KEY, Target, field_names, wanted_type
from leads_dagster.mirrors.airtable_values import AirtableColumn
from leads_dagster.store import airtable_changes, airtable_state, outbox, outbox_marks
from leads_dagster.store.airtable_state import TableState

logger = logging.getLogger(__name__)

Known = Mapping[str, Any]  # a field as the store keeps it

_TEXT_TYPES = frozenset({"singleLineText", "multilineText", "richText", "email", "url", "phoneNumber", "singleSelect"})


def target_of(known: TableState) -> Target | None:
    """The target as it was last seen; None where `lead_key` was not there."""
    columns = {name: _column(one) for name, one in known.shown.items()}
    key = columns.pop(KEY, None)
    if key is None:
        return None
    unwritable = {name: _column(one) for name, one in known.held.items() if not one.get("gone")}
    return Target(known.table_id, key, columns, known.problems, unwritable, by_name=not key.id.startswith("fld"))


def _column(one: Known) -> AirtableColumn:
    choices = one.get("choices")
    return AirtableColumn(one["id"], one["name"], one["type"], None if choices is None else frozenset(choices))


def state_of(
    customer: str, airtable: AirtableSettings, target: Target, known: TableState | None, *, seen_at: datetime
) -> TableState:
    """What is to be kept of a target; of a field that is gone what was known of it."""
    wanted = field_names(airtable.fields, attention=airtable.attention)
    before = {} if known is None else {**known.shown, **known.held}
    written = {name: _kept(column, wanted[name]) for name, column in {KEY: target.key, **target.columns}.items()}
    attention = written.pop(ATTENTION, None)
    gone = [name for name in target.withheld if name not in target.unwritable]
    return TableState(
        customer,
        airtable.base_id,
        target.table,
        airtable.table,
        seen_at,
        written,
        dict(target.withheld),
        attention=attention,
        held={
            **{name: _kept(column, wanted[name]) for name, column in target.unwritable.items()},
            **{name: _gone(name, wanted[name], before.get(name)) for name in gone},
        },
    )


def _kept(column: AirtableColumn, wanted: str) -> dict[str, Any]:
    choices = {} if column.choices is None else {"choices": sorted(column.choices)}
    return {"id": column.id, "name": column.name, "type": column.type, "wanted": wanted, **choices}


def _gone(name: str, wanted: str, before: Known | None) -> dict[str, Any]:
    known = before or {"id": "", "name": wanted, "type": wanted_type(name)}
    return {**known, "wanted": wanted, "gone": True}


def follow(connection: Connection, known: TableState | None, fresh: TableState, *, by_name: bool) -> None:
    """Keep what was seen, and mark the leads that the mirror must be told of again; in a write transaction."""
    if known is None or known.table_id != fresh.table_id:
        _begin(connection, known, fresh)
        return
    airtable_state.note_fields(connection, fresh)
    _say(known, fresh)
    others = {name for name, one in fresh.shown.items() if _is_other(known, name, one)}
    if others:
        emptied = {str(fresh.shown[name]["id"]) for name in others}
        airtable_changes.forget_blanks(connection, fresh.base_id, fresh.table_id, emptied)
        outbox.restate(connection, fresh.customer, "airtable", lambda base: _without(base, others))
    if (fresh.shown.keys() - known.shown.keys() and not by_name) or others:
        outbox.tell_again(connection, fresh.customer, "airtable", same_place=True)
    elif not fresh.same_fields(known):
        outbox_marks.retry(connection, fresh.customer, mirror="airtable")


def _begin(connection: Connection, known: TableState | None, fresh: TableState) -> None:
    airtable_changes.forget_table(connection, fresh.base_id, fresh.table_id)
    airtable_state.save_table(connection, fresh)
    if known is None:
        return
    if not airtable_state.customers_of(connection, known.base_id, known.table_id):  # nobody has it any more
        airtable_changes.forget_table(connection, known.base_id, known.table_id)
    another = bool(known.field_ids)  # else it is the same one, of which no ids could be read until now
    if another:
        logger.warning("Airtable table %s of customer %s is another one now", fresh.table_name, fresh.customer)
    outbox.tell_again(connection, fresh.customer, "airtable", same_place=not another)


def _is_other(known: TableState, name: str, now: Known) -> bool:
    """Whether nothing is known of what stands there: another field, or a type to which Airtable does not carry over
    every value. What it emptied itself nobody blanked."""
    before = known.shown.get(name) or known.held.get(name)
    if before is None or not before["id"]:
        return False
    return bool(before["id"] != now["id"] or _shape(before) != _shape(now))


def _shape(one: Known) -> str:
    """Types of one shape take each other's values as they are."""
    return "text" if one["type"] in _TEXT_TYPES else str(one["type"])


def _without(base: Mapping[str, Any], others: set[str]) -> dict[str, Any]:
    """What stands in Airtable once fields are other, new ones; a record that names no lead is told whose it is."""
    kept = {name: value for name, value in base.items() if name not in others}
    return {**kept, KEY: None} if KEY in others else kept


def _say(known: TableState, fresh: TableState) -> None:
    for name, reason in fresh.problems.items():
        if known.problems.get(name) != reason:
            logger.warning("Airtable, customer %s: %s is not kept in step: %s", fresh.customer, name, reason)
    for name in known.problems.keys() - fresh.problems.keys():
        logger.info("Airtable, customer %s: %s is kept in step again", fresh.customer, name)
    for name in known.fields.keys() & fresh.fields.keys():
        before, now = known.fields[name], fresh.fields[name]
        for what in ("name", "type"):
            if before[what] != now[what]:
                logger.info("Airtable, customer %s: %s of %s is %s now", fresh.customer, what, name, now[what])
