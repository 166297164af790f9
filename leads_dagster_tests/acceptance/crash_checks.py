"""What must be true of a store after any kill, and after a further sync.

What belongs here: reading and judging; every function returns the faults it finds, in words. How the data came to be
is not known here, but for the sheet.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, text
from sqlalchemy.engine import make_url

from leads_dagster.mirrors.crm import CrmStore
from leads_dagster.pipeline import refold
from leads_dagster.pipeline.workspace import Workspace, open_workspace
from leads_dagster.settings import Settings
from leads_dagster.store import lead_rows, ledger, tables
from leads_dagster.store.engine import reading
from leads_dagster_tests.acceptance.crash_actions import CUSTOMER
from leads_dagster_tests.acceptance.crash_world import HEADER, Row

_SHOWN = ("full_name", "email", "phone", "company", "title", "location", "linkedin_url", "website", "notes")
# Table and column -> what its values name.
_REFERENCES = {
    ("claims", "record_id"): "source_records", ("quarantine", "record_id"): "source_records",
    ("matches", "record_a"): "source_records", ("matches", "record_b"): "source_records",
    ("claims", "voided_by"): "decisions", ("source_records", "undone_by"): "decisions",
    ("decisions", "undone_by"): "decisions", ("decisions", "undoes"): "decisions",
    ("source_records", "lead_id"): "leads", ("source_records", "origin_lead_id"): "leads",
    ("lead_history", "lead_id"): "leads", ("sync_status", "lead_id"): "leads", ("conflicts", "lead_id"): "leads",
    ("leads", "merged_into"): "leads", ("decisions", "lead_id"): "leads",
}  # fmt: skip


@dataclass(slots=True)
class Store:
    """All that is compared of a store, read at one moment."""

    leads: dict[str, dict[str, Any]]
    records: dict[int, dict[str, Any]]
    quarantined: set[int]
    claims: dict[int, dict[str, str | None]] = field(default_factory=dict)

    @property
    def active(self) -> dict[str, dict[str, Any]]:
        return {lead: row for lead, row in self.leads.items() if not (row["archived_at"] or row["merged_into"])}

    @property
    def live(self) -> dict[int, dict[str, Any]]:
        """Records that count, or would if nobody had taken them back."""
        return {
            record: row
            for record, row in self.records.items()
            if row["kind"] == "row" and row["removed_at"] is None and row["state"] != "removed"
        }

    @property
    def of_sheet(self) -> dict[int, dict[str, Any]]:
        return {record: row for record, row in self.live.items() if row["source"].startswith("file:")}


def read_store(connection: Connection) -> Store:
    """The store as it stands."""
    leads, records = (
        {row.id: dict(row._mapping) for row in connection.execute(select(table))}
        for table in (tables.leads, tables.source_records)
    )
    quarantined = set(connection.execute(select(tables.quarantine.c.record_id)).scalars())
    found = Store(leads, records, quarantined)
    standing = select(tables.claims).where(tables.claims.c.voided_by.is_(None)).order_by(tables.claims.c.id)
    for claim in connection.execute(standing):
        found.claims.setdefault(claim.record_id, {})[claim.field] = claim.value
    return found


def faults_after_a_kill(settings: Settings, known_leads: set[str]) -> list[str]:
    """What must never be, however a process ended. `known_leads` grows by those that are there now."""
    found = list(_file_faults(settings))
    with open_workspace(settings, CUSTOMER) as ws:
        with reading(ws.engine) as connection:
            store = read_store(connection)
            found += _dangling(connection)
            found += _doubles(connection, store)
            found += _ledger_faults(connection)
        found += [f"folding again gives another lead: {one}" for one in refold.differences(ws)]
    found += [f"lead {lead} is gone" for lead in known_leads - store.leads.keys()]
    known_leads |= store.leads.keys()
    return [*found, *_record_faults(store), *_claim_faults(store)]


def faults_after_a_sync(settings: Settings, rows: Counter[Row]) -> list[str]:
    """What must be once a cycle ran to its end: sheet, store and CRM say the same, and nothing waits."""
    with open_workspace(settings, CUSTOMER) as ws, reading(ws.engine) as connection:
        store = read_store(connection)
        waiting = Counter(connection.execute(select(tables.sync_status.c.status)).scalars())
        staged = connection.execute(select(tables.staging.c.asset)).scalars().all()
        state = ledger.source_state(connection, ws.name, ws.source)
    there = Counter(tuple(row["raw"].get(label, "") for label in HEADER) for row in store.of_sheet.values())
    spoilt = sum(row["state"] == "quarantined" and row["lead_id"] is not None for row in store.of_sheet.values())
    found = [] if sum(((there - rows) + (rows - there)).values()) <= 2 * spoilt else [f"not the sheet: {there - rows}"]
    found += [f"marks that wait: {dict(waiting)}"] if set(waiting) - {"success"} else []
    found += [f"staged and left: {staged}"] if staged else []
    found += ["the ledger is open"] if state.open_run_id is not None else []
    return [*found, *_crm_faults(settings, store)]


def _file_faults(settings: Settings) -> Iterator[str]:
    for url in (settings.database_url, settings.crm_url):
        path = make_url(url).database
        if not url.startswith("sqlite") or path is None:
            continue
        connection = sqlite3.connect(path)
        for pragma, good in (("integrity_check", [("ok",)]), ("foreign_key_check", [])):
            answer = connection.execute(f"PRAGMA {pragma}").fetchall()
            if answer != good:
                yield f"{pragma} of {path}: {answer[:3]}"
        connection.close()


def _dangling(connection: Connection) -> Iterator[str]:
    for (table, column), target in _REFERENCES.items():
        query = f"SELECT count(*) FROM {table} WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT id FROM {target})"
        count = connection.execute(text(query)).scalar_one()
        if count:
            yield f"{count} of {table}.{column} name nothing in {target}"


def _record_faults(store: Store) -> Iterator[str]:
    """Every live record in exactly one state, every active lead with a live record."""
    alive = {row["lead_id"] for row in store.records.values() if row["kind"] == "row" and row["removed_at"] is None}
    yield from (f"lead {lead} has no record" for lead in store.active.keys() - alive)
    for record, row in store.live.items():
        places = (
            row["lead_id"] is not None,
            record in store.quarantined and row["lead_id"] is None,
            row["undone_by"] is not None,
        )
        if sum(places) != 1:
            yield f"record {record} is in {sum(places)} states: {row}"
        if row["lead_id"] is not None and row["lead_id"] not in store.active:
            yield f"record {record} is of lead {row['lead_id']}, which is retired"
    yield from (f"record {one} is quarantined and gone" for one in store.quarantined - store.live.keys())


def _claim_faults(store: Store) -> Iterator[str]:
    """What a record says is what it claims, but where people took back something of it."""
    for record, row in store.live.items():
        if row["lead_id"] is None or row["undone"] is not None:
            continue
        claimed = {name: value for name, value in store.claims.get(record, {}).items() if value is not None}
        claimed.pop("raw_data", None)
        if claimed != row["said"]["fields"]:
            yield f"record {record} says {row['said']['fields']} and claims {claimed}"


def _doubles(connection: Connection, store: Store) -> Iterator[str]:
    """One strong key on two active leads, which nobody and nothing keeps apart."""
    edges = connection.execute(select(tables.matches).where(tables.matches.c.outcome != "match"))
    apart = {record for edge in edges for record in (edge.record_a, edge.record_b)}
    split = connection.execute(
        select(tables.decisions.c.subject).where(
            tables.decisions.c.kind == "not_same", tables.decisions.c.undone_by.is_(None)
        )
    ).scalars()
    apart |= {record for subject in split for group in subject["apart"] for record in group}
    taken_back = {row["lead_id"] for row in store.records.values() if row["undone"] or row["kind"] == "edit"}
    for name, value, number in lead_rows.strong_key_doubles(connection, CUSTOMER):
        carriers = {lead for lead, row in store.active.items() if row[name] == value}
        members = {record for record, row in store.records.items() if row["lead_id"] in carriers}
        if not members & apart and not carriers & taken_back:
            yield f"{number} active leads carry {name} {value}: {sorted(carriers)}"


def _ledger_faults(connection: Connection) -> Iterator[str]:
    closed = tables.sync_runs.c.status.in_(["done", "held", "unchanged"])
    for run in connection.execute(select(tables.sync_runs).where(closed)):
        counts = ledger.counts_of(run._mapping)
        if not counts.adds_up:
            yield f"the ledger of run {run.run_id} does not add up: {counts}"


def _crm_faults(settings: Settings, store: Store) -> Iterator[str]:
    with CrmStore(settings.crm_url) as crm:
        rows = crm.rows(list(store.leads))
        standing = crm.count()
    if standing != len(store.active):
        yield f"the CRM has {standing} rows, the store {len(store.active)} active leads"
    for lead, row in store.active.items():
        differing = _differing(row, rows.get(lead, {}), _SHOWN)
        if differing:
            yield f"the CRM says otherwise of lead {lead}: {differing}"


def _differing(ours: Mapping[str, Any], theirs: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: (ours[name], theirs.get(name)) for name in names if ours[name] != theirs.get(name)}


def faults_beside_a_fresh_run(settings: Settings, fresh: Settings) -> list[str]:
    """Where no decision stands: which rows are one lead, and what the leads of single rows say, as if read at once."""
    (ours, mine), (theirs, yours) = (_partition(one) for one in (settings, fresh))
    found = [f"rows that are one lead here alone: {group}" for group in ours - theirs]
    found += [f"rows that are one lead in a fresh store alone: {group}" for group in theirs - ours]
    for rows in mine.keys() & yours.keys():
        found += [f"row {rows}: {one}" for one in [_differing(mine[rows], yours[rows], _SHOWN)] if one]
    return found


def _partition(settings: Settings) -> tuple[Counter[Any], dict[Any, dict[str, Any]]]:
    """Rows of the sheet by lead, as a multiset of sorted groups; and of rows that are a lead alone, that lead.

    Without rows that went bad: theirs are leads still, as they were.
    """
    with open_workspace(settings, CUSTOMER) as ws, reading(ws.engine) as connection:
        store = read_store(connection)
    groups: dict[str, list[Row]] = {}
    for row in store.of_sheet.values():
        if row["lead_id"] is not None and row["state"] != "quarantined":
            groups.setdefault(row["lead_id"], []).append(tuple(row["raw"][label] for label in HEADER))
    crowd = Counter(row["lead_id"] for row in store.records.values() if row["removed_at"] is None)
    alone = {rows[0]: store.active[lead] for lead, rows in groups.items() if crowd[lead] == 1}
    return Counter(tuple(sorted(rows)) for rows in groups.values()), alone


def saved_faults(ws: Workspace, saved: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What was answered and is not there."""
    with reading(ws.engine) as connection:
        query = select(tables.source_records.c.source_key, tables.source_records.c.raw)
        there = dict(connection.execute(query.where(tables.source_records.c.source == "api")).all())
    return [
        f"{key} was saved and is not there: {there.get(key)}"
        for key, record in saved.items()
        if there.get(key, {}).get("title") != record["title"]
    ]


def file_faults(settings: Settings, file: Path) -> list[str]:
    """Every record of a JSON file is one record of the store."""
    told = Counter(one["email"] for one in json.loads(file.read_text(encoding="utf-8")))
    with open_workspace(settings, CUSTOMER) as ws, reading(ws.engine) as connection:
        records = read_store(connection).live.values()
    there = Counter(row["raw"]["email"] for row in records if file.name in row["source"])
    return [] if there == told else [f"not what {file.name} says: {(told - there) + (there - told)}"]
