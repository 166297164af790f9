"""Which records are compared: keys of one record alone, and few pairs however large a block is."""

from __future__ import annotations

import pytest

from leads_dagster.leads import block_pairs
from leads_dagster.leads.block_pairs import SMALL_BLOCK
from leads_dagster.leads.blocking import candidate_pairs
from leads_dagster.leads.matching import MatchRecord, blocking_keys, match_all, match_new
from leads_dagster.leads.record_columns import RecordColumns
from leads_dagster_tests.leads.matching_cases import groups, index, people, record

GIVEN = ("Anna", "Bernd", "Clara", "David", "Elena", "Fritz", "Greta", "Hugo", "Ida", "Jonas")


def pairs_of(records: list[MatchRecord]) -> int:
    ordered = sorted(records, key=lambda one: one.content_hash)
    return sum(pairs.left.size for pairs in candidate_pairs(RecordColumns(ordered)))


def surname(number: int) -> str:
    """Names that differ at both ends, as surnames do."""
    head, tail = number % 323, number * 7 % 221
    letters = ("bcdfghjklmnprstvwxz"[head % 19], "aeiou"[head % 5], "bdfghklmnprstvwxz"[head // 19], "aeiou"[tail % 5])
    return "".join((*letters, "bdfghklmnprst"[tail % 13], "aeiouy"[tail % 6], "bdfgklmnprstvwxzj"[tail // 13]))


def test_keys_depend_on_the_record_alone_and_repeat_nothing() -> None:
    one = record(1, name="John Smith", company="Acme GmbH", email="john@acme.com", phone="+13125550100")
    again = record(99, name="John Smith", company="Acme GmbH", email="john@acme.com", phone="+13125550100")

    assert blocking_keys(one) == blocking_keys(again)
    assert len(set(blocking_keys(one))) == len(blocking_keys(one)) <= 24


def test_a_row_that_no_rule_reads_has_no_key() -> None:
    assert blocking_keys(record(1, name="John Smith")) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"name": "Jhon Smith"}, {"name": "John Smith"}),
        ({"name": "Robert Smith"}, {"name": "Bob Smith"}),
        ({"name": "Smith Robert"}, {"name": "Robert Smith"}),
        ({"name": "John Msith"}, {"name": "John Smith"}),
        ({"name": "Maria Garcia Lopez"}, {"name": "Maria Garcia"}),
        ({"company": "Came Tools"}, {"company": "Acme Tools"}),
        ({"company": "Acme Tolos"}, {"company": "Acme Tools"}),
        ({"company": "Tools Acme"}, {"company": "Acme Tools"}),
        ({"company": "Voklswagen"}, {"company": "Volkswagen"}),
        ({"company": "IBM"}, {"company": "International Business Machines"}),
    ],
)
def test_one_error_in_name_or_company_leaves_a_key_in_common(one: dict[str, str], other: dict[str, str]) -> None:
    person = {"name": "John Smith", "company": "Acme Tools"}
    keys = [set(blocking_keys(record(1, **{**person, **cells}))) for cells in (one, other)]

    assert keys[0] & keys[1]


def test_a_company_of_thousands_falls_apart_by_name() -> None:
    rows = [record(n, name=f"{GIVEN[n % 10]} {surname(n)}", company="Acme GmbH") for n in range(4000)]

    assert pairs_of(rows) < 20 * len(rows)


def test_a_shared_mailbox_of_thousands_falls_apart_by_name() -> None:
    rows = [record(n, name=f"{GIVEN[n % 10]} {surname(n)}", email="info@acme.com") for n in range(4000)]

    assert pairs_of(rows) < 45 * len(rows)


OFFICES = [
    {"phone": "+493012345678"},
    {"location": "Berlin"},
    {"website": "acme.com"},
    {"address": "Ring 1\n10115\nBerlin"},
]


@pytest.mark.parametrize("cells", OFFICES, ids=lambda cells: next(iter(cells)))
def test_thousands_of_companies_that_begin_alike_in_one_office_fall_apart_by_name(cells: dict[str, str]) -> None:
    rows = [record(n, company=f"Acme {surname(n)} {surname(7 * n)}", **cells) for n in range(4000)]

    assert pairs_of(rows) < 60 * len(rows)


def test_a_company_of_one_word_meets_all_that_begin_with_it_in_its_office() -> None:
    rows = [record(n, company=f"Acme {surname(n)}", phone="+493012345678") for n in range(100)]
    edges = match_new([record(1000, company="Acme", phone="+493012345678")], index(rows))

    assert {edge.a for edge in edges if edge.outcome == "review"} == set(range(100))


@pytest.mark.parametrize(
    "company",
    ["Acme Tolos", "Acme Toolz", "Acme Ools", "Acne Tools", "Cme Tools", "Tools Acme", "AcmeTools", "Acme Tools 24"],
)
def test_one_error_in_the_company_of_an_office_leaves_a_key_in_common(company: str) -> None:
    keys = [set(blocking_keys(record(1, company=one, location="Berlin"))) for one in ("Acme Tools", company)]

    assert keys[0] & keys[1]


def test_one_name_in_thousands_of_companies_falls_apart_by_company() -> None:
    rows = [record(n, name="John Smith", company=f"{surname(n)} {surname(7 * n)}") for n in range(3000)]

    assert pairs_of(rows) < 30 * len(rows)


def test_numbered_names_and_companies_are_not_compared_with_each_other() -> None:
    users = [record(n, name=f"Test User {n}", email="test@acme.com") for n in range(1000)]
    shops = [record(n, name="John Smith", company=f"Acme {n}") for n in range(1000)]

    assert pairs_of(users) < 2 * len(users)
    assert pairs_of(shops) == 0


@pytest.mark.parametrize(
    "cells",
    [
        {"name": "John Smith", "company": "Acme", "email": "john@acme.com"},
        {"name": "John Smith", "company": "Acme"},
        {"name": "Acme", "company": "Acme", "website": "acme.com"},
    ],
    ids=["person", "no mailbox", "company"],
)
def test_rows_that_repeat_one_lead_are_each_tied_to_one_of_them(cells: dict[str, str]) -> None:
    rows = [record(n, **cells, notes=str(n)) for n in range(500)]

    assert len(match_all(rows)) == len(rows) - 1
    assert groups(rows) == {frozenset(range(500))}


def test_one_name_and_company_with_thousands_of_mailboxes_is_tied_not_compared() -> None:
    rows = [record(n, name="John Smith", company="Acme", email=f"john{n}@acme.com") for n in range(500)]

    assert len(match_all(rows)) == len(rows) - 1


def test_contradictions_in_a_large_block_are_recorded_side_by_side_only() -> None:
    rows = [record(n, name="John Smith", company="Acme", linkedin=f"john-{n}") for n in range(20 * SMALL_BLOCK)]
    edges = match_all(rows)

    assert {edge.outcome for edge in edges} == {"blocked"}
    assert len(edges) < len(rows)


def test_a_nameless_row_meets_everybody_at_its_mailbox_however_many_they_are() -> None:
    rows = [record(n, name=f"{GIVEN[n % 10]} {surname(n)}", email="all@x.example") for n in range(100)]
    rows = [record(n, name=one.fields["full_name"], email="someone@x.example") for n, one in enumerate(rows)]
    nameless = record(1000, email="someone@x.example")
    edges = match_new([nameless], index(rows))

    assert {edge.a for edge in edges if edge.outcome == "match"} == set(range(100))


def test_a_new_row_is_compared_with_its_candidates_only() -> None:
    known = [record(n, name=f"{GIVEN[n % 10]} {surname(n)}", company=f"Firm {surname(n)}") for n in range(1000)]
    new = record(5000, name="Anna Bala", company="Firm bala")
    edges = match_new([new], index([*known, record(4000, name="Anna Bala", company="Firm Bala Ltd")]))

    assert [(edge.a, edge.b, edge.outcome) for edge in edges] == [(4000, 5000, "match")]


def test_known_records_are_not_compared_with_each_other() -> None:
    known = [record(n, name="John Smith", company="Acme") for n in range(3)]
    new = record(10, name="John Smith", company="Acme")

    assert all(10 in (edge.a, edge.b) for edge in match_new([new], index(known)))


CITIES = ("Berlin", "Oslo", "Paris")
HOSTILE = {
    "one given name, company, title and place": lambda n: {
        "name": f"John {surname(n)}", "company": "Acme", "title": "CEO", "location": "Berlin",
    },
    "one family name in one company": lambda n: {"name": f"{surname(n)} Smith", "company": "Acme"},
    "one name, title and place in many companies": lambda n: {
        "name": "John Smith", "company": f"{surname(n)} {surname(7 * n)}", "title": "CEO", "location": "Berlin",
    },
    "one name in companies that begin alike": lambda n: {"name": "John Smith", "company": f"Company {surname(n)}"},
    "one name at one mail host": lambda n: {"name": "John Smith", "email": f"{surname(n)}{n}@acme.com"},
    "few names at one switchboard": lambda n: {
        "name": f"{GIVEN[n % 10]} Smith", "company": f"{surname(n)} {surname(7 * n)}", "phone": "+493012345678",
        "title": surname(n), "location": CITIES[n % 3],
    },
    "names with emoji": lambda n: {
        "name": f"😀 {GIVEN[n % 10]} {surname(n)}", "company": "🚀 Acme", "title": "🔥", "location": "🌍 Berlin",
    },
    "offices of one company at one switchboard": lambda n: {
        "company": "Acme", "phone": "+493012345678", "location": f"Berlin {surname(n)}",
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_thousands_of_hostile_rows_are_few_pairs_a_row(kind: str) -> None:
    rows = [record(n, **HOSTILE[kind](n)) for n in range(4000)]

    assert pairs_of(rows) < 150 * len(rows)  # every pair would be 2000


@pytest.mark.parametrize("kind", HOSTILE)
def test_taking_a_large_block_apart_changes_no_cluster(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [record(n, **HOSTILE[kind](n)) for n in range(200)]
    apart = groups(rows)
    monkeypatch.setattr(block_pairs, "MANY_IN_BLOCK", len(rows))

    assert groups(rows) == apart


def test_equal_names_at_one_switchboard_are_tied_not_compared() -> None:
    rows = [record(n, name="John Smith", company=surname(n), phone="+493012345678") for n in range(500)]

    assert len(match_all(rows)) < 2 * len(rows)
    assert groups(rows) == {frozenset(range(500))}


def test_a_guest_by_name_meets_its_host_by_name_who_is_its_guest_by_company(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = people(
        {"name": "Ida Woodbrook", "email": "ida.woodbrook@acme.com", "title": "CTO"},
        {"name": "Ida Woodbrok", "company": "Acme GmbH", "title": "CTO", "location": "Berlin"},
        {"name": "IdaWoodbrook", "email": "info@acme.com", "title": "CTO"},
    )
    directly = groups(rows)
    monkeypatch.setattr(block_pairs, "SMALL_BLOCK", 1)
    monkeypatch.setattr(block_pairs, "MANY_IN_BLOCK", 1)

    assert groups(rows) == directly == {frozenset({0, 1, 2})}
