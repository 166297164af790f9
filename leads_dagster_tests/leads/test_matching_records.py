"""A row taken apart for matching, and the tables that do it."""

from __future__ import annotations

import pytest

from leads_dagster.leads.fields import NormalizedRow
from leads_dagster.leads.match_features import NO_NAME, company_name, is_role_mailbox, nickname_table, person_name
from leads_dagster.leads.matching import content_hash
from leads_dagster.leads.rule_tables import load_table
from leads_dagster_tests.leads.matching_cases import record, row


def test_the_content_hash_depends_on_what_is_said_not_on_the_order_of_columns() -> None:
    one = NormalizedRow({"full_name": "John Smith", "company": "Acme"})
    other = NormalizedRow({"company": "Acme", "full_name": "John Smith"}, extra={"Owner": "Mary"})

    assert content_hash(one) == content_hash(other)
    assert len(content_hash(one)) == 16


@pytest.mark.parametrize("cells", [{"name": "Jon Smith"}, {"phone": "+1"}, {"email": "a@b.c"}, {"name": "\ud800"}])
def test_another_cell_is_another_content(cells: dict[str, str]) -> None:
    assert content_hash(row(**{"name": "John Smith", **cells})) != content_hash(row(name="John Smith"))


def test_a_name_is_given_and_family_name_without_title_suffix_and_particle() -> None:
    name = person_name("Dr. Ludwig van Beethoven Jr.")

    assert (name.given, name.family, name.generation, name.middle_initials) == ("ludwig", "beethoven", "jr", "")


def test_initials_and_numbers_alone_are_no_name() -> None:
    assert person_name("J. S.") == NO_NAME
    assert person_name("12345") == NO_NAME
    assert person_name("???") == NO_NAME


def test_a_company_without_a_letter_or_digit_is_none() -> None:
    assert company_name("???").key == ""
    assert company_name("3M Company").digits == "3"


@pytest.mark.parametrize("mailbox", ["info@a.de", "kontakt@a.de", "sales-team@a.de", "buero@a.de"])
def test_mailboxes_of_tasks_are_known(mailbox: str) -> None:
    assert is_role_mailbox(mailbox)


@pytest.mark.parametrize("mailbox", ["john@a.de", "informatica.rossi@a.de", "salesky@a.de", "anna.info@a.de"])
def test_mailboxes_of_persons_are_not_taken_for_tasks(mailbox: str) -> None:
    assert not is_role_mailbox(mailbox)


def test_role_mailboxes_are_written_as_they_are_compared() -> None:
    words = [word for table in load_table("role_mailboxes").values() for word in table]

    assert [word for word in words if not is_role_mailbox(f"{word}@x")] == []


def test_nicknames_are_akin_both_ways_and_not_through_a_third() -> None:
    table = nickname_table()
    bob, robert, william = (table.numbers.get(name, 0) for name in ("bob", "robert", "william"))

    assert table.akin[bob, robert]
    assert table.akin[robert, bob]
    assert not table.akin[robert, william]
    assert not table.akin[0].any()


def test_every_group_of_nicknames_has_two_names_and_no_name_twice() -> None:
    groups = [line.split() for lines in load_table("nicknames").values() for line in lines]

    assert [group for group in groups if len(set(group)) < 2 or len(set(group)) != len(group)] == []


def test_a_row_that_names_only_its_company_is_a_company() -> None:
    assert record(1, name="Acme GmbH", company="Acme GmbH", phone="+1").kind == "company"
    assert record(1, company="Acme GmbH", email="info@acme.com").kind == "company"
    assert record(1, name="Acme", company="Acme GmbH", website="acme.com").kind == "company"


def test_a_row_with_a_personal_mailbox_or_profile_is_a_person() -> None:
    assert record(1, company="Acme GmbH", email="john@acme.com").kind == "person"
    assert record(1, company="Acme GmbH", linkedin="john").kind == "person"
    assert record(1, name="John Smith", company="Acme GmbH").kind == "person"
