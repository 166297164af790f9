"""The table's indexes say what a scan would say, whatever was done to it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.sandbox.airtable_model import Field, Record, Table

KEYS = ("fldA", "fldB")
cells = st.fixed_dictionaries(
    {}, optional={"fldA": st.sampled_from(["x", "y"]), "fldB": st.sampled_from([["p"], ["q"]])}
)
steps = st.lists(st.tuples(st.sampled_from(["insert", "replace", "remove"]), st.integers(0, 9), cells), max_size=40)


def new_table() -> Table:
    fields = {name: Field(name, name, "singleLineText") for name in KEYS}
    return Table("tbl", "T", "fldA", fields, [])


def do(table: Table, action: str, number: int, given_cells: dict[str, Any]) -> None:
    record_id = f"rec{number}"
    if action == "insert" and record_id not in table.records:
        table.insert(Record(record_id, "", number, dict(given_cells), "", "", ""))
    elif action == "replace" and record_id in table.records:
        table.replace_cells(table.records[record_id], dict(given_cells))
    elif action == "remove" and record_id in table.records:
        table.remove(record_id)


def scan(table: Table, wanted: dict[str, Any]) -> set[str]:
    return {
        record.id for record in table.records.values() if all(record.cells.get(key) == wanted.get(key) for key in KEYS)
    }


@given(steps, cells)
def test_an_index_finds_what_a_scan_finds(
    actions: list[tuple[str, int, dict[str, Any]]], wanted: dict[str, Any]
) -> None:
    table = new_table()
    table.matching(KEYS, wanted)
    for action, number, given_cells in actions:
        do(table, action, number, given_cells)
        assert set(table.matching(KEYS, wanted)) == scan(table, wanted)
        assert list(table.ids()) == sorted(table.records)
