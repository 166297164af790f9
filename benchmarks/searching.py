"""What finding leads costs, by kind of query, beside raw SQLite on the same leads.

    python -m benchmarks.searching FOLDER LEADS TIMES

What belongs here: filling a database, the kinds of query, and the clock around one page of fifty. The floors: `LIKE`
over the same columns, and an FTS5 table as sqlite-utils' `enable_fts` makes it, ranked by bm25 as its `search` does.
Both give rows as they are, of one customer, archived ones too.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from benchmarks.matching.generator import synthetic_leads
from leads_dagster.store import lead_rows
from leads_dagster.store.engine import open_engine, reading, writing
from leads_dagster.store.lead_filter import LeadFilter
from leads_dagster.store.lead_search import Order, search
from leads_dagster.store.schema import ensure_schema
from leads_dagster.store.search_index import rebuild_search

CUSTOMER = "bench"
PAGE = 50
BATCH = 1_000
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
STATUSES = ("new", "contacted", "qualified", "won")
WEIGHTS = (60.0, 30.0, 9.9, 0.1)
Lead = dict[str, Any]
Query = tuple[LeadFilter, Order]


def made_leads(count: int) -> list[Lead]:
    """Rows of `leads` with a status, a source and now and then a note."""
    chance = random.Random(7)
    return [_made(number, dict(one.row.fields), chance) for number, one in enumerate(synthetic_leads(count, 1))]


def _made(number: int, fields: dict[str, str], chance: random.Random) -> Lead:
    fields |= {"status": chance.choices(STATUSES, WEIGHTS)[0], "source": chance.choice(("web", "fair", "import"))}
    if chance.random() < 0.1:
        fields["notes"] = f"met at the fair, asks about {chance.choice(('pricing', 'delivery', 'hiring'))}"
    at = START + timedelta(seconds=number)
    stamps = {"created_at": at, "updated_at": at, "version": 1, "sync_pending": False}
    return {"id": f"{number:032x}", "customer": CUSTOMER, **lead_rows.to_columns(fields), **stamps}


KINDS: dict[str, Callable[[Lead], Query]] = {
    "rare word": lambda lead: (LeadFilter(text=lead["full_name"].split()[-1]), "relevance"),
    "whole name": lambda lead: (LeadFilter(text=lead["full_name"]), "relevance"),
    "word of most leads": lambda lead: (LeadFilter(text="com "), "relevance"),
    "begun word, jo": lambda lead: (LeadFilter(text="jo"), "relevance"),
    "one letter": lambda lead: (LeadFilter(text=lead["full_name"][0]), "relevance"),
    "e-mail as text": lambda lead: (LeadFilter(text=lead["email"] or "nobody@example.com"), "relevance"),
    "e-mail as filter": lambda lead: (LeadFilter(email=lead["email"] or "nobody@example.com"), "newest"),
    "company and status": lambda lead: (LeadFilter(text=lead["company"] or "x", status="contacted"), "relevance"),
    "status of most": lambda lead: (LeadFilter(status="new"), "newest"),
    "status of few": lambda lead: (LeadFilter(status="won"), "newest"),
    "three filters": lambda lead: (
        LeadFilter(status="contacted", source="fair", location=lead["location"]), "newest",
    ),
    "all by name": lambda lead: (LeadFilter(), "name"),
    "begun word by name": lambda lead: (LeadFilter(text="jo"), "name"),
    "most leads by name": lambda lead: (LeadFilter(text="com "), "name"),
    "changed lately": lambda lead: (LeadFilter(updated_since=lead["updated_at"]), "updated"),
}  # fmt: skip
DEEP: dict[str, Query] = {
    "deep pages": (LeadFilter(), "newest"),
    "deep pages of a word": (LeadFilter(text="com "), "relevance"),
    "deep pages by name": (LeadFilter(), "name"),
}


def run(folder: str, leads: int, times: int) -> list[dict[str, Any]]:
    """Percentiles of milliseconds for each kind of query; ours first, then the floors."""
    rows = made_leads(leads)
    chosen = random.Random(3).sample(rows, times)
    engine = open_engine(f"sqlite:///{Path(folder) / 'search.db'}")
    ensure_schema(engine)
    for start in range(0, len(rows), BATCH):
        with writing(engine) as connection:
            lead_rows.insert(connection, rows[start : start + BATCH])
    with reading(engine) as connection:
        asked = {kind: [_ask(connection, *make(lead)) for lead in chosen] for kind, make in KINDS.items()}
        deep = {kind: list(_turn(connection, *query, times)) for kind, query in DEEP.items()}
    with writing(engine) as connection:
        started = time.perf_counter()
        rebuild_search(connection)
        rebuilt = time.perf_counter() - started
    engine.dispose()
    found = [_figures(kind, milliseconds) for kind, milliseconds in {**asked, **deep}.items()]
    overall = _figures(
        "**all together**", [one for figures in (asked, deep) for part in figures.values() for one in part]
    )
    return [*found, overall, *_floors(Path(folder), rows, chosen), {"rebuild_seconds": rebuilt}]


def _ask(connection: Any, query: LeadFilter, order: Order) -> float:
    started = time.perf_counter()
    search(connection, CUSTOMER, query, limit=PAGE, order=order)
    return (time.perf_counter() - started) * 1000


def _turn(connection: Any, query: LeadFilter, order: Order, times: int) -> Iterator[float]:
    after = None
    for _ in range(times):
        started = time.perf_counter()
        page = search(connection, CUSTOMER, query, limit=PAGE, order=order, after=after)
        yield (time.perf_counter() - started) * 1000
        after = page.next


def _figures(kind: str, milliseconds: Sequence[float]) -> dict[str, Any]:
    ordered = sorted(milliseconds)
    at = {f"p{share}": ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (50, 95, 99)}
    return {"query": kind, **at}


def _floors(folder: Path, rows: Sequence[Lead], chosen: Sequence[Lead]) -> Iterator[dict[str, Any]]:
    columns = ("full_name", "company", "email", "notes")
    with closing(sqlite3.connect(folder / "floor.db")) as connection:
        connection.execute(f"CREATE TABLE leads ({', '.join(columns)})")
        connection.execute(f"CREATE VIRTUAL TABLE words USING fts5({', '.join(columns)}, content='leads')")
        cells = [[lead[name] for name in columns] for lead in rows]
        connection.executemany("INSERT INTO leads VALUES (?, ?, ?, ?)", cells)
        connection.execute("INSERT INTO words (words) VALUES ('rebuild')")
        like = "SELECT * FROM leads WHERE " + " OR ".join(f"{name} LIKE :q" for name in columns) + f" LIMIT {PAGE}"
        found = "SELECT leads.* FROM words JOIN leads ON leads.rowid = words.rowid"
        match = f"{found} WHERE words MATCH :q ORDER BY rank LIMIT {PAGE}"
        names = [lead["full_name"].split()[-1] for lead in chosen]
        yield _figures("floor: LIKE, rare word", [_raw(connection, like, f"%{name}%") for name in names])
        yield _figures("floor: FTS5 by bm25, rare word", [_raw(connection, match, f'"{name}"') for name in names])
        yield _figures("floor: FTS5 by bm25, begun word, jo", [_raw(connection, match, "jo*") for _ in names])
        yield _figures("floor: FTS5 by bm25, word of most leads", [_raw(connection, match, '"com"') for _ in names])


def _raw(connection: sqlite3.Connection, statement: str, query: str) -> float:
    started = time.perf_counter()
    connection.execute(statement, {"q": query}).fetchall()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    for row in run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])):
        print(row)
