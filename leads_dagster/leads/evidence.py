"""What a pair of records says about being one lead: the rules, and the words that explain them.

What belongs here: thresholds, edges, and the judgement of pairs, each a pure function of the two records. Which pairs
are judged is decided in `blocking`; what many edges together make, in `clustering`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from leads_dagster.leads.aspects import (
    COMPANY,
    FACTS,
    LINKEDIN,
    LINKEDIN_ALONE,
    MAILBOX,
    MAILBOX_ALONE,
    NAME_COMPANY,
    PHONE,
    PHONE_PROFILE,
    PROFILE,
    ROLE_MAILBOX,
    TWIN,
    Aspect,
)
from leads_dagster.leads.blocking import Pairs
from leads_dagster.leads.comparison import (
    UNCERTAIN,
    CompanyColumns,
    Flags,
    NameColumns,
    NameScores,
    Scores,
    company_bits,
)
from leads_dagster.leads.match_edges import Rule, Thresholds
from leads_dagster.leads.match_features import PostalAddress
from leads_dagster.leads.match_record import MatchRecord
from leads_dagster.leads.match_weights import match_weights, score_of_bits
from leads_dagster.leads.meeting import Meetings
from leads_dagster.leads.personal_evidence import PersonalColumns
from leads_dagster.leads.record_columns import Indexes, RecordColumns

RULE_OF_ASPECT: dict[Aspect, Rule] = {
    LINKEDIN: "linkedin",
    LINKEDIN_ALONE: "linkedin",
    MAILBOX: "email",
    MAILBOX_ALONE: "email",
    ROLE_MAILBOX: "email",
    PHONE: "phone",
    PHONE_PROFILE: "phone",
    NAME_COMPANY: "name_company",
    PROFILE: "name_company",
    FACTS: "name_company",
    COMPANY: "name_company",
    TWIN: "name_company",
}

# An equal mailbox is worth less where a name is missing, and less still where the names are not quite alike.
MAILBOX_WITHOUT_NAME = 0.95
MAILBOX_WITH_LIKELY_NAME = 0.90

# Two names at one mailbox are one person's where nothing speaks against it and this much speaks for it.
_LIKELY_NAME_BITS = 2.0
# Two names that both contradict, given and family name: two persons, as far as names go.
TWO_PERSONS_BITS = -15.0
# More letters than one are more than a slip of the pen.
_SLIP = 1.0
# Company, title and place together are worth 15 bits at most.
_LEAST_NAME_BITS = 7.0


@dataclass(frozen=True, slots=True)
class Findings:
    """What one aspect says of the pairs it has something to say of.

    Attributes:
        aspect: which one.
        left, right: positions of the records.
        scores: 0 to 1.
        matches: one lead, as far as this aspect goes; else a case for a person.
    """

    aspect: Aspect
    left: Indexes
    right: Indexes
    scores: Scores
    matches: Flags


class Judge:
    """Judges pairs of one list of records; holds their names and companies as columns."""

    def __init__(self, columns: RecordColumns, thresholds: Thresholds) -> None:
        self.records = columns.records
        self.columns = columns
        self.thresholds = thresholds
        self._name_of, self._company_of = columns.name_of, columns.company_of
        self._names, self._companies = NameColumns(columns.names, columns.words), CompanyColumns(columns.companies)
        self._unread = np.array([name.unread for name in columns.names], dtype=np.bool_)[columns.name_of]
        self._has_name, self._has_company = columns.has_name, columns.has_company
        self._meetings = Meetings(columns)

    @cached_property
    def personal(self) -> PersonalColumns | None:
        """Facts and addresses of persons; None where no record has any."""
        told = any(record.facts or (record.addresses and record.kind == "person") for record in self.records)
        return PersonalColumns(self.records) if told else None

    def findings(self, pairs: Pairs) -> Findings:
        """What the aspect of `pairs` says; pairs of which it says nothing are left out."""
        if pairs.aspect == TWIN:
            return self._found(pairs, np.ones(pairs.left.size, dtype=np.float32))
        return self._met(_JUDGEMENTS[pairs.aspect](self, pairs))

    def _met(self, found: Findings) -> Findings:
        """Without matches of records that have no reading in common: a large block does not look for them."""
        keep = ~found.matches
        matching = np.flatnonzero(found.matches)
        keep[matching] = self._meetings.hold(found.aspect, found.left[matching], found.right[matching])
        return Findings(found.aspect, found.left[keep], found.right[keep], found.scores[keep], found.matches[keep])

    def matching(self, scores: Scores) -> Flags:
        """Above the match threshold; equality is a match whatever the threshold."""
        matches: Flags = (scores > self.thresholds.match) | (scores == 1)
        return matches

    def _found(self, pairs: Pairs, scores: Scores, matches: Flags | None = None) -> Findings:
        """Keep what matches (by score, where `matches` does not say) or reaches the review threshold."""
        matches = self.matching(scores) if matches is None else matches
        keep = matches | (scores >= self.thresholds.review)
        return Findings(pairs.aspect, pairs.left[keep], pairs.right[keep], scores[keep], matches[keep])

    def names(self, left: Indexes, right: Indexes) -> NameScores:
        """Name scores of pairs of records."""
        return self._names.compare(self._name_of[left], self._name_of[right])

    def companies(self, left: Indexes, right: Indexes) -> Scores:
        """Company scores of pairs of records."""
        return self._companies.compare(self._company_of[left], self._company_of[right])

    def _by_linkedin(self, pairs: Pairs) -> Findings:
        """One profile is one person: people marry. Of two wholly different names a cell was filled down."""
        names = self.names(pairs.left, pairs.right)
        likely = names.bits > TWO_PERSONS_BITS
        scores = self._doubtful(names)
        scores[likely] = 1
        return self._found(pairs, scores, likely)

    def _by_linkedin_alone(self, pairs: Pairs) -> Findings:
        left, right = pairs.left, pairs.right
        untold = ~(self._has_name[left] & self._has_name[right]) | (self._unread[left] != self._unread[right])
        scores = self._doubtful(self.names(left, right))
        scores[untold] = 1
        return self._found(pairs, scores, untold)

    def _by_mailbox(self, pairs: Pairs) -> Findings:
        names = self.names(pairs.left, pairs.right)
        alike = self.matching(names.scores)
        scores = np.maximum(self._doubtful(names), score_of_bits(names.bits + match_weights().mailbox.same))
        likely = names.agree & (names.bits >= _LIKELY_NAME_BITS)
        scores[likely] = np.maximum(scores[likely], MAILBOX_WITH_LIKELY_NAME)
        scores[alike] = 1
        return self._found(pairs, scores, alike | likely | self.matching(scores))

    def _by_mailbox_alone(self, pairs: Pairs) -> Findings:
        nameless = ~(self._has_name[pairs.left] & self._has_name[pairs.right])
        scores = self._doubtful(self.names(pairs.left, pairs.right))
        scores[nameless] = MAILBOX_WITHOUT_NAME
        return self._found(pairs, scores, nameless)

    def _doubtful(self, names: NameScores) -> Scores:
        """Scores that go to review, however unlike the names are: the mailbox is the same after all."""
        return np.clip(names.scores, self.thresholds.review, self.thresholds.match).astype(np.float32)

    def _by_role_mailbox(self, pairs: Pairs) -> Findings:
        names = self.names(pairs.left, pairs.right)
        companies = self.company_bits(pairs.left, pairs.right)
        told = score_of_bits(names.bits + companies + match_weights().role_mailbox.same)
        scores = np.where(companies < 0, np.minimum(names.scores, told), names.scores)  # test@test.com of two companies
        left, right = self._has_name[pairs.left], self._has_name[pairs.right]
        scores[left != right] = 0
        same = self._company_of[pairs.left] == self._company_of[pairs.right]
        scores[~left & ~right] = np.where(same[~left & ~right], MAILBOX_WITHOUT_NAME, 0)
        return self._found(pairs, scores)

    def _by_phone(self, pairs: Pairs) -> Findings:
        return self._found(pairs, self.names(pairs.left, pairs.right).scores)

    def _by_phone_and_profile(self, pairs: Pairs) -> Findings:
        names = self.names(pairs.left, pairs.right)
        companies = self.company_bits(pairs.left, pairs.right)
        weights = match_weights().phone
        phone = np.where(companies >= match_weights().company.nearly_alike, weights.same_in_one_company, weights.same)
        profile = sum(self.profile_bits(pairs.left, pairs.right, companies))
        scores = score_of_bits(names.bits + companies + phone + profile)
        scores[self.matching(names.scores)] = 0  # the telephone and the names are enough
        return self._found(pairs, scores)

    def _by_name_and_company(self, pairs: Pairs) -> Findings:
        names = self.names(pairs.left, pairs.right)
        scores = names.scores.copy()
        scores[self._colleagues(pairs.left, pairs.right)] = 0
        near = np.flatnonzero(scores >= self.thresholds.review)
        scores[near] = np.minimum(scores[near], self.companies(pairs.left[near], pairs.right[near]))
        unlike = near[names.wrong[near] > _SLIP]
        unlike = unlike[self._of_two_offices(pairs.left[unlike], pairs.right[unlike], names.bits[unlike])]
        scores[unlike] = np.minimum(scores[unlike], UNCERTAIN)
        return self._found(pairs, scores)

    def _of_two_offices(self, left: Indexes, right: Indexes, name_bits: Scores) -> Flags:
        """Whether two have another title in another place, and all that they say is less than what makes one lead of
        two rows: Susan Langstrom and Susan Sandstrom of one company."""
        title, place = self.columns.title, self.columns.place
        other_title: Flags = (title[left] > 0) & (title[right] > 0) & (title[left] != title[right])
        other_place: Flags = (place[left] > 0) & (place[right] > 0) & (place[left] != place[right])
        companies = self.company_bits(left, right)
        told = name_bits + companies + sum(self.profile_bits(left, right, companies))
        little: Flags = ~self.matching(score_of_bits(told))
        return other_title & other_place & little

    def _colleagues(self, left: Indexes, right: Indexes) -> Flags:
        """Pairs whose company only their addresses say, and those differ."""
        one, other = self.columns.inferred[left], self.columns.inferred[right]
        colleagues: Flags = (one > 0) & (other > 0) & (one != other)
        return colleagues

    def _by_profile(self, pairs: Pairs) -> Findings:
        bits = self.names(pairs.left, pairs.right).bits
        near = np.flatnonzero(bits >= _LEAST_NAME_BITS)
        left, right = pairs.left[near], pairs.right[near]
        companies = self.company_bits(left, right)
        scores = np.zeros(pairs.left.size, dtype=np.float32)
        told = score_of_bits(bits[near] + companies + sum(self.profile_bits(left, right, companies)))
        scores[near] = np.where(companies < 0, np.minimum(told, UNCERTAIN), told)  # a namesake, or a new job
        return self._found(pairs, scores)

    def _by_facts(self, pairs: Pairs) -> Findings:
        assert self.personal is not None  # a pair of them is here
        left, right = pairs.left, pairs.right
        names, agree = self.personal.with_lone_names(left, right, self.names(left, right))
        evidence = self.personal.fact_bits(left, right) + self.personal.address_bits(left, right, agree)
        scores = score_of_bits(names + evidence)
        scores[evidence < match_weights().personal.least] = 0
        return self._found(pairs, scores)

    def company_bits(self, left: Indexes, right: Indexes) -> Scores:
        """What the companies of pairs of records are worth."""
        known = self._has_company[left] & self._has_company[right] & ~self._colleagues(left, right)
        return company_bits(self.companies(left, right), known)

    def profile_bits(self, left: Indexes, right: Indexes, companies: Scores) -> tuple[Scores, Scores]:
        """What titles, and places, of pairs of records are worth beside companies of that worth."""
        title, place, weights = self.columns.title, self.columns.place, match_weights()
        titles = weights.title.same * ((title[left] == title[right]) & (title[left] > 0))
        colleagues = companies >= weights.company.nearly_alike
        same = np.where(colleagues, weights.place.same_in_one_company, weights.place.same)
        places = np.where(place[left] == place[right], same, weights.place.different)
        there = (place[left] > 0) & (place[right] > 0)
        return titles.astype(np.float32), np.where(there, places, 0).astype(np.float32)

    def _by_company(self, pairs: Pairs) -> Findings:
        scores = self.companies(pairs.left, pairs.right)
        matches = self.matching(scores)
        for row in np.flatnonzero(matches | (scores >= self.thresholds.review)):
            offices = compare_offices(self.records[pairs.left[row]], self.records[pairs.right[row]])
            matches[row] &= offices == "same"
            scores[row] = 0 if offices == "unknown" else scores[row]
        return self._found(pairs, scores, matches & (scores > 0))


_JUDGEMENTS = {
    LINKEDIN: Judge._by_linkedin,
    LINKEDIN_ALONE: Judge._by_linkedin_alone,
    MAILBOX: Judge._by_mailbox,
    MAILBOX_ALONE: Judge._by_mailbox_alone,
    ROLE_MAILBOX: Judge._by_role_mailbox,
    PHONE: Judge._by_phone,
    PHONE_PROFILE: Judge._by_phone_and_profile,
    NAME_COMPANY: Judge._by_name_and_company,
    PROFILE: Judge._by_profile,
    FACTS: Judge._by_facts,
    COMPANY: Judge._by_company,
}


def compare_offices(left: MatchRecord, right: MatchRecord) -> Literal["same", "doubtful", "unknown"]:
    """Whether two rows of one company name speak of one office of it.

    "same": a telephone, an address or the place agrees and nothing contradicts; or website or mailbox agree and one row
    says no more than that. "doubtful": something agrees, but not enough. "unknown": nothing agrees.
    """
    firm = (
        not set(left.phones).isdisjoint(right.phones)
        or (bool(left.place and right.place) and _same_place(left, right))
        or _share_address(left, right)
    )
    weak = bool(left.site) and left.site == right.site
    weak = weak or not set(left.role_mailboxes).isdisjoint(right.role_mailboxes)
    if not firm and not weak:
        return "unknown"
    if offices_contradict(left, right):
        return "doubtful"
    bare = any(not (record.place or record.phones or record.addresses) for record in (left, right))
    return "same" if firm or bare else "doubtful"


def offices_contradict(left: MatchRecord, right: MatchRecord) -> bool:
    """Whether telephones, places or addresses of two companies, where both give them, have nothing in common.

    Under one telephone addresses may differ: a street is written in more ways than can be compared.
    """
    if left.phones and right.phones:
        if set(left.phones).isdisjoint(right.phones):
            return True
    elif left.addresses and right.addresses and not _share_address(left, right):
        return True
    return bool(left.place and right.place) and not _same_place(left, right)


def _same_place(left: MatchRecord, right: MatchRecord) -> bool:
    """One location the beginning of the other: "Berlin", "Berlin, Germany"."""
    return all(a == b for a, b in zip(left.place, right.place, strict=False))


def _share_address(left: MatchRecord, right: MatchRecord) -> bool:
    return any(_same_address(one, other) for one in left.addresses for other in right.addresses)


def _same_address(left: PostalAddress, right: PostalAddress) -> bool:
    """One street, of the same postal code, or of the same city where one of them gives no postal code."""
    if left.numbers != right.numbers or not _same_street(left.street, right.street):
        return False
    if left.postal_code and right.postal_code:
        return _one_begins_the_other(left.postal_code, right.postal_code)
    return bool(left.city) and left.city == right.city


def _same_street(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Word by word, abbreviated or not: "Main St", "Main Street"."""
    return len(left) == len(right) and all(map(_one_begins_the_other, left, right))


def _one_begins_the_other(left: str, right: str) -> bool:
    return left.startswith(right) or right.startswith(left)
