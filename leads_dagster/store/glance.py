"""A glance at a lead database in a SQLite file, without what makes reading it take a second: for a shell's completion.

What belongs here: ids and what they are about, a query each. No cell of a lead is among it: it becomes words of
somebody's shell. A database of a server's is not asked.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import Literal
from urllib.parse import quote

What = Literal["conflicts", "decisions", "holds", "quarantine", "runs"]

_FILE = re.compile(r"sqlite(?:\+\w+)?:///(?P<path>[^?]+)")
_QUERIES: dict[What, str] = {
    "conflicts": "SELECT id, field || ', since ' || substr(detected_at, 1, 16) FROM conflicts "
    "WHERE customer = ? AND status = 'open' ORDER BY id DESC LIMIT ?",
    "decisions": "SELECT id, kind || ', ' || substr(decided_at, 1, 16) FROM decisions "
    "WHERE customer = ? AND undone_by IS NULL ORDER BY id DESC LIMIT ?",
    "holds": "SELECT id, status || ', since ' || substr(created_at, 1, 16) FROM holds "
    "WHERE customer = ? AND status IN ('open', 'approved') ORDER BY id DESC LIMIT ?",
    "quarantine": "SELECT record_id, code || ', row ' || row_number FROM quarantine "
    "WHERE customer = ? ORDER BY row_number LIMIT ?",
    "runs": "SELECT run_id, status || ', ' || substr(started_at, 1, 16) FROM sync_runs "
    "WHERE customer = ? ORDER BY started_at DESC LIMIT ?",
}


def glance(url: str, what: What, customer: str, *, limit: int) -> list[tuple[str, str]]:
    """Ids and what each is about, of one customer; nothing where the database is no file, is away, or is locked.

    Args:
        url: of the lead database.
    """
    found = _FILE.fullmatch(url)
    if found is None:
        return []
    address = f"file:{quote(found['path'])}?mode=rw"  # beside others who write, reading only needs their memory
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=0)) as connection:
            connection.execute("PRAGMA query_only = ON")
            rows = connection.execute(_QUERIES[what], (customer, limit)).fetchall()
    except sqlite3.Error:
        return []
    return [(str(name), str(about or "")) for name, about in rows]
