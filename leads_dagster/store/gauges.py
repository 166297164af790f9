"""Counts of all customers at once, each in one statement, for whoever watches from outside.

What belongs here: statements. What the figures are called is the business of who shows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, func, select

from leads_dagster.store.tables import (
    captures,
    conflicts,
    holds,
    leads,
    quarantine,
    sync_states,
    sync_status,
    watching,
)

Counted = Iterator[tuple[tuple[str, ...], int]]


def states(connection: Connection) -> list[Row[Any]]:
    """One row a customer that ever had a cycle: where it stands, with failures in a row and the interval of looks."""
    query = select(sync_states, watching.c.failures, watching.c.interval_seconds).join(
        watching, watching.c.customer == sync_states.c.customer, isouter=True
    )
    return list(connection.execute(query))


def active_leads(connection: Connection) -> Counted:
    """(customer,) -> leads that are neither archived nor merged."""
    return _counted(connection, leads, ["customer"], leads.c.archived_at.is_(None), leads.c.merged_into.is_(None))


def outbox(connection: Connection) -> Counted:
    """(customer, mirror, status) -> leads that a mirror has still to hear of, or would not take."""
    unfinished = sync_status.c.status.in_(["pending", "failed", "dead"])
    return _counted(connection, sync_status, ["customer", "mirror", "status"], unfinished)


def waiting_for_people(connection: Connection) -> Mapping[str, Counted]:
    """Inbox -> (customer,) -> what waits in it."""
    return {
        "conflicts": _counted(connection, conflicts, ["customer"], conflicts.c.status == "open"),
        "holds": _counted(connection, holds, ["customer"], holds.c.status == "open"),
        "quarantine": _counted(connection, quarantine, ["customer"]),
    }


def captured(connection: Connection) -> Counted:
    """(customer, outcome) -> captures that were processed."""
    return _counted(connection, captures, ["customer", "outcome"])


def _counted(connection: Connection, table: Table, by: list[str], *where: ColumnElement[bool]) -> Counted:
    columns = [table.c[name] for name in by]
    for row in connection.execute(select(*columns, func.count()).where(*where).group_by(*columns)):
        yield tuple(str(value) for value in row[:-1]), int(row[-1])
