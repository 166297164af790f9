"""Cleaning of single cells."""

from __future__ import annotations

import ftfy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.text import clean_line, clean_name, clean_text, is_placeholder, repair

SENTENCE = "Müller Łódź São Paulo Renée Čapek Ångström Ñandú Zürich Æther Ørsted Straße Иван Ελλάδα Žižek Győr Đorđe"
WORDS = SENTENCE.split()


@pytest.mark.parametrize(
    ("cell", "clean"),
    [
        ("  New   Orleans ", "New Orleans"),
        ("MÃ¼ller", "Müller"),
        ("JosÃ© Ã\x81lvarez", "José Álvarez"),
        ("Ð˜Ð²Ð°Ð½", "Иван"),
        ("Smith &amp; Co", "Smith & Co"),
        ("R&D; Labs", "R&D; Labs"),
        ("AT&T", "AT&T"),
        ("a\u200bb\ufeff", "ab"),
        ("a\u00a0b\u3000c\td\r\ne", "a b c d e"),
        ("foo\x00bar", "foobar"),
        ("\u202bמשה\u202c", "משה"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\u200cb", "ab"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("cafe\u0301", "café"),
        ("“quoted” – it’s", "“quoted” – it’s"),
        ("=1+1", "=1+1"),
        ("@handle", "@handle"),
        ("+49", "+49"),
    ],
)
def test_a_cell_becomes_what_a_reader_sees(cell: str, clean: str) -> None:
    assert clean_line(cell) == clean


@pytest.mark.parametrize(
    "cell", ["", "  ", "n/a", "N/A", " - ", "—", "none", "NULL", "Unknown", "#N/A", "#REF!", "nan", "?"]
)
def test_a_placeholder_counts_as_blank(cell: str) -> None:
    assert clean_line(cell) == ""


@pytest.mark.parametrize("cell", ["Na", "Nan", "Null", "Nil"])
def test_a_placeholder_written_as_a_name_is_a_name(cell: str) -> None:
    assert clean_name(cell) == cell
    assert clean_name(cell.lower()) == ""


def test_notes_keep_their_lines() -> None:
    assert clean_text("\n first  line\r\nsecond\u2028third \n") == "first line\nsecond\nthird"


def _mojibake(encoding: str) -> list[str]:
    spoilt = []
    for word in WORDS:
        try:
            spoilt.append(word.encode("utf-8").decode(encoding))
        except UnicodeDecodeError:
            continue
    return spoilt


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_repairing_is_what_ftfy_does(encoding: str) -> None:
    pieces = [*WORDS, *_mojibake(encoding), "Smith", "&amp;", "Ã", "Â©", "•", "’"]
    corpus = [f"{a} {b} {c}" for a in pieces for b in pieces for c in pieces[::3]]
    assert len(corpus) > 5_000
    for text in corpus:
        fixed = ftfy.fix_text(
            text, uncurl_quotes=False, fix_latin_ligatures=False, fix_character_width=False, unescape_html=True,
            remove_terminal_escapes=False, fix_line_breaks=False,
        )  # fmt: skip
        assert repair(text) == fixed


def test_ascii_needs_no_repair() -> None:
    plain = [
        "".join(chr(32 + (start * step) % 95) for start in range(length))
        for step in range(1, 95)
        for length in range(1, 30)
    ]
    for text in plain:
        assert " ".join(ftfy.fix_encoding(text).split()) == " ".join(repair(text).split()) or "&" in text


@given(st.text(alphabet=st.characters(exclude_characters="&"), max_size=200))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = clean_line(text)
    # What is invisible may have been a byte of something broken; without it, that looks broken in another way.
    assert clean_line(once) == once or ftfy.badness.is_bad(once)


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=100))
def test_the_fast_path_of_ascii_is_the_slow_one(text: str) -> None:
    slow = " ".join(repair(text).split())
    assert clean_line(text) == ("" if is_placeholder(slow) else slow)
