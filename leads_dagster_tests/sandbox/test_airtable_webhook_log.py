"""A hook's payloads are enough: whoever applies them to a table as it was gets the table as it is."""

from __future__ import annotations

import threading
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from leads_dagster.sandbox.airtable_handle import AirtableHandle
from leads_dagster.sandbox.airtable_webhooks import create, find, list_payloads
from leads_dagster.sandbox.airtable_world import AirtableWorld
from leads_dagster.sandbox.clock import Clock
from leads_dagster_tests.sandbox.pyairtable_world import TYPED_BASE, typed_bases

PEOPLE, FIRMS = "tblPeople00000001", "tblFirms000000001"
SPEC = {"options": {"filters": {"dataTypes": ["tableData", "tableFields"]}}}
values = st.fixed_dictionaries(
    {},
    optional={
        "Name": st.sampled_from(["Ann", "Bob", ""]),
        "Count": st.one_of(st.none(), st.integers(0, 3)),
        "Seen": st.booleans(),
        "Stage": st.sampled_from(["new", "won", None]),
        "Tags": st.lists(st.just("red"), max_size=1),
        "Firm": st.lists(st.just("recAcme0000000001"), max_size=1),
    },
)
operations = st.lists(
    st.tuples(
        st.sampled_from(["create", "update", "delete", "rename firm"]),
        st.lists(st.tuples(st.integers(0, 4), values), min_size=1, max_size=3),
        st.sampled_from(["client", "publicApi", "automation"]),
    ),
    max_size=12,
)
Told = dict[str, dict[str, dict[str, Any]]]


def perform(person: AirtableHandle, kind: str, wanted: list[tuple[int, dict[str, Any]]], source: Any) -> None:
    handle = person.acting(source=source)
    known = [each["id"] for each in handle.records(TYPED_BASE, "People")]
    chosen = {known[at % len(known)]: fields for at, fields in wanted} if known else {}
    if kind == "create":
        handle.create(TYPED_BASE, "People", [fields for _, fields in wanted])
    elif kind == "update":
        handle.update(TYPED_BASE, "People", [{"id": key, "fields": fields} for key, fields in chosen.items()])
    elif kind == "delete":
        handle.delete(TYPED_BASE, "People", list(chosen))
    else:
        handle.update(TYPED_BASE, "Firms", [{"id": "recAcme0000000001", "fields": {"City": str(wanted[0][0])}}])


def applied(told: Told, payload: dict[str, Any]) -> None:
    for table, changed in payload["changedTablesById"].items():
        records = told.setdefault(table, {})
        for record, made in changed.get("createdRecordsById", {}).items():
            records[record] = dict(made["cellValuesByFieldId"])
        for record, change in changed.get("changedRecordsById", {}).items():
            records.setdefault(record, {}).update(change["current"]["cellValuesByFieldId"])
        for record in changed.get("destroyedRecordIds", []):
            del records[record]


def plain(value: Any) -> Any:
    """A cell of a payload as a listing would have it: options by name, links by id."""
    if isinstance(value, list):
        return [each["id"] if each["id"].startswith("rec") else each["name"] for each in value]
    return value["name"] if isinstance(value, dict) and "name" in value else value


def stored(world: AirtableWorld, table: str) -> dict[str, dict[str, Any]]:
    records = world.bases[TYPED_BASE].tables[table].records.values()
    return {record.id: dict(record.cells) for record in records}


@settings(max_examples=60, deadline=None)
@given(operations)
def test_payloads_applied_in_order_give_the_table_as_it_is(asked: list[Any]) -> None:
    world = AirtableWorld(Clock())
    world.load(typed_bases())
    person = AirtableHandle(world, threading.RLock())
    session = person.session(TYPED_BASE)
    told: Told = {FIRMS: stored(world, FIRMS)}
    hook = find(session, create(session, {"specification": SPEC})["id"])
    for operation in asked:
        perform(person, *operation)
    cursor, more = 1, True
    while more:
        page = list_payloads(session, hook, cursor=cursor, limit=3)
        for payload in page["payloads"]:
            applied(told, payload)
        cursor, more = page["cursor"], page["mightHaveMore"]
    for table in (PEOPLE, FIRMS):
        fields = world.bases[TYPED_BASE].tables[table].fields
        written = {each.id for each in fields.values() if not each.computed}
        heard = {
            record: {key: plain(value) for key, value in cells.items() if key in written and value is not None}
            for record, cells in told.get(table, {}).items()
        }
        assert heard == stored(world, table)
