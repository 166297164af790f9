"""Edits: fields of a known lead changed by its id, as a record of its own kind.

What belongs here: what an edit may change, and booking it. How values are read is `api_records`' business, what comes
of the claims the fold's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from leads_dagster.errors import ConflictError, InvalidLeadError
from leads_dagster.leads.fields import LEAD_FIELDS, RAW_DATA, NormalizedRow
from leads_dagster.leads.identity import last_identity
from leads_dagster.leads.matching import content_hash
from leads_dagster.leads.reconciliation import row_hash
from leads_dagster.store import airtable_changes, claim_rows, decisions, epochs, lead_rows, records, typed_doubles
from leads_dagster.store.api_records import SOURCE, changes_of
from leads_dagster.store.lead_writer import LeadWriter
from leads_dagster.store.policy import Policy
from leads_dagster.store.resolution import new_lead_id
from leads_dagster.store.tables import leads

# Columns that callers see and the store alone sets; of a lead that somebody read and hands back they say nothing.
_OF_THE_STORE = frozenset(leads.c.keys()) - LEAD_FIELDS.keys() - {RAW_DATA}
_NEVER_SET = frozenset({"key", "pending"})  # a name of the record; and what `get_sync_pending_leads` adds


def edit(
    connection: Connection,
    policy: Policy,
    lead_id: str,
    data: Mapping[str, Any],
    *,
    who: str,
    keep_unknown: bool = False,
) -> bool:
    """Change a lead; whether anything changed.

    Args:
        connection: in a write transaction of this customer.
        data: field -> value. What is as the lead has it changes nothing, so a whole lead may be handed back.
            `raw_data` adds to what is kept beside the fields, or changes it; labels that it does not name stay.
        who: stands in the history.
        keep_unknown: keep what has a name that is no field beside the fields, rather than refuse it.

    Raises:
        NotFoundError: no such lead.
        InvalidLeadError: no such field, no value for it, or the lead would name nobody; the field is named.
        ConflictError: the lead is archived, or a decision holds the field.
    """
    named = lead_rows.get(connection, policy.customer, lead_id)
    lead = lead_rows.get(connection, policy.customer, lead_rows.standing_for(connection, policy.customer, lead_id))
    wanted = changes_of(_changed(data, named, lead), policy.rules, beside=lead[RAW_DATA], keep_unknown=keep_unknown)
    if lead["archived_at"] is not None:
        raise ConflictError(f"Lead {lead_id} is archived: no source names it any more.")
    present = lead_rows.to_texts(lead)
    shown = lead_rows.to_texts(lead_rows.to_columns({**present, **wanted}))
    claims = {name: value for name, value in wanted.items() if present.get(name) != shown.get(name)}
    if claims:
        _refuse_nobody(present, shown)
        _refuse_decided(connection, lead_id, lead["id"], claims)
        _book(connection, policy, lead["id"], claims, who=who)
    return bool(claims)


def new_run_id() -> str:
    """What the history names for one call of the public database."""
    return f"api-{new_lead_id()}"


def this_moment(connection: Connection, policy: Policy) -> datetime:
    """When what is said now was said."""
    now = airtable_changes.not_before(connection, policy.customer, epochs.wall_clock())
    return epochs.moment(connection, policy.customer, now)


def _changed(data: object, named: Mapping[str, Any], lead: Mapping[str, Any]) -> dict[str, Any]:
    """What a caller gives that is not as the lead has it.

    Args:
        named: the lead that the caller names. lead: the one that stands for it.
    """
    if not isinstance(data, Mapping):
        raise InvalidLeadError(f"A lead is changed by field and value, not by a {type(data).__name__}.", field="")
    for name in data.keys() & _OF_THE_STORE:
        if not any(_is_as(data[name], row[name]) for row in (named, lead)):
            raise InvalidLeadError(
                f"{name} is set by the store alone.",
                advice="Leave it out; where it was read with the lead, the lead has changed since: read it again.",
                field=name,
            )
    left_out = _OF_THE_STORE | _NEVER_SET
    return {name: value for name, value in data.items() if name not in left_out and not _is_same(lead, name, value)}


def _is_same(lead: Mapping[str, Any], name: object, value: object) -> bool:
    return name in LEAD_FIELDS and _is_as(value, lead[str(name)])


def _is_as(value: object, has: object) -> bool:
    """Whether a value is what a column has; a time may have become text."""
    if isinstance(value, str) and isinstance(has, datetime):
        return value == has.isoformat()
    return type(value) is type(has) and value == has


def _refuse_nobody(present: Mapping[str, str], shown: Mapping[str, str]) -> None:
    if (name := last_identity(present, shown)) is not None:
        raise InvalidLeadError(
            f"{name}: without it nothing would say who the lead is.",
            advice="Leave a name, an e-mail address, a LinkedIn page or a company.",
            field=name,
        )


def _refuse_decided(connection: Connection, asked: str, lead_id: str, claims: Mapping[str, str | None]) -> None:
    deciding = lead_rows.with_forebears(connection, lead_id)
    for name in claims:
        if (decision := decisions.newest_override(connection, deciding, name)) is not None:
            raise ConflictError(
                f"Field {name} of lead {asked} is held by decision {decision}.",
                advice=f"Take it back first: `leads undo decision {decision}`.",
            )


def _book(connection: Connection, policy: Policy, lead_id: str, claims: Mapping[str, str | None], *, who: str) -> None:
    """Book an edit of a lead: its record, what it claims, and the lead folded again."""
    at, run = this_moment(connection, policy), new_run_id()
    known = records.by_source_key(connection, policy.customer, SOURCE, [lead_id], kind="edit").get(lead_id)
    record = known.id if known else records.allocate_ids(connection, 1)
    if RAW_DATA in claims:
        claims = {**claims, RAW_DATA: _with_earlier_labels(connection, record, claims[RAW_DATA])}
    said = {**(known.raw if known else {}), **{name: value or "" for name, value in claims.items()}}
    row = {
        "id": record,
        "customer": policy.customer,
        "source": SOURCE,
        "source_key": lead_id,
        "raw": said,
        "said": {},
        "row_hash": row_hash(said),
        "content_hash": content_hash(NormalizedRow(said)),
        "state": "updated",
        "kind": "edit",
        "lead_id": lead_id,
        "origin_lead_id": lead_id,
        "undone_by": None,
        "first_seen_at": at,
        "last_seen_at": at,
        "run_id": run,
    }
    records.change_records(connection, [row])
    told = {"record_id": record, "changed_at": at, "run_id": run}
    claim_rows.insert_claims(connection, [{**told, "field": name, "value": value} for name, value in claims.items()])
    epochs.begin_epoch(connection, policy.customer)
    LeadWriter(policy, run, SOURCE, at, who=who).refold(connection, [lead_id])
    if not typed_doubles.KEYS.isdisjoint(claims):
        typed_doubles.ask(connection, policy, [lead_id], run_id=run, at=at)


def _with_earlier_labels(connection: Connection, record: int, labels: str | None) -> str:
    """What an edit says beside the fields, with what it said there before: of a record only the newest claim counts."""
    before = [claim.value for claim in claim_rows.that_count(connection, [record], RAW_DATA)]
    together = {**orjson.loads(before[-1] if before else "{}"), **orjson.loads(labels or "{}")}
    return orjson.dumps(together, option=orjson.OPT_SORT_KEYS).decode()
