"""What people taught comes to the same, whatever the order in which they taught it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.knowledge import NO_KNOWLEDGE, counting_otherwise, digest, knowledge_of
from leads_dagster.leads.match_features import company_name, person_name
from leads_dagster.leads.match_record import match_record
from leads_dagster.store.learning import may_fold_to
from leads_dagster_tests.leads.matching_cases import row

NAMES = st.sampled_from(["acme", "acme works", "aw", "beta", "beta labs", "gamma", "delta", "omega systems"])
PAIRS = st.lists(st.tuples(NAMES, NAMES).filter(lambda pair: pair[0] != pair[1]), max_size=8)


@given(PAIRS, st.randoms(use_true_random=False))
def test_pairs_learned_in_any_order_and_direction_give_the_same(pairs: list[tuple[str, str]], random: object) -> None:
    shuffled = [pair if random.random() < 0.5 else pair[::-1] for pair in pairs]  # type: ignore[attr-defined]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = knowledge_of(pairs, pairs), knowledge_of(shuffled, shuffled)
    assert (one.companies, one.given_names) == (other.companies, other.given_names)
    assert digest(one) == digest(other)


@given(PAIRS, st.tuples(NAMES, NAMES))
def test_what_was_learned_and_removed_leaves_what_was_before(
    pairs: list[tuple[str, str]], more: tuple[str, str]
) -> None:
    before, with_it, after = knowledge_of(pairs, []), knowledge_of([*pairs, more], []), knowledge_of(pairs, [])
    assert digest(before) == digest(after)
    there, back = counting_otherwise(before, with_it), counting_otherwise(with_it, after)
    assert there == back


@given(PAIRS)
def test_names_that_hang_together_count_as_one_and_as_nothing_else(pairs: list[tuple[str, str]]) -> None:
    companies = knowledge_of(pairs, []).companies
    for one, other in pairs:
        assert companies.get(one, one) == companies.get(other, other)
    for name, counts_as in companies.items():
        assert name != counts_as
        assert counts_as not in companies


def test_a_given_name_counts_as_the_one_that_has_nicknames() -> None:
    assert knowledge_of([], [("zork", "robert")]).given_names == {"zork": "robert"}


def test_a_company_counts_as_the_one_that_says_most() -> None:
    assert knowledge_of([("ibm", "international business machines")], []).companies == {
        "ibm": "international business machines"
    }


def test_nothing_learned_is_no_knowledge() -> None:
    assert digest(NO_KNOWLEDGE) == digest(knowledge_of([], [])) == ""


def test_rows_that_name_one_company_two_ways_are_taken_for_one_when_it_was_taught() -> None:
    known = knowledge_of([("ibm", "international business machines")], [])
    one = match_record(1, row(full_name="Ann Lee", company="IBM Inc."), known)
    other = match_record(2, row(full_name="Ann Lee", company="International Business Machines"), known)
    assert one.company == other.company


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_folding_a_text_of_ascii_adds_no_letter(text: str) -> None:
    for key in (company_name(text).key, person_name(text).given):
        assert may_fold_to(text, [set(key) - {" "}])
