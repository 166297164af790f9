"""Columns are found, made, or asked for by name; what cannot be written is left out and said."""

from __future__ import annotations

from typing import Any

import pytest

from leads_dagster.errors import AccessError, CredentialsError, SettingsError, TargetMissingError
from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.mirrors.push import LeadPush, Operation
from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.mirrors.airtable_cases import (
    ADA,
    ADA_FIELDS,
    BASE,
    TABLE,
    MakeMirror,
    bases,
    cells,
    create,
    leads,
    push_one,
    update,
)

READ_AND_WRITE = ["data.records:read", "data.records:write"]


def rename(sandbox: Sandbox, old: str, new: str) -> None:
    """What a person does in Airtable."""
    table = sandbox.airtable.session(BASE).base.table(TABLE)
    assert table is not None
    next(field for field in table.fields.values() if field.name == old).name = new
    table.schema_changed()


def remove(sandbox: Sandbox, name: str) -> None:
    table = sandbox.airtable.session(BASE).base.table(TABLE)
    assert table is not None
    (field_id,) = [field.id for field in table.fields.values() if field.name == name]
    del table.fields[field_id]
    table.schema_changed()


def test_missing_columns_are_made_with_their_type(make_mirror: MakeMirror) -> None:
    with Sandbox(bases(fields={"lead_key": None, "Confidence": None, "Verified": None, "LinkedIn URL": None})) as bare:
        target = make_mirror(bare).ensure_fields()
        outcome = push_one(make_mirror(bare), create(ADA, **{**ADA_FIELDS, "verified": True}))
        (record,) = cells(bare)

    assert target.created == ("LinkedIn URL", "Confidence", "Verified", "lead_key")
    assert outcome.answered == {**ADA_FIELDS, "verified": True}
    assert (record["lead_key"], record["Confidence"], record["Verified"]) == (ADA, 0.85, True)


def test_a_token_that_may_not_make_columns_gets_the_list_of_what_to_add(make_mirror: MakeMirror) -> None:
    tokens = {"patTest": {"scopes": [*READ_AND_WRITE, "schema.bases:read"]}}
    with Sandbox(bases(fields={"lead_key": None, "Verified": None}, tokens=tokens)) as bare:
        with pytest.raises(TargetMissingError) as caught:
            make_mirror(bare).push(leads(1))
        count = len(cells(bare))

    assert '"Verified" as Checkbox' in caught.value.message
    assert '"lead_key" as Single line text' in caught.value.message
    assert '"Email"' in caught.value.message  # what is there
    assert "schema.bases:write" in caught.value.advice
    assert count == 0


def test_columns_are_not_made_where_the_customer_forbids_it(make_mirror: MakeMirror) -> None:
    with Sandbox(bases(fields={"Industry": None})) as bare, pytest.raises(TargetMissingError, match='"Industry"'):
        make_mirror(bare, create_fields=False).ensure_fields()


def test_columns_have_the_names_that_the_customer_gives(make_mirror: MakeMirror, sandbox: Sandbox) -> None:
    mirror = make_mirror(fields={"full_name": "Lead", "phone": "", "enriched": "Enriched?", "scraped_at": "Seen"})
    target = mirror.ensure_fields()
    push_one(mirror, create(ADA, full_name="Ada", phone="+14155550100", enriched=True, scraped_at="2026-11-01"))

    assert target.created == ("Lead", "Enriched?", "Seen")
    assert cells(sandbox) == [{"lead_key": ADA, "Lead": "Ada", "Enriched?": True, "Seen": "2026-11-01"}]


def test_names_are_found_in_any_case(make_mirror: MakeMirror, sandbox: Sandbox) -> None:
    rename(sandbox, "Email", "e-mail")
    rename(sandbox, "Phone", " PHONE ")

    assert make_mirror(fields={"email": "E-Mail"}).ensure_fields().created == ()


def test_a_column_that_is_renamed_while_we_work_goes_on_being_written(
    make_mirror: MakeMirror, mirror: AirtableMirror, sandbox: Sandbox
) -> None:
    first = push_one(mirror, create(ADA, full_name="Ada", company="Engines"))
    rename(sandbox, "Company", "Firm")
    push_one(mirror, update(ADA, first, company="Engines Ltd"))
    later = make_mirror(field_ids=mirror.ensure_fields().field_ids)
    created = later.ensure_fields().created
    push_one(later, update(ADA, first, title="Countess"))

    assert created == ()
    assert cells(sandbox) == [{"lead_key": ADA, "Name": "Ada", "Firm": "Engines Ltd", "Title": "Countess"}]


def test_a_column_that_is_removed_while_we_work_is_left_out_and_said(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    mirror.ensure_fields()
    remove(sandbox, "Company")
    result = mirror.push([create(f"{number:032x}", full_name="Ada", company="Engines") for number in range(15)])

    assert result.created == 15
    (reason,) = {outcome.withheld["company"] for outcome in result.outcomes}
    assert reason.startswith('the table has no field "Company" any more; restore it from the trash of the base')
    assert all(outcome.answered == {"full_name": "Ada"} for outcome in result.outcomes)


def test_a_column_whose_type_is_changed_while_we_work_is_judged_again(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    mirror.ensure_fields()
    table = sandbox.airtable.session(BASE).base.table(TABLE)
    assert table is not None
    next(field for field in table.fields.values() if field.name == "Company").type = "number"
    table.schema_changed()
    result = mirror.push([create(f"{number:032x}", full_name="Ada", company="Engines") for number in range(15)])

    assert (result.created, result.failed) == (15, 0)
    assert {outcome.withheld["company"] for outcome in result.outcomes} == {'"Company" takes numbers, not "Engines"'}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ({"type": "formula", "options": {"formula": "1"}}, "computed"),
        ({"type": "multipleAttachments"}, "multipleAttachments"),
        ({"type": "number", "options": {"precision": 0}}, "takes numbers"),
        ({"type": "checkbox"}, "is a checkbox"),
        ({"type": "date"}, "takes dates"),
        ({"type": "singleSelect", "options": {"choices": [{"id": "selA", "name": "open"}]}}, "has no option"),
    ],
)
def test_a_column_that_cannot_hold_the_value_is_withheld_and_the_rest_written(
    make_mirror: MakeMirror, kind: dict[str, Any], said: str
) -> None:
    with Sandbox(bases(fields={"Status": kind})) as odd:
        outcome = push_one(make_mirror(odd), create(ADA, full_name="Ada", status="called"))
        (record,) = cells(odd)

    assert (outcome.action, outcome.answered) == ("created", {"full_name": "Ada"})
    assert said in outcome.withheld["status"]
    assert record["Name"] == "Ada"


def test_an_option_that_is_missing_is_made_if_the_customer_wishes(make_mirror: MakeMirror) -> None:
    kind = {"type": "singleSelect", "options": {"choices": [{"id": "selA", "name": "open"}]}}
    with Sandbox(bases(fields={"Status": kind})) as odd:
        outcome = push_one(make_mirror(odd, create_options=True), create(ADA, status="called"))
        (record,) = cells(odd)

    assert (outcome.withheld, outcome.answered, record["Status"]) == ({}, {"status": "called"}, "called")


def test_a_key_column_that_is_no_text_is_refused(make_mirror: MakeMirror) -> None:
    with Sandbox(bases(fields={"lead_key": {"type": "email"}})) as odd, pytest.raises(TargetMissingError) as caught:
        make_mirror(odd).ensure_fields()

    assert "lead_key" in caught.value.message
    assert "Single line text" in caught.value.advice


def test_an_unknown_table_is_named_with_those_that_are_there(make_mirror: MakeMirror) -> None:
    with pytest.raises(TargetMissingError, match=f'{BASE} has no table "Leeds"; it has "Leads"'):
        make_mirror(table="Leeds").ensure_fields()


def test_an_unknown_base_is_named_with_those_that_are_there(make_mirror: MakeMirror) -> None:
    with pytest.raises(TargetMissingError, match=f"appUnknownBase0001 with table Leads .* sees {BASE}"):
        make_mirror(base_id="appUnknownBase0001").ensure_fields()


def test_a_base_whose_schema_may_not_be_read_is_written_by_name(make_mirror: MakeMirror) -> None:
    with Sandbox(bases(tokens={"patTest": {"scopes": READ_AND_WRITE}})) as closed:
        mirror = make_mirror(closed)
        first = push_one(mirror, create(ADA, **ADA_FIELDS))
        second = push_one(mirror, update(ADA, first, title="Countess"))
        read = [record.fields["title"] for record in mirror.records()]
        (record,) = cells(closed)

    assert mirror.ensure_fields().by_name
    assert mirror.ensure_fields().field_ids == {}
    assert (first.answered, second.answered) == (ADA_FIELDS, {**ADA_FIELDS, "title": "Countess"})
    assert (record["Name"], record["Title"], read) == ("Ada Lovelace", "Countess", ["Countess"])


def test_a_column_that_is_missing_there_is_found_out_by_its_refusal(make_mirror: MakeMirror) -> None:
    content = bases(fields={"Company": None, "Title": None}, metaAccess=False)
    with Sandbox(content) as closed:
        result = make_mirror(closed).push(
            [create(f"{number:032x}", full_name="Ada", company="Engines", title="Countess") for number in range(12)]
        )

    assert (result.created, result.failed) == (12, 0)
    assert {tuple(sorted(outcome.withheld)) for outcome in result.outcomes} == {("company", "title")}


def test_a_key_column_that_is_missing_there_is_asked_for(make_mirror: MakeMirror) -> None:
    with Sandbox(bases(fields={"lead_key": None}, metaAccess=False)) as closed:
        result = make_mirror(closed).push(leads(12))

    assert isinstance(result.stopped, TargetMissingError)
    assert "lead_key" in result.stopped.message


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        (["schema.bases:read", "data.records:read"], "data.records:write"),
        (["data.records:read"], "data.records:write"),
        (["data.records:write"], "data.records:read"),
    ],
)
def test_a_scope_that_the_token_lacks_is_named(make_mirror: MakeMirror, scopes: list[str], missing: str) -> None:
    with Sandbox(bases(tokens={"patTest": {"scopes": scopes}})) as closed:
        try:
            refused = make_mirror(closed).push(leads(12)).stopped
        except CredentialsError as error:  # found out before the first record
            refused = error

    assert isinstance(refused, CredentialsError)
    assert missing in refused.message


def test_an_update_that_the_token_may_not_make_is_not_taken_for_a_record_that_is_gone(make_mirror: MakeMirror) -> None:
    scopes = ["data.records:read", "schema.bases:read"]
    with Sandbox(bases(tokens={"patReader": {"scopes": scopes}})) as closed:
        made = make_mirror(closed).push(leads(10)).outcomes
        changes = [update(outcome.lead_id, outcome, title="Countess") for outcome in made]
        result = make_mirror(closed, api_key="patReader").push(changes)

    assert isinstance(result.stopped, CredentialsError)
    assert "data.records:write" in str(result.stopped)
    assert result.outcomes == ()


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_a_table_that_is_no_longer_shown_is_not_taken_for_records_that_are_gone(
    make_mirror: MakeMirror, operation: Operation
) -> None:
    keys = ["patTest"]
    with Sandbox(bases(tokens={"patBlind": {"scopes": []}})) as closed:
        mirror = make_mirror(closed, api_key=lambda: keys[-1])
        made = mirror.push(leads(10)).outcomes
        keys.append("patBlind")
        result = mirror.push(
            [LeadPush(each.lead_id, operation, {"title": "x"}, each.external_id, each.answered) for each in made]
        )
        count = len(cells(closed))

    assert isinstance(result.stopped, AccessError)
    assert (result.outcomes, count) == ((), 10)


def test_a_person_without_the_editors_role_is_told_so(make_mirror: MakeMirror) -> None:
    with Sandbox(bases(permissionLevel="read")) as closed:
        result = make_mirror(closed).push(leads(2))

    assert isinstance(result.stopped, CredentialsError)
    assert "Editor" in result.stopped.advice


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"emial": "Email"}, "emial"),
        ({"email": "Contact", "phone": "Contact"}, "Contact"),
        ({"lead_key": ""}, "lead_key"),
    ],
)
def test_a_mapping_with_a_fault_is_refused_at_once(make_mirror: MakeMirror, fields: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        make_mirror(fields=fields)


def test_a_misspelt_field_is_answered_with_the_nearest(make_mirror: MakeMirror) -> None:
    with pytest.raises(SettingsError, match="company_size"):
        make_mirror(fields={"compny_size": "Size"})
