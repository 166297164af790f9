"""Names one slip of the pen apart are found by an index as they are by comparing each with each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.comparison import one_letter_apart
from leads_dagster.leads.match_features import PersonName, person_name
from leads_dagster.leads.slips import Slips

_WORDS = st.text("abc", min_size=1, max_size=4)
_NAMES = st.lists(_WORDS, min_size=1, max_size=4).map(" ".join).map(person_name)


def _by_key(*names: PersonName) -> dict[str, PersonName]:
    return {name.key: name for name in names}


@given(st.lists(_NAMES, max_size=12), st.lists(_NAMES, min_size=1, max_size=12))
def test_near_names_are_those_that_one_letter_makes_of_each_other(
    first: list[PersonName], then: list[PersonName]
) -> None:
    slips = Slips()
    slips.add(_by_key(*first))
    slips.add(_by_key(*then))
    every = _by_key(*first, *then)
    for name in every.values():
        near = {key for key, other in every.items() if key != name.key and one_letter_apart(name, other)}
        assert slips.near(name) == near


def test_a_lost_blank_another_order_and_swapped_letters_are_one_slip() -> None:
    texts = ("Elizabeth Oakshaw", "Elizaebth Oakshaw", "ElizabethOakshaw", "Oakshaw Elizabet", "Liz Oakshaw")
    names = [person_name(text) for text in texts]
    slips = Slips()
    slips.add(_by_key(*names))
    assert slips.near(names[0]) == {name.key for name in names[1:4]}
