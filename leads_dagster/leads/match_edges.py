"""What matching finds: an edge between two records, by a rule, with an outcome, and the thresholds it was judged by.

What belongs here: values alone, without anything heavy, so that who only reads them pays for nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Rule = Literal["linkedin", "email", "phone", "name_company", "decision"]
Outcome = Literal["match", "review", "blocked"]

# Strongest first: the order in which rules name an edge and in which clusters are made.
RULES: tuple[Rule, ...] = ("decision", "linkedin", "email", "phone", "name_company")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Both ends of what goes to a person.

    Attributes:
        match: name and company must each score above it (or be equal) to be one lead.
        review: from here up to `match` a person is asked.
    """

    match: float = 0.85
    review: float = 0.75


DEFAULT_THRESHOLDS = Thresholds()


@dataclass(frozen=True, slots=True)
class Edge:
    """What was found out about two records.

    Attributes:
        a, b: record ids, a < b.
        outcome: "match", "review" (a person decides; they stay apart), or "blocked" (would match, but contradicts).
        rule: the strongest rule that led to the outcome.
        score: 0 to 1; for names and companies the lower of the two.
        explanation: features compared and their scores, thresholds, the rule in a sentence, and under "evidence" every
            rule that holds with its score (`clustering` reads that). JSON-ready.
    """

    a: int
    b: int
    outcome: Outcome
    rule: Rule
    score: float
    explanation: dict[str, Any]
