"""`api_answers`: what was answered to requests that carry an Idempotency-Key, so that the same one is not done twice.

What belongs here: the rows. What makes two requests the same is the API's to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from leads_dagster.store.tables import api_answers

KEPT = timedelta(hours=24)
# Who began so long ago and never ended is dead; its request may be made again.
_LIFE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Given:
    """What is known of a key.

    Attributes:
        fingerprint: of the request that came with it first.
        status: of its answer; None while it is worked at.
        kind: the answer's media type.
    """

    fingerprint: str
    status: int | None
    kind: str
    body: str


def begin(connection: Connection, key: str, fingerprint: str, *, at: datetime) -> Given | None:
    """Book that a request is worked at; what is known of its key where that is not for the first time.

    Args:
        key: of the request, with whose it is.
    """
    columns = api_answers.c
    connection.execute(delete(api_answers).where(columns.begun_at < at - KEPT))
    dead = (columns.key == key, columns.status.is_(None), columns.begun_at < at - _LIFE)
    connection.execute(delete(api_answers).where(*dead))
    row = connection.execute(select(api_answers).where(columns.key == key)).one_or_none()
    if row is not None:
        return Given(row.fingerprint, row.status, row.kind, row.body)
    connection.execute(insert(api_answers).values(key=key, fingerprint=fingerprint, begun_at=at, kind="", body=""))
    return None


def end(connection: Connection, key: str, *, status: int, kind: str, body: str) -> None:
    """Keep what was answered."""
    values = {"status": status, "kind": kind, "body": body}
    connection.execute(update(api_answers).where(api_answers.c.key == key).values(**values))


def forget(connection: Connection, key: str) -> None:
    """The request failed in a way that may pass: it may be made again."""
    connection.execute(delete(api_answers).where(api_answers.c.key == key))
