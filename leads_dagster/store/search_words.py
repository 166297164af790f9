"""What the search index holds of a lead, and what a person's words ask of it. Text in, text out.

What belongs here: folding, splitting and naming of terms, once for both back ends: SQLite and PostgreSQL only compare
the terms made here, so they cannot disagree on what a word is. Statements are in `search_index` and `lead_search`.

A term is the customer's tag, a mark, and a word: each customer has an index of its own inside the common one. Words are
letters and digits only, so that nothing people type can be syntax anywhere.

- no mark: a word of name, company, e-mail or notes;
- NAMED: a word of name or company once more, so that hits there can come first;
- EXACT: a whole value of a column, hashed, for filters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import xxhash

from leads_dagster.leads.folding import fold_text

NAMED, EXACT = "§", "¶"  # the folding turns both into blanks, so no word has them
NAMING_FIELDS = ("full_name", "company")
TEXT_FIELDS = (*NAMING_FIELDS, "email", "notes")
EXACT_FIELDS = ("company", "title", "location", "industry", "company_size", "website", "status", "source", "phone")
FLAG_FIELDS = ("verified", "enriched", "needs_enrichment")
INDEXED_FIELDS = tuple(dict.fromkeys((*TEXT_FIELDS, *EXACT_FIELDS, *FLAG_FIELDS)))

LONGEST_WORD = 60  # characters; PostgreSQL takes 2,046 bytes a term
MOST_WORDS = 2_000  # of a lead; PostgreSQL takes 1 MB in all
LONGEST_TEXT = 40_000  # characters of a field
_NAME_KEY_LENGTH = 80

# "jane.doe@acme.com", "acme.com", "node.js": found as a whole too, and asked for as a whole.
# It begins only where a word does: else a long run without any dot would be tried from every letter of it.
_GLUED = re.compile(r"(?<![\w+'-])[\w+'-]+(?:[.@][\w+'-]+)+")
_TAG_LENGTH = 4
# How German and Scandinavian letters are written where they cannot be typed; beside the plain folding (o, u, a).
_SPELT_OUT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ø": "oe", "Ø": "Oe", "å": "aa", "Å": "Aa"}
)
# Written without blanks between words: found by pairs of neighbours.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f]+")


@dataclass(frozen=True)
class Term:
    """A term to look for; `prefix`: or any that begins so."""

    text: str
    prefix: bool = False


# All of these groups must be met, each by any of its terms.
Terms = tuple[tuple[Term, ...], ...]


@lru_cache(maxsize=1024)
def tag(customer: str) -> str:
    """What a customer's terms begin with. Two customers may share one: statements name the customer too."""
    return xxhash.xxh3_64_hexdigest(customer.encode("utf-8", "surrogatepass"))[:_TAG_LENGTH]


def name_key(full_name: str | None) -> str:
    """What leads are ordered by when they are ordered by name; "" for none."""
    return fold_text(full_name)[:_NAME_KEY_LENGTH] if full_name else ""


def document(customer: str, lead: Mapping[str, Any]) -> str:
    """All terms of a lead, apart by blanks.

    Args:
        customer: whose lead it is.
        lead: a lead's columns, `INDEXED_FIELDS` at least.
    """
    named = [word for field in NAMING_FIELDS for word in _words(lead[field])]
    others = [word for field in TEXT_FIELDS[len(NAMING_FIELDS) :] for word in _words(lead[field])]
    words = list(dict.fromkeys([*named, *others]))[:MOST_WORDS]
    first = [NAMED + word for word in dict.fromkeys(named)][:MOST_WORDS]
    before = tag(customer)
    return " ".join([before + term for term in (*words, *first, *_exact_terms(lead))])


def _exact_terms(lead: Mapping[str, Any]) -> Iterator[str]:
    for field in EXACT_FIELDS:
        value = lead[field]
        if value is not None:
            yield _exact(field, value)
    for field in FLAG_FIELDS:
        yield _flag(field, bool(lead[field]))


def exact_term(customer: str, field: str, value: str) -> Term:
    """The term of leads that say this in a field of `EXACT_FIELDS`; case, accents and punctuation do not count."""
    return Term(tag(customer) + _exact(field, value))


def flag_term(customer: str, field: str, *, value: bool) -> Term:
    """The term of leads with this flag of `FLAG_FIELDS`; unknown is false."""
    return Term(tag(customer) + _flag(field, value))


@lru_cache(maxsize=20_000)
def _exact(field: str, value: str) -> str:
    folded = fold_text(value) or value.strip()
    if field == "phone":
        folded = folded.replace(" ", "")
    return EXACT + xxhash.xxh3_64_hexdigest(f"{field} {folded}".encode("utf-8", "surrogatepass"))


@lru_cache
def _flag(field: str, value: bool) -> str:  # a cache's key
    return _exact(field, "true" if value else "false")


def text_terms(customer: str, text: str, *, named: bool = False) -> Terms | None:
    """What a search box's words ask for: all of them, the last as far as it is typed.

    Args:
        customer: whose leads are searched.
        text: as typed; nothing in it is an operator.
        named: in names and companies only.

    Returns:
        None where the text holds no letter or digit: no lead can be found by it.
    """
    before = tag(customer) + (NAMED if named else "")
    groups = _asked(text[:LONGEST_TEXT])[:MOST_WORDS]
    return tuple(tuple(Term(before + word, prefix) for word, prefix in group) for group in groups) or None


def _asked(text: str) -> list[tuple[tuple[str, bool], ...]]:
    """Groups of (word, whether it is a prefix)."""
    chunks = [chunk for chunk in text.split() if fold_text(chunk)]
    unfinished = text[-1:].strip() != ""
    groups: dict[tuple[tuple[str, bool], ...], None] = {}
    for place, chunk in enumerate(chunks):
        last = unfinished and place == len(chunks) - 1
        groups.update(dict.fromkeys(_asked_by(chunk, last=last)))
    return list(groups)


def _asked_by(chunk: str, *, last: bool) -> Iterator[tuple[tuple[str, bool], ...]]:
    words = _query_words(chunk)
    others = _query_words(chunk.translate(_SPELT_OUT))
    for place, word in enumerate(words):
        prefix = last and place == len(words) - 1
        spellings = dict.fromkeys([word, others[place]] if len(others) == len(words) else [word])
        yield from _asked_word(tuple(spellings), prefix=prefix)


def _asked_word(spellings: tuple[str, ...], *, prefix: bool) -> Iterator[tuple[tuple[str, bool], ...]]:
    parts = _runs(spellings[0])
    if len(spellings) > 1 or (len(parts) == 1 and not _UNSPACED.match(parts[0])):
        yield tuple((word, prefix) for word in spellings)
        return
    for place, part in enumerate(parts):
        if _UNSPACED.match(part):
            # One character begins every pair but the last of its run, which stands alone.
            yield from (((pair, len(pair) == 1),) for pair in _pairs(part, alone=len(part) == 1))
        else:
            yield ((part, prefix and place == len(parts) - 1),)


def _query_words(chunk: str) -> list[str]:
    """Words of what was typed between two blanks; what is dotted counts as one."""
    found: list[str] = []
    end = 0
    for glued in _GLUED.finditer(chunk):
        found += [*_plain(chunk[end : glued.start()]), _glue(glued[0])]
        end = glued.end()
    return [word[:LONGEST_WORD] for word in (*found, *_plain(chunk[end:])) if word]


def _plain(text: str) -> list[str]:
    return fold_text(text).split()


def _glue(text: str) -> str:
    return fold_text(text).replace(" ", "")


def _words(text: str | None) -> list[str]:
    """The words by which a text is found."""
    if not text:
        return []
    text = text[:LONGEST_TEXT]
    found = _folded_words(text)
    if not text.isascii():
        spelt = text.translate(_SPELT_OUT)
        found += _folded_words(spelt) if spelt != text else []
        found = [term for word in found for term in _indexed(word)]
    return [word[:LONGEST_WORD] for word in found]


def _folded_words(text: str) -> list[str]:
    found = fold_text(text).split()
    if "." in text or "@" in text:
        found += [glued for match in _GLUED.finditer(text) for glued in _glued_forms(match[0])]
    return found


def _glued_forms(text: str) -> Iterable[str]:
    """An address as a whole, and what follows its "@"."""
    _, at, domain = text.rpartition("@")
    return (_glue(text), _glue(domain)) if at else (_glue(text),)


def _indexed(word: str) -> Iterator[str]:
    """A word, or the pairs of neighbours of what is written without blanks."""
    if not _UNSPACED.search(word):
        yield word
        return
    for part in _runs(word):
        if _UNSPACED.match(part):
            yield from _pairs(part, alone=True)
        else:
            yield part


def _runs(word: str) -> list[str]:
    """A word cut where unspaced writing begins and ends."""
    runs, end = [], 0
    for found in _UNSPACED.finditer(word):
        runs += [word[end : found.start()], found[0]]
        end = found.end()
    return [run for run in (*runs, word[end:]) if run]


def _pairs(run: str, *, alone: bool) -> Iterator[str]:
    """Neighbours; with `alone` the last character by itself too, so that a prefix finds each."""
    yield from (run[place : place + 2] for place in range(len(run) - 1))
    if alone:
        yield run[-1]
