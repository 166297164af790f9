"""The real consumer for `capture_crash`: the pipeline, into a lead database.

What belongs here: processing as `leads queue process` does, and what the lead database then says.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from leads_dagster.capture_queue.protocol import CaptureQueue
from leads_dagster.pipeline.capture import process_now
from leads_dagster.settings import Settings, load_settings

_MANY = 100_000


def road_settings(home: Path, queue_url: str, customers: Sequence[str]) -> Settings:
    """Customers whose sheets nobody reads."""
    config = home / "leads.toml"
    if not config.exists():
        text = "".join(f'[[customers]]\nname = "{one}"\nsheet = "{home}/{one}.csv"\n' for one in customers)
        # Several workers start at once: none may read what another has half written.
        whole = home / f"leads.toml.{os.getpid()}"
        whole.write_text(text)
        whole.replace(config)
    return load_settings({"LEADS_HOME": str(home), "LEADS_QUEUE_URL": queue_url})


def empty(settings: Settings, ahead: CaptureQueue) -> None:
    """Process everything; what a killed worker still holds is given back by somebody whose clock is ahead."""
    while True:
        ahead.extend(ahead.lease(customer=None, limit=_MANY), seconds=0)
        ahead.retry_dead(None, limit=_MANY)
        process_now(settings)
        status = ahead.status()
        if not status.queued + status.leased + status.delayed + status.dead:
            return


def recorded(home: Path) -> tuple[set[tuple[str, str]], list[str]]:
    """(customer, key) of every capture in the lead database, and what is wrong there."""
    with closing(sqlite3.connect(home / "leads.db")) as database:
        rows = database.execute("SELECT customer, key FROM captures").fetchall()
        (leads,) = database.execute("SELECT count(*) FROM leads WHERE archived_at IS NULL").fetchone()
        (records,) = database.execute("SELECT count(*) FROM source_records WHERE source = 'capture'").fetchone()
        (verdict,) = database.execute("PRAGMA integrity_check").fetchone()
    wrong = [f"{len(rows)} captures, {records} records, {leads} leads"] if {leads, records} != {len(rows)} else []
    wrong += ["captured twice"] if len(set(rows)) != len(rows) else []
    return set(rows), wrong + ([] if verdict == "ok" else [verdict])
