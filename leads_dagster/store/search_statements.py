"""Statements of a search, for SQLite's FTS5 and for PostgreSQL's tsvector.

What belongs here: a filter as conditions and terms, and the order in which tables are looked at. It differs by back end
only in how terms are written and, on SQLite, in who leads: PostgreSQL's planner knows how common a word is, SQLite's
does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Select,
    Text,
    cast,
    column,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from leads_dagster.store.lead_filter import LeadFilter
from leads_dagster.store.search_index import TABLE
from leads_dagster.store.search_words import EXACT_FIELDS, FLAG_FIELDS, Term, Terms, exact_term, flag_term, text_terms
from leads_dagster.store.tables import leads

# Column names of an order, the first of them largest first where it is in `_FALLING`.
KEYS: dict[str, tuple[str, ...]] = {
    "relevance": ("number",),
    "newest": ("number",),
    "oldest": ("number",),
    "updated": ("updated_at", "number"),
    "name": ("name_key", "number"),
}
_FALLING = frozenset({"relevance", "newest", "updated"})
# Up to so many hits are read and sorted; where there are more, the order's own index is walked and each lead looked at.
_SORTED_HITS = 5_000
# Filters with an index that finds their few leads at once.
_NAMING = ("full_name", "email", "linkedin_url", "ids")
# FTS5's own table of the rows as they were written: by number as fast as any table, where the index itself is not.
_written = table(f"{TABLE}_content", column("id", BigInteger), column("c0", Text))
_index = table(TABLE, column("rowid", BigInteger), column(TABLE, Text), column("number", BigInteger), column("words"))


@dataclass(frozen=True)
class Plan:
    """One statement of a search.

    Attributes:
        customer, query, order: as asked.
        terms: what the index must hold of a lead. without: and not all of this.
        after: the order's keys of the lead that comes before.
        leading: where it cannot be left to the planner, what is looked at first: "hits" of the index, to be sorted, or
            "leads" in their order, each of which is then looked up.
    """

    customer: str
    query: LeadFilter
    order: str
    terms: Terms = ()
    without: Terms = ()
    after: Sequence[Any] | None = None
    leading: Literal["hits", "leads", ""] = ""


def plans(connection: Connection, customer: str, query: LeadFilter, order: str) -> list[Plan]:
    """The statements whose rows, one after another, are what a search finds; none where nothing can be found."""
    _plan_for_search(connection)
    exact = _exact_terms(customer, query)
    plan = Plan(customer, query, order, exact)
    if query.text is None or not query.text.strip():
        return [_led(connection, plan)]
    words = text_terms(customer, query.text)
    if words is None:
        return []
    plan = replace(plan, terms=(*words, *exact))
    if order != "relevance":
        return [_led(connection, plan)]
    named = text_terms(customer, query.text, named=True) or ()
    return [replace(plan, terms=(*named, *exact)), replace(plan, without=named)]


# Until the transaction ends. A plan made without looking at the words is wrong for the rare or for the common ones;
# where a page of hits costs as much as on a turning disk, the planner reads the whole table instead; and helpers take
# longer to start than a search to end.
_PLANNING = {"plan_cache_mode": "force_custom_plan", "random_page_cost": "1.1", "max_parallel_workers_per_gather": "0"}


def _plan_for_search(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(*(func.set_config(name, value, true()) for name, value in _PLANNING.items())))


def _exact_terms(customer: str, query: LeadFilter) -> Terms:
    groups: list[tuple[Term, ...]] = []
    for name in EXACT_FIELDS:
        values = query.anyof(name)
        if values is not None:
            groups.append(tuple(exact_term(customer, name, one) for one in values))
    for name in FLAG_FIELDS:
        flag = getattr(query, name)
        if flag is not None:
            groups.append((flag_term(customer, name, value=flag),))
    return tuple(groups)


def _led(connection: Connection, plan: Plan) -> Plan:
    """Say what leads where hits of words must come in an order that the index does not have.

    Planners take words and names for independent, which they are not: all of "jo" stand together in the order of names.
    """
    if not plan.terms or () in plan.terms or KEYS[plan.order] == ("number",):
        return plan
    hits = select(literal(1)).select_from(_index).where(_matches(connection, plan)).limit(_SORTED_HITS + 1).subquery()
    number = connection.execute(select(func.count()).select_from(hits)).scalar_one()
    return replace(plan, leading="leads" if number > _SORTED_HITS else "hits")


def paging(connection: Connection, plan: Plan) -> Select[Any]:
    """The leads of a plan in its order, from behind its `after`."""
    base, number = _joined(connection, plan)
    keys: list[ColumnElement[Any]] = [number if name == "number" else leads.c[name] for name in KEYS[plan.order]]
    if plan.leading == "hits" or _names_few(plan.query):
        keys = [func.coalesce(key, key) for key in keys]  # an order that no index has, so that none is walked for it
    if plan.after is not None:
        base = base.where(_behind(keys, plan.after, falling=plan.order in _FALLING))
    return base.order_by(*(key.desc() if plan.order in _FALLING else key.asc() for key in keys))


def _names_few(query: LeadFilter) -> bool:
    return any(getattr(query, name) is not None for name in _NAMING)


def counting(connection: Connection, plan: Plan) -> Select[Any]:
    """How many leads there are behind the plan's `after`."""
    return select(func.count()).select_from(
        paging(connection, plan).order_by(None).with_only_columns(leads.c.id).subquery()
    )


def _behind(keys: Sequence[ColumnElement[Any]], after: Sequence[Any], *, falling: bool) -> ColumnElement[bool]:
    values = [literal(value, key.type) for key, value in zip(keys, after, strict=True)]
    if len(keys) == 1:
        return keys[0] < values[0] if falling else keys[0] > values[0]
    here, there = tuple_(*keys), tuple_(*values)
    return here < there if falling else here > there


def _joined(connection: Connection, plan: Plan) -> tuple[Select[Any], ColumnElement[Any]]:
    """Leads, with the index where terms ask for it, and what is their number there."""
    base = select(leads).select_from(leads).where(*_conditions(plan))
    if () in plan.terms:
        return base.where(false()), leads.c.number
    if not plan.terms:
        return base, leads.c.number
    if connection.dialect.name == "postgresql":
        joined = base.join(_index, _index.c.number == leads.c.number).where(_matches(connection, plan))
        return joined, leads.c.number if plan.leading == "leads" else _index.c.number
    # A "+" keeps SQLite from entering the join at the other end.
    if plan.leading == "leads":
        joined = base.join(_written, _written.c.id == literal_column("+leads.number"))
        return joined.where(*_contains(plan)), leads.c.number
    joined = base.join(_index, leads.c.number == literal_column(f"+{TABLE}.rowid"))
    return joined.where(_matches(connection, plan)), _index.c.rowid


def _matches(connection: Connection, plan: Plan) -> ColumnElement[bool]:
    if connection.dialect.name == "postgresql":
        return _index.c.words.op("@@")(cast(literal(_tsquery(plan)), TSQUERY))
    return _index.c[TABLE].op("MATCH")(_fts5_query(plan))


def _fts5_query(plan: Plan) -> str:
    asked = " AND ".join(_fts5_group(group) for group in plan.terms)
    return f"({asked}) NOT ({' AND '.join(_fts5_group(group) for group in plan.without)})" if plan.without else asked


def _fts5_group(group: Sequence[Term]) -> str:
    return "(" + " OR ".join(f'"{term.text}"' + (" *" if term.prefix else "") for term in group) + ")"


def _tsquery(plan: Plan) -> str:
    asked = " & ".join(_tsquery_group(group) for group in plan.terms)
    return f"{asked} & !({' & '.join(_tsquery_group(group) for group in plan.without)})" if plan.without else asked


def _tsquery_group(group: Sequence[Term]) -> str:
    return "(" + " | ".join(f"'{term.text}'" + (":*" if term.prefix else "") for term in group) + ")"


def _contains(plan: Plan) -> list[ColumnElement[bool]]:
    """The terms as pieces of the index row's own text."""
    words = literal(" ").concat(_written.c.c0).concat(" ")
    return [
        or_(*(func.instr(words, f" {term.text}" + ("" if term.prefix else " ")) > 0 for term in group))
        for group in plan.terms
    ]


def _conditions(plan: Plan) -> list[ColumnElement[bool]]:
    query = plan.query
    # As a sum, which no index holds: a lead without a number is rare, and SQLite would take this for a narrow range.
    found = [leads.c.customer == plan.customer, (leads.c.number + 0).is_not(None)]
    if not query.include_archived:
        found += [leads.c.archived_at.is_(None), leads.c.merged_into.is_(None)]
    for name, (on, compare) in _COMPARED.items():
        value = getattr(query, name)
        if value is not None:
            found.append(compare(on, value))
    return found


def _any_of(on: Column[Any], values: Sequence[str]) -> ColumnElement[bool]:
    return on.in_(values)


def _named(on: Column[Any], values: Sequence[str]) -> ColumnElement[bool]:
    return on.in_([value for value in values if value])  # "" is the key of leads without a name


_COMPARED: dict[str, tuple[Column[Any], Callable[[Any, Any], ColumnElement[bool]]]] = {
    "full_name": (leads.c.name_key, _named),
    "email": (leads.c.email, _any_of),
    "linkedin_url": (leads.c.linkedin_url, _any_of),
    "ids": (leads.c.id, _any_of),
    "sync_pending": (leads.c.sync_pending, lambda on, value: on == value),
    "confidence_at_least": (leads.c.confidence, lambda on, value: on >= value),
    "created_since": (leads.c.created_at, lambda on, value: on >= value),
    "created_before": (leads.c.created_at, lambda on, value: on < value),
    "updated_since": (leads.c.updated_at, lambda on, value: on >= value),
    "updated_before": (leads.c.updated_at, lambda on, value: on < value),
}
