"""Airtable says what the leads say; only what differs is sent, and nothing is made twice."""

from __future__ import annotations

import threading

import pytest

from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.mirrors.push import LeadPush
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
    writes,
)


def test_a_new_lead_becomes_a_record_with_its_key(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    outcome = push_one(mirror, create(ADA, **ADA_FIELDS))
    (record,) = sandbox.airtable.records(BASE, TABLE)

    assert (outcome.action, outcome.external_id) == ("created", record["id"])
    assert record["fields"] == {
        "lead_key": ADA,
        "Name": "Ada Lovelace",
        "Email": "ada@example.com",
        "Phone": "+14155550100",
        "LinkedIn URL": "https://www.linkedin.com/in/ada",
        "Confidence": 0.85,
        "Notes": "two\nlines, Ünïcode 名前",
    }


def test_what_airtable_answered_is_the_new_base_in_the_leads_own_values(mirror: AirtableMirror) -> None:
    outcome = push_one(mirror, create(ADA, **ADA_FIELDS))

    assert outcome.answered == ADA_FIELDS  # an unticked box is absent from the answer, and still False
    assert (outcome.foreign, outcome.withheld, outcome.error) == ({}, {}, None)


def test_only_the_fields_that_differ_are_sent(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    first = push_one(mirror, create(ADA, **ADA_FIELDS))
    sandbox.airtable.update(BASE, TABLE, [{"id": first.external_id, "fields": {"Title": "Countess", "Phone": "their"}}])
    second = push_one(mirror, update(ADA, first, email=None, verified=True))
    (record,) = cells(sandbox)

    assert second.action == "updated"
    assert "Email" not in record
    assert (record["Verified"], record["Title"], record["Phone"]) == (True, "Countess", "their")


def test_an_edit_in_airtable_is_reported_and_kept_out_of_the_base(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    first = push_one(mirror, create(ADA, **ADA_FIELDS))
    sandbox.airtable.update(BASE, TABLE, [{"id": first.external_id, "fields": {"Title": "Countess", "Phone": None}}])
    second = push_one(mirror, update(ADA, first, email="ada@engines.example"))

    assert second.foreign == {"title": "Countess", "phone": None}
    assert second.answered == {**ADA_FIELDS, "email": "ada@engines.example"}


def test_a_lead_whose_record_was_not_booked_is_not_made_a_second_time(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    first = push_one(mirror, create(ADA, **ADA_FIELDS))
    again = push_one(mirror, create(ADA, **ADA_FIELDS))

    assert (again.action, again.external_id) == ("updated", first.external_id)
    assert len(cells(sandbox)) == 1


def test_ten_leads_go_in_one_request(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    mirror.ensure_fields()
    before = sandbox.requests.total
    result = mirror.push(leads(95))

    assert (result.created, result.calls, result.retries) == (95, 10, 0)
    assert sandbox.requests.total - before == 10
    assert [outcome.lead_id for outcome in result.outcomes] == [f"{number:032x}" for number in range(95)]
    assert len({outcome.external_id for outcome in result.outcomes}) == 95


def test_nothing_to_push_asks_nothing(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    assert mirror.push([]).outcomes == ()
    assert sandbox.requests.total == 0


def test_one_bad_record_of_ten_fails_alone_and_says_why(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    changes = leads(10)
    changes[6] = create(ADA, full_name="x" * 100_001)
    result = mirror.push(changes)

    (bad,) = [outcome for outcome in result.outcomes if outcome.action == "failed"]
    assert (bad.lead_id, bad.permanent, bad.external_id, bad.answered) == (ADA, True, None, None)
    assert '"Name" cannot accept' in str(bad.error)
    assert (result.created, result.failed, len(cells(sandbox))) == (9, 1, 9)


def test_one_bad_update_of_ten_keeps_its_base(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    made = mirror.push(leads(10)).outcomes
    changes = [update(outcome.lead_id, outcome, company="Acme") for outcome in made]
    changes[0] = update(made[0].lead_id, made[0], company="x" * 100_001)
    result = mirror.push(changes)

    assert [outcome.action for outcome in result.outcomes] == ["failed", *["updated"] * 9]
    assert result.outcomes[0].answered == {"full_name": "Lead 0"}
    assert result.outcomes[0].external_id == made[0].external_id
    assert ["Company" in record for record in cells(sandbox)] == [False, *[True] * 9]


def test_two_records_with_one_key_are_reported_and_the_older_is_kept(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    (older,) = sandbox.airtable.create(BASE, TABLE, [{"lead_key": ADA, "Name": "older"}])
    sandbox.clock.advance(60)
    (younger,) = sandbox.airtable.create(BASE, TABLE, [{"lead_key": ADA, "Name": "younger"}])
    result = mirror.push([*leads(9), create(ADA, full_name="Ada")])

    outcome = result.outcomes[-1]
    assert (outcome.action, outcome.external_id, outcome.duplicates) == ("updated", older["id"], (younger["id"],))
    assert result.created == 9
    assert [record["Name"] for record in cells(sandbox) if record["lead_key"] == ADA] == ["Ada", "younger"]


def test_a_record_deleted_in_airtable_is_reported_and_the_others_land(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    made = mirror.push(leads(10)).outcomes
    sandbox.airtable.delete(BASE, TABLE, [str(made[3].external_id)])
    result = mirror.push([update(outcome.lead_id, outcome, company="Acme") for outcome in made])

    gone = result.outcomes[3]
    assert (gone.action, gone.external_id, gone.answered, gone.error) == ("gone", None, None, None)
    assert (result.updated, len(cells(sandbox))) == (9, 9)


def test_a_record_that_was_replaced_is_taken_up_again_by_its_key(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    first = push_one(mirror, create(ADA, **ADA_FIELDS))
    sandbox.airtable.delete(BASE, TABLE, [str(first.external_id)])
    (copy,) = sandbox.airtable.create(BASE, TABLE, [{"lead_key": ADA, "Name": "Ada Lovelace", "Phone": "other"}])
    second = push_one(mirror, update(ADA, first, company="Engines"))

    assert (second.action, second.external_id) == ("updated", copy["id"])
    assert second.foreign["phone"] == "other"
    assert cells(sandbox) == [{"lead_key": ADA, "Name": "Ada Lovelace", "Phone": "other", "Company": "Engines"}]


def test_an_update_without_record_id_sends_all_that_the_lead_says(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    outcome = push_one(mirror, LeadPush(ADA, "update", {"company": "Engines"}, base={"full_name": "Ada"}))

    assert outcome.action == "created"
    assert cells(sandbox) == [{"lead_key": ADA, "Name": "Ada", "Company": "Engines"}]


def test_removed_leads_are_deleted_whether_their_record_is_known_there_or_gone(
    mirror: AirtableMirror, sandbox: Sandbox
) -> None:
    made = mirror.push(leads(13)).outcomes
    sandbox.airtable.delete(BASE, TABLE, [str(made[0].external_id)])
    changes = [LeadPush(outcome.lead_id, "delete", external_id=outcome.external_id) for outcome in made[:11]]
    result = mirror.push([*changes, LeadPush(made[11].lead_id, "delete"), LeadPush(ADA, "delete")])

    assert (result.deleted, result.failed) == (13, 0)
    assert [record["Name"] for record in cells(sandbox)] == ["Lead 12"]


def test_a_push_of_fields_that_airtable_does_not_have_writes_nothing(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    first = push_one(mirror, create(ADA, full_name="Ada"))
    before = writes(sandbox)
    outcome = push_one(mirror, update(ADA, first, enriched=True))

    assert (outcome.action, outcome.answered) == ("unchanged", {"full_name": "Ada"})
    assert writes(sandbox) == before


def test_a_lead_twice_in_one_push_is_refused_before_anything_is_asked(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="twice"):
        mirror.push([create(ADA), create(ADA)])

    assert sandbox.requests.total == 0


def test_a_full_base_refuses_what_is_too_much_and_takes_the_rest(make_mirror: MakeMirror) -> None:
    with Sandbox(bases(recordLimit=7)) as full:
        result = make_mirror(full).push(leads(10))
        count = len(cells(full))

    assert (result.created, result.failed, count) == (7, 3, 7)
    assert "limit of 7 records" in str(result.outcomes[-1].error)


def test_two_mirrors_at_once_make_no_duplicates(make_mirror: MakeMirror, sandbox: Sandbox) -> None:
    mirrors = [make_mirror(), make_mirror()]
    threads = [threading.Thread(target=mirror.push, args=[leads(40)]) for mirror in mirrors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(record["lead_key"] for record in cells(sandbox)) == [f"{number:032x}" for number in range(40)]


def test_all_records_can_be_read_back_as_leads(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    made = mirror.push([*leads(120), create(ADA, **{**ADA_FIELDS, "verified": True})]).outcomes
    sandbox.airtable.create(BASE, TABLE, [{"Name": "of their own"}])
    records = {record.id: record for record in mirror.records()}
    ada = records[str(made[-1].external_id)]

    assert len(records) == 122
    assert ada.lead_key == ADA
    assert {name: value for name, value in ada.fields.items() if value is not None} == {**ADA_FIELDS, "verified": True}
    assert [record.lead_key for record in records.values() if record.fields["full_name"] == "of their own"] == [None]
