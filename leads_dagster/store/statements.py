"""Many rows in one statement, and splitting of long id lists. No table is named here.

What belongs here: inserting, upserting and changing rows without SQLAlchemy's work per value, which was a third of the
time of every write. On SQLite the values go straight to the driver's `executemany`; on PostgreSQL each column goes as
one array, so that any number of rows is one statement and one answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import orjson
from sqlalchemy import JSON, Connection, Dialect, Table
from sqlalchemy.types import TypeEngine

# SQLite allows 32,766 parameters a statement, PostgreSQL 65,535.
MAX_IDS = 10_000
Item = TypeVar("Item")
Row = Mapping[str, Any]
Processor = Callable[[Any], Any]


def chunks(items: Sequence[Item], size: int = MAX_IDS) -> Iterator[Sequence[Item]]:
    """Slices of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def bulk_insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows whose keys are all the same."""
    _write(connection, _Write("insert", table, _names(rows)), rows)


def upsert(
    connection: Connection, table: Table, rows: Sequence[Row], *, keep: Sequence[str] = (), keep_set: Sequence[str] = ()
) -> None:
    """Insert rows whose keys are all the same; where the primary key is there already, update all other columns given
    but those in `keep`, and those in `keep_set` that are not NULL there."""
    _write(connection, _Write("upsert", table, _names(rows), tuple(keep), tuple(keep_set)), rows)


def bulk_update(connection: Connection, table: Table, rows: Sequence[Row], *, keys: Sequence[str] = ("id",)) -> None:
    """Set columns of the rows that the columns `keys` name; rows may give different columns."""
    alike: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        alike.setdefault(tuple(row), []).append(row)
    for names, part in alike.items():
        ordered = (*(name for name in names if name not in keys), *keys)
        _write(connection, _Write("update", table, ordered, tuple(keys)), part)


@dataclass(frozen=True, slots=True)
class _Write:
    """What is to be done with which columns; `columns`: those that an upsert keeps, or that name an update's row;
    `set_once`: those that an upsert keeps where they are not NULL."""

    kind: str
    table: Table
    names: tuple[str, ...]
    columns: tuple[str, ...] = ()
    set_once: tuple[str, ...] = ()


def _names(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(rows[0]) if rows else ()


def _write(connection: Connection, write: _Write, rows: Sequence[Row]) -> None:
    dialect = connection.dialect
    for part in chunks(rows):
        sql, processors = _prepared(write, dialect)
        columns = [
            _converted([row[name] for row in part], to) for name, to in zip(write.names, processors, strict=True)
        ]
        if dialect.name == "postgresql":
            connection.exec_driver_sql(sql, tuple(columns))
        else:
            connection.exec_driver_sql(sql, list(zip(*columns, strict=True)))


def _converted(values: list[Any], process: Processor | None) -> list[Any]:
    """Values as the driver takes them; most columns of a batch hold one value over and over (a time, a flag)."""
    if process is None:
        return values
    try:
        converted = {value: process(value) for value in set(values)}
    except TypeError:  # documents cannot be told apart by a hash
        return [process(value) for value in values]
    return [converted[value] for value in values]


@lru_cache(maxsize=1024)
def _prepared(write: _Write, dialect: Dialect) -> tuple[str, list[Processor | None]]:
    """The statement, and what turns the values of each column into the driver's."""
    types = [write.table.c[name].type for name in write.names]
    make = _POSTGRESQL if dialect.name == "postgresql" else _SQLITE
    return make[write.kind](write, dialect), [_processor(one, dialect) for one in types]


def _processor(kind: TypeEngine[Any], dialect: Dialect) -> Processor | None:
    if isinstance(kind, JSON):
        return _json
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _sqlite_insert(write: _Write, dialect: Dialect) -> str:
    places = ", ".join("?" for _ in write.names)
    return f"INSERT INTO {_table(write, dialect)} ({_list(write.names, dialect)}) VALUES ({places})"  # noqa: S608


def _sqlite_update(write: _Write, dialect: Dialect) -> str:
    """The columns to set come before those that name the row, here as in `write.names`."""
    news = ", ".join(f"{_quoted(name, dialect)} = ?" for name in write.names if name not in write.columns)
    where = " AND ".join(f"{_quoted(name, dialect)} = ?" for name in write.columns)
    return f"UPDATE {_table(write, dialect)} SET {news} WHERE {where}"  # noqa: S608


def _postgresql_insert(write: _Write, dialect: Dialect) -> str:
    names = _list(write.names, dialect)
    return f"INSERT INTO {_table(write, dialect)} ({names}) SELECT * FROM {_given(write, dialect)}"  # noqa: S608


def _postgresql_update(write: _Write, dialect: Dialect) -> str:
    table, quoted = _table(write, dialect), [_quoted(name, dialect) for name in write.names]
    keys = [_quoted(name, dialect) for name in write.columns]
    news = ", ".join(f"{name} = given.{name}" for name in quoted if name not in keys)
    where = " AND ".join(f"{table}.{name} = given.{name}" for name in keys)
    given = f"{_given(write, dialect)} AS given ({', '.join(quoted)})"
    return f"UPDATE {table} SET {news} FROM {given} WHERE {where}"  # noqa: S608


def _given(write: _Write, dialect: Dialect) -> str:
    """The rows of the arrays. A collation is no part of a type's name in a cast."""
    types = [write.table.c[name].type.compile(dialect=dialect).partition(" COLLATE")[0] for name in write.names]
    return f"unnest({', '.join(f'CAST(%s AS {one}[])' for one in types)})"


def _on_conflict(write: _Write, dialect: Dialect) -> str:
    keys = [column.name for column in write.table.primary_key]
    updated = [name for name in write.names if name not in keys and name not in write.columns]
    news = ", ".join(f"{_quoted(name, dialect)} = {_upserted(name, write, dialect)}" for name in updated)
    return f" ON CONFLICT ({_list(keys, dialect)}) DO {f'UPDATE SET {news}' if news else 'NOTHING'}"


def _upserted(name: str, write: _Write, dialect: Dialect) -> str:
    new = f"excluded.{_quoted(name, dialect)}"
    kept = f"{_table(write, dialect)}.{_quoted(name, dialect)}"
    return f"COALESCE({kept}, {new})" if name in write.set_once else new


def _table(write: _Write, dialect: Dialect) -> str:
    return _quoted(write.table.name, dialect)


def _list(names: Sequence[str], dialect: Dialect) -> str:
    return ", ".join(_quoted(name, dialect) for name in names)


def _quoted(name: str, dialect: Dialect) -> str:
    return dialect.identifier_preparer.quote(name)


_SQLITE: dict[str, Callable[[_Write, Dialect], str]] = {
    "insert": _sqlite_insert,
    "upsert": lambda write, dialect: _sqlite_insert(write, dialect) + _on_conflict(write, dialect),
    "update": _sqlite_update,
}
_POSTGRESQL: dict[str, Callable[[_Write, Dialect], str]] = {
    "insert": _postgresql_insert,
    "upsert": lambda write, dialect: _postgresql_insert(write, dialect) + _on_conflict(write, dialect),
    "update": _postgresql_update,
}
