"""Which customers it is time for, of what is done at set times: the comparison of everything, the audit of Airtable.

What belongs here: when each is due. State is compared with time, so a minute that was missed is made up for, once,
however many were missed. Who runs what is due is for the schedules to say.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

import xxhash
from sqlalchemy import Connection

from leads_dagster.cron import read_cron
from leads_dagster.customers import CustomerSettings
from leads_dagster.store import airtable_state, counting, ledger
from leads_dagster.store.statements import upsert
from leads_dagster.store.tables import counters

Kind = Literal["reconcile", "audit"]
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Due:
    """A customer and since when it is time."""

    customer: str
    since: datetime


def due(
    connection: Connection,
    kind: Kind,
    customers: Sequence[CustomerSettings],
    *,
    now: datetime,
    busy: Collection[str] = (),
    limit: int,
    few: Collection[str] = (),
    most_of_few: int = 0,
) -> list[Due]:
    """The customers it is time for, the longest waiting first; who was never asked about begins now.

    Those that are paused or have a cycle under way wait.

    Args:
        connection: in a transaction that writes: what is given out counts as done.
        busy: customers with a cycle under way.
        limit: so many at most.
        few: customers of whom no more than `most_of_few` are among them.
    """
    asked = {name: _EPOCH + timedelta(seconds=at) for name, at in counting.named(connection, _prefix(kind)).items()}
    waiting = ledger.paused_customers(connection).union(busy)
    swept = airtable_state.swept_at(connection) if kind == "audit" else {}
    found, noted = list[Due](), list[str]()
    for one in customers:
        since = _since(kind, one, now, swept.get(one.name))
        last = asked.get(one.name)
        if last is None or last > now:  # new here, or the clock was put back
            noted.append(one.name)
        elif since is not None and last < since and one.name not in waiting:
            found.append(Due(one.name, since))
    found.sort(key=lambda one: (one.since, one.customer))
    seldom = [one.customer for one in found if one.customer in few]
    later = set(seldom[most_of_few:])
    chosen = [one for one in found if one.customer not in later][: max(0, limit)]
    _note(connection, kind, [*noted, *(one.customer for one in chosen)], now)
    return chosen


def _note(connection: Connection, kind: Kind, names: Sequence[str], now: datetime) -> None:
    at = int((now - _EPOCH).total_seconds())
    if names:
        upsert(connection, counters, [{"name": f"{_prefix(kind)}{name}", "value": at} for name in names])


def _prefix(kind: Kind) -> str:
    return f"asked for {kind} of: "


def _since(kind: Kind, customer: CustomerSettings, now: datetime, swept: datetime | None) -> datetime | None:
    """The newest moment at which it was time; None where there is none."""
    if kind == "audit" and customer.airtable is None:
        return None
    wanted = customer.schedules.reconcile if kind == "reconcile" else customer.schedules.audit
    if wanted is None and kind == "audit":
        return _sweep_since(customer, now, swept)
    wanted = own_hourly(customer.name) if wanted is None else wanted
    return read_cron(wanted).last_due(now) if wanted else None


def own_hourly(customer: str) -> str:
    """Hourly at a minute that the name decides: so that a thousand customers do not come at once."""
    return f"{xxhash.xxh3_64_intdigest(customer.encode()) % 60} * * * *"


def _sweep_since(customer: CustomerSettings, now: datetime, swept: datetime | None) -> datetime | None:
    """Each time that `sweep_seconds` have passed; a table that was never compared is by the next cycle itself."""
    if swept is None or customer.airtable is None or swept > now:
        return None
    every = timedelta(seconds=customer.airtable.sweep_seconds)
    times = (now - swept) // every
    return swept + times * every if times else None


def fair_share(customers: Sequence[object]) -> int:
    """How many comparisons may be under way: twice what an hourly one of each needs, and no flood after an outage."""
    return min(20, max(2, -(-len(customers) // 30)))
