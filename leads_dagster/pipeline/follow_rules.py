"""Letting leads follow when the survivorship rules in leads.toml change: all that may come out otherwise, folded again.

What belongs here: doing it in a cycle, batch by batch, and saying beforehand how many leads would change. When it is
due, and for which leads, is `store.rulings`' business.

The guard has no say in it: the rules are changed by a person, who can have the number from `leads plan` first; nothing
that a source said is lost, and setting the rules back gives the leads back. Mirrors hear of it as of any difference.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from sqlalchemy import Connection

from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import epochs, lead_rows, rulings
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.folding import load_material
from leads_dagster.store.lead_writer import LeadWriter
from leads_dagster.store.rulings import SETTINGS_FILE, Ruling
from leads_dagster.store.statements import chunks

logger = logging.getLogger(__name__)
LEADS_AT_ONCE = 500


def follow_rules(ws: Workspace, *, run_id: str) -> int:
    """Fold again what other rules may have chosen otherwise; returns how many leads changed.

    Each batch is a transaction of its own. Whoever dies on the way leaves the rest to the next cycle.
    """
    with reading(ws.engine) as connection:
        if not rulings.is_due(connection, ws.policy):
            return 0
    with writing(ws.engine, ws.name) as connection:
        at = epochs.moment(connection, ws.name, ws.now())
        ruling = rulings.adopt(connection, ws.policy, at=at)
    changed = _fold_again(ws, LeadWriter(ws.policy, run_id, f"decision:{ruling.id}", at, who=SETTINGS_FILE))
    _note_followed(ws, ruling)
    logger.info("The survivorship rules of customer %s changed: %d leads follow.", ws.name, changed)
    return changed


def _fold_again(ws: Workspace, writer: LeadWriter) -> int:
    changed = 0
    with reading(ws.engine) as connection:
        heirs = rulings.heirs_of_edits(connection, ws.name)
    for part in chunks(heirs, LEADS_AT_ONCE):
        with writing(ws.engine, ws.name) as connection:
            changed += writer.refold(connection, part)
    after = ""
    while True:
        with writing(ws.engine, ws.name) as connection:
            part = rulings.leads_to_fold(connection, ws.name, after=after, limit=LEADS_AT_ONCE)
            changed += writer.refold(connection, part)
        if len(part) < LEADS_AT_ONCE:
            return changed
        after = part[-1]
        ws.report(50, f"Following new rules: {changed:,} leads changed")


def _note_followed(ws: Workspace, ruling: Ruling) -> None:
    with writing(ws.engine, ws.name) as connection:
        rulings.note_followed(connection, ws.name, ruling)


def count_to_change(ws: Workspace, connection: Connection) -> int:
    """How many leads would change by today's rules; writes nothing."""
    if not rulings.is_due(connection, ws.policy):
        return 0
    return sum(_changes(ws, connection, part) for part in _parts(ws, connection))


def _parts(ws: Workspace, connection: Connection) -> Iterator[list[str]]:
    heirs = rulings.heirs_of_edits(connection, ws.name)
    yield from (list(part) for part in chunks(heirs, LEADS_AT_ONCE))
    seen, after = set(heirs), ""
    while part := rulings.leads_to_fold(connection, ws.name, after=after, limit=LEADS_AT_ONCE):
        yield [lead for lead in part if lead not in seen]
        after = part[-1]


def _changes(ws: Workspace, connection: Connection, lead_ids: list[str]) -> int:
    stored, material = lead_rows.load(connection, lead_ids), load_material(connection, lead_ids)
    living = (lead for lead in lead_ids if material[lead].rows and stored[lead]["archived_at"] is None)
    rules = rulings.rules_for(connection, ws.policy)
    return sum(material[lead].texts(rules) != lead_rows.to_texts(stored[lead]) for lead in living)
