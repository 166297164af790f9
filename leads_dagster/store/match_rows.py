"""Blocking keys and edges, as rows: which records are compared, and what came of comparing two.

What belongs here: reading and writing `match_keys` and `matches`. What makes two records one lead is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import orjson
import xxhash
from sqlalchemy import Connection, and_, delete, or_, select

from leads_dagster.leads.match_edges import Edge
from leads_dagster.store.queries import MANY, Query
from leads_dagster.store.questions import Booking, Op, as_found
from leads_dagster.store.statements import bulk_insert, bulk_update, chunks
from leads_dagster.store.tables import leads, match_keys, matches, source_records

_HALF_OF_64_BITS = 2**63  # a database's integers have a sign
_PAIRS_AT_ONCE = 200
_SORTED = orjson.OPT_SORT_KEYS


@dataclass(frozen=True, slots=True)
class StoredEdge:
    """An edge between two records as the matcher found it; `record_a` is the smaller id."""

    record_a: int
    record_b: int
    outcome: str
    rule: str
    score: float
    explanation: dict[str, Any]


_EDGE = [matches.c[name] for name in StoredEdge.__dataclass_fields__]
_EDGES_FROM = Query(select(*_EDGE).where(matches.c.record_a.in_(MANY)))
_EDGES_TO = Query(select(*_EDGE).where(matches.c.record_b.in_(MANY)))
_BY_KEY = Query(select(match_keys.c.key, match_keys.c.record_id).where(match_keys.c.key.in_(MANY)))
_KEYS_OF = Query(select(match_keys.c.record_id, match_keys.c.key).where(match_keys.c.record_id.in_(MANY)))


def replace_keys(connection: Connection, customer: str, keys_of: Mapping[int, Iterable[str]]) -> None:
    """Set the blocking keys of these records; few of them change when a row does."""
    before: dict[int, set[int]] = {record: set() for record in keys_of}
    for record, key in _KEYS_OF.rows(connection, list(keys_of)):
        before[record].add(key)
    changed = {record: keys for record, keys in keys_of.items() if before[record] != set(hashed_keys(customer, keys))}
    forget_keys(connection, list(changed))
    insert_keys(connection, customer, changed)


def forget_keys(connection: Connection, ids: Sequence[int]) -> None:
    """Take the blocking keys of these records away: no other is compared with them."""
    for part in chunks(ids):
        connection.execute(delete(match_keys).where(match_keys.c.record_id.in_(part)))


def insert_keys(connection: Connection, customer: str, keys_of: Mapping[int, Iterable[str]]) -> None:
    """Add blocking keys of records that have none yet."""
    rows = [
        {"key": key, "record_id": record}
        for record, keys in keys_of.items()
        for key in set(hashed_keys(customer, keys))
    ]
    bulk_insert(connection, match_keys, sorted(rows, key=lambda row: row["key"]))


def hashed_keys(customer: str, keys: Iterable[str]) -> list[int]:
    """A customer's blocking keys as 64 bits each: an index of numbers is a third of one of texts.

    Two keys with one number would only make a pair be compared that need not be.
    """
    prefix = f"{customer}\x1f"
    return [
        xxhash.xxh3_64_intdigest((prefix + key).encode("utf-8", "surrogatepass")) - _HALF_OF_64_BITS for key in keys
    ]


def records_by_key(connection: Connection, customer: str, keys: Sequence[str]) -> dict[str, list[int]]:
    """Blocking key -> records that have it."""
    key_of = dict(zip(hashed_keys(customer, keys), keys, strict=True))
    found: dict[str, list[int]] = {}
    for number, record in _BY_KEY.rows(connection, list(key_of)):
        found.setdefault(key_of[number], []).append(record)
    return found


def edges_at(connection: Connection, record_ids: Sequence[int]) -> list[StoredEdge]:
    """All edges that touch these records."""
    rows = [*_EDGES_FROM.rows(connection, record_ids), *_EDGES_TO.rows(connection, record_ids)]
    return list({(row[0], row[1]): as_found(StoredEdge(*row)) for row in rows}.values())


class KnownEdges:
    """The stored edges at records, each asked for once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._at: dict[int, list[StoredEdge]] = {}

    def none_at(self, ids: Iterable[int]) -> None:
        """Say that these records are not in the store yet."""
        self._at.update((one, []) for one in ids)

    def at(self, ids: Iterable[int]) -> list[StoredEdge]:
        """All that touch these records."""
        ids = set(ids)
        new = sorted(ids - self._at.keys())
        asked = {one: list[StoredEdge]() for one in new}
        for edge in edges_at(self._connection, new):
            for end in asked.keys() & {edge.record_a, edge.record_b}:
                asked[end].append(edge)
        self._at.update(asked)
        found = (edge for one in sorted(ids) for edge in self._at[one])
        return list({(edge.record_a, edge.record_b): edge for edge in found}.values())


def replace_edges(connection: Connection, touched: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
    """Set the edges at the touched records to these."""
    stale = {end for edge in edges_at(connection, touched) for end in (edge.record_a, edge.record_b)}
    for part in chunks(sorted(stale.intersection(touched))):
        connection.execute(delete(matches).where(or_(matches.c.record_a.in_(part), matches.c.record_b.in_(part))))
    insert_edges(connection, rows)


def book(connection: Connection, bookings: Sequence[Booking], rows: Sequence[Mapping[str, Any]]) -> None:
    """Change single edges, because what they ask of people changed.

    Args:
        bookings: what is done to which edge.
        rows: the same edges as rows of the table, in that order.
    """
    by_op: dict[Op, list[Mapping[str, Any]]] = {"insert": [], "update": [], "delete": []}
    for booking, row in zip(bookings, rows, strict=True):
        by_op[booking.op].append(row)
    changed = ("record_a", "record_b", "outcome", "rule", "score", "explanation")
    news = [{name: row[name] for name in changed} for row in by_op["update"]]
    bulk_update(connection, matches, news, keys=("record_a", "record_b"))
    for row in (*by_op["delete"], *by_op["insert"]):
        mine = (matches.c.record_a == row["record_a"], matches.c.record_b == row["record_b"])
        connection.execute(delete(matches).where(*mine))
    insert_edges(connection, by_op["insert"])


def renew_edges(
    connection: Connection,
    touched: Sequence[int],
    edges: Sequence[Edge],
    *,
    settled: Set[int],
    row_of: Callable[[Edge], Mapping[str, Any]],
) -> None:
    """Set the edges at the touched records to these; one that says what it said is left as it is, with its time.

    Args:
        settled: records whose edges are all among these or were set before, the touched ones with them: a stored edge
            to any other record is left for the one who sets that record's.
        row_of: what keeps an edge.
    """
    stored = {(one.record_a, one.record_b): one for one in edges_at(connection, touched)}
    new = {(edge.a, edge.b): edge for edge in edges}
    kept = {ends for ends, edge in new.items() if ends in stored and _says_the_same(stored[ends], edge)}
    stale = [ends for ends in stored.keys() - kept if settled >= set(ends)]
    for part in chunks(sorted(stale), _PAIRS_AT_ONCE):
        pairs = or_(*(and_(matches.c.record_a == a, matches.c.record_b == b) for a, b in part))
        connection.execute(delete(matches).where(pairs))
    insert_edges(connection, [row_of(edge) for ends, edge in new.items() if ends not in kept])


def _says_the_same(one: StoredEdge, edge: Edge) -> bool:
    if (one.outcome, one.rule, one.score) != (edge.outcome, edge.rule, edge.score):
        return False
    return orjson.dumps(one.explanation, option=_SORTED) == orjson.dumps(edge.explanation, option=_SORTED)


def insert_edges(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add edges."""
    bulk_insert(connection, matches, rows)


def kept_apart(connection: Connection, customer: str, values: Sequence[str]) -> set[str]:
    """Of these e-mails and LinkedIn URLs, those whose records the matcher kept apart for a reason."""
    found: set[str] = set()
    for part in chunks(values, 500):
        for column in (leads.c.email, leads.c.linkedin_url):
            query = (
                select(column)
                .select_from(
                    leads.join(source_records, source_records.c.lead_id == leads.c.id).join(
                        matches,
                        or_(matches.c.record_a == source_records.c.id, matches.c.record_b == source_records.c.id),
                    )
                )
                .where(leads.c.customer == customer, column.in_(part), matches.c.outcome.in_(["review", "blocked"]))
                .distinct()
            )
            found.update(row[0] for row in connection.execute(query))
    found.update(value for value in values if not names_a_person(value))
    return found


def names_a_person(value: str) -> bool:
    """Whether the matcher takes this e-mail or LinkedIn URL for one person's.

    A role mailbox is shared by design, and cells that could not be normalised ("see notes") are kept as they are.
    """
    from leads_dagster.leads.linkedin import linkedin_slug
    from leads_dagster.leads.match_features import is_role_mailbox

    return not is_role_mailbox(value) if "@" in value else linkedin_slug(value) is not None
