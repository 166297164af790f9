"""Reviews, as rows: pairs of which the matcher could not tell whether they are one lead.

What belongs here: finding those that wait for a person among the edges of `matches`, and what is kept of one. How they
are shown, and what an answer does, is decided elsewhere.

A review waits while its two records live in two different leads and nobody has said anything of the pair that stands.
Several such pairs of the same two leads are one question: that of the strongest. Beside these there are questions about
one lead that a person edited, whether its rows are still one (`questions`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from leads_dagster.store import lead_rows, match_rows, records
from leads_dagster.store.pair_decisions import PairDecisions
from leads_dagster.store.questions import ASKED, SPLIT_RULE
from leads_dagster.store.statements import chunks
from leads_dagster.store.tables import matches, source_records

_LEFT, _RIGHT = source_records.alias("of_a"), source_records.alias("of_b")
# More edges than these are not looked at to count what waits: a cycle must not pay for what others left.
COUNTED_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """Two leads of which a person is to say whether they are one; or one lead, whether it still is.

    Attributes:
        record_a, record_b: the pair that speaks for it most, `record_a` the smaller id; or of one lead either side.
        lead_a, lead_b: the leads that they are of. score: of that pair.
    """

    record_a: int
    record_b: int
    lead_a: str
    lead_b: str
    score: float

    @property
    def leads(self) -> frozenset[str]:
        """Both leads."""
        return frozenset((self.lead_a, self.lead_b))

    @property
    def pair(self) -> tuple[int, int]:
        """Both records."""
        return self.record_a, self.record_b


@dataclass(frozen=True, slots=True)
class Review:
    """All that is kept of one pair.

    Attributes:
        explanation: rule in a sentence, features, thresholds. originals: record, as text -> what it said when compared.
        matched_at: when the two were last compared.
    """

    record_a: int
    record_b: int
    rule: str
    score: float
    explanation: Mapping[str, Any]
    originals: Mapping[str, Any]
    matched_at: datetime


_REVIEW = [matches.c[name] for name in Review.__dataclass_fields__]


def waiting(connection: Connection, customer: str) -> Iterator[Waiting]:
    """What waits for a person, the strongest first."""
    strongest_first = (matches.c.score.desc(), matches.c.record_a, matches.c.record_b)
    yield from _undecided(connection, customer, _between_leads(customer).order_by(*strongest_first))


def count_waiting(connection: Connection, customer: str) -> int:
    """How many questions wait; of a customer with very many pairs, how many at least."""
    some = _between_leads(customer).limit(COUNTED_AT_MOST)
    return sum(1 for _ in _undecided(connection, customer, some))


def between(connection: Connection, leads: Iterable[str]) -> list[Waiting]:
    """The pairs for review between the records of two leads, the strongest first, whether or not anybody decided."""
    members = records.mates_of(connection, sorted(leads))
    lead_of = {record: str(one.lead_id) for record, one in members.items()}
    fewest = min(Counter(lead_of.values()).items(), key=lambda item: item[1], default=("", 0))[0]
    mine = [record for record, lead in lead_of.items() if lead == fewest]
    found = [
        Waiting(one.record_a, one.record_b, lead_of[one.record_a], lead_of[one.record_b], one.score)
        for one in match_rows.edges_at(connection, mine)
        if (one.outcome == "review" or ASKED in one.explanation) and one.record_a in lead_of and one.record_b in lead_of
    ]
    apart = (one for one in found if one.lead_a != one.lead_b)
    return sorted(apart, key=lambda one: (-one.score, one.record_a, one.record_b))


def splits(connection: Connection, lead: str) -> Iterator[tuple[Waiting, tuple[list[int], list[int]]]]:
    """The questions whether a lead is still one, each with the records of either side."""
    members = records.mates_of(connection, [lead])
    for one in match_rows.edges_at(connection, sorted(members)):
        asked = one.explanation.get(ASKED)
        if asked is not None and asked["about"] == "split":
            left, right = ([record for record in side if record in members] for side in asked["sides"])
            yield Waiting(one.record_a, one.record_b, lead, lead, one.score), (left, right)


def records_asked_about(connection: Connection, leads: Iterable[str]) -> set[int]:
    """Records of these leads of which a question about an edited lead waits."""
    members = sorted(records.mates_of(connection, sorted(leads)))
    found: set[int] = set()
    for part in chunks(members):
        for end in (matches.c.record_a, matches.c.record_b):
            query = select(end, matches.c.explanation).where(end.in_(part), matches.c.outcome == "review")
            found.update(record for record, said in connection.execute(query) if ASKED in said)
    return found


def reviews(connection: Connection, pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Review]:
    """What is kept of these pairs, by their two ids."""
    wanted = set(pairs)
    found: dict[tuple[int, int], Review] = {}
    for part in chunks(sorted({one for one, _ in wanted})):
        query = select(*_REVIEW).where(matches.c.record_a.in_(part), matches.c.outcome == "review")
        for row in connection.execute(query):
            if (row.record_a, row.record_b) in wanted:
                found[row.record_a, row.record_b] = Review(*row)
    return found


def decided_leads(connection: Connection, decided: PairDecisions) -> dict[frozenset[str], int]:
    """Two leads -> the newest standing decision on a pair of their records."""
    named = sorted({record for one in decided.standing for side in one.sides for record in side})
    last = records.last_leads(connection, named)
    living = lead_rows.living_for(connection, sorted({lead for lead, _ in last.values()}))
    found: dict[frozenset[str], int] = {}
    for one in decided.standing:
        sides = [{living[last[each][0]] for each in _speaking(side, last, living)} for side in one.sides]
        found.update((frozenset(pair), one.id) for pair in product(*sides) if pair[0] != pair[1])
    return found


def shared_by_decision(connection: Connection, customer: str) -> set[str]:
    """E-mails and LinkedIn URLs that two leads have in common of which a person said that they are two."""
    pairs = decided_leads(connection, PairDecisions(connection, customer))
    rows = lead_rows.load(connection, sorted({lead for pair in pairs for lead in pair}))
    common = (
        {rows[lead][name] for lead in pair} for pair in pairs for name in ("email", "linkedin_url")
    )  # of one value only where both say it
    return {value for values in common if len(values) == 1 for value in values if value is not None}


def _speaking(side: Sequence[int], last: Mapping[int, tuple[str, bool]], living: Mapping[str, str]) -> list[int]:
    """The records of a side that live; where none does, all whose lead does, since it speaks for them."""
    known = [one for one in side if one in last and last[one][0] in living]
    return [one for one in known if not last[one][1]] or known


def _between_leads(customer: str) -> Select[Any]:
    """Pairs for review whose records live in two leads."""
    columns = (matches.c.record_a, matches.c.record_b, _LEFT.c.lead_id, _RIGHT.c.lead_id, matches.c.score)
    return (
        select(*columns)
        .select_from(
            matches.join(_LEFT, _LEFT.c.id == matches.c.record_a).join(_RIGHT, _RIGHT.c.id == matches.c.record_b)
        )
        .where(
            matches.c.customer == customer,
            matches.c.outcome == "review",
            _LEFT.c.removed_at.is_(None),
            _RIGHT.c.removed_at.is_(None),
            or_(_LEFT.c.lead_id != _RIGHT.c.lead_id, matches.c.rule == SPLIT_RULE),
        )
    )


def _undecided(connection: Connection, customer: str, query: Select[Any]) -> Iterator[Waiting]:
    """One pair for every two leads that nobody decided about, in the order of the query."""
    decided = PairDecisions(connection, customer)
    seen = set(decided_leads(connection, decided))
    with connection.execution_options(yield_per=1000).execute(query) as rows:
        for found in (Waiting(*row) for row in rows):
            if len(found.leads) == 1:
                known = any(one.covers(found.pair) for one in decided.standing)
            else:
                known = found.leads in seen
                seen.add(found.leads)
            if not known:
                yield found
