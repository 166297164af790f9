"""What a child of the crash loop is at when it is killed: syncs, saves from Python, undoing.

What belongs here: the work, each from settings and a seed alone, so that a child can do it and the parent do it again.
"""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from leads_dagster.errors import ConflictError, NotFoundError
from leads_dagster.pipeline import holds, migrate_log, reviews
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.migrate import migrate
from leads_dagster.pipeline.migrate_result import MigrationResult
from leads_dagster.pipeline.result import SyncResult
from leads_dagster.pipeline.workspace import Workspace, open_workspace
from leads_dagster.settings import Settings
from leads_dagster.store import epochs, undo
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.lead_database import LeadDatabase
from leads_dagster.store.tables import decisions, lead_history, leads, source_records, sync_runs
from leads_dagster.store.undo import Undoing
from leads_dagster.store.undo_run import undo_run

CUSTOMER = "acme"
UNDOINGS_A_ROUND = 6


@dataclass(frozen=True, slots=True)
class Save:
    """One call of the public database: a record, several at once, or (with `lead_id`) changes of a lead."""

    records: tuple[dict[str, str], ...]
    lead_id: str | None = None


def sync(settings: Settings) -> SyncResult:
    """One cycle."""
    with open_workspace(settings, CUSTOMER) as ws:
        return run_cycle(ws)


def sync_and_approve(settings: Settings) -> SyncResult:
    """Cycles until nothing is parked: what the guard holds is approved."""
    with open_workspace(settings, CUSTOMER) as ws:
        result = run_cycle(ws)
        while parked := [one for one in holds.list_(ws) if one["status"] == "open"]:
            holds.approve(ws, parked[0]["id"], who="ada")
            result = run_cycle(ws)
        return result


def save(settings: Settings, calls: Sequence[Save], acknowledged: Path | None = None) -> None:
    """Save from Python, and note after each call that it was answered."""
    with LeadDatabase(settings.database_url, CUSTOMER, who="ada") as database:
        for number, call in enumerate(calls):
            _save_one(database, call)
            if acknowledged is not None:
                _note(acknowledged, number)


def _save_one(database: LeadDatabase, call: Save) -> None:
    if call.lead_id is not None:
        with suppress(ConflictError):  # archived meanwhile, or held by a decision
            database.update_lead(call.lead_id, call.records[0])
    elif len(call.records) == 1:
        database.upsert_lead(call.records[0])
    else:
        list(database.upsert_leads(call.records))


def _note(path: Path, number: int) -> None:
    """Straight to the file: what is in a buffer dies with the process."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, f"{number}\n".encode())
    os.close(descriptor)


def noted(path: Path) -> int:
    """How many calls were answered."""
    return len(path.read_text().splitlines()) if path.exists() else 0


def bring_in(settings: Settings, file: Path) -> MigrationResult:
    """A JSON file into the store; one that was begun goes on."""
    with open_workspace(settings, CUSTOMER) as ws:
        return migrate(ws, [file])


def roll_back_a_migration(settings: Settings) -> None:
    """The newest migration that can be."""
    with open_workspace(settings, CUSTOMER) as ws:
        done = [one["migration_id"] for one in migrate_log.list_(ws) if one["status"] == "done"]
        with suppress(ConflictError):  # nothing that it brought is current any more
            if done:
                migrate_log.rollback(ws, done[0])


def take_back_something(settings: Settings, seed: int) -> None:
    """Decide and take back, one transaction after the other."""
    chance = random.Random(seed)
    with open_workspace(settings, CUSTOMER) as ws:
        for _ in range(UNDOINGS_A_ROUND):
            _decide(ws, chance.choice(_DECISIONS), chance)


def take_back_everything(settings: Settings) -> None:
    """No decision stands afterwards."""
    with open_workspace(settings, CUSTOMER) as ws:
        while standing := _standing(ws):
            _decide(ws, lambda undoing, _: undo.take_back(undoing, standing[-1]), random.Random(0))


def answer_as_the_rows_say(settings: Settings) -> None:
    """Whatever waits because somebody edited a lead is joined, or split, as the matcher would have done."""
    with open_workspace(settings, CUSTOMER) as ws:
        while held := [one for one in reviews.list_(ws, limit=1_000) if one["kind"] != "pair"]:
            reviews.settle_one(ws, held[0]["id"], "same" if held[0]["kind"] == "join" else "not_same", who="ada")


def _decide(ws: Workspace, what: Callable[[Undoing, random.Random], Any], chance: random.Random) -> None:
    with suppress(ConflictError, NotFoundError, IndexError), writing(ws.engine, ws.name) as connection:
        at = epochs.moment(connection, ws.name, ws.now())
        what(Undoing(connection, ws.policy, f"undo-{uuid.uuid4().hex}", "ada", at), chance)


def _standing(ws: Workspace) -> list[int]:
    with reading(ws.engine) as connection:
        query = select(decisions.c.id).where(decisions.c.undone_by.is_(None), decisions.c.kind != "undo")
        return list(connection.execute(query.order_by(decisions.c.id)).scalars())


def _of_a_field(undoing: Undoing, chance: random.Random) -> None:
    changed = select(lead_history.c.lead_id, lead_history.c.field).where(lead_history.c.operation == "updated")
    found = undoing.connection.execute(changed.order_by(lead_history.c.id.desc()).limit(30)).all()
    lead, name = chance.choice(found)
    undo.undo_field(undoing, lead, name)


def _by_hand(undoing: Undoing, chance: random.Random) -> None:
    undo.override(undoing, chance.choice(_active(undoing.connection)), "title", f"By hand {chance.randrange(1000)}")


def _of_a_merge(undoing: Undoing, chance: random.Random) -> None:
    merged = select(leads.c.id).where(leads.c.merged_into.is_not(None)).order_by(leads.c.updated_at.desc()).limit(10)
    undo.undo_merge(undoing, chance.choice(list(undoing.connection.execute(merged).scalars())))


def _of_rows_that_came_together(undoing: Undoing, chance: random.Random) -> None:
    query = select(source_records.c.lead_id, source_records.c.id).where(
        source_records.c.lead_id.is_not(None), source_records.c.removed_at.is_(None), source_records.c.kind == "row"
    )
    members: dict[str, list[int]] = {}
    for lead, record in undoing.connection.execute(query.order_by(source_records.c.id)):
        members.setdefault(lead, []).append(record)
    lead = chance.choice([lead for lead, records in members.items() if len(records) > 1])
    undo.undo_merge(undoing, lead, leaving=[chance.choice(members[lead])])


def _of_a_run(undoing: Undoing, chance: random.Random) -> None:
    runs = select(sync_runs.c.run_id).order_by(sync_runs.c.started_at.desc()).limit(4)
    undo_run(undoing, chance.choice(list(undoing.connection.execute(runs).scalars())))


def _of_a_decision(undoing: Undoing, chance: random.Random) -> None:
    query = select(decisions.c.id).where(decisions.c.undone_by.is_(None)).order_by(decisions.c.id.desc()).limit(10)
    undo.take_back(undoing, chance.choice(list(undoing.connection.execute(query).scalars())))


def _active(connection: Connection) -> list[str]:
    query = select(leads.c.id).where(leads.c.archived_at.is_(None), leads.c.merged_into.is_(None))
    return list(connection.execute(query.order_by(leads.c.id)).scalars())


def active_leads(settings: Settings) -> list[str]:
    """Ids of the leads that are neither archived nor merged."""
    with open_workspace(settings, CUSTOMER) as ws, reading(ws.engine) as connection:
        return _active(connection)


_DECISIONS: tuple[Callable[[Undoing, random.Random], Any], ...] = (
    _of_a_field, _of_a_field, _by_hand, _of_a_merge, _of_rows_that_came_together, _of_a_run, _of_a_decision,
    _of_a_decision,
)  # fmt: skip
