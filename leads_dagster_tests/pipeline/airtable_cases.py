"""What tests of the road to Airtable share: a customer with a table in the twin, and what people do to that table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leads_dagster.pipeline.airtable_table import look, open_table
from leads_dagster.sandbox import Sandbox
from leads_dagster.sandbox.airtable_model import Field, Table
from leads_dagster.sandbox.bases_file import load_field
from leads_dagster_tests.pipeline.conftest import Road

BASE = "appLeadsSandbox01"
LEADS = "Leads"
JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")
ANN = ("Ann Lee", "ann@beta.example", "Beta", "Founder")


def airtable_toml(*, base: str = BASE, table: str = LEADS, more: str = "") -> str:
    return f'[customers.airtable]\nbase_id = "{base}"\ntable = "{table}"\ndebounce_seconds = 0\n{more}'


def airtable_road(home: Path, sandbox: Sandbox, *, toml: str | None = None, token: str = "patTest") -> Road:
    """A customer whose leads go to the twin; a folder that was one's before goes on as it stands."""
    environ = {"AIRTABLE_API_KEY": token, "AIRTABLE_ENDPOINT_URL": sandbox.url}
    return Road(home, toml=airtable_toml() if toml is None else toml, environ=environ)


def people(count: int, *, title: str = "CEO") -> list[tuple[str, str, str, str]]:
    """Rows of as many leads, of which no two are alike."""
    names = ("Amber Quill", "Boris Nagy", "Chloe Marsh", "Dario Vitti", "Elsa Holm", "Farid Aziz", "Greta Baum",
             "Hugo Lenz", "Ines Prado", "Jonas Weck", "Kira Sato", "Lars Brink")  # fmt: skip
    return [(names[i], f"{names[i].split()[0].lower()}@firm{i}.example", f"Firm {i}", title) for i in range(count)]


def table_of(sandbox: Sandbox, base: str = BASE, table: str = LEADS) -> Table:
    found = sandbox.airtable.session(base).base.table(table)
    assert found is not None
    return found


def field_of(sandbox: Sandbox, name: str) -> Field:
    (found,) = [field for field in table_of(sandbox).fields.values() if field.name == name]
    return found


def rename(sandbox: Sandbox, old: str, new: str) -> None:
    """What a person does in Airtable."""
    field_of(sandbox, old).name = new
    table_of(sandbox).schema_changed()


def remove(sandbox: Sandbox, name: str) -> Field:
    """Takes a field away, and its cells with it; gives it back for whoever restores it."""
    table, field = table_of(sandbox), field_of(sandbox, name)
    del table.fields[field.id]
    for record in table.records.values():
        table.replace_cells(record, {key: cell for key, cell in record.cells.items() if key != field.id})
    table.schema_changed()
    return field


def add(sandbox: Sandbox, name: str, kind: str = "singleLineText", **options: Any) -> Field:
    field = load_field({"name": name, "type": kind, **({"options": options} if options else {})})
    table_of(sandbox).fields[field.id] = field
    table_of(sandbox).schema_changed()
    return field


def retype(sandbox: Sandbox, name: str, kind: str, **options: Any) -> None:
    field = field_of(sandbox, name)
    field.type, field.options = kind, options or None
    table_of(sandbox).schema_changed()


def cells(sandbox: Sandbox, *names: str, table: str = LEADS, base: str = BASE) -> list[tuple[Any, ...]]:
    """These cells of every record, sorted; None for blank."""
    records = sandbox.airtable.records(base, table)
    return sorted((tuple(record["fields"].get(name) for name in names) for record in records), key=repr)


def look_again(road: Road) -> Mapping[str, str]:
    """Look at the table as after news of its fields; lead field -> why it is held."""
    with road.open() as ws:
        assert ws.customer.airtable is not None
        with open_table(ws, ws.customer.airtable) as mirror:
            return look(ws, ws.customer.airtable, mirror, again=True).withheld


def marks(road: Road, *names: str) -> list[tuple[Any, ...]]:
    """These columns of every Airtable mark, sorted."""
    rows: Sequence[dict[str, Any]] = [row for row in road.all("sync_status") if row["mirror"] == "airtable"]
    return sorted((tuple(row[name] for name in names) for row in rows), key=repr)
