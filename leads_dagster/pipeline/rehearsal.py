"""A cycle of which nothing stays: the real stages, on a copy of the store, against an Airtable that is only read.

What belongs here: making the workspace in which a cycle is rehearsed, and noting what its mirrors would have been told.
What a plan says of it is `plan`'s business.

The lead database is copied as it is at one moment: a SQLite file as a whole, of a server's database this customer's
rows into a SQLite file. So no lock is held while the cycle is rehearsed, nobody sees anything of it, and the database
is not touched. A CRM in a SQLite file is copied, too; on a server its rows are only read.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from leads_dagster.errors import StoreError
from leads_dagster.mirrors.airtable_stand_in import StandIn
from leads_dagster.mirrors.crm_engine import open_crm_engine, transaction
from leads_dagster.mirrors.push import LeadPush, PushResult
from leads_dagster.pipeline.migrate_trial import copy_sqlite
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store.copying import copy_customer
from leads_dagster.store.engine import open_engine
from leads_dagster.store.outbox import MirrorName
from leads_dagster.store.schema import ensure_schema
from leads_dagster.store.sqlite_file import file_of


@dataclass
class Rehearsal:
    """What a rehearsed cycle writes to, and what it would have told.

    Attributes:
        folder: for files that a cycle leaves; gone with the rehearsal.
        airtable: reads there, and answers everything else.
        crm_url: the CRM to write to. crm_only_read: it is the real one, on a server: nothing is written to it.
        told: mirror -> every push that was made, with its results.
    """

    folder: Path
    crm_url: str = field(repr=False)
    airtable: StandIn = field(default_factory=StandIn)
    crm_only_read: bool = False
    told: dict[MirrorName, list[tuple[Sequence[LeadPush], PushResult]]] = field(default_factory=dict)

    def note(self, mirror: MirrorName, pushes: Sequence[LeadPush], result: PushResult) -> None:
        """Keep what a mirror was told."""
        self.told.setdefault(mirror, []).append((pushes, result))


@contextmanager
def rehearsed(ws: Workspace) -> Iterator[Workspace]:
    """The customer's road on a copy, of which nothing stays.

    Raises:
        StoreError: no room for the copy, or the database cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="rehearsal-", dir=ws.settings.prepare_home()) as name:
        folder = Path(name)
        crm_url, only_read = _crm(ws, folder)
        rehearsal = Rehearsal(folder, crm_url, crm_only_read=only_read)
        engine = _copy_of(ws, folder / "leads.db")
        try:
            yield Workspace(ws.settings, ws.customer, engine, ws.progress, paced=ws.paced, rehearsal=rehearsal)
        finally:
            engine.dispose()
            rehearsal.airtable.close()


def _copy_of(ws: Workspace, path: Path) -> sa.Engine:
    if ws.engine.dialect.name == "sqlite":
        copy_sqlite(ws.engine, path)
        return open_engine(f"sqlite:///{path}")
    engine = open_engine(f"sqlite:///{path}")
    ensure_schema(engine)
    copy_customer(ws.engine, engine, ws.name)
    return engine


def _crm(ws: Workspace, folder: Path) -> tuple[str, bool]:
    """The CRM to rehearse with, and whether it is the real one."""
    copy = folder / "crm.db"
    url = sa.make_url(ws.settings.crm_url) if "://" in ws.settings.crm_url else None
    if url is not None and url.get_backend_name() == "sqlite":
        _copy_file(file_of(url), copy)
        return f"sqlite:///{copy}", False
    if url is None or _has_table(ws):
        return ws.settings.crm_url, True
    return f"sqlite:///{copy}", False


def _copy_file(path: str | None, copy: Path) -> None:
    """Copy a SQLite file as it is, its settings too, which opening it as a mirror does would change; one that is not
    there stays so. Opened for reading alone, it would be left with an empty log beside it."""
    if path is None or not Path(path).exists() or Path(path).is_dir():
        return
    copy.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    except sqlite3.Error as error:
        raise StoreError(f"The CRM database could not be copied: {error}.", advice="Check the file.") from error


def _has_table(ws: Workspace) -> bool:
    schema, _, table = ws.customer.crm.table.rpartition(".")
    engine = open_crm_engine(ws.settings.crm_url)
    try:
        with transaction(engine, reading=True) as connection:
            return sa.inspect(connection).has_table(table, schema or None)
    finally:
        engine.dispose()
