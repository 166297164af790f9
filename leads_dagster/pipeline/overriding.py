"""Overrides: a field of a lead set by hand, obeyed by every later cycle until it is released.

What belongs here: checking the value, and writing the decision. What it does to the lead is the fold's business.
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection

from leads_dagster.errors import ContentError, NotFoundError, SettingsError
from leads_dagster.leads.fields import LEAD_FIELDS, NormalizationRules
from leads_dagster.leads.normalization import normalize_fields
from leads_dagster.pipeline import lead_lookup
from leads_dagster.pipeline.person import who_asks
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import conflict_rows, decisions, epochs, lead_rows, undo
from leads_dagster.store.conflict_rows import Resolution
from leads_dagster.store.engine import writing
from leads_dagster.store.undo import Undoing, Undone


def override(
    ws: Workspace, named: str, field: str, value: str | None, *, reason: str | None = None, who: str | None = None
) -> dict[str, Any]:
    """Set a field of a lead by hand; conflicts among sources on it are settled by that.

    Args:
        named: the lead's id, the beginning of it, or its e-mail address.
        value: as a person writes it; it is normalised as a cell would be. None: the field is blank.
        who: the person, where it is not the one who runs this process.

    Returns:
        lead_id, field, value (as it was taken), before, decision_id, who, reason, next.

    Raises:
        NotFoundError: no such lead, or several. ConflictError: it is archived or merged.
        SettingsError: no such field. ContentError: the value is none of that field.
    """
    _check_field(field)
    text = checked_value(field, value, ws.rules)
    with writing(ws.engine) as connection:
        row = lead_lookup.the_one(connection, ws.name, named)
        undoing = undoing_of(ws, connection, who, reason)
        done = overridden(undoing, row["id"], field, text, resolution="value")
    before = lead_rows.to_texts(row).get(field)
    facts = {"lead_id": row["id"], "field": field, "value": text, "before": before, "decision_id": done.decision_id}
    release = f"`leads override {row['id']} {field} --release` takes it back."
    return {**facts, "who": undoing.who, "reason": reason, "next": f"The next sync tells the mirrors. {release}"}


def release(
    ws: Workspace, named: str, field: str, *, reason: str | None = None, who: str | None = None
) -> dict[str, Any]:
    """Take the standing override of a field back: the lead says again what its sources say.

    Raises:
        NotFoundError: no such lead, or nobody set that field by hand.
        SettingsError: no such field.
    """
    _check_field(field)
    with writing(ws.engine) as connection:
        row = lead_lookup.the_one(connection, ws.name, named)
        standing = _standing(connection, row["id"], field)
        if standing is None:
            raise NotFoundError(
                f"Nobody set {field} of this lead by hand.", advice="See `leads history LEAD --fields`."
            )
        undoing = undoing_of(ws, connection, who, reason)
        done = undo.take_back(undoing, standing)
        after = lead_rows.to_texts(lead_rows.load(connection, [row["id"]])[row["id"]]).get(field)
    before = lead_rows.to_texts(row).get(field)
    facts = {"lead_id": row["id"], "field": field, "value": after, "before": before, "decision_id": done.decision_id}
    return {**facts, "who": undoing.who, "reason": reason, "next": "The next sync tells the mirrors."}


def _standing(connection: Connection, lead_id: str, field: str) -> int | None:
    """The decision that gives the field its value, also where it was taken on a lead that was merged into this one."""
    leads = [lead_id, *lead_rows.forebears(connection, [lead_id])]
    found = (decisions.newest_override(connection, lead, field) for lead in leads)
    return max((one for one in found if one is not None), default=None)


def undoing_of(ws: Workspace, connection: Connection, who: str | None, reason: str | None) -> Undoing:
    """What a decision is taken with: by whom, why, and at a time that is later than all that was said before."""
    at = epochs.moment(connection, ws.name, ws.now())
    return Undoing(connection, ws.policy, uuid.uuid4().hex, who_asks(who), at, reason)


def overridden(undoing: Undoing, lead_id: str, field: str, value: str | None, *, resolution: Resolution) -> Undone:
    """Decide a field's value and settle the conflicts among sources that were open on it."""
    waiting = conflict_rows.open_on_field(undoing.connection, lead_id, field)
    done = undo.override(undoing, lead_id, field, value)
    conflict_rows.settle(
        undoing.connection, waiting, at=undoing.at, resolution=resolution, decision_id=done.decision_id
    )
    return done


def checked_value(field: str, value: str | None, rules: NormalizationRules) -> str | None:
    """A value as a cell of that field would come out.

    Raises:
        ContentError: nothing comes out, or not without a complaint; the field is named, the value is not.
    """
    if value is None:
        return None
    row = normalize_fields({field: value}, rules)
    complaint = next((issue for issue in row.issues if issue.field == field), None)
    text = row.fields.get(field)
    if complaint is not None or text is None:
        why = complaint.message if complaint else "It says nothing."
        advice = complaint.suggestion if complaint and complaint.suggestion else "Give another value, or --blank."
        raise ContentError(f"That is no value for {field}: {why}", advice=advice, field=field)
    return text


def _check_field(field: str) -> None:
    if field not in LEAD_FIELDS:
        raise SettingsError(f"There is no field {field}.", advice=f"Fields: {', '.join(LEAD_FIELDS)}.")
