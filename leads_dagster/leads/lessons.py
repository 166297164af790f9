"""What a person teaches by saying that two rows are one lead: another name of a company, or of a person.

What belongs here: drawing lessons from two rows, and folding names that people teach by themselves. A lesson holds for
all of a customer's rows, so nothing is learned that has another likely reason: a change of job, a typing error, a
second given name. Where lessons are kept is the store's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from rapidfuzz.distance import OSA

from leads_dagster.leads.comparison import CompanyColumns, name_scores
from leads_dagster.leads.fields import NormalizedRow
from leads_dagster.leads.mail_hosts import company_host
from leads_dagster.leads.match_features import PersonName, company_name, is_given_name, nickname_table, person_name
from leads_dagster.leads.match_record import MatchRecord, match_record

LessonKind = Literal["company", "nickname"]
# Companies from this score on are nearly alike; from the match score on names are one person's.
_NEARLY_ALIKE = 0.75
_ONE_PERSON = 0.85
_TYPING_ERROR = 1
_BEGINNING = 2
_FIRST, _SECOND = np.array([0]), np.array([1])


@dataclass(frozen=True, slots=True)
class Lesson:
    """Two names that count as one from now on.

    Attributes:
        kind: "company", or "nickname": of given names.
        left, right: as people wrote them. left_key, right_key: folded, as matching compares them.
        because: what ties the two beside the person's word, for the person who asks.
    """

    kind: LessonKind
    left: str
    right: str
    left_key: str
    right_key: str
    because: str = ""


def learned_from(left: NormalizedRow, right: NormalizedRow) -> list[Lesson]:
    """What the word that these two rows are one lead teaches; [] where they differ for other reasons.

    A company's other name is learned where the persons' names agree and something else ties the companies: the host of
    an e-mail address or website, an acronym, or that they are nearly alike. Without that it is a change of job.
    """
    one, other = match_record(0, left), match_record(1, right)
    return [*_company_lesson(one, other), *_nickname_lesson(one, other)]


def company_key(text: str) -> str:
    """A company's name folded; "" where nothing of it is a name."""
    return company_name(text).key


def nickname_key(text: str) -> str:
    """A given name folded; "" where the text is none, or more than one."""
    name = person_name(text)
    return "" if name.family or len(name.given) < 2 else name.given


def _company_lesson(one: MatchRecord, other: MatchRecord) -> Iterator[Lesson]:
    left, right = one.company, other.company
    named = "company" in one.fields and "company" in other.fields and left.key and right.key
    if not named or left.key == right.key or not _names_agree(one.name, other.name):
        return
    if tie := _tie(one, other):
        yield Lesson("company", one.fields["company"], other.fields["company"], left.key, right.key, tie)


def _names_agree(left: PersonName, right: PersonName) -> bool:
    if not left.key or not right.key:
        return left.key == right.key
    return bool(name_scores(left, right).scores[0] > _ONE_PERSON) or _is_nickname(left, right)


def _tie(one: MatchRecord, other: MatchRecord) -> str:
    """What ties two companies, in words; "" for nothing."""
    if shared := _hosts(one) & _hosts(other):
        return f"both have {min(shared)}"
    score = float(CompanyColumns([one.company, other.company]).compare(_FIRST, _SECOND)[0])
    if one.company.acronym and one.company.acronym == other.company.acronym:
        return "one is the other's acronym"
    return "the names are nearly alike" if score >= _NEARLY_ALIKE else ""


def _hosts(record: MatchRecord) -> set[str]:
    """The hosts of a record's website and mailboxes that are its company's."""
    return {company_host(one) for one in (*record.mailboxes, *record.role_mailboxes, record.site)} - {""}


def _nickname_lesson(one: MatchRecord, other: MatchRecord) -> Iterator[Lesson]:
    left, right = one.name, other.name
    if _is_nickname(left, right):
        written, other_written = (_as_written(each.fields["full_name"], each.name.given) for each in (one, other))
        yield Lesson("nickname", written, other_written, left.given, right.given, "the family names are the same")


def _is_nickname(left: PersonName, right: PersonName) -> bool:
    """Whether one family bears two given names that nothing but the person's word makes one."""
    if not left.family or left.family != right.family or left.given == right.given:
        return False
    if left.generation != right.generation or left.digits != right.digits:
        return False
    if min(len(left.given), len(right.given)) < 2 or OSA.distance(left.given, right.given) <= _TYPING_ERROR:
        return False
    if _are_two_names(left.given, right.given):
        return False
    return not _are_known(left.given, right.given) and not _share_a_word(left, right)


def _are_two_names(left: str, right: str) -> bool:
    """Two given names that many bear and that do not begin alike: Ann and Bob may be one for once, not for all rows."""
    return left[:_BEGINNING] != right[:_BEGINNING] and is_given_name(left) and is_given_name(right)


def _are_known(left: str, right: str) -> bool:
    table = nickname_table()
    return bool(table.akin[table.numbers.get(left, 0), table.numbers.get(right, 0)])


def _share_a_word(left: PersonName, right: PersonName) -> bool:
    """Whether a given name of the one is a middle name of the other: Anna, Maria and Anna Maria are no nicknames."""
    return bool({left.given, left.second, left.before_last} & {right.given, right.second, right.before_last} - {""})


def _as_written(full_name: str, given: str) -> str:
    return next((word for word in full_name.replace(",", " ").split() if nickname_key(word) == given), given)
