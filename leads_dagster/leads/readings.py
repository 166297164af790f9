"""Readings: what two names, or two companies, must have in common to be taken for one. Of one name alone.

What belongs here: the readings of a `PersonName`, of a `CompanyName`, and of what else tells an office. What must meet
under which rule is told in `meeting`; `name_readings` makes those of many names at once.

Blocking keys are few and coarse, since they are stored; readings are many and fine. A reading keeps one word by its
beginning and the other by all but one end, or by both of its ends: one error in either leaves one reading whole. Some
readings are a guest's, who meets only those for whom it is an open one: an initial or half a name meets all names that
it may stand for, which do not for that meet each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from leads_dagster.leads.match_features import LEAST_JOINED, CompanyName, PersonName, nickname_table
from leads_dagster.leads.match_record import MatchRecord

_ENOUGH_WORDS = 6
FEW_LETTERS = 3
# Letters by which half a word is kept.
HALF = 3
PLACE_WORDS = 8
# What a mistyped legal form leaves behind a long name: "Hartworth Cedar Roboticsa B".
_STRAY_LETTERS, _LONG = 4, 12
# Letters that one alphabet is written with in another: Iwanow, Ivanov; Sergey, Sergei.
WRITTEN_ALIKE = str.maketrans("wy", "vi")


@dataclass(frozen=True, slots=True)
class Readings:
    """What a name may be read as.

    Attributes:
        opens: shared with any other's.
        guests: shared with those that are open for another.
    """

    opens: frozenset[str]
    guests: frozenset[str] = frozenset()


# Of a record that says nothing: it may be anybody's.
ANYTHING = "*"
_SILENT = Readings(frozenset((ANYTHING,)), frozenset((ANYTHING,)))


def name_readings(name: PersonName) -> Readings:
    """The readings of a name; a word may stand in either place."""
    if not name.key:
        return Readings(frozenset(("",)))
    opens, guests = {f"={name.key}"}, set[str]()
    for one, other in word_pairs(name):
        for kept, told in ((one, other), (other, one)):
            _read_beside(kept.translate(WRITTEN_ALIKE), told, opens, guests)
    if name.family:
        guests.update(f"m{word[:HALF]}" for word in (name.given, name.family, name.before_last) if len(word) > 1)
    else:
        opens.add(f"m{name.given[:HALF]}")
        opens.update(f"a{reading}" for reading in word_readings(name.given) if len(name.given) > FEW_LETTERS)
    opens.update(without_blanks(name))
    return Readings(frozenset(opens), frozenset(guests))


def without_blanks(name: PersonName) -> Iterator[str]:
    for joined in (name.joined, name.joined_back):
        if len(joined) >= LEAST_JOINED:
            yield f"j{joined[:4]} {joined[-4:]}"


def whole_beside(kept: str, told: str) -> Iterator[str]:
    """All of one word beside both ends of the other."""
    return (f"w{kept} {ends}" for ends in both_ends(told))


def both_ends(word: str) -> tuple[str, str]:
    """Three letters of a word, from both ends."""
    return f"{word[:1]}~{word[-2:]}", f"{word[:2]}~{word[-1:]}"


def _read_beside(kept: str, told: str, opens: set[str], guests: set[str]) -> None:
    """The readings of one word beside beginning or end of the other, or beside all of it."""
    opens.update(whole_beside(kept, told))
    for half in (f"{kept[:HALF]}~", f"~{kept[-HALF:]}"):
        if len(told) == 1:
            opens.add(f"i{half} {told}")
            continue
        opens.update(f"{half} {reading}" for reading in word_readings(told.translate(WRITTEN_ALIKE)))
        opens.update(f"n{half} {group}" for group in nickname_table().groups.get(told, ()))
        guests.update(f"i{half} {letter}" for letter in (told[:1], *nickname_table().letters.get(told, ())))


def word_pairs(name: PersonName) -> Iterator[tuple[str, str]]:
    """Two words of a name, one of which may be missing in the other name."""
    if not name.family:
        return
    yield name.given, name.family
    if name.before_last:
        yield name.given, name.before_last
        yield name.second, name.family
        yield name.family, name.before_last


def word_readings(word: str) -> Iterator[str]:
    """A word without what an error may have changed: both ends, all but the end, all but the beginning, its letters."""
    yield f"{word[:2]}~{word[-2:]}"
    yield f"{word[:-1]}~"
    yield f"{word[:-2]}~"
    yield f"~{word[1:]}"
    yield f"~{word[2:]}"
    yield "".join(sorted(word))


def _joined_readings(joined: str) -> Iterator[str]:
    """Of all words together longer ends: many names begin alike."""
    yield from word_readings(joined)
    yield f"{joined[:5]}~{joined[-2:]}"
    yield f"{joined[:2]}~{joined[-5:]}"
    for letters in range(_STRAY_LETTERS + 1 if len(joined) > _LONG else 1):
        yield f"{joined[: len(joined) - letters]}~"


def company_readings(company: CompanyName) -> Readings:
    """The readings of a company's name; one that is within another is met by all that it is within."""
    if not company.key:
        return _SILENT
    words = sorted(company.words)[:_ENOUGH_WORDS]
    opens = {f"={' '.join(sorted(company.words))}", *(f"j{reading}" for reading in _joined_readings(company.joined))}
    for left_out, word in enumerate(words if len(words) > 1 else ()):
        rest = " ".join(other[:4] for place, other in enumerate(words) if place != left_out)
        opens.update(f"{rest} {reading}" for reading in word_readings(word))
    if company.acronym:
        opens.add(f"@{company.acronym}")
    within = {*((word,) for word in words), *combinations(words, 2), *combinations(words, len(words) - 1)}
    guests = {f"={' '.join(some)}" for some in within}
    return Readings(frozenset(opens), frozenset((*guests, ANYTHING)))


def employer_readings(record: MatchRecord) -> Readings:
    """Where only addresses say the company: two of different ones are colleagues."""
    return Readings(frozenset((record.inferred,)), _SILENT.guests) if record.inferred else _SILENT


def place_readings(record: MatchRecord) -> Readings:
    """One place the beginning of the other."""
    if not record.place:
        return _SILENT
    words = record.place[:PLACE_WORDS]
    beginnings = (" ".join(words[:count]) for count in range(1, len(words)))
    return Readings(frozenset((" ".join(words),)), frozenset((*beginnings, ANYTHING)))


def phone_readings(record: MatchRecord) -> Readings:
    return Readings(frozenset(record.phones), _SILENT.guests) if record.phones else _SILENT
