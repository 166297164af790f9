"""Whether every stored lead is what its claims and decisions make of it: fold them again and compare.

What belongs here: finding differences. A difference is a fault of this project, never of a sheet; nothing is mended
here, because the next change of the lead folds it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from leads_dagster.leads.survivorship import Survivorship
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import history, lead_rows, rulings
from leads_dagster.store.engine import reading
from leads_dagster.store.folding import Material, load_material
from leads_dagster.store.statements import chunks

_CHUNK = 1000


def differences(ws: Workspace) -> list[dict[str, Any]]:
    """What is stored and what folding again gives, where the two are not the same; [] is as it must be.

    Between a change of the survivorship rules and the next cycle, what either gives is right.

    Returns:
        lead_id, problem ("value", "not archived", "archived"), and for a value: field, stored, folded.
    """
    found: list[dict[str, Any]] = []
    with reading(ws.engine) as connection:
        rules = list(rulings.rules_told(connection, ws.policy))
        for part in chunks(history.lead_ids(connection, ws.name), _CHUNK):
            found += _differences(connection, part, rules)
    return found


def _differences(
    connection: Connection, lead_ids: Sequence[str], rules: Sequence[Survivorship]
) -> Iterator[dict[str, Any]]:
    stored = lead_rows.load(connection, lead_ids)
    material = load_material(connection, lead_ids)
    for lead in lead_ids:
        yield from _of_lead(lead, stored[lead], material[lead], rules)


def _of_lead(
    lead: str, row: Mapping[str, Any], material: Material, rules: Sequence[Survivorship]
) -> Iterator[dict[str, Any]]:
    gone = row["archived_at"] is not None or row["merged_into"] is not None
    if not material.rows:
        if not gone:
            yield {"lead_id": lead, "problem": "not archived"}
        return
    if gone:
        yield {"lead_id": lead, "problem": "archived"}
        return
    stored = lead_rows.to_texts(row)
    folds = [material.texts(one) for one in rules]
    folded = next((one for one in folds if one == stored), folds[0])
    for name in sorted({*stored, *folded}):
        if stored.get(name) != folded.get(name):
            yield {
                "lead_id": lead,
                "problem": "value",
                "field": name,
                "stored": stored.get(name),
                "folded": folded.get(name),
            }
