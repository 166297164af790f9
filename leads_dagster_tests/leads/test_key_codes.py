"""Keys as numbers say what keys as texts say: the store has the one, a list that is matched as a whole the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import pytest

from leads_dagster.leads.aspects import Aspect, aspect_keys, aspect_values
from leads_dagster.leads.key_codes import READ_AS_COLUMNS, KeyCodes
from leads_dagster.leads.matching import MatchRecord
from leads_dagster.leads.record_columns import RecordColumns
from leads_dagster_tests.leads.matching_cases import people

ROWS = (
    {"name": "John Smith", "company": "Acme Tools GmbH", "email": "john@acme.com", "phone": "+13125550100"},
    {"name": "Smith John", "company": "Tools Acme", "email": "john@acme.com", "title": "CEO", "location": "Berlin"},
    {"name": "Jon Smith", "company": "Acme", "email": "info@acme.com", "phone": "+13125550100", "linkedin": "john-1"},
    {"name": "John Miller Smith", "company": "Acme Tools", "location": "Berlin", "title": "CEO", "linkedin": "john-1"},
    {"name": "Anna Maria Garcia Lopez", "company": "International Business Machines", "location": "Berlin"},
    {"name": "Anna Garcia", "company": "IBM", "location": "Berlin", "email": "john@acme.com", "title": "CEO"},
    {"name": "John", "company": "IBM 2", "phone": "+13125550100", "email": "john@acme.com"},
    {"name": "John 2", "company": "IBM 2", "location": "Berlin", "email": "info@acme.com"},
    {"name": "John 2", "company": "IBM", "email": "info@acme.com"},
    {"email": "john@acme.com", "linkedin": "john-1", "phone": "+13125550100"},
    {"email": "info@acme.com", "linkedin": "john-1"},
    {"email": "info@acme.com", "linkedin": "john-2", "company": "Acme"},
    {"name": "王伟", "company": "Acme", "linkedin": "john-1", "location": "Berlin", "email": "info@acme.com"},
    {"name": "Anna Anna", "company": "Acme Acme", "location": "Berlin", "email": "john@acme.com"},
)
Said = dict[str, bool | None]


def as_texts(records: Sequence[MatchRecord], aspect: Aspect) -> list[Said]:
    return [
        {
            key: is_open
            for shared, value in aspect_values(record, aspect).items()
            for key, is_open in reversed([*aspect_keys(record, aspect, shared, value)])
        }
        for record in records
    ]


def as_numbers(records: Sequence[MatchRecord], aspect: Aspect) -> list[dict[int, bool | None]]:
    codes = KeyCodes(RecordColumns(records))
    entries = codes.entries(aspect)
    keys = codes.keys(aspect, entries)
    found: dict[int, dict[int, bool | None]] = defaultdict(dict)
    for place, code, closed, guest in zip(*(column.tolist() for column in keys), strict=True):
        found[entries.owners[place]].setdefault(code, None if guest else not closed)
    return [found[index] for index in range(len(records))]


@pytest.mark.parametrize("aspect", sorted(READ_AS_COLUMNS))
def test_two_records_share_as_many_numbers_as_texts(aspect: Aspect) -> None:
    records = people(*ROWS)
    texts, numbers = as_texts(records, aspect), as_numbers(records, aspect)
    shared = [len(one.keys() & other.keys()) for one, other in combinations(texts, 2)]

    assert [len(one.keys() & other.keys()) for one, other in combinations(numbers, 2)] == shared
    assert any(shared)


@pytest.mark.parametrize("aspect", sorted(READ_AS_COLUMNS))
def test_numbers_are_as_open_as_texts(aspect: Aspect) -> None:
    records = people(*ROWS)

    for texts, numbers in zip(as_texts(records, aspect), as_numbers(records, aspect), strict=True):
        assert sorted(map(str, texts.values())) == sorted(map(str, numbers.values()))


@pytest.mark.parametrize("aspect", sorted(READ_AS_COLUMNS))
def test_what_a_record_says_of_an_aspect_is_one_number_for_a_text(aspect: Aspect) -> None:
    records = people(*ROWS, *ROWS)
    entries = KeyCodes(RecordColumns(records)).entries(aspect)
    said = [value for record in records for value in aspect_values(record, aspect).values()]

    assert len(said) == entries.values.size
    assert len(set(zip(said, entries.values.tolist(), strict=True))) == len(set(said)) == len(set(entries.values))
