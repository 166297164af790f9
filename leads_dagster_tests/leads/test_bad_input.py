"""Lists in which all is equal, empty, huge or strange: what they come to. That nothing hangs is the benchmark's matter
(`benchmarks/matching/hostile.py`); that hundreds of rows are not compared each with each is `test_blocking`'s."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import pytest

from leads_dagster.errors import UnknownHeadersError
from leads_dagster.leads.matching import cluster, match_all, match_record
from leads_dagster.leads.normalization import normalize_fields
from leads_dagster.leads.sheet import read_sheet

MANY = 300


def leads_of(rows: Sequence[Mapping[str, str]]) -> list[list[int]]:
    """The rows that are one lead, as they would be after normalising."""
    records = [match_record(number, normalize_fields(row)) for number, row in enumerate(rows)]
    return sorted(sorted(found.members) for found in cluster(records, match_all(records)))


def test_one_name_in_companies_that_have_nothing_in_common_is_as_many_people() -> None:
    companies = ("Alder Mill", "Brixton", "Cobalt Works", "Dunewood", "Ember Foods", "Fjordline", "Granite", "Harrow")
    rows = [{"full_name": "John Smith", "company": company} for company in companies]

    assert leads_of(rows) == [[n] for n in range(len(companies))]
    assert leads_of([*rows, *rows]) == [[n, n + len(companies)] for n in range(len(companies))]


def test_one_name_and_company_is_one_person_whatever_the_mailboxes() -> None:
    rows = [{"full_name": "John Smith", "company": "Acme", "email": f"u{n}@acme.com"} for n in range(MANY)]

    assert leads_of(rows) == [[*range(MANY)]]


def test_names_without_a_company_are_joined_by_nothing_but_what_else_they_say() -> None:
    rows = [{"full_name": "John Smith", "company": "", "email": f"u{n % 2}@gmail.com"} for n in range(6)]

    assert leads_of(rows) == [[0, 2, 4], [1, 3, 5]]


def test_one_company_does_not_make_colleagues_one_person() -> None:
    given = ("Anna", "Bernd", "Clara", "David", "Elena", "Fritz", "Greta", "Hugo", "Ida", "Jonas")
    family = ("Abel", "Brandt", "Curtius", "Dorn", "Engel", "Falk")
    rows = [{"full_name": f"{one} {other}", "company": "Acme GmbH"} for one in given for other in family]

    assert leads_of([*rows, *rows]) == [[n, n + len(rows)] for n in range(len(rows))]


def test_cells_of_100_kilobytes_are_compared_like_others() -> None:
    long = {"full_name": "Jane Doe", "company": "C" * 100_000, "title": "t " * 50_000, "location": "l" * 100_000}

    assert leads_of([long, {**long, "company": "C" * 99_999 + "D"}, {**long, "full_name": "Max Roe"}])[-1] == [2]
    assert [0, 1] in leads_of([long, dict(long)])
    assert len(leads_of([{"full_name": "J" * 100_000 + f" {family}", "company": "Acme"} for family in ("Doe", "Roe")]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("😀 Jane Doe", "Jane Doe"),
        ("J\u200ba\u200bn\u200be D\u200boe\ufeff", "Jane Doe"),
        ("\u202eJane Doe\u202c", "Jane Doe"),
        ("Jаne Dое", "Jane Doe"),  # Cyrillic а, о and е
        ("דוד כהן", "\u200fדוד כהן\u200f"),
        ("محمد علي", "\u202bمحمد علي\u202c"),
    ],
)
def test_signs_that_nobody_sees_or_says_make_no_other_person(one: str, other: str) -> None:
    assert leads_of([{"full_name": name, "company": "Acme"} for name in (one, other)]) == [[0, 1]]


def test_two_names_in_a_script_that_is_written_from_the_right_are_two_people() -> None:
    assert leads_of([{"full_name": name, "company": "חברה"} for name in ("דוד כהן", "שרה לוי")]) == [[0], [1]]


def test_emoji_alone_are_nobodys_name() -> None:
    rows = [{"full_name": "😀🎉", "company": "🚀🚀", "email": f"u{n}@acme.com"} for n in range(3)]

    assert leads_of(rows) == [[0], [1], [2]]


def test_rows_that_are_all_the_same_are_one_lead() -> None:
    row = {"full_name": "John Smith", "company": "Acme", "email": "john@acme.com", "title": "CEO", "location": "Berlin"}

    assert leads_of([row] * MANY) == [[*range(MANY)]]


def test_a_sheet_without_a_usable_column_says_what_is_there_and_what_is_missing() -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("Quux", "Blorp"), *(("x", "y") for _ in range(MANY))])

    with pytest.raises(UnknownHeadersError) as refused:
        read_sheet(text.getvalue().encode())

    said = f"{refused.value.message} {refused.value.advice}"
    assert '"Quux", "Blorp"' in said
    assert "name" in said
    assert "email" in said or "e-mail" in said
