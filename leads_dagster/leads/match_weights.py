"""The weights of evidence, in bits, and the score that a sum of them comes to.

What belongs here: reading `data/match_weights.toml`, where every weight has its reason. Which weights a pair earns is
worked out in `comparison` and `evidence`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from leads_dagster.leads.rule_tables import load_table

_MATCH_SCORE, _REVIEW_SCORE = 0.85, 0.75


@dataclass(frozen=True)
class NameWeights:
    """What agreement of names is worth beside their rarity; see the table."""

    typing_error: float
    nickname: float
    initial: float
    other_given_name: float
    neighbouring_given_name: float
    unlike: float
    unlike_family: float
    middle_names_differ: float
    generation_in_one: float
    digits_differ: float


@dataclass(frozen=True)
class CompanyWeights:
    """What companies of a score are worth; see the table."""

    same: float
    alike: float
    nearly_alike: float
    somewhat_alike: float
    different: float


@dataclass(frozen=True)
class SharedWeights:
    """What a shared telephone, title, place, mailbox or profile is worth; see the table."""

    same: float
    same_in_one_company: float = 0.0
    different: float = 0.0


@dataclass(frozen=True)
class FactWeights:
    """What birth dates, or personal numbers, are worth that are the same, one slip apart, or different."""

    same: float
    nearly_same: float
    different: float


@dataclass(frozen=True)
class AddressWeights:
    """What parts of postal addresses are worth; see the table."""

    postal_code: float
    postal_code_nearly: float
    city: float
    street: float
    number: float
    different_part: float
    different: float
    household: float


@dataclass(frozen=True)
class PersonalWeights:
    """What facts and address must come to together to be looked at."""

    least: float


@dataclass(frozen=True)
class ThresholdWeights:
    """From which sum on two rows are one lead, and how much less is a case for a person."""

    match: float
    review_below: float


@dataclass(frozen=True)
class MatchWeights:
    """All weights, as the table has them."""

    threshold: ThresholdWeights
    name: NameWeights
    company: CompanyWeights
    phone: SharedWeights
    title: SharedWeights
    place: SharedWeights
    mailbox: SharedWeights
    role_mailbox: SharedWeights
    linkedin: SharedWeights
    birth_date: FactWeights
    personal_number: FactWeights
    address: AddressWeights
    personal: PersonalWeights


@lru_cache(maxsize=1)
def match_weights() -> MatchWeights:
    """The packaged weights."""
    table = load_table("match_weights")
    return MatchWeights(
        threshold=ThresholdWeights(**table["threshold"]),
        name=NameWeights(**table["name"]),
        company=CompanyWeights(**table["company"]),
        phone=SharedWeights(**table["phone"]),
        title=SharedWeights(**table["title"]),
        place=SharedWeights(**table["place"]),
        mailbox=SharedWeights(**table["mailbox"]),
        role_mailbox=SharedWeights(**table["role_mailbox"]),
        linkedin=SharedWeights(**table["linkedin"]),
        birth_date=FactWeights(**table["birth_date"]),
        personal_number=FactWeights(**table["personal_number"]),
        address=AddressWeights(**table["address"]),
        personal=PersonalWeights(**table["personal"]),
    )


def score_of_bits(bits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums of weights as scores from 0 to 1: a logistic curve through the two points that the table names.

    The sum `threshold.match` scores 0.85, `review_below` less scores 0.75; a customer's thresholds cut that curve.
    """
    threshold = match_weights().threshold
    upper, lower = (np.log(score / (1 - score)) for score in (_MATCH_SCORE, _REVIEW_SCORE))
    steepness = (upper - lower) / threshold.review_below
    scores: NDArray[np.float32] = (1 / (1 + np.exp(-(upper + steepness * (bits - threshold.match))))).astype(np.float32)
    return scores
