"""What Airtable refused as a whole, token, base or table, and when it is asked again.

What belongs here: rows of `airtable_refusals`. When a refusal is noted, and who keeps to it, is
`pipeline.airtable_refused`'s business.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, delete, select

from leads_dagster.store.statements import upsert
from leads_dagster.store.tables import airtable_refusals

Doing = Literal["reading", "writing"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a customer's table could not be read or written; attributes as the columns of the table."""

    customer: str
    doing: Doing
    place: str
    kind: Literal["missing", "refused"]
    error: str
    advice: str
    tries: int
    refused_at: datetime
    ask_at: datetime


def of_customer(connection: Connection, customer: str) -> list[Refusal]:
    """What was refused of a customer's table and did not succeed since; the one asked again last comes first."""
    query = select(airtable_refusals).where(airtable_refusals.c.customer == customer)
    rows = connection.execute(query.order_by(airtable_refusals.c.ask_at.desc()))
    return [Refusal(**row._mapping) for row in rows]


def note(connection: Connection, refusal: Refusal) -> None:
    """Keep a refusal in place of the last of its kind."""
    upsert(connection, airtable_refusals, [asdict(refusal)])


def forget(connection: Connection, customer: str, doings: Collection[Doing]) -> None:
    """It was done since."""
    mine = (airtable_refusals.c.customer == customer, airtable_refusals.c.doing.in_(sorted(doings)))
    connection.execute(delete(airtable_refusals).where(*mine))
