"""What payloads come to: whose word a cell is, and what is left of a page in the end. Without any server."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from leads_dagster.leads.digests import value_digest
from leads_dagster.mirrors.airtable_payloads import TableNews, Window, read_payloads
from leads_dagster.mirrors.airtable_watched import KnownRecord, KnownRecords, watched_table

LEAD = "0a" * 16
NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
FIELDS = {
    "lead_key": {"id": "fldKey", "name": "lead_key", "type": "singleLineText"},
    "full_name": {"id": "fldName", "name": "Name", "type": "singleLineText"},
    "status": {"id": "fldStatus", "name": "Status", "type": "singleSelect"},
    "confidence": {"id": "fldConfidence", "name": "Confidence", "type": "number"},
    "verified": {"id": "fldVerified", "name": "Verified", "type": "checkbox"},
}
ADA = KnownRecord(LEAD, "rec1", {"full_name": "Ada", "status": "new", "confidence": 0.5, "verified": False})


def payload(source: str = "client", *, at: datetime = NOW, table: str = "tbl1", **change: Any) -> dict[str, Any]:
    return {
        "timestamp": at.isoformat().replace("+00:00", "Z"),
        "actionMetadata": {"source": source},
        "changedTablesById": {table: change},
    }


def changed(source: str, **cells: Any) -> dict[str, Any]:
    named = {f"fld{name}": cell for name, cell in cells.items()}
    return payload(source, changedRecordsById={"rec1": {"current": {"cellValuesByFieldId": named}}})


def created(source: str, record: str = "rec2", **cells: Any) -> dict[str, Any]:
    named = {f"fld{name}": cell for name, cell in cells.items()}
    return payload(source, createdRecordsById={record: {"createdTime": "", "cellValuesByFieldId": named}})


def news_of(*payloads: dict[str, Any], known: KnownRecords | None = None, **more: Any) -> TableNews:
    window = more.pop("window", Window(NOW - timedelta(hours=1), NOW + timedelta(hours=1)))
    known = known or KnownRecords({"rec1": ADA})
    return read_payloads(payloads, {"tbl1": watched_table(FIELDS)}, {"tbl1": known}, window, **more)["tbl1"]


def edits_of(*payloads: dict[str, Any], **more: Any) -> list[tuple[str, str, str, Any]]:
    return [(one.record_id, one.field_id, one.kind, one.cell) for one in news_of(*payloads, **more).edits]


@pytest.mark.parametrize("source", ["client", "publicApi", "formSubmission", "automation", "sync", "unheardOf"])
def test_whatever_differs_is_an_edit_whoever_made_it(source: str) -> None:
    assert edits_of(changed(source, Name="Ann")) == [("rec1", "fldName", "changed", "Ann")]


def test_a_cell_is_kept_as_a_listing_would_say_it() -> None:
    cells = {"Status": {"id": "sel1", "name": "won", "color": "red"}, "Verified": True, "Name": ""}
    assert [edit[3] for edit in edits_of(changed("client", **cells))] == ["won", True, None]


@pytest.mark.parametrize(
    "cells",
    [
        {"Name": "Ada"},
        {"Status": {"id": "sel1", "name": "new", "color": "red"}},
        {"Confidence": 0.5},
        {"Verified": False},
        {"Verified": None},
    ],
)
def test_what_stands_as_we_wrote_it_is_ours(cells: dict[str, Any]) -> None:
    news = news_of(changed("publicApi", **cells))
    assert (news.edits, news.taken_back) == ((), ())
    back = news_of(changed("client", **cells))
    assert (back.edits, len(back.taken_back)) == ((), 1)


def test_what_we_may_have_written_is_ours_for_a_program_and_nobodys_taking_back() -> None:
    doubtful = KnownRecords({"rec1": KnownRecord(LEAD, "rec1", ADA.base, {"full_name": ["Ann", "Anna"]})})
    assert edits_of(changed("publicApi", Name="Anna"), known=doubtful) == []
    assert edits_of(changed("client", Name="Anna"), known=doubtful) == [("rec1", "fldName", "changed", "Anna")]
    assert edits_of(changed("client", Name="Ada"), known=doubtful) == [("rec1", "fldName", "changed", "Ada")]


@pytest.mark.parametrize(
    ("name", "value", "cell"),
    [("full_name", "Ann", {"Name": "Ann"}), ("confidence", 1, {"Confidence": 1.0}), ("verified", None, {"Name": "x"})],
)
def test_an_echo_of_an_older_write_is_ours_for_a_program_only(name: str, value: Any, cell: dict[str, Any]) -> None:
    known = KnownRecord(LEAD, "rec1", ADA.base, echoes=frozenset({value_digest(name, value)}))
    ours = edits_of(changed("publicApi", **cell), known=KnownRecords({"rec1": known}))
    assert ours == ([] if name != "verified" else [("rec1", "fldName", "changed", "x")])
    assert len(edits_of(changed("client", **cell), known=KnownRecords({"rec1": known}))) == 1


def test_our_write_after_a_persons_edit_does_not_take_that_back() -> None:
    assert edits_of(changed("client", Name="Ann"), changed("publicApi", Name="Ada")) == [
        ("rec1", "fldName", "overwritten", "Ann")
    ]


def test_the_last_word_of_a_cell_stays_and_what_was_taken_back_goes() -> None:
    assert [edit[3] for edit in edits_of(changed("client", Name="An"), changed("client", Name="Ann"))] == ["Ann"]
    assert edits_of(changed("client", Name="An"), changed("client", Name="Ada")) == []
    assert [edit[3] for edit in edits_of(changed("client", Name="Ada"), changed("client", Name="An"))] == ["An"]


def test_a_new_record_is_told_of_with_its_cells_and_the_lead_that_it_names() -> None:
    assert edits_of(created("client", Name="Bob", Key="someone", Other="x")) == [
        ("rec2", "", "created", None),
        ("rec2", "fldName", "changed", "Bob"),
        ("rec2", "fldKey", "changed", "someone"),
    ]


def test_a_record_that_we_made_and_never_booked_becomes_its_leads() -> None:
    lead = KnownRecord(LEAD, None, None, {"full_name": ["Ada"], "status": ["new"]})
    known = KnownRecords(by_lead={LEAD: lead})
    news = news_of(created("publicApi", Name="Ada", Status="new", Key=LEAD), known=known)
    assert (news.edits, news.adopted) == ((), {LEAD: "rec2"})
    typed = payload(changedRecordsById={"rec2": {"current": {"cellValuesByFieldId": {"fldName": "Ann"}}}})
    later = news_of(created("publicApi", Name="Ada", Key=LEAD), typed, known=known)
    assert [(edit.field_id, edit.cell) for edit in later.edits] == [("fldName", "Ann")]


@pytest.mark.parametrize(
    "lead",
    [KnownRecord(LEAD, None, None, None), KnownRecord(LEAD, "rec9", {}, {"full_name": ["Ada"]})],
    ids=["never written", "has a record"],
)
def test_a_record_that_names_a_lead_that_we_were_not_writing_is_somebodys(lead: KnownRecord) -> None:
    news = news_of(created("publicApi", Name="Ada", Key=LEAD), known=KnownRecords(by_lead={LEAD: lead}))
    assert (news.edits[0].kind, news.adopted) == ("created", {})


def test_a_record_that_comes_back_from_the_dustbin_is_compared_and_its_deletion_forgotten() -> None:
    gone = payload(destroyedRecordIds=["rec1"])
    assert edits_of(gone) == [("rec1", "", "deleted", None)]
    back = created("client", "rec1", Name="Ann", Status="new", Confidence=0.5)
    news = news_of(back)
    assert ([(edit.field_id, edit.cell) for edit in news.edits], news.forgotten) == ([("fldName", "Ann")], ("rec1",))


def test_a_deletion_stands_beside_what_was_said_before() -> None:
    assert edits_of(changed("client", Name="Ann"), payload(destroyedRecordIds=["rec1"])) == [
        ("rec1", "fldName", "changed", "Ann"),
        ("rec1", "", "deleted", None),
    ]


def test_what_we_deleted_is_no_deletion() -> None:
    leaving = KnownRecords({"rec1": KnownRecord(LEAD, "rec1", ADA.base, leaving=True)})
    ours = payload("publicApi", destroyedRecordIds=["rec1"])
    assert edits_of(ours, known=leaving) == []
    assert news_of(ours, known=leaving).parted == {"rec1": LEAD}
    assert edits_of(ours, known=KnownRecords()) == []
    assert edits_of(ours) == [("rec1", "", "deleted", None)]
    assert edits_of(payload(destroyedRecordIds=["rec1"]), known=leaving) == [("rec1", "", "deleted", None)]


def test_what_was_typed_just_before_we_deleted_a_record_is_kept() -> None:
    leaving = KnownRecords({"rec1": KnownRecord(LEAD, "rec1", ADA.base, leaving=True)})
    news = news_of(changed("client", Name="Ann"), payload("publicApi", destroyedRecordIds=["rec1"]), known=leaving)
    assert [(edit.field_id, edit.kind) for edit in news.edits] == [("fldName", "changed"), ("", "deleted")]
    assert news.parted == {}


def test_a_record_that_was_deleted_and_brought_back_at_once_is_as_it_was() -> None:
    back = created("client", "rec1", Name="Ada", Status="new", Confidence=0.5)
    assert edits_of(payload(destroyedRecordIds=["rec1"]), back) == []


def test_what_was_typed_in_a_double_that_we_took_out_counts() -> None:
    double = KnownRecords({"rec1": KnownRecord(None, "rec1", {"full_name": "Ada"})})
    gone = payload("publicApi", destroyedRecordIds=["rec1"])
    assert edits_of(changed("client", Name="Ann"), gone, known=double) == [("rec1", "fldName", "changed", "Ann")]


def test_a_stranger_is_told_of_as_a_whole() -> None:
    whole = {"rec1": {"fldName": "Ann", "fldStatus": "won"}}
    found = edits_of(changed("client", Name="Ann"), known=KnownRecords(), whole=whole)
    assert found == [
        ("rec1", "", "created", None), ("rec1", "fldName", "changed", "Ann"), ("rec1", "fldStatus", "changed", "won"),
    ]  # fmt: skip
    assert edits_of(changed("client", Name="Ann"), known=KnownRecords()) == [("rec1", "fldName", "changed", "Ann")]


def test_a_lead_key_is_no_edit_but_a_reason_to_look() -> None:
    news = news_of(changed("client", Key="other"))
    assert (news.edits, news.keys_changed) == ((), True)
    assert news_of(changed("publicApi", Key=LEAD)).keys_changed is False


def test_fields_that_change_are_told_of() -> None:
    assert news_of(payload(changedFieldsById={"fldName": {"current": {"name": "N"}}})).schema_changed
    assert news_of(payload(destroyedFieldIds=["fldName"])).schema_changed
    assert not news_of(changed("client", Name="Ann")).schema_changed


def test_what_another_type_does_to_the_cells_of_a_field_is_no_edit() -> None:
    cells = {"rec1": {"current": {"cellValuesByFieldId": {"fldStatus": None, "fldName": "Ann"}}}}
    retyped = {"fldStatus": {"current": {"type": "number"}}}
    assert edits_of(payload(changedFieldsById=retyped, changedRecordsById=cells)) == [
        ("rec1", "fldName", "changed", "Ann")
    ]
    parts = [payload(changedRecordsById=cells), payload(changedFieldsById=retyped), changed("client", Status="won")]
    numbered = [{**one, "baseTransactionNumber": number} for one, number in zip(parts, (7, 7, 8), strict=True)]
    assert edits_of(*numbered) == [("rec1", "fldName", "changed", "Ann"), ("rec1", "fldStatus", "changed", "won")]


def test_other_tables_and_payloads_that_say_an_error_are_passed_over() -> None:
    ill = {"timestamp": "x", "error": True, "code": "INVALID_HOOK", "payloadFormat": "v0"}
    other = payload(table="tbl2", destroyedRecordIds=["rec1"])
    assert edits_of(ill, other) == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (NOW, NOW),
        (NOW - timedelta(days=1), NOW - timedelta(hours=1) + timedelta(milliseconds=1)),
        (NOW + timedelta(days=1), NOW + timedelta(hours=1)),
    ],
)
def test_a_moment_lies_between_two_looks_whatever_airtables_clock_says(said: datetime, expected: datetime) -> None:
    assert Window(NOW - timedelta(hours=1), NOW + timedelta(hours=1)).moment(payload(at=said)) == expected


def test_of_two_payloads_the_later_told_happened_later_whatever_they_say() -> None:
    late, early = changed("client", Name="Ann"), changed("client", Confidence=0.125)
    early["timestamp"] = (NOW - timedelta(hours=2)).isoformat()
    first, second = news_of(late, early).edits
    assert (first.field_id, second.field_id) == ("fldName", "fldConfidence")
    assert first.at < second.at


def test_a_moment_that_cannot_be_read_is_that_of_the_look() -> None:
    assert Window(None, NOW).moment({"timestamp": "yesterday"}) == NOW
