"""The CRM's table: which column holds which lead field, made where it is missing, judged where it is not ours.

What belongs here: columns, their types, and how a lead's value looks in each. Not: when and what to write (`crm`).

The default is what Django makes of a model `Lead` in an app `leads`, with the id a UUIDField:

    leads_lead(id varchar(36) primary key, full_name, email, phone, linkedin_url, company, title, location, industry,
        company_size, website, status, source, notes text, confidence float, verified boolean,
        created_at, updated_at, archived_at timestamp with time zone)

A table that is already there may have other columns and types. Only mapped columns that exist are written.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from leads_dagster.errors import SettingsError, StoreError
from leads_dagster.leads.fields import LEAD_FIELDS

ID = "id"
TIMES = ("created_at", "updated_at", "archived_at")

# Our name of a column -> its type in a table that we make. Order is that of the table.
_OWN_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    ID: sa.String(36),
    **dict.fromkeys(("full_name", "email", "phone", "linkedin_url", "company", "title", "location"), sa.Text()),
    **dict.fromkeys(("industry", "company_size", "website", "status", "source"), sa.Text()),
    "confidence": sa.Float(),
    "verified": sa.Boolean(),
    "notes": sa.Text(),
    **dict.fromkeys(TIMES, sa.DateTime(timezone=True)),
}

CRM_FIELDS: tuple[str, ...] = tuple(name for name in _OWN_COLUMNS if name in LEAD_FIELDS)


# Turns a lead's value into a column's; raises ValueError or TypeError where the column cannot hold it.
Converter = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class CrmColumn:
    """One column that we write.

    Attributes:
        field: the lead field, or "id".
        name: the column's name in the CRM.
        convert: lead value -> what the column holds for it.
        tolerance: numbers closer than this are one (a column of two decimals answers 0.85 to 0.8512).
    """

    field: str
    name: str
    convert: Converter
    tolerance: float = 0.0

    def holds(self, stored: Any, value: Any) -> bool:
        """Whether what is stored is what the column would hold for that lead value; blank and empty are one."""
        try:
            wanted = self.convert(value)
        except (TypeError, ValueError):
            return False
        return _same(stored, wanted, self.tolerance)

    def shown(self, value: Any) -> Any:
        """A column's value as a lead would say it: blank is None, numbers are floats, ids and times text."""
        if value is None or value == "":
            return None
        if isinstance(value, Decimal):
            return float(value)
        if isinstance(value, datetime):
            return value.isoformat()
        return value if isinstance(value, (bool, int, float)) else str(value)


@dataclass(frozen=True, slots=True)
class CrmTable:
    """The table as it stands, and how leads go into it.

    Attributes:
        table: SQLAlchemy's view of it, only the columns we use.
        key: the column that holds the lead's id.
        columns: lead field -> column.
        times: "created_at", "updated_at", "archived_at" -> column name, those that exist.
        unmapped: lead fields that were asked for and have no column.
    """

    table: sa.Table
    key: CrmColumn
    columns: Mapping[str, CrmColumn]
    times: Mapping[str, str]
    unmapped: tuple[str, ...]


def column_names(overrides: Mapping[str, str] | None) -> dict[str, str]:
    """Our name -> the CRM's column name; an override of "" leaves a field out.

    Raises:
        SettingsError: an override names no lead field, or two fields share a column.
    """
    known = {**dict.fromkeys(_OWN_COLUMNS), **dict.fromkeys(LEAD_FIELDS)}
    unknown = ", ".join(sorted(set(overrides or {}) - set(known)))
    if unknown:
        raise SettingsError(f"crm.columns: no such lead field: {unknown}.", advice=f"Fields: {', '.join(known)}.")
    names = {**{name: name for name in _OWN_COLUMNS}, **(overrides or {})}
    kept = {name: column for name, column in names.items() if column}
    twice = sorted({column for column in kept.values() if list(kept.values()).count(column) > 1})
    if twice or ID not in kept:
        raise SettingsError(f"crm.columns: {', '.join(twice) or 'id'} must stand for exactly one field.")
    return kept


def own_table(name: str, schema: str | None, names: Mapping[str, str]) -> sa.Table:
    """The table as we make it where there is none."""
    columns = [
        sa.Column(column, _OWN_COLUMNS.get(field, sa.Text()), primary_key=field == ID, nullable=field != ID)
        for field, column in names.items()
    ]
    return sa.Table(name, sa.MetaData(), *columns, schema=schema)


def existing_table(connection: sa.Connection, name: str, schema: str | None, names: Mapping[str, str]) -> CrmTable:
    """The table as it is found.

    Raises:
        StoreError: no usable id column, or a column that must be given and is not mapped; all of them named.
    """
    inspector = sa.inspect(connection)
    found = {column["name"]: column for column in inspector.get_columns(name, schema)}
    _check_key(inspector, name, schema, names[ID], found)
    _check_required(name, names, found)
    used = {field: found[column] for field, column in names.items() if column in found}
    table = sa.Table(
        name,
        sa.MetaData(),
        *(sa.Column(column["name"], column["type"], nullable=column["nullable"]) for column in used.values()),
        schema=schema,
    )
    columns = {field: _crm_column(field, column) for field, column in used.items()}
    return CrmTable(
        table=table,
        key=columns.pop(ID),
        columns={field: column for field, column in columns.items() if field not in TIMES},
        times={field: used[field]["name"] for field in TIMES if field in used},
        unmapped=tuple(field for field in names if field not in used and field in LEAD_FIELDS),
    )


def _crm_column(field: str, column: Mapping[str, Any]) -> CrmColumn:
    return CrmColumn(field, column["name"], _converter(field, column), _tolerance(column["type"]))


def _tolerance(kind: sa.types.TypeEngine[Any]) -> float:
    if isinstance(kind, sa.REAL):
        return 1e-6  # four bytes in PostgreSQL
    scale = kind.scale if isinstance(kind, sa.Numeric) else None
    return float(10**-scale) if scale else 0.0


def _same(stored: Any, wanted: Any, tolerance: float) -> bool:
    if stored == wanted:
        return True
    if stored in (None, "") or wanted in (None, ""):
        return (stored or None) == (wanted or None)
    if tolerance:
        return bool(abs(float(stored) - float(wanted)) < tolerance)
    if isinstance(stored, datetime) and isinstance(wanted, datetime):
        return _utc(stored) == _utc(wanted)
    return False


def _utc(moment: datetime) -> datetime:
    """SQLite gives times back without a zone; they are UTC, as Django writes them."""
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)


def _check_key(inspector: sa.Inspector, name: str, schema: str | None, key: str, found: Mapping[str, Any]) -> None:
    if key not in found:
        raise StoreError(f"The CRM table {name} has no column {key} for the lead's id.", advice=_KEY_ADVICE)
    if not isinstance(found[key]["type"], (sa.String, sa.Uuid)):
        raise StoreError(
            f"The CRM table {name} has {key} as {found[key]['type']}; a lead's id is a uuid.", advice=_KEY_ADVICE
        )
    if all([*columns] != [key] for columns in _unique_columns(inspector, name, schema)):
        raise StoreError(f"The CRM table {name} has {key} without a unique constraint.", advice=_KEY_ADVICE)


def _unique_columns(inspector: sa.Inspector, name: str, schema: str | None) -> Iterator[Sequence[str | None]]:
    """The columns of each constraint; the database is asked for the next kind only where one is needed."""
    yield [*inspector.get_pk_constraint(name, schema)["constrained_columns"]]
    yield from ([*constraint["column_names"]] for constraint in inspector.get_unique_constraints(name, schema))
    yield from (index["column_names"] for index in inspector.get_indexes(name, schema) if index["unique"])


_KEY_ADVICE = "Add a unique uuid or text column (at least 32 characters), and name it in [customers.crm.columns] as id."


def _check_required(name: str, names: Mapping[str, str], found: Mapping[str, Any]) -> None:
    mapped = set(names.values())
    missing = [
        column["name"]
        for column in found.values()
        if not column["nullable"] and column["default"] is None and column["name"] not in mapped and not _given(column)
    ]
    if missing:
        raise StoreError(
            f"The CRM table {name} wants a value in {', '.join(missing)}, and no lead field is mapped there.",
            advice="Map them in [customers.crm.columns], or give them a default or let them be null.",
        )


def _given(column: Mapping[str, Any]) -> bool:
    """The database fills it in itself: serial, identity, computed, SQLite's integer primary key."""
    counted = column.get("autoincrement") is True or column.get("identity") or column.get("computed")
    return bool(counted or (column.get("primary_key") and isinstance(column["type"], sa.Integer)))


def _converter(field: str, column: Mapping[str, Any]) -> Converter:
    kind = column["type"]
    if isinstance(kind, sa.Uuid):
        return uuid.UUID
    make, blank = next((pair for types, *pair in _CONVERTERS if isinstance(kind, types)), (_text, ""))
    filler = None if column["nullable"] or field == ID else blank
    return lambda value: filler if value is None or value == "" else make(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _bool(value: Any) -> bool:
    if isinstance(value, str):
        if value.casefold() not in ("true", "false"):
            raise ValueError(f"{value!r} is neither true nor false")
        return value.casefold() == "true"
    return bool(value)


def _whole(value: Any) -> int:
    number = float(value)
    if number != int(number):
        raise ValueError(f"{value!r} is not a whole number")
    return int(number)


def _time(value: Any) -> datetime:
    return _utc(value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00")))


# Column type -> how a value is made for it, and what stands for blank where the column may not be null.
_CONVERTERS: tuple[tuple[Any, Converter, Any], ...] = (
    (sa.Boolean, _bool, False),
    (sa.Integer, _whole, 0),
    ((sa.Float, sa.Numeric), float, 0.0),
    (sa.DateTime, _time, None),
    (sa.String, _text, ""),
)
