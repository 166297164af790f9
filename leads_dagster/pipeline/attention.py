"""The field "Needs attention" of the Airtable table: what waits for a person, in a sentence, lead by lead.

What belongs here: the sentences, and that leads are told again when another thing waits. The field is no field of a
lead: nothing that people write into it comes back, and no other mirror knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from leads_dagster.mirrors.airtable_schema import ATTENTION, DEFAULT_NAMES
from leads_dagster.pipeline.review_facts import review_id
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import attention_rows, lead_rows, outbox
from leads_dagster.store.attention_rows import Open
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.review_rows import Waiting

# One field of Airtable holds more, but nobody reads on.
_THINGS_AT_MOST = 10
_LONGEST_VALUE = 200
_SHEETS = ("sheet", "published", "url", "file")
_NAMED = {"airtable": "Airtable", "crm": "the CRM", "store": "the lead", "api": "a program", "json": "the JSON files"}

Unwritable = Callable[[Mapping[str, Any]], Mapping[str, str]]


def is_on(ws: Workspace) -> bool:
    """Whether the customer wants it."""
    return ws.customer.airtable is not None and ws.customer.airtable.attention


def is_due(ws: Workspace, connection: Connection) -> bool:
    """Whether another thing waits of any lead than what Airtable was last asked to say."""
    return is_on(ws) and bool(_changed(ws, connection))


def mark(ws: Workspace) -> None:
    """Mark the leads for Airtable of which another thing waits than it was last asked to say."""
    if not is_on(ws):
        return
    with reading(ws.engine) as connection:
        changed = _changed(ws, connection)
    if not changed:
        return
    with writing(ws.engine, ws.name) as connection:  # what changes in between is another thing, and due again
        outbox.mark_again(connection, ws.name, "airtable", list(changed))
        attention_rows.note_told(connection, ws.name, changed)


def _changed(ws: Workspace, connection: Connection) -> dict[str, str | None]:
    """Lead -> the digest to keep; None where nothing waits any more."""
    told = attention_rows.told(connection, ws.name)
    now = {lead: one.digest for lead, one in attention_rows.all_open(connection, ws.name).items()}
    return {lead: now.get(lead) for lead in told.keys() | now.keys() if told.get(lead) != now.get(lead)}


class Attention:
    """What waits, as it is when leads are first sent in a cycle; what changes later is due again.

    Args:
        unwritable: of a lead: field -> why Airtable's field cannot hold its value.
    """

    def __init__(self, ws: Workspace, unwritable: Unwritable) -> None:
        self._ws, self._unwritable = ws, unwritable
        self._open: dict[str, Open] | None = None

    def over(self, connection: Connection, leads: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """The leads, each with what waits of it in the place of one more field; None where nothing does."""
        if not is_on(self._ws):
            return leads
        if self._open is None:
            self._open = attention_rows.all_open(connection, self._ws.name)
        mine = {lead: self._open.get(lead, Open()) for lead in leads}
        names = _names(connection, [other for one in mine.values() for each in one.reviews for other in each.leads])
        return {
            lead: {**row, ATTENTION: _sentences(self._ws, lead, mine[lead], names, self._unwritable(row))}
            for lead, row in leads.items()
        }


def _names(connection: Connection, lead_ids: Sequence[str]) -> dict[str, str]:
    found = lead_rows.load(connection, sorted(set(lead_ids)))
    return {lead: " of ".join(filter(None, (row["full_name"], row["company"]))) for lead, row in found.items()}


def _sentences(
    ws: Workspace, lead: str, one: Open, names: Mapping[str, str], unwritable: Mapping[str, str]
) -> str | None:
    shown = {**DEFAULT_NAMES, **(ws.customer.airtable.fields if ws.customer.airtable else {})}
    things = [
        *(_conflict(shown, row) for row in one.conflicts),
        *(_review(lead, each, names) for each in one.reviews),
        *(f"{shown.get(name, name)}: not written, {why}." for name, why in sorted(unwritable.items())),
    ]
    if len(things) > _THINGS_AT_MOST:
        things = [*things[:_THINGS_AT_MOST], f"And {len(things) - _THINGS_AT_MOST} more."]
    return "\n".join(things) or None


def _conflict(shown: Mapping[str, str], row: Mapping[str, Any]) -> str:
    kept, lost = _side(row["kept_source"], row["lost_source"])
    name = shown.get(row["field"]) or row["field"]
    return (
        f"{name}: {kept} says {_said(row['kept'])}, {lost} says {_said(row['lost'])}; kept: {kept}. "
        f'Settle with "leads conflicts resolve {row["id"]} --keep" or "--take".'
    )


def _side(kept: str, lost: str) -> tuple[str, str]:
    """Both sources in words; by their addresses where the words are the same."""
    words = _word(kept), _word(lost)
    return words if words[0] != words[1] else (kept, lost)


def _word(source: str) -> str:
    kind = source.partition(":")[0]
    return "the sheet" if kind in _SHEETS else _NAMED.get(kind, source)


def _said(value: str | None) -> str:
    if value is None:
        return "nothing"
    return value if len(value) <= _LONGEST_VALUE else f"{value[: _LONGEST_VALUE - 1]}…"


def _review(lead: str, one: Waiting, names: Mapping[str, str]) -> str:
    named = review_id(one.record_a, one.record_b)
    others = [each for each in sorted(one.leads) if each != lead]
    asked = f"Perhaps the same as {names.get(others[0], others[0])}." if others else "Perhaps two leads in one."
    return f'{asked} See "leads reviews show {named}".'
