"""What the CRM tests share: leads, clocks and a way to look into and edit a CRM behind the store's back."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import sqlalchemy as sa

from leads_dagster.mirrors.crm import CrmStore
from leads_dagster.mirrors.push import LeadPush, PushOutcome

ADA = "0a" * 16
BOB = "0b" * 16

ADA_FIELDS: dict[str, Any] = {
    "full_name": "Ada Lovelace",
    "email": "ada@example.com",
    "phone": "+14155550100",
    "company": "Analytical Engines",
    "confidence": 0.85,
    "verified": False,
    "notes": 'two\nlines, "quoted"; Ünïcode 名前',
}


class Now:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.time

    def later(self) -> datetime:
        self.time += timedelta(hours=1)
        return self.time


def create(lead_id: str, **fields: Any) -> LeadPush:
    return LeadPush(lead_id, "create", fields)


def update(lead_id: str, base: dict[str, Any] | None, **fields: Any) -> LeadPush:
    return LeadPush(lead_id, "update", fields, external_id=lead_id, base=base)


def push_one(store: CrmStore, change: LeadPush) -> PushOutcome:
    (outcome,) = store.push([change]).outcomes
    return outcome


def row(engine: sa.Engine, lead_id: str, table: str = "leads_lead", key: str = "id") -> dict[str, Any] | None:
    with engine.connect() as connection:
        found = connection.execute(sa.text(f"SELECT * FROM {table} WHERE {key} = :id"), {"id": lead_id}).mappings()
        return next((dict(one) for one in found), None)


def edit(engine: sa.Engine, lead_id: str, **values: Any) -> None:
    """What a person does in the CRM."""
    sets = ", ".join(f"{name} = :{name}" for name in values)
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE leads_lead SET {sets} WHERE id = :id"), {**values, "id": lead_id})


def run(engine: sa.Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
