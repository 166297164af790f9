"""The customer's Airtable table: opening it by what is known of it, and keeping what is learnt.

What belongs here: the one place that puts settings, the store's knowledge of the table and `AirtableMirror` together.
A field found once is named by its id from then on, so that people may rename it. What a new look at the table means
for the leads is `airtable_columns`' business.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from leads_dagster.budget import airtable_budget
from leads_dagster.customers import AirtableSettings
from leads_dagster.errors import AccessError, CredentialsError, SettingsError, TargetMissingError
from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.mirrors.airtable_schema import Target, field_names
from leads_dagster.pipeline.airtable_columns import follow, state_of, target_of
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import airtable_state
from leads_dagster.store.airtable_state import TableState
from leads_dagster.store.engine import reading, writing

# Fields that change are told by the hook, and by refusals; without either, this late. A look is a call of the budget.
_LOOK_AGAIN = timedelta(hours=1)


@contextmanager
def open_table(ws: Workspace, airtable: AirtableSettings) -> Iterator[AirtableMirror]:
    """The customer's table, with what was learnt of it before; what is learnt within is kept.

    Raises:
        SettingsError: its fields are set wrongly, or another customer has the table.
    """
    known = known_table(ws, airtable)
    wanted = field_names(airtable.fields, attention=airtable.attention)
    with AirtableMirror(
        endpoint_url=ws.settings.airtable_endpoint_url,
        api_key=ws.settings.airtable_api_key,
        base_id=airtable.base_id,
        table=airtable.table,
        home=ws.settings.prepare_home(),
        fields=dict(airtable.fields),
        field_ids=known.ids_of(wanted) if known else None,
        known_table=known.table_id if known else None,
        remembered=target_of(known) if known and known.wanted == wanted else None,
        lately=known is not None and _is_fresh(ws, known),
        create_fields=airtable.create_fields,
        attention=airtable.attention,
        create_options=airtable.create_options,
        timeout_seconds=ws.settings.http_timeout_seconds,
        budget=airtable_budget(ws.settings, airtable),
    ) as mirror:
        if ws.rehearsal is not None:
            mirror.requests.rehearse(ws.rehearsal.airtable)
        try:
            yield mirror
        except (CredentialsError, TargetMissingError):
            if not mirror.asked:  # what was remembered may not be there any more: then this says so, in better words
                look(ws, airtable, mirror, again=True)
            raise
        finally:
            _keep(ws, airtable, mirror)


def _is_fresh(ws: Workspace, known: TableState) -> bool:
    return known.error is None and timedelta() <= ws.now() - known.seen_at < _LOOK_AGAIN


def known_table(ws: Workspace, airtable: AirtableSettings) -> TableState | None:
    """What is known of the customer's table; None before the first look, and where leads.toml names another one."""
    with reading(ws.engine) as connection:
        known = airtable_state.table_of(connection, ws.name)
    if known is None or not _names(airtable, known):
        return None
    return known


def _names(airtable: AirtableSettings, known: TableState) -> bool:
    return airtable.base_id == known.base_id and airtable.table in (known.table_name, known.table_id)


def look(ws: Workspace, airtable: AirtableSettings, mirror: AirtableMirror, *, again: bool = False) -> Target:
    """The table and its fields, and keep what is new of them.

    Args:
        again: ask Airtable, also where the table was seen lately.

    Raises:
        SettingsError: another customer has the table.
        TargetMissingError, CredentialsError, QuotaSpentError, TransientError: as `AirtableMirror.ensure_fields`.
    """
    try:
        target = mirror.ensure_fields(again=again)
    except AccessError as error:
        with writing(ws.engine) as connection:
            airtable_state.note_table(connection, ws.name, error=error.message)
        raise
    _keep(ws, airtable, mirror)
    return target


def _keep(ws: Workspace, airtable: AirtableSettings, mirror: AirtableMirror) -> None:
    """Keep what the mirror knows of the table, where it is new, and draw the consequences."""
    target = mirror.target
    news = mirror.take_news()
    if target is None:
        return
    known = known_table(ws, airtable)
    fresh = state_of(ws.name, airtable, target, known, seen_at=ws.now())
    _require_own(ws, airtable, fresh)
    if known is not None and not news:  # somebody else may have looked meanwhile
        return
    with writing(ws.engine, ws.name) as connection:
        follow(connection, known, fresh, by_name=target.by_name)


def _require_own(ws: Workspace, airtable: AirtableSettings, fresh: TableState) -> None:
    """That one customer says a table's name and another its id is found out only here."""
    with reading(ws.engine) as connection:
        sharers = airtable_state.customers_of(connection, fresh.base_id, fresh.table_id)
    for other in ws.settings.customers:
        mine = next((one for one in sharers if one.customer == other.name), None)
        if other.name != ws.name and other.airtable is not None and mine is not None and _names(other.airtable, mine):
            raise SettingsError(
                f"The customers {other.name} and {ws.name} have the same Airtable table: {mine.table_name} and "
                f"{airtable.table} of base {fresh.base_id} are one ({fresh.table_id}).",
                advice="Give each its own table in [customers.airtable].",
            )
