"""Questions about leads that somebody edited, as marks on edges: what would be joined or split and waits for a person.

What belongs here: marking an edge as a review and giving it back what it was. Which questions there are is found in
`protected`; that they are listed and answered like other reviews is why they are kept so.

An edge that is marked stands in `matches` as a review; under "asked" its explanation has what it was before, which is
what clustering goes on seeing. Two records that have no edge get one for the time of the question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from leads_dagster.leads.match_edges import Edge

if TYPE_CHECKING:
    from leads_dagster.store.match_rows import StoredEdge

About = Literal["join", "split"]
Op = Literal["insert", "update", "delete"]
ASKED = "asked"
# A review by this rule is a question about one lead: no pair is left to people by a person's decision.
SPLIT_RULE: Literal["decision"] = "decision"
_BEFORE = ("outcome", "rule", "score")
_WHY: dict[About, str] = {
    "join": "They match, but a person edited one of the leads: they are not joined unasked.",
    "split": "Its rows do not look like one lead any more, but a person edited it: it is not taken apart unasked.",
}


_TYPED = "People gave both the same e-mail or page: what is typed joins no leads unasked."


@dataclass(frozen=True, slots=True)
class Question:
    """Something that matching would do, and does not.

    Attributes:
        a, b: the records that stand for either side, a < b.
        edge: of a join, the edge that would have made it.
        sides: of a split, the records that would part: those of a, those of b.
        typed: people gave both leads one e-mail or page; it waits until they do not say so any more (`typed_doubles`).
    """

    a: int
    b: int
    about: About
    edge: Edge | None = None
    sides: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Booking:
    """A change of one stored edge of which neither end is matched anew; `lead`: that of its first record."""

    op: Op
    edge: Edge
    lead: str = ""


def marked(question: Question, edge: Edge | None) -> Edge:
    """The edge of the two records as a review; of two that have none, a new one."""
    before = None if edge is None else {name: getattr(edge, name) for name in _BEFORE}
    if edge is not None and (asked := edge.explanation.get(ASKED)) is not None:
        before = asked["before"]
    asked = {"about": question.about, "why": _TYPED if question.typed else _WHY[question.about], "before": before}
    if question.typed:
        asked["typed"] = True
    if question.about == "split":
        asked["sides"] = [list(side) for side in question.sides]
    explanation = {**(_explanation(question.edge) if edge is None else edge.explanation), ASKED: asked}
    if question.edge is not None:
        return Edge(question.a, question.b, "review", question.edge.rule, question.edge.score, explanation)
    return Edge(question.a, question.b, "review", SPLIT_RULE, 1.0, explanation)


def is_typed(explanation: Mapping[str, Any]) -> bool:
    """Whether an edge is a question about two leads to which people gave the same."""
    return bool(explanation.get(ASKED, {}).get("typed"))


def _explanation(edge: Edge | None) -> dict[str, Any]:
    return {name: value for name, value in edge.explanation.items() if name != ASKED} if edge is not None else {}


def as_found(edge: StoredEdge) -> StoredEdge:
    """An edge as the matcher found it, marked or not; it keeps its mark. One that is a mark alone says nothing."""
    asked = edge.explanation.get(ASKED)
    if asked is None or asked["before"] is None:
        return edge
    return replace(edge, **asked["before"])


def booked(
    questions: Iterable[Question], edges: Sequence[Edge], stored: Sequence[Edge], fresh: Set[int]
) -> tuple[list[Edge], list[Booking]]:
    """What is to be written so that exactly these questions are marked.

    Args:
        questions: all that there are among the records at hand.
        edges: that are written in any case: those of records matched anew. stored: the others, as found.
        fresh: records matched anew, which keep no stored edge.

    Returns:
        `edges` with their marks, and changes of the stored ones.
    """
    asked = {(one.a, one.b): one for one in questions}
    if not asked and not any(ASKED in edge.explanation for edge in stored):
        return list(edges), []
    found = {(one.a, one.b): one for one in edges}
    kept = {(one.a, one.b): one for one in stored}
    stale = {pair for pair, edge in kept.items() if ASKED in edge.explanation and not is_typed(edge.explanation)}
    bookings = [unmarked(edge) for pair, edge in kept.items() if pair in stale - asked.keys()]
    for pair, question in asked.items():
        if pair in found or not fresh.isdisjoint(pair):
            found[pair] = marked(question, found.get(pair))
        elif (change := _marking(question, kept.get(pair))) is not None:
            bookings.append(change)
    return list(found.values()), bookings


def _marking(question: Question, edge: Edge | None) -> Booking | None:
    """None where the edge says so already."""
    mark = marked(question, edge)
    if edge is None:
        return Booking("insert", mark)
    return None if edge.explanation.get(ASKED) == mark.explanation[ASKED] else Booking("update", mark)


def unmarked(edge: Edge) -> Booking:
    """The edge as it was before it was asked about."""
    before: Mapping[str, Any] | None = edge.explanation[ASKED]["before"]
    if before is None:
        return Booking("delete", edge)
    return Booking("update", replace(edge, explanation=_explanation(edge), **before))
