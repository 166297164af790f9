"""Which records become one lead, and which a chain of matches does not join."""

from __future__ import annotations

from itertools import permutations

import pytest

from leads_dagster.leads.forest import Homes
from leads_dagster.leads.matching import cluster, match_all
from leads_dagster_tests.leads.matching_cases import groups, people

MAIL = "john@acme.com"


def test_a_row_alone_is_a_lead_of_its_own() -> None:
    assert groups(people({"name": "John Smith"}, {"name": "Mary Baker"})) == {frozenset({0}), frozenset({1})}


def test_no_rows_are_no_leads() -> None:
    assert cluster([], []) == []


def test_matches_join_through_a_third_row() -> None:
    rows = people(
        {"name": "John Smith", "company": "Acme", "email": MAIL},
        {"name": "Jon Smith", "company": "Acme", "phone": "+13125550100"},
        {"name": "Jon Smith", "company": "Borealis", "phone": "+13125550100"},
    )

    assert groups(rows) == {frozenset({0, 1, 2})}


def test_a_chain_does_not_join_two_linkedin_profiles() -> None:
    rows = people(
        {"name": "John Smith", "company": "Acme", "linkedin": "a"},
        {"name": "John Smith", "company": "Acme"},
        {"name": "John Smith", "company": "Acme", "linkedin": "b"},
    )

    assert sorted(map(len, groups(rows))) == [1, 2]
    assert not any({0, 2} <= members for members in groups(rows))


def test_a_nameless_row_does_not_join_two_persons_of_one_mailbox() -> None:
    rows = people({"name": "John Smith", "email": MAIL}, {"email": MAIL}, {"name": "Mary Baker", "email": MAIL})

    assert not any({0, 2} <= members for members in groups(rows))
    assert sorted(map(len, groups(rows))) == [1, 2]


def test_a_row_without_suffix_does_not_join_father_and_son() -> None:
    rows = people(
        {"name": "John Smith Jr.", "email": MAIL},
        {"email": MAIL},
        {"name": "John Smith Sr.", "email": MAIL},
    )

    assert not any({0, 2} <= members for members in groups(rows))


def test_a_company_without_address_does_not_join_two_offices() -> None:
    acme = {"name": "Acme", "company": "Acme", "website": "acme.com"}
    rows = people({**acme, "location": "Berlin"}, acme, {**acme, "location": "Paris"})

    assert not any({0, 2} <= members for members in groups(rows))


def test_one_profile_joins_across_a_change_of_name() -> None:
    rows = people(
        {"name": "Anna Meier", "linkedin": "anna", "email": "anna@acme.com"},
        {"name": "Anna Schulz", "linkedin": "anna"},
        {"name": "Anna Meier", "email": "anna@acme.com"},
    )

    assert groups(rows) == {frozenset({0, 1, 2})}


def test_a_row_without_a_birth_date_does_not_join_two_that_give_other_ones() -> None:
    john = {"name": "John Smith", "company": "Acme"}
    days = ("19831024", "19510203", "19831024", "19831025")
    rows = people(john, *({**john, "birth_date": day} for day in days))

    assert not any({1, 2} <= members for members in groups(rows))
    assert any({1, 3, 4} <= members for members in groups(rows))


def test_thousands_of_one_name_and_company_are_told_apart_by_their_birth_dates() -> None:
    john = {"name": "John Smith", "company": "Acme"}
    days = [
        f"{year}{month:02}{day:02}" for year in (1951, 1972, 1993) for month in range(1, 13) for day in range(1, 29)
    ]
    rows = people(*({**john, "birth_date": day} for day in days), john)

    assert max(map(len, groups(rows))) < 40


ELIZABETHS = ({"name": "Elizabeth Oakshaw"}, {"name": "Liz Oakshaw"}, {"name": "Oakshaw Elizaebth"})


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_slip_of_the_pen_contradicts_nothing_beside_a_row_that_has_it_right(order: tuple[int, ...]) -> None:
    rows = people(*({**ELIZABETHS[place], "company": "Copper Motors"} for place in order))

    assert groups(rows) == {frozenset({0, 1, 2})}
    assert len(groups([row for row in rows if row.name.given != "elizabeth"])) == 2


def test_a_name_that_is_another_name_is_no_slip() -> None:
    names = ("Pat Oakshaw", "Patrick Oakshaw", "Patricia Oakshaw")
    rows = people(*({"name": name, "company": "Copper Motors"} for name in names))

    assert not any({1, 2} <= members for members in groups(rows))


def test_a_stronger_rule_is_applied_before_a_weaker_one() -> None:
    rows = people(
        {"name": "John Smith", "company": "Acme", "linkedin": "a"},
        {"name": "John Smith", "company": "Acme", "email": MAIL},
        {"name": "John Smith", "company": "Borealis", "linkedin": "b", "email": MAIL},
    )

    assert groups(rows) == {frozenset({0}), frozenset({1, 2})}


def test_a_decision_joins_what_contradicts() -> None:
    rows = people({"name": "John Smith", "linkedin": "a"}, {"name": "J. Smithers", "linkedin": "b"})
    found = cluster(rows, match_all(rows), same={frozenset({0, 1})})

    assert [set(one.members) for one in found] == [{0, 1}]
    assert [edge.rule for edge in found[0].edges] == ["decision"]


def test_what_a_decision_joined_takes_in_what_matches_either() -> None:
    rows = people({"name": "John Smith", "linkedin": "a"}, {"name": "J. Smithers", "linkedin": "b"}, {"linkedin": "b"})

    assert len(cluster(rows, match_all(rows), same={frozenset({0, 1})})) == 1


def test_of_two_that_a_decision_joined_each_goes_on_taking_in_rows_of_its_name() -> None:
    rows = people(*[{"name": "John Smith", "email": MAIL}, {"name": "Mary Baker", "email": MAIL}] * 2)

    assert groups(rows) == {frozenset({0, 2}), frozenset({1, 3})}
    assert len(cluster(rows, match_all(rows), same={frozenset({0, 1})})) == 1


def test_a_decision_about_two_that_are_alike_takes_in_nobody_else() -> None:
    john, mary = {"name": "John Smith", "email": MAIL}, {"name": "Mary Baker", "email": MAIL}
    found = cluster(rows := people(john, john, mary), match_all(rows), same={frozenset({0, 1})})

    assert {frozenset(one.members) for one in found} == {frozenset({0, 1}), frozenset({2})}


def test_a_guarded_lead_is_joined_with_no_other_but_takes_in_new_rows() -> None:
    rows = people(*[{"name": "John Smith", "company": "Acme", "email": MAIL}] * 4)
    for others in (Homes({0: "a"}, frozenset({1, 2})), Homes({0: "a", 1: "b"}, frozenset({2}))):
        found = [set(one.members) for one in cluster(rows, match_all(rows), homes=others)]
        assert sum(not {0, 1, 2}.isdisjoint(one) for one in found) == len(found) >= 2
        assert not any(0 in one and one & {1, 2} for one in found)
    assert len(cluster(rows, match_all(rows), homes=Homes({0: "a", 1: "a"}))) == 1


def test_a_decision_joins_a_guarded_lead_too() -> None:
    rows = people(*[{"name": "John Smith", "company": "Acme", "email": MAIL}] * 2)

    assert len(cluster(rows, match_all(rows), same={frozenset({0, 1})}, homes=Homes({0: "a", 1: "b"}))) == 1


def test_a_decision_keeps_apart_what_matches_also_by_a_detour() -> None:
    rows = people(*[{"name": "John Smith", "company": "Acme", "email": MAIL}] * 2, {"email": MAIL})
    found = cluster(rows, match_all(rows), not_same={frozenset({0, 1})})

    assert not any({0, 1} <= set(one.members) for one in found)
    assert sorted(len(one.members) for one in found) == [1, 2]


def test_a_twin_of_a_row_that_is_kept_apart_still_joins_others() -> None:
    rows = people(*[{"name": "John Smith", "company": "Acme"}] * 3)
    found = cluster(rows, match_all(rows), not_same={frozenset({0, 1})})

    assert sorted(len(one.members) for one in found) == [1, 2]


def test_decisions_about_records_that_are_not_here_are_left_aside() -> None:
    rows = people({"name": "John Smith"})

    assert len(cluster(rows, [], same={frozenset({0, 77})}, not_same={frozenset({5, 6})})) == 1


def test_reviews_stay_apart() -> None:
    rows = people({"name": "Tim Cook", "company": "Acme"}, {"name": "Tom Cook", "company": "Acme"})

    assert [edge.outcome for edge in match_all(rows)] == ["review"]
    assert len(groups(rows)) == 2


def test_members_are_in_content_order_and_every_one_has_an_edge() -> None:
    rows = people(*({"name": "John Smith", "company": "Acme", "notes": str(n)} for n in range(9)))
    (found,) = cluster(rows, match_all(rows))
    by_id = {one.id: one for one in rows}

    assert list(found.members) == sorted(found.members, key=lambda member: by_id[member].content_hash)
    assert {end for edge in found.edges for end in (edge.a, edge.b)} == set(found.members)
    assert len(found.edges) == len(found.members) - 1


def test_clusters_come_in_content_order_of_their_first_members() -> None:
    rows = people(*({"name": f"Person {letter}"} for letter in "qwertyuiop"))
    by_id = {one.id: one for one in rows}
    firsts = [by_id[found.members[0]].content_hash for found in cluster(rows[::-1], [])]

    assert firsts == sorted(firsts)
