"""pyairtable's Base, Workspace and schema objects: read, made, renamed and deleted as Airtable's meta API does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from pyairtable import Api, Base, Table
from pyairtable.models.schema import FieldSchema

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.sandbox.conftest import BASE
from leads_dagster_tests.sandbox.pyairtable_world import TYPED_BASE, TYPES, typed_bases

FIELDS = [
    {"name": "Name", "type": "singleLineText"},
    {"name": "Start", "type": "date", "options": {"dateFormat": {"name": "iso"}}},
    {"name": "End", "type": "date", "options": {"dateFormat": {"name": "iso"}}},
    {"name": "Length", "type": "duration", "options": {"durationFormat": "h:mm"}},
]
CREATED: list[tuple[str, dict[str, object] | None]] = [
    ("singleLineText", None),
    ("multilineText", None),
    ("richText", None),
    ("email", None),
    ("url", None),
    ("phoneNumber", None),
    ("barcode", None),
    ("singleCollaborator", None),
    ("multipleCollaborators", None),
    ("multipleAttachments", None),
    ("number", {"precision": 1}),
    ("percent", {"precision": 1}),
    ("currency", {"precision": 2, "symbol": "€"}),
    ("rating", {"max": 5, "icon": "star", "color": "redBright"}),
    ("checkbox", {"icon": "check", "color": "greenBright"}),
    ("duration", {"durationFormat": "h:mm"}),
    ("date", {"dateFormat": {"name": "european"}}),
    ("dateTime", {"dateFormat": {"name": "us"}, "timeFormat": {"name": "12hour"}, "timeZone": "utc"}),
    ("singleSelect", {"choices": [{"name": "a"}, {"name": "b"}]}),
    ("multipleSelects", {"choices": [{"name": "a"}]}),
    ("multipleRecordLinks", {"linkedTableId": "tblLeadsSandbox01"}),
]


def test_a_base_names_its_tables(api: Api) -> None:
    base = api.base(BASE)
    assert [(each.id, each.name) for each in base.tables()] == [("tblLeadsSandbox01", "Leads")]
    assert base.table("Leads", validate=True).id == "tblLeadsSandbox01"
    with pytest.raises(KeyError):
        base.table("None such", validate=True)


def test_the_schema_of_every_type_of_field_is_understood() -> None:
    with Sandbox(typed_bases()) as sandbox:
        api = Api("pat", endpoint_url=sandbox.url, retry_strategy=None)
        schema = api.base(TYPED_BASE).schema().table("People")
        unknown = [each.name for each in schema.fields if type(each).__name__ == "UnknownFieldSchema"]
        assert {each.name: getattr(each.type, "value", each.type) for each in schema.fields} == {
            name: kind for name, kind, _ in TYPES
        }
        assert unknown == []
        api.session.close()


@pytest.mark.parametrize(("kind", "options"), CREATED)
def test_a_field_is_created_as_it_is_then_shown(table: Table, kind: str, options: dict[str, object] | None) -> None:
    made = table.create_field("New", kind, "What it is", options)
    shown = table.schema(force=True).field("New")
    assert made.model_dump() == shown.model_dump()
    assert (shown.type.value, shown.description) == (kind, "What it is")


def test_a_field_is_renamed_and_described(api: Api, table: Table) -> None:
    field: FieldSchema = table.schema().field("Company")
    field.name, field.description = "Firm", "Who pays"
    field.save()
    shown = api.base(BASE).schema(force=True).table("Leads").field(field.id)
    assert (shown.name, shown.description) == ("Firm", "Who pays")


def test_a_created_field_can_be_renamed_at_once(table: Table) -> None:
    made = table.create_field("New", "number", options={"precision": 0})
    made.name = "Newer"
    made.save()
    assert table.create({"Newer": 5})["fields"] == {"Newer": 5}


def test_a_table_is_created_renamed_and_described(api: Api) -> None:
    base = api.base(BASE)
    made = base.create_table("Deals", FIELDS, description="All deals")
    schema = made.schema()
    assert (schema.description, schema.primary_field_id) == ("All deals", schema.field("Name").id)
    schema.name, schema.description = "Won deals", "The good ones"
    schema.save()
    shown = base.schema(force=True).table(made.id)
    assert (shown.name, shown.description) == ("Won deals", "The good ones")
    with pytest.raises(requests.HTTPError, match="DUPLICATE_TABLE_NAME"):
        base.create_table("Won deals", FIELDS)


def test_date_dependencies_of_a_table_are_kept(api: Api) -> None:
    base = api.base(BASE)
    schema = base.create_table("Plan", FIELDS).schema()
    schema.set_date_dependency("Start", "End", "Length", "flexible", holidays=["2026-01-01"])
    schema.save()
    kept = base.schema(force=True).table("Plan").date_dependency
    assert kept is not None
    assert (kept.start_date_field_id, kept.rescheduling_mode) == (schema.field("Start").id, "flexible")
    assert kept.holidays == ["2026-01-01"]


def test_a_view_is_shown_and_deleted(api: Api, table: Table) -> None:
    view = table.schema().view("Grid view")
    assert view.visible_field_ids == [each.id for each in table.schema().fields]
    view.delete()
    assert view.deleted
    assert api.base(BASE).schema(force=True).table("Leads").views == []


def test_a_base_is_created_in_a_workspace_shared_and_deleted(api: Api) -> None:
    tables = [{"name": "T", "fields": FIELDS}]
    first = api.create_base("wspAny00000000001", "First", tables)
    second = api.workspace("wspAny00000000001").create_base("Second", tables)
    assert {each.name for each in api.bases(force=True)} == {"Leads sandbox", "First", "Second"}
    people = first.collaborators()
    assert people.individual_collaborators.via_base[0].email == "owner@example.com"
    assert first.name == people.name == "First"
    second.delete()
    assert [each.name for each in api.bases(force=True)] == ["Leads sandbox", "First"]


OF_A_SHARED_BASE: dict[str, Callable[[Base], Any]] = {
    "shares": lambda base: base.shares(),
    "add": lambda base: base.collaborators().add("user", "usrAny00000000001", "read"),
    "add_user": lambda base: base.collaborators().add_user("usrAny00000000001", "read"),
    "add_group": lambda base: base.collaborators().add_group("grpAny00000000001", "read"),
    "add_collaborators": lambda base: base.collaborators().add_collaborators([]),
    "update": lambda base: base.collaborators().update("usrAny00000000001", "read"),
    "remove": lambda base: base.collaborators().remove("usrAny00000000001"),
}


@pytest.mark.parametrize("name", OF_A_SHARED_BASE)
def test_what_needs_an_enterprise_plan_is_not_found(api: Api, name: str) -> None:
    with pytest.raises(requests.HTTPError) as caught:
        OF_A_SHARED_BASE[name](Base(api, BASE))
    assert caught.value.response.status_code == 404
