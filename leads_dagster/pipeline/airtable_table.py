"""The customer's Airtable table: opening it by what is known of it, and keeping what is learnt.

What belongs here: the one place that puts settings, the store's knowledge of the table and `AirtableMirror` together.
A field found once is named by its id from then on, so that people may rename it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from leads_dagster.budget import airtable_budget
from leads_dagster.customers import AirtableSettings
from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.mirrors.airtable_schema import ATTENTION, KEY, Target
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import airtable_changes, airtable_state
from leads_dagster.store.airtable_state import TableState
from leads_dagster.store.engine import reading, writing


@contextmanager
def open_table(ws: Workspace, airtable: AirtableSettings) -> Iterator[AirtableMirror]:
    """The customer's table, with what was learnt of it before.

    Raises:
        SettingsError: its fields are set wrongly.
    """
    known = known_table(ws, airtable)
    with AirtableMirror(
        endpoint_url=ws.settings.airtable_endpoint_url,
        api_key=ws.settings.airtable_api_key,
        base_id=airtable.base_id,
        table=known.table_id if known else airtable.table,
        home=ws.settings.prepare_home(),
        fields=dict(airtable.fields),
        field_ids=known.field_ids if known else None,
        create_fields=airtable.create_fields,
        attention=airtable.attention,
        timeout_seconds=ws.settings.http_timeout_seconds,
        budget=airtable_budget(ws.settings, airtable),
    ) as mirror:
        yield mirror


def known_table(ws: Workspace, airtable: AirtableSettings) -> TableState | None:
    """What is known of the customer's table; None before the first look, and where leads.toml names another one."""
    with reading(ws.engine) as connection:
        known = airtable_state.table_of(connection, ws.name)
    if known is None or (known.base_id, known.table_name) != (airtable.base_id, airtable.table):
        return None
    return known


def look(ws: Workspace, airtable: AirtableSettings, mirror: AirtableMirror, *, again: bool = False) -> Target:
    """The table and its fields, and keep what is new of them; asked of Airtable once in a mirror's life, or `again`.

    Raises:
        TargetMissingError, CredentialsError, QuotaSpentError, TransientError: as `AirtableMirror.ensure_fields`.
    """
    target = mirror.ensure_fields(again=again)
    fields = {
        name: {"id": column.id, "name": column.name, "type": column.type}
        for name, column in {KEY: target.key, **target.columns}.items()
    }
    attention = fields.pop(ATTENTION, None)  # what people write there is no edit of a lead
    known = known_table(ws, airtable)
    if known is None:
        fresh = TableState(
            ws.name,
            airtable.base_id,
            target.table,
            airtable.table,
            ws.now(),
            fields,
            dict(target.withheld),
            attention=attention,
        )
        with writing(ws.engine) as connection:
            airtable_changes.forget_table(connection, airtable.base_id, target.table)
            airtable_state.save_table(connection, fresh)
    elif again or (fields, dict(target.withheld), attention) != (known.fields, known.problems, known.attention):
        with writing(ws.engine) as connection:
            airtable_state.note_table(
                connection,
                ws.name,
                fields=fields,
                problems=dict(target.withheld),
                attention=attention,
                seen_at=ws.now(),
            )
    return target
