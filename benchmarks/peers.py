"""What others do with the same sheet; run in the peers' environment, timed after their imports.

    python -m benchmarks.peers NAME DATABASE SHEET [SHEET ...]

What belongs here: the programs that are measured beside ours, each as its own documentation would have it. Every sheet
is loaded in turn into the same database; the figures of each load go to the parent. None of them normalises, matches
or keeps history.
"""

from __future__ import annotations

import csv
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.measuring import report, timed
from benchmarks.sheets import HEADER, KEY_COLUMN

Load = Callable[[Path], object]


@dataclass(frozen=True)
class Peer:
    """A program beside ours.

    Attributes:
        label: what it is called in tables.
        prepare: imports what it needs and gives the function that loads one sheet into the database.
        again: whether loading the same sheet a second time means anything.
        library: the one whose version is told; "" for the standard library's.
    """

    label: str
    prepare: Callable[[Path], Load]
    again: bool = True
    library: str = ""


def _csv_parse(database: Path) -> Load:
    def load(sheet: Path) -> object:
        with sheet.open(encoding="utf-8", newline="") as file:
            return sum(1 for _ in csv.reader(file))

    return load


def _sqlite_upsert(database: Path) -> Load:
    names = ", ".join(f'"{name}"' for name in HEADER)
    marks = ", ".join("?" * len(HEADER))
    news = ", ".join(f'"{name}" = excluded."{name}"' for name in HEADER if name != KEY_COLUMN)
    statement = f'INSERT INTO leads ({names}) VALUES ({marks}) ON CONFLICT ("{KEY_COLUMN}") DO UPDATE SET {news}'

    def load(sheet: Path) -> None:
        with closing(sqlite3.connect(database)) as connection, sheet.open(encoding="utf-8", newline="") as file:
            connection.execute(f'CREATE TABLE IF NOT EXISTS leads ({names}, PRIMARY KEY ("{KEY_COLUMN}"))')
            rows = csv.reader(file)
            next(rows)
            with connection:
                connection.executemany(statement, rows)

    return load


def _pandas_append(database: Path) -> Load:
    import pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]

    def load(sheet: Path) -> None:
        with closing(sqlite3.connect(database)) as connection:
            pandas.read_csv(sheet, dtype=str).to_sql("leads", connection, if_exists="append", index=False)

    return load


def _sqlite_utils_upsert(database: Path) -> Load:
    import sqlite_utils  # type: ignore[import-not-found, unused-ignore]

    def load(sheet: Path) -> None:
        with sheet.open(encoding="utf-8", newline="") as file:
            sqlite_utils.Database(database)["leads"].upsert_all(csv.DictReader(file), pk=KEY_COLUMN)

    return load


def _dlt_merge(database: Path) -> Load:
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["DLT_DATA_DIR"] = str(database.parent / "dlt")
    import dlt  # type: ignore[import-not-found, unused-ignore]

    target = dlt.destinations.sqlalchemy(f"sqlite:///{database}", create_primary_keys=True)
    pipeline = dlt.pipeline(
        "leads_bench", destination=target, dataset_name="bench", pipelines_dir=str(database.parent / "dlt")
    )

    def load(sheet: Path) -> None:
        with sheet.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            pipeline.run(rows, table_name="leads", write_disposition="merge", primary_key=KEY_COLUMN)

    return load


PEERS: dict[str, Peer] = {
    "csv": Peer("floor: stdlib csv parse", _csv_parse),
    "sqlite": Peer("floor: parse, raw sqlite3 upsert", _sqlite_upsert),
    "pandas": Peer("pandas.to_sql, append only", _pandas_append, again=False, library="pandas"),
    "sqlite-utils": Peer("sqlite-utils upsert_all", _sqlite_utils_upsert, library="sqlite-utils"),
    "dlt": Peer("dlt merge, create_primary_keys", _dlt_merge, library="dlt"),
}


def main(name: str, database: str, *sheets: str) -> None:
    """Load each sheet in turn and report what each load cost."""
    load = PEERS[name].prepare(Path(database))
    report({"loads": [timed(partial(load, path)) for path in map(Path, sheets)]})


if __name__ == "__main__":
    main(*sys.argv[1:])
