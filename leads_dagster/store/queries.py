"""Questions that are asked at every write: built once, compiled once, and asked without SQLAlchemy's work per call.

What belongs here: that mechanism. The queries themselves stand beside their tables. To build and compile a statement
anew takes longer than SQLite needs to answer it, and one saved lead asks some fifteen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Connection, Dialect, Float, Numeric, Row, Select, bindparam

from leads_dagster.store.statements import chunks

# `column.in_(MANY)` in a statement: any of the values that `Query.rows` is given.
MANY: BindParameter[Any] = bindparam("many", expanding=True)
# Lists are filled up to one of these lengths, so that there are few different statements for SQLite to keep.
_LENGTHS = (1, 16, 128, 1024, 10_000)
Converters = Sequence[tuple[int, Callable[[Any], Any]]]
_IN_MANY = re.compile(r"IN \(__\[POSTCOMPILE_many\]\)")


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as a driver takes it; `names`: of its parameters, in order."""

    sql: str
    names: tuple[str, ...]
    constants: dict[str, Any]
    converters: Converters


class Query:
    """A SELECT whose parameters are texts and numbers, `MANY` at most once among them."""

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement

    def rows(self, connection: Connection, many: Sequence[Any] | None = None, **values: Any) -> Sequence[Sequence[Any]]:
        """All rows, each with its columns in order.

        Args:
            connection: to ask on.
            many: the values of `MANY`; with none of them there are no rows.
            values: of the other parameters.
        """
        if many is None:
            return self._ask(connection, None, values)
        return [row for part in chunks(many) for row in self._ask(connection, part, values)]

    def first(self, connection: Connection, **values: Any) -> Sequence[Any] | None:
        """The first row, if there is any."""
        return next(iter(self._ask(connection, None, values)), None)

    def _ask(
        self, connection: Connection, many: Sequence[Any] | None, values: dict[str, Any]
    ) -> Sequence[Sequence[Any]]:
        dialect = connection.dialect
        length = next(size for size in _LENGTHS if size >= len(many)) if many else 0
        compiled = _compiled(self, dialect, length if dialect.positional else 0)
        given = {**compiled.constants, **values}
        if dialect.positional:
            filled = [*many, *([many[-1]] * (length - len(many)))] if many else []
            spread = [filled if name == "many" else [given[name]] for name in compiled.names]
            found = connection.exec_driver_sql(compiled.sql, tuple(value for part in spread for value in part))
        else:
            given = given if many is None else {**given, "many": list(many)}
            found = connection.exec_driver_sql(compiled.sql, given)
        return [_converted(row, compiled.converters) for row in found.all()] if compiled.converters else found.all()


def _converted(row: Row[Any], converters: Converters) -> list[Any]:
    values = list(row)
    for place, convert in converters:
        values[place] = convert(values[place])
    return values


@lru_cache(maxsize=1024)
def _compiled(query: Query, dialect: Dialect, length: int) -> _Compiled:
    made = query.statement.compile(dialect=dialect)
    places = f"IN ({', '.join('?' * length)})" if dialect.positional else "= ANY(%(many)s)"
    converters = [
        (place, column.type.dialect_impl(dialect).result_processor(dialect, None))
        for place, column in enumerate(query.statement.selected_columns)
        if not isinstance(column.type, Numeric | Float)  # both drivers give floats as they are
    ]
    return _Compiled(
        sql=_IN_MANY.sub(places, str(made)),
        names=tuple(made.positiontup or ()),
        constants={name: value for name, value in made.params.items() if value is not None},
        converters=tuple((place, convert) for place, convert in converters if convert is not None),
    )
