"""What each asset hands to the next one, kept in the database so that any asset can be materialised alone, anywhere.

What belongs here: putting and getting compressed chunks. What is in them is the pipeline's business.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, delete, func, select

from leads_dagster.store.tables import staging

_LEVEL = 1  # the payload lives for one cycle


@dataclass(frozen=True, slots=True)
class Stage:
    """Which output of which asset this is.

    Attributes:
        customer, asset: whose, and of which asset key.
        source: canonical address of the sheet.
        fingerprint: of the sheet's bytes, mapping and rules.
        base_version: version of the source's ledger that it was computed against.
        run_id: the run that made it.
        staged_at: when.
    """

    customer: str
    asset: str
    source: str
    fingerprint: str
    base_version: int
    run_id: str
    staged_at: datetime


def put(connection: Connection, stage: Stage, payloads: Iterable[Any]) -> int:
    """Replace the output of an asset by these JSON-able payloads, one chunk each; returns the bytes kept."""
    connection.execute(delete(staging).where(staging.c.customer == stage.customer, staging.c.asset == stage.asset))
    kept = 0
    for number, payload in enumerate(payloads):
        packed = zlib.compress(orjson.dumps(payload, option=orjson.OPT_NON_STR_KEYS), _LEVEL)
        kept += len(packed)
        connection.execute(
            staging.insert(),
            {
                "customer": stage.customer,
                "asset": stage.asset,
                "chunk": number,
                "source": stage.source,
                "fingerprint": stage.fingerprint,
                "base_version": stage.base_version,
                "payload": packed,
                "staged_at": stage.staged_at,
                "run_id": stage.run_id,
            },
        )
    return kept


def find(connection: Connection, customer: str, asset: str) -> Stage | None:
    """What is staged for an asset, without its payload."""
    columns = [staging.c[name] for name in Stage.__dataclass_fields__]
    row = connection.execute(
        select(*columns).where(staging.c.customer == customer, staging.c.asset == asset, staging.c.chunk == 0)
    ).one_or_none()
    return None if row is None else Stage(**row._mapping)


def payloads(connection: Connection, customer: str, asset: str) -> Iterator[Any]:
    """The chunks of an asset's output, in order."""
    rows = connection.execute(
        select(staging.c.payload)
        .where(staging.c.customer == customer, staging.c.asset == asset)
        .order_by(staging.c.chunk)
    )
    for (packed,) in rows:
        yield orjson.loads(zlib.decompress(packed))


def raw_checksums(connection: Connection) -> set[str]:
    """The checksums of the raw sheets that are staged, of all customers."""
    rows = connection.execute(select(staging.c.payload).where(staging.c.asset == "raw_leads", staging.c.chunk == 0))
    return {orjson.loads(zlib.decompress(packed))["checksum"] for (packed,) in rows}


def clear(connection: Connection, customer: str, assets: Iterable[str]) -> None:
    """Forget the outputs of these assets."""
    connection.execute(delete(staging).where(staging.c.customer == customer, staging.c.asset.in_(list(assets))))


def size(connection: Connection, customer: str) -> int:
    """Bytes staged for a customer."""
    total = select(func.coalesce(func.sum(func.length(staging.c.payload)), 0)).where(staging.c.customer == customer)
    return int(connection.execute(total).scalar_one())
