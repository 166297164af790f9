"""Writing records: one, many, all or nothing, upserts, deletes; driven by pyairtable over HTTP."""

from __future__ import annotations

import pytest
import requests
from pyairtable import Table

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.sandbox.conftest import BASE


def error_of(caught: pytest.ExceptionInfo[requests.HTTPError]) -> tuple[int, str]:
    response = caught.value.response
    return response.status_code, response.json()["error"]["type"]


def test_a_created_record_can_be_got_again(table: Table) -> None:
    made = table.create({"Name": "Ann", "Confidence": 0.5})
    assert table.get(made["id"]) == made
    assert made["createdTime"].endswith(".000Z")


def test_an_upsert_creates_what_is_not_there_and_updates_what_is(table: Table) -> None:
    known = table.create({"lead_key": "k1", "Name": "old"})
    rows = [{"fields": {"lead_key": "k1", "Name": "new"}}, {"fields": {"lead_key": "k2", "Name": "two"}}]
    answer = table.batch_upsert(rows, key_fields=["lead_key"])
    assert answer["updatedRecords"] == [known["id"]]
    assert len(answer["createdRecords"]) == 1
    assert {each["fields"]["Name"] for each in table.all()} == {"new", "two"}


def test_an_upsert_that_finds_two_records_fails_whole(table: Table) -> None:
    table.batch_create([{"lead_key": "k1"}, {"lead_key": "k1"}])
    with pytest.raises(requests.HTTPError) as caught:
        table.batch_upsert([{"fields": {"lead_key": "k9"}}, {"fields": {"lead_key": "k1"}}], key_fields=["lead_key"])
    assert caught.value.response.status_code == 422
    assert len(table.all()) == 2


def test_one_bad_record_keeps_all_of_its_batch_out(table: Table) -> None:
    with pytest.raises(requests.HTTPError) as caught:
        table.batch_create([{"Name": "good"}, {"Name": "bad", "Confidence": "abc"}])
    assert error_of(caught) == (422, "INVALID_VALUE_FOR_COLUMN")
    assert table.all() == []


def test_a_patch_merges_and_a_put_clears_the_rest(table: Table) -> None:
    made = table.create({"Name": "Ann", "Company": "Acme"})
    assert table.update(made["id"], {"Title": "CEO"})["fields"] == {"Name": "Ann", "Company": "Acme", "Title": "CEO"}
    assert table.update(made["id"], {"Title": "CTO"}, replace=True)["fields"] == {"Title": "CTO"}


def test_deleted_records_are_gone(table: Table, sandbox: Sandbox) -> None:
    made = table.batch_create([{"Name": str(number)} for number in range(12)])
    answer = table.batch_delete([each["id"] for each in made[:11]])
    assert all(each["deleted"] for each in answer)
    assert [each["id"] for each in sandbox.airtable.records(BASE, "Leads")] == [made[11]["id"]]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"No such": 1}, "UNKNOWN_FIELD_NAME"),
        ({"Confidence": "abc"}, "INVALID_VALUE_FOR_COLUMN"),
        ({"Verified": "yes"}, "INVALID_VALUE_FOR_COLUMN"),
        ({"Name": 5}, "INVALID_VALUE_FOR_COLUMN"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(table: Table, fields: dict[str, object], kind: str) -> None:
    with pytest.raises(requests.HTTPError) as caught:
        table.create(fields)
    assert error_of(caught) == (422, kind)


def test_empty_values_are_left_out_of_the_answer(table: Table) -> None:
    made = table.create({"Name": "Ann", "Company": "", "Verified": False, "Title": None})
    assert made["fields"] == {"Name": "Ann"}
