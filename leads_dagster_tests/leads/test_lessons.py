"""Two rows that a person calls one lead teach another name only where nothing else explains the difference."""

from __future__ import annotations

import pytest

from leads_dagster.leads.lessons import company_key, learned_from, nickname_key
from leads_dagster_tests.leads.matching_cases import row


def taught(left: dict[str, str], right: dict[str, str]) -> list[tuple[str, str, str]]:
    found = learned_from(row(**left), row(**right))
    assert found == [] or {one.kind for one in found} <= {"company", "nickname"}
    back = [(one.kind, one.right, one.left) for one in learned_from(row(**right), row(**left))]
    assert [(one.kind, one.left, one.right) for one in found] == back
    return [(one.kind, one.left, one.right) for one in found]


@pytest.mark.parametrize(
    "more",
    [
        ({"email": "ann@corp.example"}, {"email": "a.lee@corp.example"}),
        ({"website": "https://www.corp.example/team"}, {"email": "ann@corp.example"}),
    ],
    ids=["host of the e-mail", "website and e-mail"],
)
def test_companies_tied_by_a_host_count_as_one(more: tuple[dict[str, str], dict[str, str]]) -> None:
    left = {"full_name": "Ann Lee", "company": "Initech", **more[0]}
    right = {"full_name": "Ann Lee", "company": "Penetrode Group", **more[1]}
    assert taught(left, right) == [("company", "Initech", "Penetrode Group")]


def test_an_acronym_ties_companies() -> None:
    left = {"full_name": "Ann Lee", "company": "IBM Corp"}
    right = {"full_name": "Ann Lee", "company": "International Business Machines"}
    assert taught(left, right) == [("company", "IBM Corp", "International Business Machines")]


def test_names_that_are_nearly_alike_tie_companies() -> None:
    left = {"full_name": "Ann Lee", "company": "Northwind Trading"}
    right = {"full_name": "Ann Lee", "company": "Northwind Traders"}
    assert taught(left, right) == [("company", "Northwind Trading", "Northwind Traders")]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({}, {}),
        ({"email": "ann.lee@gmail.com"}, {"email": "ann.lee@gmail.com"}),
    ],
    ids=["nothing else", "free mail"],
)
def test_another_company_without_a_tie_is_a_change_of_job(left: dict[str, str], right: dict[str, str]) -> None:
    one = {"full_name": "Ann Lee", "company": "Initech", **left}
    assert taught(one, {"full_name": "Ann Lee", "company": "Umbrella", **right}) == []


def test_companies_of_people_who_are_not_called_alike_teach_nothing() -> None:
    left = {"full_name": "Ann Lee", "company": "Initech", "email": "info@corp.example"}
    assert taught(left, {"full_name": "Cy Young", "company": "Umbrella", "email": "info@corp.example"}) == []


def test_two_given_names_of_one_family_name_are_learned() -> None:
    left = {"full_name": "Zork Stone", "company": "Initech"}
    right = {"full_name": "Bartholomew Stone", "company": "Initech"}
    assert taught(left, right) == [("nickname", "Zork", "Bartholomew")]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("R. Stone", "Robert Stone"),
        ("Bob Stone", "Robert Stone"),
        ("Micheal Stone", "Michael Stone"),
        ("Anna Stone", "Anna Maria Stone"),
        ("Maria Stone", "Anna Maria Stone"),
        ("Zork Stone", "Zork Miller"),
        ("Zork Stone", "Bartholomew Miller"),
        ("Zork", "Bartholomew"),
        ("", "Bartholomew Stone"),
    ],
    ids=[
        "initial", "known already", "typing error", "middle name", "called by it", "married", "another", "half names",
        "nobody",
    ],
)  # fmt: skip
def test_given_names_that_differ_for_another_reason_are_not(left: str, right: str) -> None:
    assert taught({"full_name": left, "company": "Initech"}, {"full_name": right, "company": "Initech"}) == []


def test_a_nickname_and_a_company_may_be_learned_at_once() -> None:
    left = {"full_name": "Zork Stone", "company": "Initech", "email": "zork@corp.example"}
    right = {"full_name": "Bartholomew Stone", "company": "Umbrella", "email": "b.stone@corp.example"}
    assert [kind for kind, *_ in taught(left, right)] == ["company", "nickname"]


def test_keys_are_those_that_matching_compares() -> None:
    assert company_key("The Müller & Söhne GmbH") == company_key("Mueller and Soehne")
    assert (nickname_key("Peggy"), nickname_key("Peggy Sue"), nickname_key("P."), nickname_key("")) == (
        "peggy", "", "", "",
    )  # fmt: skip
