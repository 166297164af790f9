"""People's names, from one cell and from several."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.name_case import recase
from leads_dagster.leads.names import (
    PersonName,
    join_name,
    join_name_parts,
    parse_name,
    parse_name_by_library,
    plain_name,
)
from leads_dagster_tests.leads import corpus


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("JOHN MCDONALD", "John McDonald"),
        ("angus macdonald", "Angus MacDonald"),
        ("MARIO MACHADO", "Mario Machado"),
        ("shaun o'neil", "Shaun O'Neil"),
        ("JEAN-PAUL DUPONT-MORETTI", "Jean-Paul Dupont-Moretti"),
        ("JAN VAN DER BERG", "Jan van der Berg"),
        ("maria de la cruz", "Maria de la Cruz"),
        ("TONY LA RUSSA", "Tony La Russa"),
        ("VAN NGUYEN", "Van Nguyen"),
        ("ANH DO", "Anh Do"),
        ("J.R.R. TOLKIEN", "J.R.R. Tolkien"),
        ("JOSÉ ÁLVAREZ", "José Álvarez"),
        ("ÖZGÜR ÇELİK", "Özgür Çelik"),
        ("иван петров", "Иван Петров"),
        ("KAWAI'AE'A", "Kawai'ae'a"),
        ("John SMITH", "John Smith"),
        ("Jane DOE", "Jane Doe"),
        ("Jean-Claude VAN DAMME", "Jean-Claude van Damme"),
        ("john Smith", "John Smith"),
        ("MS Dhoni", "MS Dhoni"),
        ("JD Smith", "JD Smith"),
        ("Jane van der Berg", "Jane van der Berg"),
        ("T'Challa Udaku", "T'Challa Udaku"),
        ("DeShawn McKenna", "DeShawn McKenna"),
        ("山田太郎", "山田太郎"),
        ("محمد علي", "محمد علي"),
    ],
)
def test_names_in_one_case_are_written_as_names(typed: str, shown: str) -> None:
    assert recase(typed) == shown


@pytest.mark.parametrize(
    ("cell", "full"),
    [
        ("James Butt", "James Butt"),
        ("MCDONALD, JOHN", "John McDonald"),
        ("Smith,John", "John Smith"),
        ("van der Berg, Jane", "Jane van der Berg"),
        ("Doe, Dr. Jane A.", "Jane A. Doe"),
        ("Smith Jr., John", "John Smith Jr."),
        ("Иванов, Иван", "Иван Иванов"),
        ("Juan de la Cruz", "Juan de la Cruz"),
        ("St. John, Jill", "Jill St. John"),
        ("Abdul Rahman Khan", "Abdul Rahman Khan"),
        ("John V. Smith", "John V. Smith"),
        ("Jack Q Ma", "Jack Q Ma"),
        ("Anh Do", "Anh Do"),
        ("Thor", "Thor"),
        ("山田太郎", "山田太郎"),
        ("山田 太郎", "山田 太郎"),
        ("김민수", "김민수"),
        ("محمد علي", "محمد علي"),
        ("Jane 🚀 Doe", "Jane Doe"),
        ("John & Jane Smith", "John & Jane Smith"),
        ("King Charles", "King Charles"),
        ("Lady Gaga", "Lady Gaga"),
        ("MS Dhoni", "MS Dhoni"),
        ("Mr. Johnson", "Mr. Johnson"),
        ("Dr.", "Dr."),
    ],
)
def test_a_name_in_one_cell_comes_first_name_first(cell: str, full: str) -> None:
    name = parse_name(cell)
    assert name is not None
    assert name.full == full


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("Dr. Jane van der Berg-Smith III", PersonName("Jane van der Berg-Smith III", title="Dr.")),
        ("Prof. Dr. Hans Müller", PersonName("Hans Müller", title="Prof. Dr.")),
        ("Herr Dr. Max Mustermann", PersonName("Max Mustermann", title="Herr Dr.")),
        ("Mr. and Mrs. John Smith", PersonName("John Smith", title="Mr. and Mrs.")),
        ("Sir Elton John", PersonName("Elton John", title="Sir")),
        ("John Smith, MBA, PMP", PersonName("John Smith", degrees="MBA, PMP")),
        ("Jane Doe PhD", PersonName("Jane Doe", degrees="PhD")),
        ("JANE DOE, PH.D.", PersonName("Jane Doe", degrees="PH.D.")),
        ("Smith, John, MD", PersonName("John Smith", degrees="MD")),
        ('Robert "Bob" Smith', PersonName("Robert Smith", nickname="Bob")),
        ("Robert (Bob) Smith Jr.", PersonName("Robert Smith Jr.", nickname="Bob")),
        ("Jane Doe | Growth Coach", PersonName("Jane Doe", degrees="Growth Coach")),
        ("Jane Doe (She/Her)", PersonName("Jane Doe", nickname="She/Her")),
        ("JOHN O'NEIL-MCDONALD II", PersonName("John O'Neil-McDonald II")),
    ],
)
def test_titles_degrees_and_nicknames_are_set_apart(cell: str, name: PersonName) -> None:
    assert parse_name(cell) == name


@pytest.mark.parametrize(
    "cell",
    [
        "12345",
        "=A1",
        '=HYPERLINK("https://acme","Jane Doe")',
        "---",
        "jane@acme.com",
        "https://acme.com",
        "🚀",
        "(555) 123",
    ],
)
def test_what_holds_no_name_is_none(cell: str) -> None:
    assert parse_name(cell) is None


@pytest.mark.parametrize(
    ("parts", "full"),
    [
        (("James", "", "Butt", ""), "James Butt"),
        (("John", "Q.", "Smith", "Jr"), "John Q. Smith Jr."),
        (("Dr. Jane", "", "van der Berg-Smith III", ""), "Jane van der Berg-Smith III"),
        (("JOHN", "", "MCDONALD", ""), "John McDonald"),
        (("Jean Claude", "", "VAN DAMME", ""), "Jean Claude van Damme"),
        (("Jane", "", "Smith, MBA, PMP", ""), "Jane Smith"),
        (("Jane", "", "Doe", "MD"), "Jane Doe"),
        (("Jane", "", "Ma", ""), "Jane Ma"),
        (("MS", "", "Dhoni", ""), "MS Dhoni"),
        (("Doctor", "", "Strange", ""), "Doctor Strange"),
        (("Bhide", "", "Master", ""), "Bhide Master"),
        (("Jarvis", "", "AI", ""), "Jarvis AI"),
        (("Jane Doe", "", "Doe", ""), "Jane Doe"),
        (("太郎", "", "山田", ""), "山田太郎"),
        (("Jane", "", "", ""), "Jane"),
        (("", "", "Smith", ""), "Smith"),
        (("Doe, Jane", "", "", ""), "Jane Doe"),
        (("Avye", "", "O Neill", ""), "Avye O Neill"),
    ],
)
def test_a_name_from_several_cells_keeps_every_part(parts: tuple[str, str, str, str], full: str) -> None:
    name = join_name(*parts)
    assert name is not None
    assert name.full == full


def test_plain_names_come_out_as_nameparser_gives_them() -> None:
    values = set(corpus.names(60_000))
    plain = [name for name in values if plain_name(name)]
    assert len(values) > 48_000
    assert len(plain) > 12_000
    for name in plain:
        assert parse_name_by_library.__wrapped__(name) == PersonName(name)


def test_plain_parts_come_out_as_the_slow_way_gives_them() -> None:
    pairs = {tuple(name.split(" ")) for name in corpus.names(60_000) if name.count(" ") == 1}
    for first, last in pairs:
        assert join_name(first, "", last) == join_name_parts.__wrapped__(first, "", last, "")


@given(st.text(max_size=60))
def test_no_text_breaks_a_name_and_none_is_shown_blank(text: str) -> None:
    name = parse_name(" ".join(text.split()))
    assert name is None or name.full.strip()


@given(st.text(min_size=1, max_size=20), st.text(max_size=10), st.text(max_size=20), st.text(max_size=5))
def test_no_parts_break_a_name(first: str, middle: str, last: str, suffix: str) -> None:
    name = join_name(*(" ".join(part.split()) for part in (first, middle, last, suffix)))
    assert name is None or name.full.strip()
