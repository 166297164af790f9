"""By which rules a customer's records are matched: today's, and those by which all of them were last.

What belongs here: the two, and reading and writing `matching_states`. What is done where they differ is `rematching`'s.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

import xxhash
from sqlalchemy import Connection, bindparam, select, update

from leads_dagster.leads.knowledge import digest
from leads_dagster.leads.matching import MATCHING_VERSION
from leads_dagster.store import learned, records
from leads_dagster.store.policy import Policy
from leads_dagster.store.queries import Query
from leads_dagster.store.statements import upsert
from leads_dagster.store.tables import matching_states


@dataclass(frozen=True, slots=True)
class MatchingRules:
    """What decides who is who, beside records and decisions.

    Attributes:
        version: of the rules themselves.
        thresholds: from which score on records match, or go to review.
        knowledge: digest of what was learned.
    """

    version: str
    thresholds: str
    knowledge: str

    @property
    def fingerprint(self) -> str:
        """What a parked plan, and its approval, is about; what is learned is matched at once and needs none."""
        return xxhash.xxh3_128_hexdigest(f"{self.version}\x1f{self.thresholds}".encode())

    def is_older_than(self, other: MatchingRules) -> bool:
        """Whether an older version of the rules made this: the newer one's work is not to be undone by it."""
        both = self.version, other.version
        return all(one.isdecimal() for one in both) and int(self.version) < int(other.version)


_IN_FORCE = Query(
    select(*(matching_states.c[name] for name in MatchingRules.__dataclass_fields__)).where(
        matching_states.c.customer == bindparam("customer")
    )
)


def rules_now(connection: Connection, policy: Policy) -> MatchingRules:
    """Today's rules."""
    thresholds = f"{policy.thresholds.match:g} {policy.thresholds.review:g}"
    return MatchingRules(MATCHING_VERSION, thresholds, digest(learned.knowledge(connection, policy.customer)))


def rules_in_force(connection: Connection, customer: str) -> MatchingRules | None:
    """The rules by which all records were last matched; None where nobody ever said."""
    row = _IN_FORCE.first(connection, customer=customer)
    return None if row is None else MatchingRules(*row)


def save_rules(connection: Connection, customer: str, rules: MatchingRules, *, at: datetime, run_id: str) -> None:
    """Say that all records are matched by these."""
    row = {"customer": customer, **asdict(rules), "matched_at": at, "run_id": run_id}
    upsert(connection, matching_states, [row])


def note_knowledge(connection: Connection, customer: str, knowledge: str) -> None:
    """Say that what was learned since concerns no record that was not matched anew."""
    connection.execute(
        update(matching_states).where(matching_states.c.customer == customer).values(knowledge=knowledge)
    )


def note_first_rules(connection: Connection, policy: Policy, *, at: datetime, run_id: str) -> None:
    """Where a customer has no record yet, say by which rules the first ones are about to be matched."""
    if rules_in_force(connection, policy.customer) is None and not records.has_records(connection, policy.customer):
        save_rules(connection, policy.customer, rules_now(connection, policy), at=at, run_id=run_id)
