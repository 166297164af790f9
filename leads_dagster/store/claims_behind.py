"""Which claims give a field of a lead its value: those to take back when somebody wants the one before.

What belongs here: finding them, by folding without them. Taking them back is `undo`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from leads_dagster.leads.survivorship import Claim, FoldedField, Survivorship
from leads_dagster.store import claim_rows
from leads_dagster.store.folding import Material


def claims_to_void(
    connection: Connection, material: Material, name: str, rules: Survivorship, *, blank_before: bool
) -> list[Any] | None:
    """The claims that give a field its value, as few as make it another; None where it has no other.

    Args:
        material: what the lead is folded from.
        rules: by which.
        blank_before: whether the lead lived with the field blank.
    """
    left, voided = claim_rows.that_count(connection, list(material.sources), name), list[Any]()
    chosen = _chosen(material, left, name, rules)
    present = chosen.value if chosen else None
    while chosen is not None:
        taken = _newest(left) if rules.goes_by_age(name) else _claim_of(chosen, left)
        left.remove(taken)
        voided.append(taken)
        chosen = _chosen(material, left, name, rules)
        if chosen is not None and chosen.value != present:
            return voided
    return voided if blank_before and present is not None else None


def _newest(rows: Sequence[Any]) -> Any:
    return max(rows, key=lambda one: (one.changed_at, one.id))


def _claim_of(chosen: FoldedField, rows: Sequence[Any]) -> Any:
    """The claim that a folded value is: where age does not decide, a newer one need not be what gave the value."""
    return _newest([one for one in rows if (one.record_id, one.value) == (chosen.record_id, chosen.value)])


def _chosen(material: Material, rows: Sequence[Any], name: str, rules: Survivorship) -> FoldedField | None:
    others = [claim for claim in material.claims if claim.field != name]
    said = [Claim(one.record_id, name, one.value, one.changed_at) for one in rows]
    return replace(material, claims=[*others, *said], overrides=[]).fold(rules).fields.get(name)
