"""A token, base or table that Airtable refuses is asked for again more and more seldom, until somebody mends it.

What belongs here: noting refusals, and keeping what runs by itself from asking again at once. A person's own look is
made in any case, and another token or other settings are another question: what was refused before says nothing of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import xxhash
from sqlalchemy import Connection

from leads_dagster.customers import AirtableSettings
from leads_dagster.errors import AccessError, CredentialsError, TargetMissingError
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import airtable_refusals
from leads_dagster.store.airtable_refusals import Doing, Refusal
from leads_dagster.store.engine import reading, writing

FIRST = timedelta(seconds=15)
LONGEST = timedelta(minutes=15)
REFUSALS = (CredentialsError, TargetMissingError)
_ALL: tuple[Doing, ...] = ("reading", "writing")


def standing(ws: Workspace, connection: Connection) -> list[Refusal]:
    """What Airtable refuses of the customer's table as it is set now, as far as known."""
    airtable = ws.customer.airtable
    found = [] if airtable is None else airtable_refusals.of_customer(connection, ws.name)
    place = _place(ws, airtable) if airtable is not None and found else ""
    return [one for one in found if one.place == place]


def resting(ws: Workspace, connection: Connection, doings: Collection[Doing] = _ALL) -> Refusal | None:
    """The refusal for which what runs by itself does not ask Airtable now."""
    found = standing(ws, connection) if ws.paced else []
    now = ws.now()
    # What was refused in the future was refused before the clock was put back.
    return next((one for one in found if one.doing in doings and one.refused_at <= now < one.ask_at), None)


def keep_to_rest(ws: Workspace, doings: Collection[Doing]) -> None:
    """Ask nothing where Airtable refused just now.

    Raises:
        CredentialsError, TargetMissingError: what it said then.
    """
    with reading(ws.engine) as connection:
        found = resting(ws, connection, doings)
    if found is not None:
        raise _again(found)


@contextmanager
def refusals_noted(ws: Workspace, airtable: AirtableSettings, doing: Doing) -> Iterator[None]:
    """Note what Airtable refuses within; who can write can read, so that a write that succeeds ends both refusals."""
    try:
        yield
    except REFUSALS as error:
        _note(ws, airtable, doing, error)
        raise
    _forget(ws, _ALL if doing == "writing" else ("reading",))


def _note(ws: Workspace, airtable: AirtableSettings, doing: Doing, error: AccessError) -> None:
    place, now = _place(ws, airtable), ws.now()
    with writing(ws.engine) as connection:
        before = [one for one in airtable_refusals.of_customer(connection, ws.name) if one.place == place]
        tries = 1 + max((one.tries for one in before), default=0)
        refusal = Refusal(
            ws.name,
            doing,
            place,
            "missing" if isinstance(error, TargetMissingError) else "refused",
            error.message,
            error.advice,
            tries,
            now,
            _ask_at(now, tries),
        )
        airtable_refusals.note(connection, refusal)


def _ask_at(now: datetime, tries: int) -> datetime:
    doubled: int = 2 ** min(tries - 1, 20)
    return now + min(FIRST * doubled, LONGEST)


def _forget(ws: Workspace, doings: Collection[Doing]) -> None:
    with reading(ws.engine) as connection:
        found = [one for one in airtable_refusals.of_customer(connection, ws.name) if one.doing in doings]
    if found:
        with writing(ws.engine) as connection:
            airtable_refusals.forget(connection, ws.name, doings)


def _again(refusal: Refusal) -> AccessError:
    kind = TargetMissingError if refusal.kind == "missing" else CredentialsError
    when = f"{refusal.ask_at:%H:%M:%S} UTC"
    wait = f"It is asked again at {when}, or at once by `leads sync` and when token or settings are others."
    return kind(refusal.error, advice=f"{refusal.advice} {wait}".strip())


def _place(ws: Workspace, airtable: AirtableSettings) -> str:
    """What was asked for, and by which token, as a digest."""
    parts = (ws.settings.airtable_endpoint_url, _token(ws), airtable.base_id, airtable.table, repr(airtable.fields))
    return xxhash.xxh3_128_hexdigest("\x1f".join(parts).encode())


def _token(ws: Workspace) -> str:
    try:
        return ws.settings.airtable_api_key()
    except CredentialsError:  # none is set, or its file is gone
        return ""
