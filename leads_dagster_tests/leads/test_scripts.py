"""Names in other alphabets, in Latin letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.match_features import company_name, person_name, place_words
from leads_dagster.leads.scripts import romanized, without_lookalikes


@pytest.mark.parametrize(
    ("native", "latin"),
    [
        ("Юлия Щербакова", "Yulia Shcherbakova"),
        ("Дмитрий Медведев", "Dmitry Medvedev"),
        ("Пётр Чайковский", "Petr Chaikovsky"),
        ("Володимир Зеленський", "Volodymyr Zelensky"),
        ("Андрій Мельник", "Andriy Melnyk"),
        ("Ђорђе Јовановић", "Đorđe Jovanović"),
        ("Георги Димитров", "Georgi Dimitrov"),
        ("Γιώργος Παπαδόπουλος", "Giorgos Papadopoulos"),
        ("Ευάγγελος Ντούρος", "Evangelos Douros"),
        ("Գրիգոր Հարությունյան", "Grigor Harutyunyan"),
        ("გიორგი ბერიძე", "Giorgi Beridze"),
        ("たなか ゆうこ", "Tanaka Yuko"),
        ("サトウ ケンジ", "Sato Kenji"),
    ],
)
def test_a_name_meets_the_way_its_bearer_writes_it_in_latin_letters(native: str, latin: str) -> None:
    assert person_name(native) == person_name(latin)


def test_companies_lose_their_legal_form_before_they_are_read_in_latin_letters() -> None:
    assert company_name("ООО «Ромашка»") == company_name("Romashka")
    assert company_name("Ромашка ТОО") == company_name("Romashka")
    assert company_name("Me Too").key == "me too"


def test_places_meet_too() -> None:
    assert place_words("Новосибирск") == place_words("Novosibirsk")


@pytest.mark.parametrize("name", ["王伟", "김민수", "محمد عبد الله", "דוד כהן", "नितिन शर्मा"])
def test_scripts_that_letters_alone_do_not_tell_stay_as_they_are(name: str) -> None:
    assert romanized(name) == name


@pytest.mark.parametrize(
    ("mixed", "meant"),
    [("Pаul Müller", "Paul Müller"), ("ΑСME", "ACME"), ("Ивaнов", "Иванов"), ("José Ñandú", "José Ñandú")],
)
def test_letters_that_look_alike_count_as_those_of_the_rest_of_the_word(mixed: str, meant: str) -> None:
    assert without_lookalikes(mixed) == meant


def test_two_words_of_two_alphabets_are_left_alone() -> None:
    assert without_lookalikes("Сбербанк Bank") == "Сбербанк Bank"


_ANY = st.text(alphabet=st.characters(codec="utf-8"), max_size=40)
_LETTERS = st.text(alphabet="abcüABийьъіїєґђћюяΑΒουμπაბՈւևあー가王 ", max_size=20)


@given(text=_ANY | _LETTERS)
def test_reading_twice_changes_nothing_and_never_loses_all(text: str) -> None:
    once = romanized(text)
    assert romanized(once) == once
    assert bool(once.strip()) == bool(text.strip())
    assert without_lookalikes(without_lookalikes(text)) == without_lookalikes(text)


@given(text=st.text(alphabet=st.characters(max_codepoint=127)))
def test_plain_latin_text_is_the_same_object(text: str) -> None:
    assert romanized(text) is text
    assert without_lookalikes(text) is text
