"""What the drivers of SQLite and PostgreSQL say when they fail, as errors of ours: worth another try, or for good.

What belongs here: the tables of codes and words, and the words for the person who must act. Trying again is `retry`'s.

PostgreSQL is judged by its five-letter states (https://www.postgresql.org/docs/current/errcodes-appendix.html) and
SQLite by its result codes (https://www.sqlite.org/rescode.html); by words only where neither is given: while a
connection is being made, and in Python 3.10, whose sqlite3 has no codes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from leads_dagster.errors import LeadsError, StoreBusyError, StoreDamagedError, StoreError

# Connection lost; serialization and deadlock; too many connections; lock, statement and idle time-outs; shutting down.
_TRANSIENT_STATES = ("08", "40001", "40003", "40P01", "53300", "55P03", "57014", "57P", "25P03", "25P04")
_DATABASE_DROPPED = "57P04"  # does not mend itself
_TRANSIENT_SQLITE = frozenset({5, 6, 15, 17})  # busy, locked, locking protocol, schema changed meanwhile
# Lower case, found anywhere in the message.
_TRANSIENT_WORDS = (
    "database is locked", "database table is locked", "database schema is locked", "locking protocol",
    "connection refused", "server closed the connection", "connection reset", "terminating connection",
    "is the server running", "temporary failure in name resolution", "connection is lost", "connection is closed",
    "ssl connection has been closed", "broken pipe", "no route to host", "network is unreachable", "connection timed",
    "timeout expired", "connection timeout", "the database system is", "too many connections", "too many clients",
    "remaining connection slots", "no active connection",
)  # fmt: skip
# What they say when what they read cannot be what they wrote; "malformed" alone would also be a malformed JSON path.
_DAMAGE_WORDS = (
    "disk image is malformed", "malformed database schema", "file is not a database", "invalid page in block",
)  # fmt: skip
# What they say when a person must act first, and what to do then.
_ADVICE = {
    "readonly database": "The database file or its folder is read-only: check its owner and mode.",
    "unable to open database file": "Check that the folder exists and may be written.",
    "disk is full": "Free some space on the disk that holds the database; nothing half-written was kept.",
    "disk i/o error": "Check the disk that holds the database (space, mount, health).",
    "no space left": "Free some space on the disk that holds the database; nothing half-written was kept.",
    "malformed": "It is damaged: `leads backup restore --latest` puts the newest good backup in its place.",
    "not a database": "Either LEAD_DATABASE_PATH names some other file, or it is damaged: "
    "`leads backup restore --latest`.",
    "invalid page": "It is damaged: `leads backup restore --latest` puts the newest good backup in its place.",
    "permission denied": "Check the database user's rights.",
    "authentication failed": "Check the user and the password in LEADS_DATABASE_URL.",
    "read-only transaction": "This server takes no writes: name the primary in LEADS_DATABASE_URL.",
    "does not exist": "Check the names in LEADS_DATABASE_URL, and that the database was made.",
}
# Among these, what they say when nobody answers where the server should be.
_UNREACHABLE_WORDS = (
    "connection refused", "is the server running", "temporary failure in name resolution", "name or service not known",
    "could not translate host name", "no route to host", "network is unreachable", "connection timed",
    "timeout expired", "connection timeout", "failed to resolve host",
)  # fmt: skip
# Which column a refused row is about, as SQLite says it ("NOT NULL constraint failed: leads.customer") and as
# PostgreSQL details it ("Key (customer, name)=(…) already exists"); the values behind are not read.
_SQLITE_COLUMNS = re.compile(r"constraint failed: (.+)")
_POSTGRES_KEY = re.compile(r"Key \((.+?)\)=")
# Which value a driver could not take, as SQLite counts them, and the columns of the statement in that order.
_SQLITE_BINDING = re.compile(r"Error binding parameter (\d+)")
_COUNTED_FROM = 1 if sys.version_info >= (3, 11) else 0
_INSERTED = re.compile(r"INSERT INTO \w+ \(([^)]+)\)")


@contextmanager
def typed_errors() -> Iterator[None]:
    """Turn SQLAlchemy's errors into ours; ours pass through.

    Raises:
        StoreBusyError: the same call may succeed later; `context["cause"]` is what the driver said, in one line.
        StoreError: it will not; `context["field"]` names the column where the driver does.
    """
    try:
        yield
    except LeadsError:
        raise
    except PoolTimeoutError as error:
        raise StoreBusyError(
            "All connections to the lead database are in use.", cause="all connections are in use"
        ) from error
    except (IntegrityError, DataError) as error:
        raise typed_error(error) from None  # the driver's own text quotes the row
    except DBAPIError as error:
        raise typed_error(error) from error
    except StatementError as error:
        raise _refused_value(error) from None


def typed_error(error: DBAPIError) -> StoreBusyError | StoreError:
    """The error of ours that a driver's error amounts to; never carries the parameters, which are people's data."""
    if isinstance(error, IntegrityError):
        return _refused_row(error.orig)
    said = str(error.orig).strip()
    if isinstance(error, DataError) or _SQLITE_BINDING.match(said):
        return _refused_value(error)
    cause = said.splitlines()[0].rstrip(".") if said else type(error.orig).__name__
    if error.connection_invalidated or _is_transient(error.orig, said.lower()):
        return _unreachable(cause) if _says_unreachable(said) else _busy(cause)
    advice = next((words for part, words in _ADVICE.items() if part in said.lower()), "")
    kind = StoreDamagedError if says_damaged(said) else StoreError
    return kind(f"The lead database cannot be used: {cause}.", advice=advice)


def _busy(cause: str) -> StoreBusyError:
    advice = "Another process holds it; the sync can simply be run again."
    return StoreBusyError(f"The lead database is busy: {cause}.", advice=advice, cause=cause)


def _unreachable(cause: str) -> StoreBusyError:
    return StoreBusyError(
        f"The lead database cannot be reached: {cause}.",
        advice="Check that its server runs, and the host and port in LEADS_DATABASE_URL; then run the same again.",
        cause=cause,
    )


def _says_unreachable(said: str) -> bool:
    lowered = said.lower()
    return any(words in lowered for words in _UNREACHABLE_WORDS)


def says_damaged(said: str) -> bool:
    """Whether a driver's words mean that the database itself is damaged."""
    lowered = said.lower()
    return any(words in lowered for words in _DAMAGE_WORDS)


def _is_transient(error: Any, lowered: str) -> bool:
    state = getattr(error, "sqlstate", None)
    if state:
        return bool(state.startswith(_TRANSIENT_STATES) and state != _DATABASE_DROPPED)
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _TRANSIENT_SQLITE  # the upper bits only say more
    return any(word in lowered for word in _TRANSIENT_WORDS)


def _refused_row(error: Any) -> StoreError:
    """A constraint was broken: by which column."""
    told = getattr(error, "diag", None)
    said = (told.message_primary if told is not None else None) or str(error).strip().splitlines()[0]
    field = _postgres_field(told) if told is not None else _sqlite_field(said)
    named = f" (field {field})" if field and field not in said else ""
    return StoreError(f"The lead database refuses a row: {said}{named}.", **({"field": field} if field else {}))


def _sqlite_field(said: str) -> str | None:
    found = _SQLITE_COLUMNS.search(said)
    return None if found is None else ", ".join(name.rpartition(".")[2] for name in found[1].split(", "))


def _postgres_field(told: Any) -> str | None:
    if told.column_name:
        return str(told.column_name)
    found = _POSTGRES_KEY.match(told.message_detail or "")
    name = found[1] if found else told.constraint_name
    return str(name) if name else None


def _refused_value(error: StatementError) -> StoreError:
    """A value of the wrong kind or too large; what kind of refusal it is is said, and where it can be known of which
    field. The value is not."""
    told = getattr(error.orig, "diag", None)
    field = told.column_name if told is not None else _bound_column(error)
    named = f" (field {field})" if field else ""
    return StoreError(
        f"The lead database refuses a value: {type(error.orig).__name__}{named}.", **({"field": field} if field else {})
    )


def _bound_column(error: StatementError) -> str | None:
    place = _SQLITE_BINDING.match(str(error.orig))
    columns = _INSERTED.search(error.statement or "")
    if place is None or columns is None:
        return None
    names = columns[1].split(", ")
    return names[(int(place[1]) - _COUNTED_FROM) % len(names)]
