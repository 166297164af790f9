"""E-mail cells: the addresses in them, in one form, and what a broken one may have meant.

What belongs here: finding addresses in a cell and judging them. email-validator has the last word (without DNS); the
plain shapes are decided here first, and a test holds that both agree. Domains under `.test`, which are kept for trying
things out, count as good; others for special use (`.invalid`, `.local`) do not.

One form is all lower-case: domains ignore case by standard, mailboxes in practice. Dots and plus tags stay; they are
folded for matching only (`folding.fold_email`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from leads_dagster.leads.rule_tables import load_table

# Shapes whose validity is beyond doubt: no "--", which punycode and reserved labels use, no top domain for special use.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN = re.compile(
    rf"[a-z0-9_+'-]+(?:\.[a-z0-9_+'-]+)*@(?:{_LABEL}\.)+(?!(?:arpa|invalid|local|localhost|onion)\Z)[a-z]{{2,63}}"
)
_LONGEST_PLAIN = 200
_LONGEST_CELL = 2_000

_SEPARATORS = re.compile(r"[\s;,|<>]+")
_NEVER_INSIDE = re.compile(r"[\s;,<>]")
_SCHEME = re.compile(r"mailto:", re.I)
_QUERY = re.compile(r"\?(?:subject|body|cc|bcc)=.*", re.I)
_WRAPPING = "<>()[]{}\"'“”‘’«»:,;"
_WORDS_BETWEEN = frozenset({"or", "and", "oder", "und", "ou", "et", "y", "o", "e", "i", "&", "/", "-", ""})
_BLANKS = re.compile(r"\s+")


class EmailCell(NamedTuple):
    """What a cell holds: its good addresses in order, and whether they are all that it says."""

    addresses: tuple[str, ...]
    complete: bool


def parse_emails(cell: str) -> EmailCell:
    """Every e-mail address of a cell.

    Args:
        cell: a cleaned cell; "Jane <jane@acme.de>; mailto:joe@acme.de" holds two.
    """
    address = plain_email(cell)
    if address is not None:
        return EmailCell((address,), True)
    return _parse_cached(cell) if len(cell) <= _LONGEST_CELL else EmailCell((), False)


def plain_email(text: str) -> str | None:
    """The address, where its shape leaves no doubt that it is one; else None, which says nothing."""
    lower = text.lower()
    # Without an ASCII check a Kelvin sign would pass for a k.
    if len(text) > _LONGEST_PLAIN or not text.isascii() or not _PLAIN.fullmatch(lower):
        return None
    return None if "--" in lower.rpartition("@")[2] else lower


@lru_cache(maxsize=1 << 13)
def library_email(text: str) -> str | None:
    """The address by email-validator's rules, lower-case; None where it is none."""
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    # What is allowed for tests would allow a bare "@test", too.
    return found.normalized.lower() if "." in found.domain else None


def suggest_email(cell: str) -> str:
    """The nearest good address to a broken one ("jane@gmial,com" -> "jane@gmail.com"); "" where there is none near."""
    if len(cell) > _LONGEST_PLAIN:
        return ""
    for candidate in _candidates(cell.strip().strip(_WRAPPING).lower()):
        if _judge(candidate):
            return candidate
    return ""


@lru_cache(maxsize=1 << 13)
def _parse_cached(cell: str) -> EmailCell:
    bare = _bare(cell)
    whole = None if _NEVER_INSIDE.search(bare) else _judge(bare)
    if whole:
        return EmailCell((whole,), True)
    pieces = [piece for piece in _SEPARATORS.split(cell) if piece]
    found = [_piece(piece) for piece in pieces if "@" in piece]
    words = () if "<" in cell else [piece for piece in pieces if "@" not in piece and not _is_label(piece)]
    addresses = dict.fromkeys(address for addresses in found for address in addresses)
    return EmailCell(tuple(addresses), bool(found) and all(found) and not words)


def _is_label(word: str) -> bool:
    """Words that may stand around addresses; any other may be a piece of one that was torn by a blank."""
    return word.lower() in _WORDS_BETWEEN or word.startswith("(") or word.endswith((")", ":"))


def _piece(piece: str) -> list[str]:
    """The addresses of one word: usually one, several where a slash or nothing but a bracket is between."""
    address = _judge(_bare(piece))
    if address:
        return [address]
    parts = [_judge(_bare(part)) for part in re.split(r"[/<>()\[\]]+", piece) if "@" in part]
    return [part for part in parts if part] if all(parts) else []


def _bare(text: str) -> str:
    bare = text.strip().strip(_WRAPPING).strip()
    if ":" in bare or "?" in bare:
        bare = _QUERY.sub("", _SCHEME.sub("", bare, count=1)).strip(_WRAPPING)
    return bare.rstrip(".")


def _judge(text: str) -> str | None:
    return (plain_email(text) or library_email(text)) if "@" in text else None


def _candidates(text: str) -> Iterator[str]:
    """Ever bolder guesses at what a broken address meant."""
    text = _SCHEME.sub("", _spelled_out(text))
    tight = _BLANKS.sub("", text).replace(",", ".").replace(";", ".").replace("..", ".").strip(".")
    single = re.sub("@+", "@", tight)
    for guess in (tight, single):
        local, at, domain = guess.rpartition("@")
        fixed = load_table("emails")["domain_typos"].get(domain, domain)
        yield f"{local.strip('.')}{at}{fixed.strip('.-')}"
    local, at, domain = single.partition("@")
    if at and "." not in domain and domain:
        yield from (
            f"{local}@{domain[: -len(top)]}.{top}" for top in ("com", "net", "org", "de") if domain.endswith(top)
        )


def _spelled_out(text: str) -> str:
    spelled = load_table("emails")["spelled_out"]
    for sign, words in (("@", spelled["at"]), (".", spelled["dot"])):
        for word in words:
            text = text.replace(word, sign) if not (sign == "@" and "@" in text) else text
    return text
