"""From findings to edges: one edge a pair, its strongest rule, and why, in words.

What belongs here: contradictions of strong keys, which rule names an edge, explanations. What speaks for a pair is
found in `evidence`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from leads_dagster.leads.aspects import (
    ASPECTS,
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
from leads_dagster.leads.comparison import Flags, NameScores, Scores
from leads_dagster.leads.evidence import RULE_OF_ASPECT, TWO_PERSONS_BITS, Findings, Judge
from leads_dagster.leads.fields import BIRTH_DATE
from leads_dagster.leads.match_edges import RULES, Edge, Outcome, Thresholds
from leads_dagster.leads.match_record import MatchRecord
from leads_dagster.leads.match_weights import match_weights
from leads_dagster.leads.personal_evidence import days_differ
from leads_dagster.leads.record_columns import Indexes

# What is written of an aspect under "evidence"; `clustering` reads it back.
ASPECT_NAMES: dict[Aspect, str] = {
    LINKEDIN: "linkedin",
    LINKEDIN_ALONE: "linkedin_alone",
    MAILBOX: "mailbox",
    MAILBOX_ALONE: "mailbox_alone",
    ROLE_MAILBOX: "role_mailbox",
    PHONE: "phone",
    PHONE_PROFILE: "phone_profile",
    NAME_COMPANY: "name_company",
    PROFILE: "profile",
    FACTS: "facts",
    COMPANY: "company",
    TWIN: "same_row",
}
_RANK = {aspect: RULES.index(RULE_OF_ASPECT[aspect]) for aspect in ASPECTS}

_SENTENCES: dict[tuple[Aspect, Outcome], str] = {
    (LINKEDIN, "match"): "Both give the same LinkedIn profile.",
    (LINKEDIN, "review"): "Both give the same LinkedIn profile, but their names look like two persons.",
    (LINKEDIN_ALONE, "match"): "Both give the same LinkedIn profile.",
    (LINKEDIN_ALONE, "review"): "Both give the same LinkedIn profile, but their names look like two persons.",
    (MAILBOX, "match"): "Both give the same personal e-mail address, and their names do not speak against it.",
    (MAILBOX_ALONE, "match"): "Both give the same personal e-mail address, and one of them gives no name.",
    (MAILBOX_ALONE, "review"): "Both give the same personal e-mail address, but their names look like two persons.",
    (MAILBOX, "review"): "Both give the same personal e-mail address, but their names look like two persons.",
    (ROLE_MAILBOX, "match"): "Both give the same shared mailbox, and their names are alike.",
    (ROLE_MAILBOX, "review"): "Both give the same shared mailbox, and their names are nearly alike.",
    (PHONE, "match"): "Both give the same telephone number, and their names fit.",
    (PHONE, "review"): "Both give the same telephone number, and their names nearly fit.",
    (PHONE_PROFILE, "match"): "Both give the same telephone number, and their names fit.",
    (PHONE_PROFILE, "review"): "Both give the same telephone number, and their names nearly fit.",
    (NAME_COMPANY, "match"): "Their names and their companies are each alike.",
    (NAME_COMPANY, "review"): "Their names and their companies are nearly alike.",
    (PROFILE, "match"): "Their names fit, and company, title and place say together that they are one person.",
    (PROFILE, "review"): "Their names fit, and company, title and place do not quite say that they are one person.",
    (FACTS, "match"): "Their names fit, and birth date, personal number or address say that they are one person.",
    (FACTS, "review"): "Their names fit, and birth date, number or address do not quite say that they are one person.",
    (COMPANY, "match"): "Both tell of the same company, and telephone, address, place, website or mailbox agree.",
    (COMPANY, "review"): "Both tell of companies that are alike, but not surely of the same office.",
    (TWIN, "match"): "Both rows say exactly the same.",
}
# More would not help anybody to decide: a placeholder for a mailbox that thousands share. No cluster depends on it.
REVIEWS_OF_A_RECORD = 8
# Bounds the memory of what is known of edges before they are made.
_EDGES_AT_A_TIME = 20_000
_OTHER_PROFILE = "They give two different LinkedIn profiles, so they stay apart."
_OTHER_PERSON = "Neither given name, family name nor company fits, so they stay apart."
_OTHER_BIRTH_DATE = "They give two different birth dates, so they stay apart."
# What holds whatever birth dates say: one profile is one person, and facts are weighed with the dates among them.
_BEYOND_BIRTH_DATES = frozenset({LINKEDIN, LINKEDIN_ALONE, FACTS})
_OTHER_GENERATION = "Their names say that they are two generations of one family, so they stay apart."


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of each pair that something speaks for."""

    fact_bits: dict[str, list[float]]
    address_bits: list[float]
    left: list[int]
    right: list[int]
    name_scores: list[float]
    name_bits: list[float]
    generations_differ: list[bool]
    company_scores: list[float]
    company_bits: list[float]
    title_bits: list[float]
    place_bits: list[float]
    profiles_differ: list[bool]


@dataclass(frozen=True, slots=True)
class _Support:
    """One aspect that speaks for a pair."""

    aspect: Aspect
    score: float
    matches: bool

    @property
    def order(self) -> tuple[bool, int, float]:
        return not self.matches, _RANK[self.aspect], -self.score


def assembled(judge: Judge, findings: Sequence[Findings]) -> Iterator[Edge]:
    """One edge for every pair that matches, may match, or would match but contradicts."""
    count = len(judge.records)
    codes = np.concatenate([found.left * count + found.right for found in findings])
    aspects = np.repeat([ASPECTS.index(found.aspect) for found in findings], [found.left.size for found in findings])
    once = np.unique(codes * len(ASPECTS) + aspects, return_index=True)[1]
    scores = np.concatenate([found.scores for found in findings])[once]
    matches = np.concatenate([found.matches for found in findings])[once]
    codes, aspects = codes[once], aspects[once]
    keep = matches | _first_reviews(codes // count, scores, matches)
    codes, aspects, scores, matches = codes[keep], aspects[keep], scores[keep], matches[keep]
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    stops = np.r_[starts[1:], codes.size]
    for first in range(0, starts.size, _EDGES_AT_A_TIME):
        here = slice(starts[first], stops[first : first + _EDGES_AT_A_TIME][-1])
        yield from _edges(judge, codes[here], aspects[here], scores[here], matches[here])


def _edges(judge: Judge, codes: Indexes, aspects: Indexes, scores: Scores, matches: Flags) -> Iterator[Edge]:
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    facts = _facts(judge, *np.divmod(codes[starts], len(judge.records)))
    rows = zip(aspects.tolist(), scores.tolist(), matches.tolist(), strict=True)
    supports = [_Support(ASPECTS[aspect], round(score, 4), match) for aspect, score, match in rows]
    for place, (start, stop) in enumerate(pairwise([*starts.tolist(), len(supports)])):
        edge = _edge(judge, facts, place, sorted(supports[start:stop], key=lambda support: support.order))
        if edge is not None:
            yield edge


def _first_reviews(left: Indexes, scores: Scores, matches: Flags) -> Flags:
    """The best `REVIEWS_OF_A_RECORD` rows of each left record that are no matches."""
    reviews = np.flatnonzero(~matches)
    reviews = reviews[np.lexsort((-scores[reviews], left[reviews]))]
    starts = np.flatnonzero(np.diff(left[reviews], prepend=-1))
    rank = np.arange(reviews.size) - np.repeat(starts, np.diff(np.r_[starts, reviews.size]))
    first = np.zeros(left.size, dtype=np.bool_)
    first[reviews[rank < REVIEWS_OF_A_RECORD]] = True
    return first


def _facts(judge: Judge, left: Indexes, right: Indexes) -> _Facts:
    slugs = judge.columns.slug
    differ = (slugs[left] != slugs[right]) & (slugs[left] > 0) & (slugs[right] > 0)
    names, companies = judge.names(left, right), judge.companies(left, right)
    worth = judge.company_bits(left, right)
    titles, places = judge.profile_bits(left, right, worth)
    columns = (
        left, right, names.scores, names.bits, names.generations_differ, companies, worth, titles, places, differ
    )  # fmt: skip
    return _Facts(*_personal_bits(judge, left, right, names), *(column.tolist() for column in columns))


def _personal_bits(
    judge: Judge, left: Indexes, right: Indexes, names: NameScores
) -> tuple[dict[str, list[float]], list[float]]:
    """What facts, by their kind, and addresses of pairs are worth; nothing where nobody gives any."""
    if judge.personal is None:
        return {}, []
    by_kind = {kind: bits.tolist() for kind, bits in judge.personal.bits_by_kind(left, right).items()}
    _, agree = judge.personal.with_lone_names(left, right, names)
    return by_kind, judge.personal.address_bits(left, right, agree).tolist()


def _edge(judge: Judge, facts: _Facts, place: int, supports: list[_Support]) -> Edge | None:
    one, other = judge.records[facts.left[place]], judge.records[facts.right[place]]
    born_apart = days_differ(one.born, other.born)
    if born_apart:
        supports = [support for support in supports if support.aspect in _BEYOND_BIRTH_DATES] or supports
    best = supports[0]
    contradiction = _contradiction(facts, place, best, born_apart=born_apart)
    # One personal mailbox of two leads must be accounted for, however little else speaks for the pair.
    if contradiction and not best.matches and best.aspect not in (MAILBOX, MAILBOX_ALONE):
        return None
    outcome: Outcome = "blocked" if contradiction else "match" if best.matches else "review"
    first, second = (one, other) if one.id < other.id else (other, one)
    sentence = _SENTENCES[best.aspect, "match" if best.matches else "review"]
    explanation = {
        "rule": f"{sentence} {contradiction}".strip(),
        "features": _features(first, second, facts, place),
        "evidence": [
            _evidence(support.aspect, support.score, support.matches)
            for support in supports
            if support.matches == best.matches
        ],
        "thresholds": _limits(judge.thresholds),
    }
    return Edge(first.id, second.id, outcome, RULE_OF_ASPECT[best.aspect], best.score, explanation)


def _contradiction(facts: _Facts, place: int, best: _Support, *, born_apart: bool) -> str:
    if facts.profiles_differ[place]:
        return _OTHER_PROFILE
    if facts.generations_differ[place] and best.aspect not in (LINKEDIN, LINKEDIN_ALONE):
        return _OTHER_GENERATION
    if born_apart and best.aspect not in _BEYOND_BIRTH_DATES:
        return _OTHER_BIRTH_DATE
    two_persons = facts.name_bits[place] <= TWO_PERSONS_BITS and facts.company_bits[place] < 0
    if two_persons and not best.matches and best.aspect in (MAILBOX, MAILBOX_ALONE):
        return _OTHER_PERSON
    return ""


# Edges are many and their explanations alike: equal parts are one object, which nobody changes.
@lru_cache(maxsize=1 << 14)
def _evidence(aspect: Aspect, score: float, matches: bool) -> dict[str, Any]:
    return {
        "aspect": ASPECT_NAMES[aspect],
        "rule": RULE_OF_ASPECT[aspect],
        "outcome": "match" if matches else "review",
        "score": score,
    }


@lru_cache(maxsize=64)
def _limits(thresholds: Thresholds) -> dict[str, float]:
    return {"match": thresholds.match, "review": thresholds.review}


def _features(first: MatchRecord, second: MatchRecord, facts: _Facts, place: int) -> dict[str, Any]:
    """What was compared: texts of both sides and their score, or what they share, and what that is worth in bits."""
    features: dict[str, Any] = {}
    if first.name.key and second.name.key:
        said = _said(first, second, "full_name")
        features["name"] = _compared(*said, facts.name_scores[place], facts.name_bits[place])
    if first.company.key and second.company.key:
        said = _said(first, second, "company")
        features["company"] = _often_compared(*said, facts.company_scores[place], facts.company_bits[place])
    for feature, field, bits in (("title", "title", facts.title_bits), ("place", "location", facts.place_bits)):
        if field in first.fields and field in second.fields:
            said = _said(first, second, field)
            features[feature] = _often_compared(*said, float(bits[place] > 0), bits[place])
    if first.slug and second.slug:
        features["linkedin"] = _profiles(first.slug, second.slug)
    features.update(_personal(first, second, facts, place))
    for feature, one, other in _shareable(first, second):
        if one and other:
            features[feature] = _shared(feature, set(one).intersection(other), facts.company_bits[place])
    return features


def _personal(
    first: MatchRecord, second: MatchRecord, facts: _Facts, place: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Facts and addresses of two persons; of a number only its end, since explanations are read by many."""
    left, right = (dict(fact.split(":", 1) for fact in record.facts) for record in (first, second))
    for kind in sorted(left.keys() & right.keys()):
        bits = facts.fact_bits[kind][place]
        said = {"a": _shown(kind, left[kind]), "b": _shown(kind, right[kind])}
        yield kind, {**said, "score": float(left[kind] == right[kind]), "contribution": bits}
    if first.kind == second.kind == "person" and first.addresses and second.addresses:
        one, other = first.addresses[0].key, second.addresses[0].key
        bits = facts.address_bits[place]
        yield "address", {"a": one, "b": other, "score": float(one == other), "contribution": bits}


def _shown(kind: str, value: str) -> str:
    return value if kind == BIRTH_DATE else f"…{value[-3:]}"


def _shareable(first: MatchRecord, second: MatchRecord) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    yield "email", first.mailboxes, second.mailboxes
    yield "role_mailbox", first.role_mailboxes, second.role_mailboxes
    yield "phone", first.phones, second.phones
    if first.kind == second.kind == "company":
        yield "address", [address.key for address in first.addresses], [address.key for address in second.addresses]


def _shared(feature: str, shared: Set[str], company_bits: float) -> dict[str, Any]:
    """What both give; worth nothing where they give different things, since a person has several."""
    weights = match_weights()
    weight = {"email": weights.mailbox, "role_mailbox": weights.role_mailbox, "phone": weights.phone}.get(feature)
    if weight is None:
        return {"shared": sorted(shared)}
    colleagues = company_bits >= weights.company.nearly_alike
    worth = weight.same_in_one_company if colleagues else weight.same
    return {"shared": sorted(shared), "contribution": worth} if shared else _nothing_shared(weight.different)


@lru_cache(maxsize=8)
def _nothing_shared(worth: float) -> dict[str, Any]:
    return {"shared": [], "contribution": worth}


def _profiles(first: str, second: str) -> dict[str, Any]:
    weight, same = match_weights().linkedin, first == second
    return {"a": first, "b": second, "score": float(same), "contribution": weight.same if same else weight.different}


def _said(first: MatchRecord, second: MatchRecord, field: str) -> tuple[str, str]:
    return first.fields.get(field, ""), second.fields.get(field, "")


def _compared(one: str, other: str, score: float, bits: float) -> dict[str, Any]:
    return {"a": one, "b": other, "score": round(score, 4), "contribution": round(bits, 1)}


# Companies, titles and places of many edges are the same.
_often_compared = lru_cache(maxsize=1 << 15)(_compared)
