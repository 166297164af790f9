"""Finding leads: a page of those that meet a filter, how many there are, and all of them without holding them at once.

What belongs here: orders, pages and cursors, and the statements that read. What can be asked is `lead_filter`'s, what
words are is `search_words`'s, which table answers is `search_index`'s business.

Orders:
- `relevance`, where there is text: leads whose name and company hold all its words, then the others; in each the newest
  first. There is no score, so a word that 40,000 leads have costs no more than one that 40 have. Without text: newest.
- `newest`, `oldest`: as they were made. `updated`: changed last first. `name`: by folded name, bytewise.

A page ends with a cursor that says where the next one begins. Leads that come or go meanwhile neither repeat nor hide
others; a lead whose name or time of change moves over the cursor is seen where it then stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args, overload

from sqlalchemy import Connection, Engine, Select

from leads_dagster.errors import SettingsError
from leads_dagster.store import lead_rows
from leads_dagster.store.api_arguments import whole_number
from leads_dagster.store.engine import reading
from leads_dagster.store.lead_filter import LeadFilter
from leads_dagster.store.search_cursor import read_cursor, write_cursor
from leads_dagster.store.search_statements import KEYS, Plan, counting, paging, plans

Order = Literal["relevance", "newest", "oldest", "name", "updated"]
LARGEST_PAGE = 1_000
Lead = dict[str, Any]


@dataclass(frozen=True)
class LeadPage(Sequence[Lead]):
    """Leads of one page, as a list of rows by column.

    Attributes:
        leads: in the order asked for.
        next: where the next page begins, for `after`; None on the last page.
    """

    leads: tuple[Lead, ...] = field(repr=False)
    next: str | None = None

    @property
    def has_more(self) -> bool:
        """Whether there is a next page."""
        return self.next is not None

    def __len__(self) -> int:
        return len(self.leads)

    @overload
    def __getitem__(self, place: int) -> Lead: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Lead, ...]: ...
    def __getitem__(self, place: int | slice) -> Lead | tuple[Lead, ...]:
        return self.leads[place]


def search(
    connection: Connection,
    customer: str,
    query: LeadFilter | None = None,
    *,
    limit: int = 50,
    after: str | None = None,
    offset: int = 0,
    order: Order = "relevance",
) -> LeadPage:
    """A page of a customer's leads.

    Args:
        connection: of the lead database.
        customer: whose leads.
        query: which of them; None for all that are active.
        limit: leads of a page, 1 to 1,000.
        after: the `next` of the page before, of the same search.
        offset: leads to leave out; costs as much as reading them, so deep paging is for `after`.
        order: see the module.

    Raises:
        SettingsError: the limit, offset or order cannot be, or the cursor is another search's.
    """
    query = query or LeadFilter()
    _check(limit, offset, order)
    stages = plans(connection, customer, query, order)
    search_name = f"{customer} {query.fingerprint} {order}"
    start, keys = (0, None) if after is None else read_cursor(after, search_name, len(KEYS[order]))
    rows = _rows(connection, stages[start:], keys, offset=offset, limit=limit + 1)
    return _page(rows, limit, start, order, search_name)


def _check(limit: int, offset: int, order: str) -> None:
    whole_number("limit", limit, least=1, most=LARGEST_PAGE, advice="Ask for the next page by its cursor.")
    whole_number("offset", offset)
    if order not in get_args(Order):
        raise SettingsError(
            f"Leads cannot be ordered by {order!r}.", advice=f"There are: {', '.join(get_args(Order))}."
        )


# A lead, and the stage of the search that found it.
_Found = tuple[int, Lead]


def _rows(
    connection: Connection, stages: Sequence[Plan], keys: Sequence[Any] | None, *, offset: int, limit: int
) -> list[_Found]:
    """Rows of the stages in turn, until there are enough; the keys are of the first stage."""
    found: list[_Found] = []
    for stage, plan in enumerate(stages):
        begun = replace(plan, after=keys) if stage == 0 and keys is not None else plan
        statement = paging(connection, begun).limit(limit - len(found)).offset(offset)
        rows = connection.execute(statement)
        here = [(stage, dict(row._mapping)) for row in rows]
        found += here
        if len(found) >= limit:
            break
        if offset and stage + 1 < len(stages):
            offset = 0 if here else offset - _number(connection, counting(connection, begun))
    return found


def _page(rows: Sequence[_Found], limit: int, start: int, order: str, search_name: str) -> LeadPage:
    cursor = None
    if len(rows) > limit:
        stage, last = rows[limit - 1]
        cursor = write_cursor(search_name, start + stage, [last[name] for name in KEYS[order]])
    return LeadPage(tuple(lead_rows.shown(lead) for _, lead in rows[:limit]), cursor)


def count(connection: Connection, customer: str, query: LeadFilter | None = None) -> int:
    """How many leads a search finds; looks at each of them."""
    return sum(
        _number(connection, counting(connection, one))
        for one in plans(connection, customer, query or LeadFilter(), "newest")
    )


def _number(connection: Connection, statement: Select[Any]) -> int:
    return int(connection.execute(statement).scalar_one())


def stream(
    engine: Engine, customer: str, query: LeadFilter | None = None, *, batch: int = LARGEST_PAGE
) -> Iterator[Lead]:
    """All leads that meet a filter, oldest first, a batch in memory at a time.

    Each batch is a read of its own: an iteration of minutes neither keeps SQLite's log from being written back nor a
    transaction open. Leads made meanwhile come at the end.
    """
    after: str | None = None
    while True:
        with reading(engine) as connection:
            page = search(connection, customer, query, limit=batch, after=after, order="oldest")
        yield from page
        after = page.next
        if after is None:
            return
