"""Which code page a file without Unicode is in, by the letters that each would make of it.

What belongs here: evidence and the choice. Measured on words, not bytes: a code page is plausible when the words
with letters beyond ASCII are made of letters that one group of languages uses, and of nothing else inside a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

_WINDOW_BYTES = 256 * 1024
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
_HIGH = re.compile(rb"[\x80-\xff]")
# Punctuation that may stand at either end of a word without saying anything about the code page.
_PUNCTUATION = "‚„“”‘’‹›«»–—…•™®©°ºª€§·¡¿´`\u00a0\u00ad"

_WESTERN = "äöüßéèêëàâçîïôûùœæáíóúñãõìòåø"
_POLISH = "ąćęłńóśźż"
_CZECH_SLOVAK = "áčďéěíňóřšťúůýžäĺľôŕ"
_HUNGARIAN = "áéíóöőúüű"
_ROMANIAN = "ăâîşţ"
_TURKISH = "çğıöşüâîûİ"
_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґ"
_GREEK = "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ"


@dataclass(frozen=True, slots=True)
class _Page:
    """One code page and the letters of one group of languages written in it."""

    encoding: str
    letters: frozenset[str]
    mixes_with_ascii: bool = True


def _page(encoding: str, letters: str, *, mixes_with_ascii: bool = True) -> _Page:
    return _Page(encoding, frozenset(letters + letters.upper() + "ẞ"), mixes_with_ascii)


# The first is the default; another must beat it clearly. Among equals the earlier wins.
_PAGES: tuple[_Page, ...] = (
    _page("cp1252", _WESTERN),
    _page("cp1250", _POLISH),
    _page("iso8859_2", _POLISH),
    _page("cp1250", _CZECH_SLOVAK),
    _page("iso8859_2", _CZECH_SLOVAK),
    _page("cp1250", _HUNGARIAN),
    _page("cp1250", _ROMANIAN),
    _page("cp1254", _TURKISH),
    _page("mac_roman", _WESTERN),
    _page("cp850", _WESTERN),
    _page("cp1251", _CYRILLIC, mixes_with_ascii=False),
    _page("koi8_r", _CYRILLIC, mixes_with_ascii=False),
    _page("cp1253", _GREEK, mixes_with_ascii=False),
)
_CLEAR_MARGIN = 0.15
_MIN_COVERAGE = 0.5
_MIN_WORDS_TO_DOUBT = 3
# No Latin word this long is written without one letter of ASCII.
_LONG_WORD = 4

_MULTI_BYTE = ("cp932", "euc_jp", "gb18030", "big5", "cp949")


def guess_single_byte(data: bytes, first_foreign: int) -> str | None:
    """The code page that explains the words after `first_foreign` (the first byte that is not UTF-8).

    Returns:
        A Python codec name; None when no single-byte code page explains even half of the words.
    """
    words = _words(data, first_foreign)
    if not words:
        return _PAGES[0].encoding
    default, *others = [(_coverage(page, words), page.encoding) for page in _PAGES]
    best = max(others, key=lambda scored: scored[0])
    winner = best if best[0] > default[0] + _CLEAR_MARGIN else default
    if winner[0] < _MIN_COVERAGE and len(words) >= _MIN_WORDS_TO_DOUBT:
        return None
    return winner[1]


def guess_multi_byte(data: bytes, first_foreign: int) -> str | None:
    """Japanese, Chinese and Korean encodings, by charset-normalizer on a sample; None where none of them fits.

    The last resort and on a sample only: it takes seconds for a megabyte, and on files with few letters beyond
    ASCII, as lead lists are, its answer for single-byte code pages is close to a guess.
    """
    from charset_normalizer import from_bytes

    sample = data[max(0, first_foreign - 1024) : first_foreign + 32 * 1024]
    lines = sample.split(b"\n")
    best = from_bytes(b"\n".join(lines[1:-1] or lines), cp_isolation=list(_MULTI_BYTE)).best()
    if best is None:
        return None
    try:
        data.decode(best.encoding)
    except UnicodeDecodeError:
        return None
    return best.encoding


def _words(data: bytes, first_foreign: int) -> set[bytes]:
    window = data[max(0, first_foreign - 64) : first_foreign + _WINDOW_BYTES]
    return {word for word in _WORD.findall(window) if len(word) > 1 and _HIGH.search(word)}


def _coverage(page: _Page, words: set[bytes]) -> float:
    """The share of words, among those that say anything, that are plausible in this code page."""
    verdicts = [_plausible(page, word) for word in words]
    telling = [verdict for verdict in verdicts if verdict is not None]
    return sum(telling) / len(telling) if telling else 1.0


def _plausible(page: _Page, word: bytes) -> bool | None:
    """True or False; None when the word has no letter beyond ASCII in this code page."""
    text = word.decode(page.encoding, "replace").strip(_PUNCTUATION)
    beyond = [character for character in text.replace("’", "") if not character.isascii()]
    if not beyond:
        return None
    if not page.letters.issuperset(beyond):
        return False
    all_beyond = len(beyond) == len(text)
    fits_script = not (all_beyond and len(text) >= _LONG_WORD) if page.mixes_with_ascii else all_beyond
    return fits_script and _case_is_plausible(text)


def _case_is_plausible(text: str) -> bool:
    """No capital right after a small letter, but for names such as McDonald, whose capital is ASCII."""
    return not any(before.islower() and after.isupper() and not after.isascii() for before, after in pairwise(text))
