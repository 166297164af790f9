"""Meta requests through pyairtable: who am I, bases, tables, fields, views, and what a token may not do."""

from __future__ import annotations

import httpx
import pytest
import requests
from pyairtable import Api

from leads_dagster.sandbox import Sandbox
from leads_dagster.sandbox.bases_file import DEFAULT_BASES, read_bases_file
from leads_dagster_tests.sandbox.conftest import BASE


def test_whoami_and_bases(api: Api) -> None:
    assert api.whoami() == {"id": "usrLeadsSandbox01"}
    base = api.bases()[0]
    assert (base.id, base.name, base.permission_level) == (BASE, "Leads sandbox", "create")


def test_the_schema_names_fields_types_and_views(api: Api) -> None:
    schema = api.base(BASE).schema().table("Leads")
    types = {each.name: each.type.value for each in schema.fields}
    assert types["Email"] == "email"
    assert types["Phone"] == "phoneNumber"
    assert types["lead_key"] == "singleLineText"
    assert schema.primary_field_id == schema.field("Name").id
    assert schema.view("Grid view").visible_field_ids == [each.id for each in schema.fields]


def test_a_created_field_can_be_written(api: Api) -> None:
    table = api.table(BASE, "Leads")
    made = table.create_field("Score", "number", options={"precision": 0}, description="How good")
    assert (made.name, made.description) == ("Score", "How good")
    assert table.create({"Score": 7})["fields"] == {"Score": 7}


def test_a_renamed_field_keeps_its_id_and_its_values(api: Api) -> None:
    table = api.table(BASE, "Leads")
    record = table.create({"Company": "Acme"})
    field = api.base(BASE).schema().table("Leads").field("Company")
    field.name = "Organisation"
    field.save()
    assert table.get(record["id"])["fields"] == {"Organisation": "Acme"}
    assert table.schema(force=True).field("Organisation").id == field.id


def test_a_table_is_created_and_renamed(api: Api) -> None:
    fields = [
        {"name": "Name", "type": "singleLineText"},
        {"name": "When", "type": "date", "options": {"dateFormat": {"name": "iso"}}},
    ]
    table = api.base(BASE).create_table("Deals", fields, description="All deals")
    schema = table.schema()
    assert schema.field("When").options.date_format.format == "YYYY-MM-DD"
    schema.name = "Won deals"
    schema.save()
    assert [each.name for each in api.base(BASE).schema(force=True).tables] == ["Leads", "Won deals"]


def test_a_link_field_makes_its_other_end(api: Api) -> None:
    base = api.base(BASE)
    deals = base.create_table("Deals", [{"name": "Name", "type": "singleLineText"}])
    deals.create_field("Lead", "multipleRecordLinks", options={"linkedTableId": "tblLeadsSandbox01"})
    other = base.schema(force=True).table("Leads").field("Deals")
    assert other.options.linked_table_id == deals.id


def test_a_base_is_created_and_has_collaborators(api: Api) -> None:
    tables = [{"name": "T", "fields": [{"name": "Name", "type": "singleLineText"}]}]
    base = api.create_base("wspAny00000000001", "Second", tables)
    assert {each.name for each in api.bases(force=True)} == {"Leads sandbox", "Second"}
    assert base.collaborators().individual_collaborators.via_base[0].email == "owner@example.com"


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ({"name": "Email", "type": "email"}, "DUPLICATE_OR_EMPTY_FIELD_NAME"),
        ({"name": "", "type": "email"}, "DUPLICATE_OR_EMPTY_FIELD_NAME"),
        ({"name": "F", "type": "formula"}, "UNSUPPORTED_FIELD_TYPE_FOR_CREATE"),
        ({"name": "N", "type": "number"}, "INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE"),
        ({"name": "X", "type": "nonsense"}, "INVALID_REQUEST_UNKNOWN"),
    ],
)
def test_a_field_that_cannot_be_is_refused(sandbox: Sandbox, field: dict[str, str], kind: str) -> None:
    url = f"{sandbox.url}/v0/meta/bases/{BASE}/tables/Leads/fields"
    answer = httpx.post(url, json=field, headers={"Authorization": "Bearer pat"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, kind)


def test_a_token_without_the_scope_is_refused() -> None:
    seed = {**read_bases_file(DEFAULT_BASES), "tokens": {"patRead": {"scopes": ["data.records:read"]}}}
    with Sandbox(seed) as sandbox:
        api = Api("patRead", endpoint_url=sandbox.url, retry_strategy=None)
        table = api.table(BASE, "Leads")
        assert table.all() == []
        assert api.whoami()["scopes"] == ["data.records:read"]
        for refused in (lambda: table.create({"Name": "x"}), lambda: api.base(BASE).schema()):
            with pytest.raises(requests.HTTPError) as caught:
                refused()
            assert caught.value.response.status_code == 403
        api.session.close()


def test_one_who_may_only_read_writes_nothing(sandbox: Sandbox, api: Api) -> None:
    sandbox.world.bases[BASE].permission_level = "read"
    with pytest.raises(requests.HTTPError) as caught:
        api.table(BASE, "Leads").create({"Name": "x"})
    assert caught.value.response.json()["error"]["type"] == "INVALID_PERMISSIONS"
