"""Cleans one cell: broken encodings, invisible characters, blanks, and the many ways to write nothing.

What belongs here: what is true of every cell, whatever its column means. Rules of names, addresses and numbers have
modules of their own. Cleaning never changes what a reader sees, save blanks and mojibake: quotes stay curly, full-width
letters full-width.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from leads_dagster.leads.rule_tables import folded_set

# Invisible and without meaning in any script: zero-width space, word joiner, BOM, soft hyphen, bidi marks and isolates.
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufff9-\ufffb]"
)
# Joiners mean something after Arabic, Indic and South-East Asian letters and inside emoji; elsewhere they are litter.
_STRAY_JOINER = re.compile("(?<![\u0600-\u109f\u1780-\u18af\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])[\u200c\u200d]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ENTITY = re.compile(r"&(?:#\d{2,6}|#[xX][0-9a-fA-F]{2,5}|[A-Za-z]{2,8});")
_LINE_BREAK = re.compile("\r\n|[\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029]")
_LONGEST_PLACEHOLDER = 20
_LONGEST_CACHED = 200  # characters; notes are long and all different


def clean_line(cell: str) -> str:
    """The cell as one line: repaired, without invisible characters, blanks single; "" where it says nothing.

    Args:
        cell: the cell as it was; any length.
    """
    # Written out, because every cell of every sheet passes here.
    if cell.isascii() and cell.isprintable() and ("&" not in cell or ";" not in cell):
        text = cell.strip(" ") if "  " not in cell else " ".join(cell.split())
    else:
        text = " ".join(repair(cell).split())
    return "" if len(text) <= _LONGEST_PLACEHOLDER and (not text or text.lower() in _PLACEHOLDERS) else text


def storable(text: str) -> str:
    """Text without what no database holds: a NUL or half a character becomes U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def clean_name(cell: str) -> str:
    """As `clean_line` for a part of a person's name: "Nan" and "Null" are names, "nan" and "NULL" are not."""
    text = clean_line(cell)
    if text or not cell:
        return text
    written = " ".join(repair(cell).split())
    return written if written.istitle() and written.lower() in _ALSO_NAMES else ""


def clean_text(cell: str) -> str:
    """As `clean_line`, with line breaks kept: for notes."""
    if cell.isascii() and cell.isprintable():
        return clean_line(cell)
    lines = [" ".join(line.split()) for line in _LINE_BREAK.split(repair(cell))]
    text = "\n".join(lines).strip("\n")
    return "" if is_placeholder(text) else text


def is_placeholder(text: str) -> bool:
    """Whether a trimmed cell stands for nothing: "n/a", "-", "#REF!", "unbekannt"."""
    return len(text) <= _LONGEST_PLACEHOLDER and (not text or text.lower() in _PLACEHOLDERS)


def repair(text: str) -> str:
    """Text with mojibake and HTML entities undone and invisible characters gone; NFC. ftfy only where it is needed."""
    return _repair_cached(text) if len(text) <= _LONGEST_CACHED else _repair(text)


def _repair(text: str) -> str:
    import ftfy
    import ftfy.badness

    if _ENTITY.search(text):
        text = ftfy.fixes.unescape_html(text)
    if text.isascii():
        return _visible(text)
    if ftfy.badness.is_bad(text):
        text = ftfy.fix_encoding(text)
    return _visible(text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text))


_repair_cached = lru_cache(maxsize=1 << 14)(_repair)


def _visible(text: str) -> str:
    text = _INVISIBLE.sub("", _CONTROL.sub("", text))
    return _STRAY_JOINER.sub("", text) if "\u200c" in text or "\u200d" in text else text


_PLACEHOLDERS = folded_set("placeholders", "blank")
_ALSO_NAMES = folded_set("placeholders", "also_names")
