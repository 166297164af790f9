"""Which given names one person may go by."""

from __future__ import annotations

import pytest

from leads_dagster.leads.folding import fold_text
from leads_dagster.leads.given_names import given_name_groups
from leads_dagster.leads.match_features import person_name


def _akin(one: str, other: str) -> bool:
    names = {person_name(f"{one} Doe").given, person_name(f"{other} Doe").given}
    return any(names <= group for group in given_name_groups())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("Robert", "Bob"), ("Bob", "Rob"), ("Henry", "Harry"), ("Elizabeth", "Lisa"), ("Joshua", "Josh")),
        *(
            ("Gabriele", "Gabi"),
            ("Günther", "Gunter"),
            ("Johannes", "Hans"),
            ("Cornelis", "Kees"),
            ("Frédéric", "Fred"),
        ),
        *(("José", "Pepe"), ("Giuseppe", "Pino"), ("Francisco", "Chico"), ("Małgorzata", "Gosia"), ("Jiří", "Jirka")),
        *(("Aleksandr", "Sasha"), ("Oleksandr", "Alexander"), ("Yuliya", "Julia"), ("Georgios", "Yorgos")),
        *(("Mohamed", "Muhammad"), ("Yitzhak", "Isaac"), ("László", "Laci")),
    ],
)
def test_one_person_may_go_by_both_names(one: str, other: str) -> None:
    assert _akin(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Aaron", "Erin"), ("Eleanor", "Nellie"), ("Ashley", "Leah"), ("Bill", "Fred")],
)
def test_a_nickname_that_is_an_everyday_name_of_its_own_is_none(one: str, other: str) -> None:
    assert not _akin(one, other)


@pytest.mark.parametrize(("one", "other"), [("Carlos", "Pedro"), ("Kevin", "Katherine"), ("Mark", "Matthew")])
def test_other_people_have_other_names(one: str, other: str) -> None:
    assert not _akin(one, other)


def test_every_group_has_two_names_at_least_all_folded() -> None:
    groups = given_name_groups()
    assert all(len(group) > 1 for group in groups)
    assert all(name == fold_text(name) and name.isalpha() for group in groups for name in group)
