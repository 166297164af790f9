"""What two spellings of one thing have in common."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.folding import (
    fold_company,
    fold_email,
    fold_name,
    fold_text,
    fold_umlauts,
    linkedin_slug,
    name_generation,
)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Müller & Søn's", "muller and sons"),
        ("ŁÓDŹ", "lodz"),
        ("Straße", "strasse"),
        ("İstanbul", "istanbul"),
        ("Ｆｕｌｌ　Ｗｉｄｔｈ", "full width"),
        ("ガンダム", "ガンダム"),
        ("नितिन", "नितिन"),
        ("  a--b__c  ", "a b c"),
        ("", ""),
    ],
)
def test_text_loses_case_accents_and_punctuation_and_keeps_other_scripts(text: str, folded: str) -> None:
    assert fold_text(text) == folded


def test_german_umlauts_meet_their_two_letter_spelling() -> None:
    assert fold_umlauts(fold_text("Müller")) == fold_umlauts(fold_text("Mueller"))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Dr. MÜLLER-Lüdenscheidt, Jörg, PhD", "jorg muller ludenscheidt"),
        ("Jane van der Berg-Smith III", "jane van der berg smith"),
        ("Jane Doe, Ph.D.", "jane doe"),
        ("Jane Doe Ph.D.", "jane doe"),
        ("O’Neil, Shaun", "shaun oneil"),
        ("Jack Ma", "jack ma"),
        ("Dr. Smith", "smith"),
        ("Don Draper", "don draper"),
        ("Don Juan Carlos", "juan carlos"),
        ("Dr.", "dr"),
    ],
)
def test_names_lose_titles_and_degrees_and_come_first_name_first(text: str, folded: str) -> None:
    assert fold_name(text) == folded


def test_father_and_son_are_told_apart_by_their_generation() -> None:
    assert name_generation("John Smith Sr.") == "sr"
    assert name_generation("John Smith, Jr") == "jr"
    assert name_generation("John Smith III") == "3"
    assert name_generation("John Smith") == ""


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("The Müller & Söhne GmbH & Co. KG", "muller and sohne"),
        ("Acme Corp Inc.", "acme"),
        ("Acme, Inc", "acme"),
        ("ACME A/S", "acme"),
        ("B.V. Holding S.A.", "bv holding"),
        ("Foo Sp. z o.o.", "foo"),
        ("Foo S. à r.l.", "foo"),
        ("Bank of America, N.A.", "bank of america"),
        ("トヨタ自動車株式会社", "トヨタ自動車"),
        ("ООО Ромашка", "ромашка"),
        ("Company", "company"),
        ("AT&T", "at and t"),
    ],
)
def test_companies_lose_their_legal_form_and_never_their_name(text: str, folded: str) -> None:
    assert fold_company(text) == folded


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Jane.Doe+news@GoogleMail.com", "janedoe@gmail.com"),
        ("jane.doe+x@acme.com", "jane.doe@acme.com"),
        ("+tag@acme.com", "+tag@acme.com"),
        ("no address", "no address"),
    ],
)
def test_mailboxes_lose_tags_and_gmail_its_dots(text: str, folded: str) -> None:
    assert fold_email(text) == folded


@pytest.mark.parametrize("fold", [fold_text, fold_company, fold_email])
@given(text=st.text(max_size=60))
def test_folding_twice_changes_nothing(fold: Callable[[str], str], text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(text=st.text(min_size=1, max_size=60))
def test_a_name_or_company_never_folds_to_nothing(text: str) -> None:
    assert bool(fold_name(text)) == bool(fold_text(text.replace("、", ",")))
    assert bool(fold_company(text)) == bool(fold_text(text))


def test_slugs_identify_people_and_nothing_else() -> None:
    assert linkedin_slug("https://de.linkedin.com/in/Jane-Doe/de?trk=x") == "jane-doe"
    assert linkedin_slug("https://www.linkedin.com/company/acme") is None
    assert linkedin_slug("acme.com") is None


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Acme Ltée", "acme"),
        ("Acme S.A.P.I. de C.V.", "acme"),
        ("Acme PartG mbB", "acme"),
        ("Acme Scarl", "acme"),
        ("Petrobras S/A", "petrobras"),
        ("Коммерц ЕООД", "коммерц"),
        ("ΑΛΦΑ Α.Ε.", "αλφα"),
        ("Koç Anonim Şirketi", "koc"),
        ("PT Mandiri (Persero) Tbk", "mandiri"),
        ("Công ty TNHH Sao Mai", "sao mai"),
        ('תנובה בע"מ', "תנובה"),
        ("삼성전자(주)", "삼성전자"),
        ("腾讯控股有限公司", "腾讯控股"),
    ],
)
def test_legal_forms_of_many_countries_are_known(text: str, folded: str) -> None:
    assert fold_company(text) == folded


@pytest.mark.parametrize(
    "name",
    [
        *("Standard Chartered", "Me Too", "Earl Grey", "First Trust", "Acme Group", "Acme Holding", "Nordic Society"),
        *(
            "Dairy Cooperative",
            "Bar Association",
            "Groupe PSA",
            "Công ty",
            "The Partnership",
            "Public Storage",
            "Co Op Bank",
        ),
    ],
)
def test_words_of_names_are_no_legal_forms(name: str) -> None:
    assert fold_company(name) == fold_text(name).removeprefix("the ")
