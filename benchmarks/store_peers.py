"""Leads into one table and nothing else: the floor, and what libraries make of it; run as a child process.

    python -m benchmarks.store_peers NAME DATABASE LEADS BATCH

What belongs here: the programs that are measured beside our store. They get leads whose columns are ready (a JSON file
with a list of them), are timed after reading it, and neither normalise, match, nor keep history. The standard library
and the peers' own, since the peers' environment runs it.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.measuring import report, timed

Lead = dict[str, Any]
Save = Callable[[Sequence[Lead]], object]
KEY = "id"


def _raw(database: Path, names: Sequence[str]) -> Save:
    columns, places = ", ".join(names), ", ".join("?" * len(names))
    news = ", ".join(f"{name} = excluded.{name}" for name in names if name != KEY)
    statement = f"INSERT INTO leads ({columns}) VALUES ({places}) ON CONFLICT ({KEY}) DO UPDATE SET {news}"
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"CREATE TABLE leads ({columns}, PRIMARY KEY ({KEY}))")

    def save(leads: Sequence[Lead]) -> None:
        with connection:
            connection.executemany(statement, [tuple(lead.values()) for lead in leads])

    return save


def _pandas(database: Path, names: Sequence[str]) -> Save:
    import pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]

    def save(leads: Sequence[Lead]) -> None:
        with closing(sqlite3.connect(database)) as connection:
            pandas.DataFrame(leads).to_sql("leads", connection, if_exists="append", index=False)

    return save


def _sqlite_utils(database: Path, names: Sequence[str]) -> Save:
    import sqlite_utils  # type: ignore[import-not-found, unused-ignore]

    table = sqlite_utils.Database(database)["leads"]
    return lambda leads: table.upsert_all(leads, pk=KEY)


PEERS: dict[str, tuple[str, Callable[[Path, Sequence[str]], Save], bool]] = {
    "raw": ("floor: raw sqlite3 executemany", _raw, True),
    "sqlite-utils": ("sqlite-utils upsert_all", _sqlite_utils, True),
    "pandas": ("pandas.to_sql, append only", _pandas, False),
}


def main(name: str, database: str, leads: str, batch: str) -> None:
    """Save all leads in batches, then, where that means anything, all of them changed."""
    found: list[Lead] = json.loads(Path(leads).read_text(encoding="utf-8"))
    _, prepare, again = PEERS[name]
    save = prepare(Path(database), list(found[0]))
    changed = [{**lead, "title": "Chair"} for lead in found]

    def all_of(given: Sequence[Lead]) -> None:
        for part in _batches(given, int(batch)):
            save(part)

    timings = {"created": [timed(lambda: all_of(found))]}
    if again:
        timings["updated"] = [timed(lambda: all_of(changed))]
    report(timings)


def _batches(leads: Sequence[Lead], size: int) -> Iterator[Sequence[Lead]]:
    return (leads[start : start + size] for start in range(0, len(leads), size))


if __name__ == "__main__":
    main(*sys.argv[1:])
