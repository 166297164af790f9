"""The CRM store: a second database that always says what the leads say.

What belongs here: the door that the pipeline uses. What to write of a row is decided in `crm_plan`, read and written
in `crm_rows`; columns are known to `crm_table`, the database is opened by `crm_engine`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa

from leads_dagster.errors import LeadsError, StoreError, TransientError
from leads_dagster.mirrors.crm_engine import open_crm_engine, transaction
from leads_dagster.mirrors.crm_plan import OnDelete, RowDifference, row_difference
from leads_dagster.mirrors.crm_rows import RowReader, RowWriter
from leads_dagster.mirrors.crm_table import CrmTable, column_names, existing_table, own_table
from leads_dagster.mirrors.push import LeadPush, PushOutcome, PushResult, check_pushes

logger = logging.getLogger(__name__)

_READ_CHUNK = 500


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


class CrmStore:
    """Writes leads into one table of a CRM database.

    Args:
        url: SQLAlchemy URL of the CRM's database.
        table: the table, `schema.table` where it is not in the default schema.
        columns: lead field, "id", "created_at", "updated_at" or "archived_at" -> column name; "" leaves one out.
        batch_size: rows in one transaction.
        on_delete: what a push "delete" does to the row: "archive" sets archived_at, "delete" removes it.
        only_read: find out what each push comes to, and write nothing; the table must be there.
        now: the time to write into created_at, updated_at, archived_at; aware UTC.

    Raises:
        SettingsError: the URL or the columns are wrong.
        StoreError: a SQLite file cannot be made.
    """

    def __init__(
        self,
        url: str,
        table: str = "leads_lead",
        columns: Mapping[str, str] | None = None,
        *,
        batch_size: int = 50,
        on_delete: OnDelete = "archive",
        now: Callable[[], datetime] = _utc_now,
        only_read: bool = False,
    ) -> None:
        self._names = column_names(columns)
        schema, _, self._table_name = table.rpartition(".")
        self._schema = schema or None
        self._batch_size = batch_size
        self._on_delete = on_delete
        self._now = now
        self._only_read = only_read
        self._engine = open_crm_engine(url)
        self._table: CrmTable | None = None

    def ensure_table(self) -> CrmTable:
        """The table, made if there is none; looked at once in this store's life.

        Raises:
            StoreError: the table that is there cannot take leads; the message names every column at fault.
            StoreBusyError: the database is locked or away.
        """
        if self._table is None:
            with transaction(self._engine) as connection:
                if not sa.inspect(connection).has_table(self._table_name, self._schema):
                    wanted = own_table(self._table_name, self._schema, self._names)
                    connection.execute(sa.schema.CreateTable(wanted, if_not_exists=True))
                self._table = existing_table(connection, self._table_name, self._schema, self._names)
        return self._table

    @property
    def fields(self) -> frozenset[str]:
        """The lead fields that this CRM holds."""
        return frozenset(self.ensure_table().columns)

    def push(self, changes: Sequence[LeadPush]) -> PushResult:
        """Writes what differs, in batches of one transaction each; a bad row never takes another with it.

        Never raises for what a database does after the first batch: `PushResult.stopped` then says why, and the
        batches that were committed are reported.

        Raises:
            ValueError: a lead twice in `changes`.
            StoreError, StoreBusyError: the table cannot be used at all.
        """
        check_pushes(changes)
        began = time.perf_counter()
        writer = RowWriter(self._engine, self.ensure_table(), on_delete=self._on_delete, now=self._now)
        writer.only_read = self._only_read
        outcomes: list[PushOutcome] = []
        stopped: LeadsError | None = None
        try:
            for start in range(0, len(changes), self._batch_size):
                outcomes += writer.write(changes[start : start + self._batch_size])
        except (StoreError, TransientError) as error:
            logger.warning("the CRM stopped after %d of %d rows: %s", len(outcomes), len(changes), error.message)
            stopped = error
        seconds = time.perf_counter() - began
        return PushResult(tuple(outcomes), writer.transactions, writer.repeated, seconds, stopped)

    def rows(self, lead_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What the CRM says of these leads: lead id -> field -> value; absent where there is no row.

        Blank fields are None; archived rows are among them.
        """
        table = self.ensure_table()
        found: dict[str, dict[str, Any]] = {}
        reader = RowReader(table)
        with transaction(self._engine, reading=True) as connection:
            for start in range(0, len(lead_ids), _READ_CHUNK):
                keys = {table.key.convert(lead_id): lead_id for lead_id in lead_ids[start : start + _READ_CHUNK]}
                for key, row in reader.read(connection, list(keys)).items():
                    found[keys[key]] = row.shown(table)
        return found

    def compare(self, bases: Mapping[str, Mapping[str, Any]]) -> dict[str, RowDifference]:
        """Which rows are not as they were left: lead id -> how; those that are, are not in it.

        Args:
            bases: lead id -> the base, what the CRM answered to our last write.
        """
        table = self.ensure_table()
        keys = {table.key.convert(lead_id): lead_id for lead_id in bases}
        with transaction(self._engine, reading=True) as connection:
            rows = RowReader(table).read(connection, list(keys))
        found = {lead_id: row_difference(table, bases[lead_id], rows.get(key)) for key, lead_id in keys.items()}
        return {lead_id: difference for lead_id, difference in found.items() if difference is not None}

    def count(self, *, archived: bool = False) -> int:
        """How many rows stand in the table, the archived ones only if asked."""
        table = self.ensure_table()
        query = sa.select(sa.func.count()).select_from(table.table)
        if not archived and "archived_at" in table.times:
            query = query.where(table.table.c[table.times["archived_at"]].is_(None))
        with transaction(self._engine, reading=True) as connection:
            return int(connection.execute(query).scalar_one())

    def close(self) -> None:
        """Lets go of the database."""
        self._engine.dispose()

    def __enter__(self) -> CrmStore:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
