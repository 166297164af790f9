"""Overrides: a field of a lead set by hand, obeyed by every later cycle until it is released.

What belongs here: checking the value, and writing the decision. What it does to the lead is the fold's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leads_dagster.errors import ContentError, NotFoundError, SettingsError
from leads_dagster.leads.fields import LEAD_FIELDS, NormalizationRules
from leads_dagster.leads.identity import last_identity
from leads_dagster.leads.normalization import normalize_fields
from leads_dagster.pipeline import lead_lookup
from leads_dagster.pipeline.deciding import carried_out, tell_mirrors
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import conflict_rows, decisions, lead_rows, undo
from leads_dagster.store.conflict_rows import Resolution
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
        lead_id, field, value (as it was taken), before, decision_id, who, reason, mirrors
        (what each heard), next.

    Raises:
        NotFoundError: no such lead, or several. ConflictError: it is archived or merged.
        SettingsError: no such field. ContentError: the value is none of that field.
    """
    _check_field(field)
    text = checked_value(field, value, ws.rules)

    def decision(undoing: Undoing) -> dict[str, Any]:
        row = lead_lookup.the_one(undoing.connection, ws.name, named)
        done = overridden(undoing, row["id"], field, text, resolution="value")
        return _facts(undoing, row, field, text, done)

    facts = carried_out(ws, decision, who=who, reason=reason)
    release = f"`leads override {facts['lead_id']} {field} --release` takes it back."
    return {**facts, "mirrors": tell_mirrors(ws), "next": release}


def _facts(undoing: Undoing, row: Mapping[str, Any], field: str, value: str | None, done: Undone) -> dict[str, Any]:
    return {
        "lead_id": row["id"],
        "field": field,
        "value": value,
        "before": lead_rows.to_texts(row).get(field),
        "decision_id": done.decision_id,
        "who": undoing.who,
        "reason": undoing.reason,
    }


def release(
    ws: Workspace, named: str, field: str, *, reason: str | None = None, who: str | None = None
) -> dict[str, Any]:
    """Take the standing override of a field back: the lead says again what its sources say.

    Raises:
        NotFoundError: no such lead, or nobody set that field by hand.
        SettingsError: no such field.
    """
    _check_field(field)

    def decision(undoing: Undoing) -> dict[str, Any]:
        row = lead_lookup.the_one(undoing.connection, ws.name, named)
        leads = lead_rows.with_forebears(undoing.connection, row["id"])
        standing = decisions.newest_override(undoing.connection, leads, field)
        if standing is None:
            raise NotFoundError(
                f"Nobody set {field} of this lead by hand.", advice="See `leads history LEAD --fields`."
            )
        done = undo.take_back(undoing, standing)
        after = lead_rows.to_texts(lead_rows.load(undoing.connection, [row["id"]])[row["id"]]).get(field)
        return _facts(undoing, row, field, after, done)

    return {**carried_out(ws, decision, who=who, reason=reason), "mirrors": tell_mirrors(ws)}


def overridden(undoing: Undoing, lead_id: str, field: str, value: str | None, *, resolution: Resolution) -> Undone:
    """Decide a field's value and settle the conflicts among sources that were open on it.

    Raises:
        ContentError: nothing would say any more who the lead is; the field is named.
    """
    _refuse_nobody(undoing, lead_id, field, value)
    waiting = conflict_rows.open_on_field(undoing.connection, lead_id, field)
    done = undo.override(undoing, lead_id, field, value)
    conflict_rows.settle(
        undoing.connection, waiting, at=undoing.at, resolution=resolution, decision_id=done.decision_id
    )
    return done


def _refuse_nobody(undoing: Undoing, lead_id: str, field: str, value: str | None) -> None:
    known = lead_rows.load(undoing.connection, [lead_id]).get(lead_id)
    present = lead_rows.to_texts(known) if known is not None else {}
    if last_identity(present, {**present, field: value}) == field:
        raise ContentError(
            f"{field} cannot be blank: nothing else says who the lead is.",
            advice="Leave a name, an e-mail address, a LinkedIn page or a company.",
            field=field,
        )


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
