"""Reads and writes rows of the CRM's table, a batch in one transaction.

What belongs here: statements, and what happens to a batch when one of its rows is refused. Not: what to write
(`crm_plan`), nor which columns there are (`crm_table`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects import postgresql, sqlite

from leads_dagster.mirrors.crm_engine import transaction
from leads_dagster.mirrors.crm_plan import OnDelete, RowPlan, StoredRow, plan_row
from leads_dagster.mirrors.crm_table import CrmTable
from leads_dagster.mirrors.push import LeadPush, PushOutcome

_KEY = "key_"  # a parameter's name that no column has


class RowReader:
    """Reads rows by key, with one statement made once.

    Args:
        lock: nobody else changes the rows that were read before the transaction ends.
    """

    def __init__(self, table: CrmTable, *, lock: bool = False) -> None:
        key, archived = table.table.c[table.key.name], table.times.get("archived_at")
        columns = [table.table.c[column.name] for column in table.columns.values()]
        is_archived = table.table.c[archived].is_not(None) if archived else sa.false()
        query = sa.select(key, is_archived, *columns).where(key.in_(sa.bindparam(_KEY, expanding=True))).order_by(key)
        self._query = query.with_for_update() if lock else query
        self._names = [column.name for column in columns]

    def read(self, connection: sa.Connection, keys: Sequence[Any]) -> dict[Any, StoredRow]:
        """The rows that are there, by key."""
        rows = connection.execute(self._query, {_KEY: keys})
        return {row[0]: StoredRow(dict(zip(self._names, row[2:], strict=True)), bool(row[1])) for row in rows}


class RowWriter:
    """Writes batches of pushes for one run; counts what it took.

    Attributes:
        only_read: find out what each push comes to, and write nothing.
        transactions: begun so far.
        repeated: those of them that were a part of a refused one, tried again.
    """

    def __init__(self, engine: sa.Engine, table: CrmTable, *, on_delete: OnDelete, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._table = table
        self._on_delete = on_delete
        self._now = now
        self._reader, self._looker = RowReader(table, lock=True), RowReader(table)
        self._updates: dict[tuple[str, ...], sa.Update] = {}
        self.only_read = False
        self.transactions = 0
        self.repeated = 0

    def write(self, changes: Sequence[LeadPush]) -> list[PushOutcome]:
        """Writes a batch in one transaction; a refused one by halves, until the row at fault stands alone.

        Raises:
            StoreBusyError, StoreError: the database refuses for a reason that no single row has.
        """
        try:
            return self._write_together(changes)
        except (exc.DataError, exc.IntegrityError, ValueError) as error:
            if len(changes) == 1:
                return [_refused(changes[0], error)]
        self.repeated += 2
        middle = len(changes) // 2
        return self.write(changes[:middle]) + self.write(changes[middle:])

    def _write_together(self, changes: Sequence[LeadPush]) -> list[PushOutcome]:
        self.transactions += 1
        keys = [self._table.key.convert(change.lead_id) for change in changes]
        now = self._now()
        with transaction(self._engine, reading=self.only_read) as connection:
            stored = (self._looker if self.only_read else self._reader).read(connection, keys)
            plans = [
                plan_row(self._table, change, stored.get(key), now=now, on_delete=self._on_delete)
                for key, change in zip(keys, changes, strict=True)
            ]
            if not self.only_read:
                self._execute(connection, list(zip(keys, plans, strict=True)))
        return [plan.outcome for plan in plans]

    def _execute(self, connection: sa.Connection, plans: Sequence[tuple[Any, RowPlan]]) -> None:
        inserts = [plan.values for _, plan in plans if plan.write == "insert"]
        if inserts:
            connection.execute(self._insert, inserts)
        updates: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for key, plan in plans:
            if plan.write == "update":
                updates[tuple(sorted(plan.values))].append({**plan.values, _KEY: key})
        for names, rows in updates.items():
            connection.execute(self._update(names), rows)
        deletes = [{_KEY: key} for key, plan in plans if plan.write == "delete"]
        if deletes:
            connection.execute(self._delete, deletes)

    @cached_property
    def _insert(self) -> sa.Insert:
        """An upsert where the database knows one: a row made since it was looked for is the same lead's."""
        table, key = self._table.table, self._table.key.name
        kept = {key, self._table.times.get("created_at")}
        replaced = [column.name for column in table.c if column.name not in kept]
        statement: sqlite.Insert | postgresql.Insert
        if self._engine.dialect.name == "sqlite":
            statement = sqlite.insert(table)
        elif self._engine.dialect.name == "postgresql":
            statement = postgresql.insert(table)
        else:
            return sa.insert(table)
        new = statement.excluded
        return statement.on_conflict_do_update(index_elements=[key], set_={name: new[name] for name in replaced})

    def _update(self, names: tuple[str, ...]) -> sa.Update:
        if names not in self._updates:
            values: dict[str, Any] = {name: sa.bindparam(name) for name in names}
            statement = sa.update(self._table.table).where(self._key_column == sa.bindparam(_KEY))
            self._updates[names] = statement.values(values)
        return self._updates[names]

    @cached_property
    def _delete(self) -> sa.Delete:
        return sa.delete(self._table.table).where(self._key_column == sa.bindparam(_KEY))

    @property
    def _key_column(self) -> sa.Column[Any]:
        return self._table.table.c[self._table.key.name]


def _refused(change: LeadPush, error: Exception) -> PushOutcome:
    said = str(error.orig if isinstance(error, exc.DBAPIError) else error).strip()
    return PushOutcome(
        change.lead_id,
        "failed",
        external_id=change.external_id,
        error=f"The CRM refuses this lead: {said}",
        permanent=True,
    )
