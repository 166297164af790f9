"""By which survivorship rules a customer's leads are folded: today's, and those that all of them followed last.

What belongs here: whether the two differ, and which leads may come out otherwise. Folding those is the caller's, in
transactions of its own; which value wins by which rule is `leads.survivorship_rules`'.

A change of the rules in leads.toml is booked as a decision (kind `survivorship`), so that the history can tell by which
rules a value was chosen at any time. A customer who never set rules has none. That all leads followed it is noted
apart: a cycle that dies on the way leaves the rest to the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from leads_dagster.leads.survivorship_rules import Survivorship
from leads_dagster.store import counting, decisions, lead_rows, records
from leads_dagster.store.policy import Policy
from leads_dagster.store.queries import Query
from leads_dagster.store.statements import upsert
from leads_dagster.store.tables import counters, leads, source_records
from leads_dagster.store.tables import decisions as table

# Who decided: the person is whoever wrote the file.
SETTINGS_FILE = "leads.toml"
_NOTHING_SET = Survivorship()
_RULINGS = Query(
    select(table.c.id, table.c.subject, table.c.decided_at)
    .where(table.c.customer == bindparam("customer"), table.c.lead_id.is_(None), table.c.kind == "survivorship")
    .order_by(table.c.id)
)


@dataclass(frozen=True, slots=True)
class Ruling:
    """Rules that were set, from `decided_at` on; `id` is the decision's, 0 where nothing was ever set."""

    id: int
    rules: Survivorship
    decided_at: datetime | None = None


def rulings(connection: Connection, customer: str) -> list[Ruling]:
    """All rules that were ever in force, oldest first; the first are none."""
    found = _RULINGS.rows(connection, customer=customer)
    set_later = (Ruling(one, Survivorship.from_document(subject), at) for one, subject, at in found)
    return [Ruling(0, _NOTHING_SET), *set_later]


def rules_for(connection: Connection, policy: Policy) -> Survivorship:
    """The rules to fold by: a process that does not know the customer's settings goes by those in force."""
    if policy.survivorship is not None:
        return policy.survivorship
    return rulings(connection, policy.customer)[-1].rules


def is_due(connection: Connection, policy: Policy) -> bool:
    """Whether leads may still be folded by other rules than today's; never to whoever does not know those."""
    if policy.survivorship is None:
        return False
    newest = rulings(connection, policy.customer)[-1]
    return not _is_set(newest, policy) or counting.value(connection, _followed(policy.customer)) != newest.id


def adopt(connection: Connection, policy: Policy, *, at: datetime) -> Ruling:
    """Book today's rules as those in force, where they are not yet; in a write transaction."""
    newest = rulings(connection, policy.customer)[-1]
    if _is_set(newest, policy):
        return newest
    rules = rules_for(connection, policy)
    made = decisions.decide(connection, policy.customer, "survivorship", rules.as_document(), who=SETTINGS_FILE, at=at)
    return Ruling(made, rules, at)


def adopt_first(connection: Connection, policy: Policy, *, at: datetime) -> None:
    """Where a customer has no record yet, book the rules by which the first ones are about to be folded."""
    if is_due(connection, policy) and not records.has_records(connection, policy.customer):
        note_followed(connection, policy.customer, adopt(connection, policy, at=at))


def note_followed(connection: Connection, customer: str, ruling: Ruling) -> None:
    """Say that all leads are folded by these rules."""
    upsert(connection, counters, [{"name": _followed(customer), "value": ruling.id}])


def leads_to_fold(connection: Connection, customer: str, *, after: str, limit: int) -> list[str]:
    """Leads of more than one live record, by id from behind `after`: those of one say what it says, by any rules."""
    columns = source_records.c
    query = (
        select(columns.lead_id)
        .where(columns.customer == customer, columns.lead_id > after, columns.removed_at.is_(None))
        .group_by(columns.lead_id)
        .having(func.count() > 1)
        .order_by(columns.lead_id)
        .limit(limit)
    )
    return [str(lead) for lead in connection.execute(query).scalars()]


def heirs_of_edits(connection: Connection, customer: str) -> list[str]:
    """Leads that took the place of others which somebody had edited: such an edit counts for them."""
    columns = source_records.c
    query = (
        select(columns.lead_id)
        .join(leads, leads.c.id == columns.lead_id)
        .where(columns.customer == customer, columns.kind == "edit", leads.c.merged_into.is_not(None))
    )
    merged = connection.execute(query).scalars().all()
    return sorted({lead_rows.standing_for(connection, customer, str(lead)) for lead in merged})


def rules_told(connection: Connection, policy: Policy) -> Iterator[Survivorship]:
    """The rules that may explain a value as it stands: today's, and until all leads follow those, the ones before."""
    yield rules_for(connection, policy)
    if is_due(connection, policy):
        yield from (one.rules for one in reversed(rulings(connection, policy.customer)))


def _is_set(ruling: Ruling, policy: Policy) -> bool:
    return policy.survivorship is None or ruling.rules.as_document() == policy.survivorship.as_document()


def _followed(customer: str) -> str:
    return f"survivorship followed: {customer}"
