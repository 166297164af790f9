"""What follows when people teach something, or take it back: which records count otherwise; what a decision teaches.

What belongs here: that, inside the caller's write transaction. Only the records concerned are matched anew, so that
teaching a name takes no time that anybody notices. The rows are `learned`'s, lessons are drawn by `leads.lessons`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from leads_dagster.leads.knowledge import NO_KNOWLEDGE, counting_otherwise, digest
from leads_dagster.leads.lessons import learned_from
from leads_dagster.leads.match_features import company_name, person_name
from leads_dagster.store import learned, matching_state, records
from leads_dagster.store.learned import Line
from leads_dagster.store.policy import Policy
from leads_dagster.store.resolution import as_matched, in_force, said_row
from leads_dagster.store.tables import source_records


@dataclass(frozen=True, slots=True)
class Learning:
    """What a decision taught.

    Attributes:
        lines: id, kind, left, right and because of each; none where the decision taught nothing.
        records: those that count otherwise since, beside the ones decided on; to be matched anew.
    """

    lines: tuple[dict[str, Any], ...] = ()
    records: frozenset[int] = field(default_factory=frozenset)


@contextmanager
def knowledge_may_change(connection: Connection, policy: Policy) -> Iterator[set[int]]:
    """Around anything that may change what is known: when it ends, the set holds the records to be matched anew."""
    before = learned.knowledge(connection, policy.customer)
    concerned: set[int] = set()
    yield concerned
    after = learned.knowledge(connection, policy.customer)
    companies, given_names = counting_otherwise(before, after)
    if not companies and not given_names:
        return
    concerned |= _naming(connection, policy.customer, "company", companies, lambda text: company_name(text).key)
    concerned |= _naming(connection, policy.customer, "full_name", given_names, lambda text: person_name(text).given)
    concerned |= _at_hosts(connection, policy.customer, companies)
    _follow(connection, policy, digest(before), digest(after))


def _follow(connection: Connection, policy: Policy, before: str, after: str) -> None:
    """Where all records were matched by what was known before, they are by what is known now, with those concerned."""
    rules = matching_state.rules_in_force(connection, policy.customer)
    if rules is not None and rules.knowledge == before:
        matching_state.note_knowledge(connection, policy.customer, after)


def learn_from_decision(
    connection: Connection, policy: Policy, decision_id: int, record_ids: Sequence[int], *, at: datetime, who: str
) -> Learning:
    """Learn what the decision teaches that two records are one lead; it counts while the decision stands.

    Args:
        connection: in the write transaction of the decision; `record_ids` and what is returned are to be matched anew
            in it.
        record_ids: the two that somebody called the same; of more or fewer nothing is learned.
    """
    known = [one for one in records.known_records(connection, record_ids) if one.counts]
    if len(known) != 2 or len(record_ids) != 2:
        return Learning()
    lessons = learned_from(*(in_force(said_row(one.said), one.undone) for one in known))
    lines = []
    with knowledge_may_change(connection, policy) as concerned:
        for lesson in lessons:
            line = Line(lesson.kind, lesson.left, lesson.right, lesson.left_key, lesson.right_key)
            if learned.standing_like(connection, policy.customer, line) is None:
                new = learned.add(connection, policy.customer, line, who=who, at=at, decision_id=decision_id)
                told = {"kind": line.kind, "left": line.left, "right": line.right, "because": lesson.because}
                lines.append({"id": new, **told, "next": f"`leads learned remove {new}` takes it back."})
    return Learning(tuple(lines), frozenset(concerned))


def _naming(connection: Connection, customer: str, name: str, keys: set[str], fold: Callable[[str], str]) -> set[int]:
    """Live records of which a field folds to one of these."""
    if not keys:
        return set()
    letters = _letters(keys)
    texts: dict[str, list[int]] = {}
    for record, text in _texts(connection, customer, name):
        texts.setdefault(text, []).append(record)
    named = [text for text in texts if may_fold_to(text, letters) and fold(text) in keys]
    return {record for text in named for record in texts[text]}


def _texts(connection: Connection, customer: str, name: str) -> Iterator[tuple[int, str]]:
    """Live records of leads, and what they say of a field; of those that people took something back of, what counts."""
    text = _said(name)
    live = _live(customer)
    said = select(source_records.c.id, text).where(*live, source_records.c.undone.is_(None), text.is_not(None))
    yield from ((row[0], row[1]) for row in connection.execute(said).all())
    changed = select(source_records.c.id, text, source_records.c.undone).where(
        *live, source_records.c.undone.is_not(None)
    )
    for record, says, undone in connection.execute(changed):
        if (counts := undone.get(name, says)) is not None:
            yield record, counts


def _at_hosts(connection: Connection, customer: str, keys: set[str]) -> set[int]:
    """Live records that name no company, and whose website or mail server names one of these."""
    if not keys:
        return set()
    query = select(source_records.c.id, source_records.c.said).where(*_live(customer), _said("company").is_(None))
    letters = _letters(keys)
    maybe = [record for record, said in connection.execute(query) if may_fold_to(_hosts_of(said), letters)]
    known = records.known_records(connection, maybe)
    return {one.id for one in known if as_matched(one, NO_KNOWLEDGE).company.key in keys}


def _hosts_of(said: Mapping[str, Any]) -> str:
    return " ".join((*said.get("emails", ()), said.get("fields", {}).get("website", "")))


def _said(name: str) -> ColumnElement[str]:
    text: ColumnElement[str] = source_records.c.said["fields"][name].as_string()
    return text


def _live(customer: str) -> tuple[ColumnElement[bool], ...]:
    return (
        source_records.c.customer == customer,
        source_records.c.kind == "row",
        source_records.c.removed_at.is_(None),
        source_records.c.lead_id.is_not(None),
    )


def _letters(keys: Iterable[str]) -> list[set[str]]:
    return [set(key) - {" "} for key in keys]


def may_fold_to(text: str, letters: Sequence[set[str]]) -> bool:
    """Whether a text may fold to a name of one of these sets of letters, without folding it: that takes ten times as
    long. Folding a text of ASCII takes letters away and adds none, but for "&"."""
    if not text.isascii() or "&" in text:
        return True
    here = set(text.lower())
    return any(one <= here for one in letters)
