"""What is known of Airtable: the hook of each base, and the table of each customer.

What belongs here: rows of `airtable_hooks` and `airtable_tables`. What they mean, and when to ask Airtable again, is
`pipeline.pull`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal

from sqlalchemy import Connection, select, update

from leads_dagster.store.statements import upsert
from leads_dagster.store.tables import airtable_hooks, airtable_tables

HookStatus = Literal["active", "lost", "refused"]
NEVER = datetime(1970, 1, 1, tzinfo=timezone.utc)  # a table's `seen_at` where its schema must be looked at again


@dataclass(frozen=True, slots=True)
class HookState:
    """The hook of a base; attributes as the columns of the table."""

    base_id: str
    hook_id: str | None = None
    status: HookStatus = "lost"
    cursor: int = 1
    read_at: datetime | None = None
    expires_at: datetime | None = None
    made_at: datetime | None = None
    asked_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TableState:
    """What is known of a customer's Airtable table; attributes as the columns of the table.

    Attributes:
        fields: those that are kept in step: lead field (or lead_key) -> id, name and type, and "wanted", as leads.toml
            names it, and "choices", a list, of a select.
        held: likewise of those that are not for now: removed by somebody, or nothing can be written there.
        problems: lead field -> why it is not kept in step, in words.
        attention: likewise of the field that says what waits for a person; what people write there is no edit.
    """

    customer: str
    base_id: str
    table_id: str
    table_name: str
    seen_at: datetime
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    swept_at: datetime | None = None
    sweep_due: bool = True
    heard_until: datetime | None = None
    error: str | None = None
    attention: Mapping[str, Any] | None = None
    held: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The canonical name of the table, as it stands beside every claim."""
        return f"airtable:{self.base_id}/{self.table_id}"

    @property
    def shown(self) -> dict[str, Mapping[str, Any]]:
        """The fields that are written: those kept in step, lead_key, and "attention" where there is one."""
        return {**self.fields, **({"attention": self.attention} if self.attention else {})}

    @property
    def field_ids(self) -> dict[str, str]:
        """Lead field (or lead_key, or attention) -> Airtable's field id, of those that are written; empty where the
        schema may not be read."""
        return {name: str(one["id"]) for name, one in self.shown.items() if str(one["id"]).startswith("fld")}

    @property
    def wanted(self) -> dict[str, str]:
        """Lead field (or lead_key) -> what leads.toml called its field when this was noted."""
        return {name: one["wanted"] for name, one in {**self.shown, **self.held}.items() if "wanted" in one}

    def ids_of(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Lead field -> Airtable's field id, also of held and removed ones, where leads.toml still means that field."""
        known = {**self.shown, **self.held}
        mine = {name: one for name, one in known.items() if one.get("wanted") == wanted.get(name)}
        return {name: str(one["id"]) for name, one in mine.items() if str(one["id"]).startswith("fld")}

    def same_fields(self, other: TableState) -> bool:
        """Whether the two say the same of all fields."""
        return (self.shown, self.held, self.problems) == (other.shown, other.held, other.problems)


def hook_of(connection: Connection, base_id: str) -> HookState:
    """The hook of a base; a lost one where none was ever made."""
    row = connection.execute(select(airtable_hooks).where(airtable_hooks.c.base_id == base_id)).one_or_none()
    return HookState(base_id) if row is None else HookState(**row._mapping)


def save_hook(connection: Connection, hook: HookState) -> None:
    """Keep what is known of a base's hook."""
    upsert(connection, airtable_hooks, [asdict(hook)])


def advance_hook(connection: Connection, hook: HookState, *, cursor: int, read_at: datetime) -> bool:
    """Note how far the payloads of a hook were read, unless somebody else read on meanwhile; whether it was noted."""
    done = connection.execute(
        update(airtable_hooks)
        .where(
            airtable_hooks.c.base_id == hook.base_id,
            airtable_hooks.c.hook_id == hook.hook_id,
            airtable_hooks.c.cursor == hook.cursor,
        )
        .values(cursor=cursor, read_at=read_at, error=None)
    )
    return done.rowcount == 1


def table_of(connection: Connection, customer: str) -> TableState | None:
    """What is known of a customer's table; None before the first look."""
    row = connection.execute(select(airtable_tables).where(airtable_tables.c.customer == customer)).one_or_none()
    return None if row is None else _table(dict(row._mapping))


def swept_at(connection: Connection) -> dict[str, datetime]:
    """Customer -> when all records were last compared."""
    query = select(airtable_tables.c.customer, airtable_tables.c.swept_at).where(
        airtable_tables.c.swept_at.is_not(None)
    )
    return {row.customer: row.swept_at for row in connection.execute(query)}


def _table(row: Mapping[str, Any]) -> TableState:
    """A row as a value: the held fields stand in one document with the others, with a mark."""
    fields = {name: one for name, one in row["fields"].items() if not one.get("held")}
    held = {name: one for name, one in row["fields"].items() if one.get("held")}
    return TableState(**{**row, "fields": fields}, held=held)


def _row(table: TableState) -> dict[str, Any]:
    row = asdict(table)
    held = {name: {**one, "held": True} for name, one in row.pop("held").items()}
    return {**row, "fields": {**row["fields"], **held}}


def customers_of(connection: Connection, base_id: str, table_id: str) -> list[TableState]:
    """What is known of one table, by every customer who has or had it."""
    mine = (airtable_tables.c.base_id == base_id, airtable_tables.c.table_id == table_id)
    return [_table(dict(row._mapping)) for row in connection.execute(select(airtable_tables).where(*mine))]


def tables_of_base(connection: Connection, base_id: str) -> dict[str, TableState]:
    """Table id -> what is known of it, of all customers who share a base."""
    found = connection.execute(select(airtable_tables).where(airtable_tables.c.base_id == base_id))
    return {row.table_id: _table(dict(row._mapping)) for row in found}


def save_table(connection: Connection, table: TableState) -> None:
    """Keep what is known of a customer's table."""
    upsert(connection, airtable_tables, [_row(table)])


def note_fields(connection: Connection, table: TableState) -> None:
    """Keep what was seen of a table's fields, and nothing else of it."""
    seen = ("table_name", "fields", "attention", "problems", "seen_at", "error")
    row = _row(table)
    note_table(connection, table.customer, **{name: row[name] for name in seen})


def note_table(connection: Connection, customer: str, **values: Any) -> None:
    """Change some of what is known of a customer's table."""
    connection.execute(update(airtable_tables).where(airtable_tables.c.customer == customer).values(**values))


def look_again(connection: Connection, base_id: str, table_ids: Sequence[str]) -> None:
    """The fields of these tables are other than they were: whoever reads them next looks at the schema first."""
    connection.execute(
        update(airtable_tables)
        .where(airtable_tables.c.base_id == base_id, airtable_tables.c.table_id.in_(table_ids))
        .values(seen_at=NEVER)
    )


def ask_for_sweep(connection: Connection, base_id: str, table_ids: Sequence[str]) -> None:
    """These tables of a base are to be compared as a whole."""
    connection.execute(
        update(airtable_tables)
        .where(airtable_tables.c.base_id == base_id, airtable_tables.c.table_id.in_(table_ids))
        .values(sweep_due=True)
    )


def ask_for_sweeps(connection: Connection, base_id: str) -> None:
    """Payloads of a base may be missing: every table of it is to be compared as a whole."""
    connection.execute(update(airtable_tables).where(airtable_tables.c.base_id == base_id).values(sweep_due=True))
