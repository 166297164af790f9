"""The public database, blocking and awaited, on SQLite and PostgreSQL: what goes in, what comes out, what is kept."""

from __future__ import annotations

import logging
import os
import random
import string
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from leads_dagster.breakers import shared_breakers
from leads_dagster.errors import ConflictError, InvalidLeadError, NotFoundError, SettingsError, StoreBusyError
from leads_dagster.store import LeadDatabase, answering, tables, undo
from leads_dagster.store.engine import open_engine, reading, writing
from leads_dagster.store.policy import Policy
from leads_dagster.store.retry import StoreRetries
from leads_dagster.store.undo import Undoing
from leads_dagster_tests.store.databases import KINDS, Opened, opener
from leads_dagster_tests.store.locks import locked_by_another_process

JANE = {"full_name": "Jane Doe", "email": "jane@acme.example", "company": "Acme", "title": "CTO"}
BOB = {"full_name": "Bob Stone", "email": "bob@zeta.example", "company": "Zeta", "title": "CFO"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings but the defaults, and no database that rests because of another test."""
    monkeypatch.setenv("LEADS_HOME", str(tmp_path / "home"))
    shared_breakers.cache_clear()
    yield
    shared_breakers.cache_clear()


@pytest.fixture(params=KINDS)
def open_database(request: pytest.FixtureRequest, database_url: str) -> Iterator[Callable[..., Opened]]:
    """Opens the database of this test, for a customer."""
    with opener(KINDS[request.param], database_url) as open_one:
        yield open_one


@pytest.fixture
def database(open_database: Callable[..., Opened]) -> Opened:
    """The leads of customer acme."""
    return open_database()


def rows(url: str, table: str) -> list[dict[str, Any]]:
    engine = open_engine(url)
    with reading(engine) as connection:
        found = [dict(row._mapping) for row in connection.execute(select(tables.metadata.tables[table]))]
    engine.dispose()
    return found


def filled(lead: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: lead[name] for name in names}


def test_what_goes_in_is_normalised_and_what_has_no_field_is_kept_beside(database: Opened) -> None:
    lead = database.add_lead({
        "first_name": "jane", "last_name": "DOE", "email": "Jane@ACME.Example", "phone": "(504) 621-8927",
        "confidence": "0.90", "verified": "yes", "raw_data": {"shoe": "42"}, "Colour": "red", "tags": ["a", {"b": 1}],
    })  # fmt: skip
    found = database.get_lead(lead)
    assert filled(found, "full_name", "email", "phone", "confidence", "verified") == {
        "full_name": "Jane Doe", "email": "jane@acme.example", "phone": "+15046218927", "confidence": 0.9,
        "verified": True,
    }  # fmt: skip
    assert found["raw_data"] == {"shoe": "42", "Colour": "red", "tags": '["a",{"b":1}]'}
    assert (found["customer"], found["version"], found["archived_at"]) == ("acme", 1, None)
    assert "number" not in found


def test_nothing_is_found_of_a_lead_that_is_not_there(database: Opened) -> None:
    for strange in ("nobody", "", "\0", "\ud800", "' OR 1=1 --", None, 7):
        assert database.get_lead(strange) is None
        with pytest.raises(NotFoundError):
            database.update_lead(strange, {"title": "CEO"})
        with pytest.raises(NotFoundError):
            database.mark_for_sync([strange])


def test_the_same_person_twice_is_one_lead(database: Opened) -> None:
    lead, created = database.upsert_lead(JANE)
    assert created
    assert database.upsert_lead(JANE) == (lead, False)
    assert database.upsert_lead({"key": "crm-7", "full_name": "DOE, Jane", "email": "JANE@acme.example"}) == (
        lead,
        False,
    )
    assert database.add_lead({**JANE, "phone": "504-621-8927"}) == lead
    assert database.count_leads() == 1
    assert database.get_lead(lead)["phone"] == "+15046218927"


def test_two_persons_at_one_role_mailbox_stay_two(database: Opened) -> None:
    first = database.add_lead({"full_name": "Jane Doe", "email": "info@acme.example"})
    second = database.add_lead({"full_name": "Bob Stone", "email": "info@acme.example"})
    assert first != second
    assert database.upsert_lead({"full_name": "Jane Doe", "email": "info@acme.example", "title": "CTO"})[0] == first


def test_a_partial_record_keeps_what_was_said_and_a_blank_value_blanks(database: Opened) -> None:
    lead, _ = database.upsert_lead({"key": "k1", **JANE, "Colour": "red"})
    assert database.upsert_lead({"key": "k1", "title": "CEO"}) == (lead, False)
    assert filled(database.get_lead(lead), *JANE) == {**JANE, "title": "CEO"}
    assert database.upsert_lead({"key": "k1", "company": ""}) == (lead, False)
    assert database.upsert_lead({"key": "k1", "title": None}) == (lead, False)
    assert filled(database.get_lead(lead), *JANE) == {**JANE, "title": None, "company": None}
    assert database.get_lead(lead)["raw_data"] == {"Colour": "red"}
    before = database.get_lead(lead)
    assert database.upsert_lead({"key": "k1"}) == (lead, False)
    assert database.get_lead(lead) == before


def test_of_one_key_twice_in_a_batch_the_later_word_counts(database: Opened) -> None:
    words = [
        {"key": "k1", **JANE},
        {"key": "k1", "title": "Zar"},
        {"key": "k1", "title": "Abbot"},
        {"key": "k1", "company": ""},
    ]
    landed = list(database.upsert_leads(words))
    assert [one.state for one in landed] == ["created", "updated", "updated", "updated"]
    assert {one.lead_id for one in landed} == {landed[0].lead_id}
    assert filled(database.get_lead(landed[0].lead_id), "title", "company") == {"title": "Abbot", "company": None}


def test_a_batch_says_where_each_record_ended(database: Opened) -> None:
    landed = list(database.upsert_leads([JANE, BOB, {"key": "7", **JANE}, JANE], batch_rows=2))
    assert [one.state for one in landed] == ["created", "created", "merged", "unchanged"]
    assert landed[0].lead_id == landed[2].lead_id == landed[3].lead_id
    assert sorted(lead["full_name"] for lead in database.get_all_leads()) == ["Bob Stone", "Jane Doe"]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, ""),
        ({"email": "nope"}, "email"),
        ({"company": "Acme"}, "company"),
        ({"key": "k", "title": "CTO"}, "title"),
        ({**JANE, "notes": object()}, "notes"),
        ({**JANE, "raw_data": {"a": {1, 2}}}, "a"),
    ],
)
def test_what_cannot_be_a_lead_is_refused_and_the_field_named(
    database: Opened, data: dict[str, Any], field: str
) -> None:
    for refuse in (database.add_lead, database.upsert_lead):
        with pytest.raises(InvalidLeadError) as refused:
            refuse(data)
        assert refused.value.context["field"] == field
    assert database.count_leads() == 0


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"email": "nope"}, "email"),
        ({"phone": "abc"}, "phone"),
        ({"titel": "x"}, "titel"),
        ({"confidence": "much"}, "confidence"),
    ],
)
def test_an_update_that_no_field_can_hold_is_refused(database: Opened, data: dict[str, Any], field: str) -> None:
    lead = database.add_lead(JANE)
    with pytest.raises(InvalidLeadError) as refused:
        database.update_lead(lead, {"company": "Other", **data})
    assert refused.value.context["field"] == field
    assert filled(database.get_lead(lead), *JANE) == JANE


def test_a_batch_loses_no_record_that_cannot_be_a_lead(database: Opened, database_url: str) -> None:
    bad = [
        {"title": "CTO"},
        {"title": "CEO"},
        {"email": "nope"},
        {},
        {"full_name": "X Y", "notes": object()},
        {"key": "k", "phone": "1"},
    ]
    landed = list(database.upsert_leads([JANE, *bad, BOB]))
    assert [one.state for one in landed] == ["created", *["quarantined"] * 6, "created"]
    assert [one.lead_id for one in landed[1:-1]] == [None] * 6
    kept = rows(database_url, "quarantine")
    assert len({one["record_id"] for one in kept}) == 6
    assert {"CTO", "CEO"} <= {one["raw"].get("title") for one in kept}
    assert {one["raw"].get("full_name") for one in kept} >= {"X Y"}
    mended = database.upsert_lead({"key": "k", **BOB, "email": "new@elsewhere.example", "company": ""})
    assert mended[1]
    assert len(rows(database_url, "quarantine")) == 5


def test_what_is_no_record_is_quarantined_in_a_batch_and_refused_alone(database: Opened, database_url: str) -> None:
    odd: list[Any] = [None, "Jane Doe", [1, {2}], 7, {"key": "k", "title": b"x"}]
    odd += [{"full_name": "X Y", "notes": 10**5000}, {"key": 10**5000, "title": "CTO"}]
    landed = list(database.upsert_leads([JANE, *odd, BOB]))
    assert [one.state for one in landed] == ["created", *["quarantined"] * len(odd), "created"]
    assert {one["raw"].get("record") for one in rows(database_url, "quarantine")} >= {"Jane Doe", "<list>", "7"}
    for one in odd:
        with pytest.raises(InvalidLeadError):
            database.add_lead(one)
        with pytest.raises(InvalidLeadError):
            database.upsert_lead(one)
    assert database.count_leads() == 2


def test_an_update_changes_fields_and_says_who(database: Opened, database_url: str) -> None:
    lead = database.add_lead(JANE)
    assert database.update_lead(lead, {"title": "CEO", "phone": "504-621-8927"})
    assert not database.update_lead(lead, {"title": "CEO"})
    assert database.update_lead(lead, {"company": ""})
    assert database.upsert_lead({"id": lead, "notes": "met"}) == (lead, False)
    found = database.get_lead(lead)
    assert filled(found, "title", "phone", "company", "notes", "version") == {
        "title": "CEO", "phone": "+15046218927", "company": None, "notes": "met", "version": 4,
    }  # fmt: skip
    told = [
        (one["operation"], one["field"], one["old"], one["new"], one["who"])
        for one in rows(database_url, "lead_history")
    ]
    assert told[0][0] == "created"
    assert told[1:] == [
        ("updated", "phone", None, "+15046218927", "ada"), ("updated", "title", "CTO", "CEO", "ada"),
        ("updated", "company", "Acme", None, "ada"), ("updated", "notes", None, "met", "ada"),
    ]  # fmt: skip


@pytest.mark.parametrize("of", [JANE, {"email": "x@y.example"}, {"company": "Acme", "phone": "504-621-8927"}])
def test_a_lead_is_not_blanked_to_nobody(database: Opened, of: dict[str, str]) -> None:
    lead = database.add_lead(of)
    blank = dict.fromkeys(("full_name", "email", "linkedin_url", "company"), "")
    with pytest.raises(InvalidLeadError, match="who the lead is") as refused:
        database.update_lead(lead, blank)
    assert database.get_lead(lead)[refused.value.context["field"]] is not None
    assert database.get_lead(lead)["version"] == 1
    kept = next(name for name in ("email", "company") if name in of)
    database.update_lead(lead, {name: "" for name in blank if name != kept})
    assert database.get_lead(lead)[kept] == of[kept]


def test_a_lead_may_be_handed_back_as_it_was_read(database: Opened) -> None:
    lead = database.add_lead({**JANE, "confidence": 0.5, "verified": True, "Colour": "red"})
    database.mark_for_sync(lead)
    [read] = database.get_sync_pending_leads()
    assert read == {**database.get_lead(lead), "pending": ["crm"]}
    assert not database.update_lead(lead, read)
    assert database.upsert_lead(read) == (lead, False)
    assert database.upsert_lead({**read, "created_at": read["created_at"].isoformat()}) == (lead, False)
    assert database.get_lead(lead)["version"] == 1
    assert database.update_lead(lead, {**read, "title": "CEO"})
    assert filled(database.get_lead(lead), *JANE, "raw_data") == {**JANE, "title": "CEO", "raw_data": read["raw_data"]}


@pytest.mark.parametrize(
    ("name", "value"),
    [("airtable_id", "rec1"), ("version", 7), ("customer", "zeta"), ("id", "other"), ("version", True)],
)
def test_what_the_store_alone_sets_is_refused_where_it_differs(database: Opened, name: str, value: Any) -> None:
    lead = database.add_lead(JANE)
    with pytest.raises(InvalidLeadError, match=name) as refused:
        database.update_lead(lead, {**database.get_lead(lead), name: value})
    assert refused.value.context["field"] == name


def test_what_has_no_field_is_kept_beside_a_known_lead_too(database: Opened) -> None:
    lead = database.add_lead({**JANE, "Colour": "red", "Shoe": "42"})
    assert database.update_lead(lead, {"raw_data": {"Colour": "blue", "Hat": 7}})
    assert database.get_lead(lead)["raw_data"] == {"Colour": "blue", "Shoe": "42", "Hat": "7"}
    assert database.upsert_lead({"id": lead, "raw_data": {"Shoe": 43}, "Team": "A", "city": "Berlin"}) == (lead, False)
    found = database.get_lead(lead)
    assert found["raw_data"] == {"Colour": "blue", "Shoe": "43", "Hat": "7", "Team": "A"}
    assert (found["location"], found["title"]) == ("Berlin", "CTO")
    assert not database.update_lead(lead, {"raw_data": {"Hat": 7}})
    assert not database.update_lead(lead, {"raw_data": None})
    with pytest.raises(InvalidLeadError, match="raw_data"):
        database.update_lead(lead, {"raw_data": "red"})
    with pytest.raises(InvalidLeadError, match="Team"):
        database.update_lead(lead, {"Team": "B"})


def test_a_later_word_of_a_source_overtakes_an_update_and_an_equal_one_does_not(database: Opened) -> None:
    lead, _ = database.upsert_lead({"key": "k", **JANE})
    database.update_lead(lead, {"title": "CEO"})
    database.upsert_lead({"key": "k", **JANE})
    assert database.get_lead(lead)["title"] == "CEO"
    database.upsert_lead({"key": "k", "title": "Chair"})
    assert database.get_lead(lead)["title"] == "Chair"


def taking_back(url: str, what: Callable[..., Any], *arguments: Any) -> Any:
    engine = open_engine(url)
    with writing(engine, "acme") as connection:
        done = what(Undoing(connection, Policy("acme"), "undo-1", "bea", datetime.now(timezone.utc)), *arguments)
    engine.dispose()
    return done


def test_a_field_that_a_decision_holds_is_not_updated(database: Opened, database_url: str) -> None:
    lead = database.add_lead(JANE)
    decision = taking_back(database_url, undo.override, lead, "title", "Queen").decision_id
    with pytest.raises(ConflictError, match=f"decision {decision}"):
        database.update_lead(lead, {"title": "CEO"})
    assert database.update_lead(lead, {"title": "Queen"}) is False
    assert database.update_lead(lead, {"company": "Other"})
    assert filled(database.get_lead(lead), "title", "company") == {"title": "Queen", "company": "Other"}


def test_the_decision_of_a_lead_that_was_merged_holds_in_the_one_that_lives(
    database: Opened, database_url: str
) -> None:
    kept, _ = database.upsert_lead({"key": "a", **JANE})
    lost, _ = database.upsert_lead({"key": "b", "full_name": "Jane Doe", "linkedin_url": "linkedin.com/in/janedoe"})
    taking_back(database_url, undo.override, lost, "title", "Queen")
    database.upsert_lead({"key": "a", "linkedin_url": "linkedin.com/in/janedoe"})
    assert len(list(database.get_all_leads())) == 2  # nothing edited is joined unasked
    taking_back(database_url, answering.answer, (1, 2), "same")
    assert database.get_lead(kept)["title"] == "Queen"
    assert database.get_lead(lost)["merged_into"] == kept
    with pytest.raises(ConflictError, match="held by decision"):
        database.update_lead(kept, {"title": "CEO"})
    taking_back(database_url, undo.undo_field, kept, "title")
    assert database.get_lead(kept)["title"] == "CTO"


def test_a_merged_lead_is_updated_by_its_old_id_and_is_in_no_list(database: Opened, database_url: str) -> None:
    kept, _ = database.upsert_lead({"key": "a", **JANE})
    lost, _ = database.upsert_lead({"key": "b", "full_name": "Jane Doe", "linkedin_url": "linkedin.com/in/janedoe"})
    assert kept != lost
    database.update_lead(lost, {"notes": "of the lost"})
    database.upsert_lead({"key": "a", "linkedin_url": "linkedin.com/in/janedoe"})
    taking_back(database_url, answering.answer, (1, 2), "same")
    assert database.get_lead(kept)["notes"] == "of the lost"
    assert database.update_lead(lost, {"title": "CEO"})
    assert database.get_lead(kept)["title"] == "CEO"
    assert [lead["id"] for lead in database.get_all_leads()] == [kept]
    assert [lead["id"] for lead in database.search_leads("jane")] == [kept]
    assert database.count_leads() == 1
    assert database.count_leads(include_archived=True) == 2


def test_an_archived_lead_takes_no_update_and_comes_back_with_its_id(database: Opened, database_url: str) -> None:
    lead = database.add_lead(JANE)
    [run] = {one["run_id"] for one in rows(database_url, "lead_history")}
    from leads_dagster.store.undo_run import undo_run

    taking_back(database_url, undo_run, run)
    assert database.get_lead(lead)["archived_at"] is not None
    assert list(database.get_all_leads()) == []
    with pytest.raises(ConflictError, match="archived"):
        database.update_lead(lead, {"title": "CEO"})
    assert database.upsert_lead(JANE) == (lead, False)
    assert database.get_lead(lead)["archived_at"] is None


def test_an_update_that_was_rolled_back_stays_so_when_another_is_made(database: Opened, database_url: str) -> None:
    from leads_dagster.store.undo_run import undo_run

    lead = database.add_lead(JANE)
    database.update_lead(lead, {"title": "CEO"})
    run = rows(database_url, "lead_history")[-1]["run_id"]
    done = taking_back(database_url, undo_run, run)
    assert database.get_lead(lead)["title"] == "CTO"
    database.update_lead(lead, {"notes": "met"})
    assert filled(database.get_lead(lead), "title", "notes") == {"title": "CTO", "notes": "met"}
    taking_back(database_url, undo.take_back, done.decision_id)
    assert filled(database.get_lead(lead), "title", "notes") == {"title": "CEO", "notes": "met"}


def test_leads_are_searched_counted_and_paged(database: Opened) -> None:
    list(
        database.upsert_leads(
            [
                {"full_name": f"Person {n:02}", "email": f"p{n}@x{n}.example", "company": "Acme" if n % 2 else "Zeta"}
                for n in range(25)
            ]
        )
    )
    assert len(database.search_leads("person", limit=10)) == 10
    seen: list[str] = []
    after = None
    while True:
        page = database.search_leads({"company": "acme"}, limit=5, after=after, order="name")
        seen += [lead["full_name"] for lead in page]
        after = page.next
        if after is None:
            break
    assert seen == [f"Person {n:02}" for n in range(1, 25, 2)]
    assert database.count_leads(company="Acme") == 12
    assert [lead["full_name"] for lead in database.get_all_leads()] == [f"Person {n:02}" for n in range(25)]
    with pytest.raises(SettingsError, match="compny"):
        database.search_leads(compny="Acme")


def test_leads_are_marked_for_mirrors_until_these_have_heard(database: Opened) -> None:
    lead, other = database.add_lead(JANE), database.add_lead(BOB)
    assert {one["id"]: one["pending"] for one in database.get_sync_pending_leads()} == {lead: ["crm"], other: ["crm"]}
    assert database.mark_for_sync([lead], ["airtable"]) == 1
    assert [one["id"] for one in database.get_sync_pending_leads(mirror="airtable")] == [lead]
    assert sorted(database.get_sync_pending_leads(limit=1)[0]["pending"]) == ["airtable", "crm"]
    with pytest.raises(NotFoundError):
        database.mark_for_sync([other, "nobody"], ["airtable"])
    assert len(database.get_sync_pending_leads(mirror="airtable")) == 1


def test_a_mirror_may_be_named_alone_and_no_other_is_taken(database: Opened) -> None:
    lead = database.add_lead(JANE)
    assert database.mark_for_sync(lead, "airtable") == 1
    assert database.get_sync_pending_leads()[0]["pending"] == ["airtable", "crm"]
    for wrong in ("airtabel", ["crm", "airtabel"]):
        with pytest.raises(SettingsError, match="Did you mean 'airtable'"):
            database.mark_for_sync(lead, wrong)
    with pytest.raises(SettingsError, match="crm, airtable"):
        database.get_sync_pending_leads(mirror="nope")
    with pytest.raises(SettingsError, match="NoneType"):
        database.mark_for_sync(None)


@pytest.mark.parametrize("limit", [0, -1, 2.5, "5", None, True, 10**30])
def test_a_limit_that_cannot_be_meant_is_refused(database: Opened, limit: Any) -> None:
    with pytest.raises(SettingsError, match="limit"):
        database.get_sync_pending_leads(limit=limit)
    with pytest.raises(SettingsError, match="batch_rows"):
        list(database.upsert_leads([JANE], batch_rows=limit))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_retries", "3"),
        ("max_retries", -1),
        ("max_retries", 2.5),
        ("retry_delay", -1),
        ("retry_delay", float("nan")),
    ],
)
def test_retries_that_cannot_be_meant_are_refused(database: Opened, name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=name):
        database.upsert_lead(JANE, **{name: value})


def test_customers_are_kept_apart(open_database: Callable[..., Opened]) -> None:
    acme, zeta = open_database("acme"), open_database("zeta")
    ours, theirs = acme.add_lead(JANE), zeta.add_lead({**JANE, "title": "Spy"})
    assert ours != theirs
    assert zeta.get_lead(ours) is None
    with pytest.raises(NotFoundError):
        zeta.update_lead(ours, {"title": "Spy"})
    with pytest.raises(NotFoundError):
        zeta.mark_for_sync(ours)
    assert zeta.upsert_lead({"id": ours, "full_name": "Eve Moore", "email": "eve@zeta.example"})[1]
    assert [lead["title"] for lead in acme.get_all_leads()] == ["CTO"]
    assert (acme.count_leads(), zeta.count_leads()) == (1, 2)
    assert acme.search_leads("eve").leads == ()


STRANGE = {
    "nul": "a\0b", "surrogate": "half \ud83d", "emoji": "👩‍🔬 Jane 🇩🇪", "sql": "'; DROP TABLE leads; --",
    "percent": "%s %(x)s ? :y",
    "script": "<script>alert(1)</script>", "formula": "=HYPERLINK(1)", "bidi": "\u202egnp.exe", "long": "x" * 1_000_000,
    "lines": "a\r\nb\u2028c", "number": 12.5, "integer": 2**70, "nan": float("nan"), "true": True, "none": None,
    "time": datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), "date": date(2026, 1, 2),
    "decimal": Decimal("1.10"), "list": [1, [2, ["\ud800", date(2026, 1, 2)]]], "object": {"a": {"b": None}},
}  # fmt: skip


@pytest.mark.parametrize("name", ["notes", "title", "Something", "key", "linkedin_url", "full_name"])
def test_strange_values_are_data_wherever_they_stand(database: Opened, name: str) -> None:
    for number, (label, value) in enumerate(STRANGE.items()):
        told = {"full_name": "Jane Doe", "email": f"jane{number}@x{number}.example", name: value}
        [landed] = database.upsert_leads([told])
        assert landed.is_new_lead, label
        assert [(one.lead_id, one.state) for one in database.upsert_leads([told])] == [(landed.lead_id, "unchanged")]
        assert database.get_lead(landed.lead_id)["email"] == told["email"], label
        if name not in ("linkedin_url", "full_name"):  # where alone not everything is taken
            assert database.upsert_lead(told) == (landed.lead_id, False), label
    assert database.count_leads() == len(STRANGE)
    assert len(list(database.get_all_leads())) == len(STRANGE)


BAD = {"email": "not an e-mail", "confidence": "much", "verified": "perhaps", "phone": "12", "scraped_at": "soon"}


@pytest.mark.parametrize("name", BAD)
def test_a_value_that_its_field_cannot_hold_is_refused_alone_and_kept_as_it_was_in_a_batch(
    database: Opened, database_url: str, name: str
) -> None:
    told = {"key": "k", **JANE, name: BAD[name]}
    for refuse in (database.add_lead, database.upsert_lead):
        with pytest.raises(InvalidLeadError, match=name) as refused:
            refuse(told)
        assert refused.value.context["field"] == name
    assert database.count_leads() == 0
    [landed] = database.upsert_leads([told])
    assert database.get_lead(landed.lead_id)["full_name"] == "Jane Doe"
    assert [one["raw"][name] for one in rows(database_url, "source_records")] == [BAD[name]]
    assert BAD[name] in [one["value"] for one in rows(database_url, "claims") if one["field"] == name]
    with pytest.raises(InvalidLeadError, match=name):
        database.upsert_lead({"key": "k", name: BAD[name]})
    assert database.upsert_lead({"key": "k", "title": "CEO"}) == (landed.lead_id, False)


def test_text_comes_back_as_it_was_given(database: Opened) -> None:
    for value in (
        "👩‍🔬 Jane 🇩🇪",
        "'; DROP TABLE leads; --",
        "%s %(x)s ? :y",
        "=HYPERLINK(1)",
        "Jörg Müller-Lüdenscheidt",
    ):
        lead = database.add_lead({**JANE, "notes": value})
        assert database.get_lead(lead)["notes"] == value
    noise = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=1_000_000))
    lead = database.add_lead(
        {"key": noise, "full_name": "Noa Ise", "email": "noa@ise.example", "notes": noise, "Long": noise}
    )
    assert (len(database.get_lead(lead)["notes"]), database.get_lead(lead)["raw_data"]) == (len(noise), {"Long": noise})


def test_many_threads_on_one_object_make_no_lead_twice(database: Opened) -> None:
    def work(thread: int) -> list[tuple[str, bool]]:
        return [
            database.upsert_lead({"full_name": f"Person {n}", "email": f"p{n}@x{n}.example", f"By {thread}": str(n)})
            for n in range(20)
        ]

    with ThreadPoolExecutor(8) as pool:
        landed = [one for each in pool.map(work, range(8)) for one in each]
    assert Counter(created for _, created in landed) == {True: 20, False: 140}
    leads = list(database.get_all_leads())
    assert sorted(lead["email"] for lead in leads) == sorted(f"p{n}@x{n}.example" for n in range(20))
    assert all(len(lead["raw_data"]) == 8 for lead in leads)


def test_a_lock_that_is_given_up_in_time_is_waited_for(open_database: Callable[..., Opened], database_url: str) -> None:
    database = open_database()
    database.count_leads()
    with locked_by_another_process(database_url) as release, ThreadPoolExecutor(1) as pool:
        saving = pool.submit(database.upsert_lead, JANE)
        release()
        assert saving.result()[1]


def test_a_lock_that_stays_is_told_of_and_gives_up_at_last(
    open_database: Callable[..., Opened],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(StoreRetries, "from_settings", lambda _: StoreRetries(deadline_seconds=1.5))
    database = open_database()
    database.count_leads()
    cause = "database is locked" if database_url.startswith("sqlite") else "canceling statement due to lock timeout"
    with locked_by_another_process(database_url), caplog.at_level(logging.WARNING), pytest.raises(StoreBusyError):
        database.upsert_lead(JANE)
    assert caplog.messages[:2] == [
        f"Transient error on attempt 1/3 for lead save: {cause}. Retrying in 0.10 seconds",
        f"Transient error on attempt 2/3 for lead save: {cause}. Retrying in 0.20 seconds",
    ]
    assert database.upsert_lead(JANE)[1]
    assert database.metrics()["operations"]["lead save"]["retries"] >= 2


def test_a_child_process_goes_on_with_the_database_it_was_forked_with(database_url: str) -> None:
    database = LeadDatabase(database_url, "acme", who="ada")
    database.add_lead(JANE)
    child = os.fork()
    if child == 0:  # whatever happens, the child must not go on to other tests
        try:
            database.add_lead(BOB)
            os._exit(0 if database.count_leads() == 2 else 3)
        finally:
            os._exit(4)
    database.update_lead(database.add_lead(JANE), {"title": "CEO"})
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sorted(lead["title"] for lead in database.get_all_leads()) == ["CEO", "CFO"]
    database.close()


def test_a_closed_database_opens_again(database_url: str) -> None:
    with LeadDatabase(database_url, "acme", who="ada") as database:
        lead = database.add_lead(JANE)
    assert database.get_lead(lead) is not None
    database.close()
