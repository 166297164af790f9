"""How much a name tells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.match_features import person_name
from leads_dagster.leads.name_frequencies import (
    UNKNOWN_FAMILY_BITS,
    UNKNOWN_GIVEN_BITS,
    family_bits,
    given_bits,
    initial_bits,
)


@pytest.mark.parametrize(
    ("common", "rarer"),
    [
        ("John Smith", "John Lindqvist"),
        ("Thi Nguyen", "Thi Zuckerberg"),
        ("Jörg Müller", "Jörg Ackermann"),
        ("José García", "José Etxeberria"),
        ("Anna Kowalska", "Anna Brzęczyszczykiewicz"),
        ("Vladimir Ivanov", "Vladimir Zhirinovsky"),
        ("Wei Wang", "Wei Ouyang"),
        ("Lars van den Berg", "Lars van Wassenaer"),
    ],
)
def test_a_common_family_name_tells_less_than_a_rare_one(common: str, rarer: str) -> None:
    assert family_bits(person_name(common).family) < family_bits(person_name(rarer).family)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("John Smith", 5, 7), ("María García", 2.5, 4), ("Mohamed Ali", 3, 5), ("Ingeborg Berg", 8, 10)],
)
def test_a_given_name_has_the_share_of_the_country_where_it_is_commonest(name: str, least: float, most: float) -> None:
    assert least <= given_bits(person_name(name).given) <= most


def test_spellings_with_and_without_umlaut_tell_the_same() -> None:
    assert family_bits(person_name("Jörg Müller").family) == family_bits(person_name("Joerg Mueller").family)


def test_a_name_of_nobody_tells_nothing() -> None:
    assert (given_bits(""), family_bits(""), initial_bits("")) == (0, 0, 0)


def test_an_unknown_name_tells_no_more_than_unlisted_names_do_on_average() -> None:
    assert family_bits("qzxv") == UNKNOWN_FAMILY_BITS
    assert given_bits("qzxv") == UNKNOWN_GIVEN_BITS


def test_a_name_in_another_script_tells_little_because_one_character_can_be_the_name_of_millions() -> None:
    assert family_bits("王") < family_bits("ouyang")


def test_a_first_letter_tells_less_than_any_name_that_is_not_of_the_very_commonest() -> None:
    assert initial_bits("j") < initial_bits("q") < UNKNOWN_GIVEN_BITS


@given(name=st.text(max_size=30))
def test_bits_are_between_nothing_and_what_an_unknown_name_tells(name: str) -> None:
    assert 0 <= given_bits(name) <= UNKNOWN_GIVEN_BITS
    assert 0 <= family_bits(name) <= UNKNOWN_FAMILY_BITS
    assert 0 <= initial_bits(name) <= UNKNOWN_FAMILY_BITS
