"""What people do, however they write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.titles import fold_title


@pytest.mark.parametrize(
    "spellings",
    [
        ("VP Sales", "Vice President, Sales", "Vice President of Sales", "Sales V.P.", "vice-president (sales)"),
        ("CEO", "Chief Executive Officer", "chief executive", "C.E.O."),
        ("CEO & Co-Founder", "Co-founder / CEO", "Cofounder and Chief Executive Officer"),
        ("SVP Marketing", "Sr. Vice President Marketing", "Senior VP of Marketing", "SVP, Mktg"),
        ("Sr. Software Eng.", "Senior Software Engineer", "Software Engineer (Senior)"),
        ("Head of R&D", "Head of Research and Development", "Head, R & D"),
        ("HR Manager", "Human Resources Manager", "Mgr. Human Resources"),
        ("Geschäftsführer", "Geschäftsführerin", "GF", "Geschaeftsfuehrer", "Geschäftsführer (m/w/d)"),
        ("Vertriebsleiter", "Leiter Vertrieb", "Leiterin Vertrieb", "Vertriebsleitung", "Leiter:in Vertrieb"),
        ("PDG", "Président-directeur général", "Présidente-Directrice Générale"),
        ("DG", "Directeur Général", "Directrice générale", "Director General", "Direttore Generale"),
        ("DRH", "Directeur des Ressources Humaines", "Directrice des ressources humaines", "Dir. RH"),
        ("Responsable RRHH", "Responsable de Recursos Humanos"),
        ("Amministratore delegato", "Amministratrice Delegata"),
        ("Directora comercial", "Director Comercial", "Dir. Comercial"),
    ],
)
def test_a_title_and_its_abbreviation_fold_alike(spellings: tuple[str, ...]) -> None:
    assert {fold_title(spelling) for spelling in spellings} == {fold_title(spellings[0])}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("VP Sales", "VP Marketing"),
        ("Senior Engineer", "Junior Engineer"),
        ("CEO", "CFO"),
        ("Sales Director", "Sales Manager"),
        ("CRO", "Chief Risk Officer"),
    ],
)
def test_titles_of_different_work_stay_apart(one: str, other: str) -> None:
    assert fold_title(one) != fold_title(other)


@pytest.mark.parametrize("empty", ["", "  ", "-", "of the"])
def test_no_title_folds_to_nothing(empty: str) -> None:
    assert fold_title(empty) == ""


@given(text=st.text(max_size=60))
def test_folding_any_title_again_changes_nothing(text: str) -> None:
    assert fold_title(fold_title(text)) == fold_title(text)


@given(
    words=st.lists(
        st.sampled_from(["chief", "executive", "officer", "vp", "senior", "vice", "president", "leiter", "r", "d"])
    )
)
def test_folding_words_of_titles_again_changes_nothing(words: list[str]) -> None:
    assert fold_title(fold_title(" ".join(words))) == fold_title(" ".join(words))
