"""How long a capture takes from the call that hands it over to the row in the lead database, with `leads up` running.

What belongs here: the hand-overs and their clock. How a live system is started is
`leads_dagster.interfaces.freshness_trial`'s.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.capture_work import people
from benchmarks.measuring import BenchmarkError
from leads_dagster.capture_queue.bodies import body_of
from leads_dagster.capture_queue.items import NewCapture
from leads_dagster.capture_queue.place import QueuePlace
from leads_dagster.capture_queue.protocol import CaptureQueue
from leads_dagster.errors import LeadsError
from leads_dagster.interfaces.freshness_trial import TrialPlan, trial

_CUSTOMER = "customer-0000"
_ROWS = 20
_SHORTEST, _LONGEST = 0.1, 0.5
_POLL_SECONDS = 0.005
_LONGEST_WAIT_SECONDS = 60.0


def arrivals(folder: Path, url: str, times: int) -> list[float]:
    """Seconds from each hand-over to its row, at random instants; the first of all is not counted.

    Args:
        folder: empty; all state of the trial.
        url: as LEADS_QUEUE_URL.

    Raises:
        BenchmarkError: the system did not come up, or a capture did not arrive within a minute.
    """
    plan = TrialPlan(rows=_ROWS, airtable=False)
    environ: Mapping[str, str] = {"LEADS_QUEUE_URL": url}
    chance = random.Random(times)
    found = []
    try:
        with (
            trial(plan, folder, say=print, environ=environ),
            closing(QueuePlace(folder / "state", url).open()) as queue,
        ):
            for lead in _different(times + 1):
                time.sleep(chance.uniform(_SHORTEST, _LONGEST))
                found.append(_arrived(folder / "state" / "leads.db", queue, lead))
    except LeadsError as error:
        raise BenchmarkError(str(error)) from error
    return found[1:]


def _different(count: int) -> list[dict[str, Any]]:
    """So many leads, none of whom is another."""
    return [lead for lead in people(2 * count) if "+" not in lead["Email"]][:count]


def _arrived(database: Path, queue: CaptureQueue, lead: Mapping[str, Any]) -> float:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as reader:
        sent = time.monotonic()
        queue.put([NewCapture(_CUSTOMER, "", body_of(lead), time.time_ns() // 1_000_000)])
        while not reader.execute("SELECT 1 FROM leads WHERE email = ?", [lead["Email"].lower()]).fetchone():
            if time.monotonic() - sent > _LONGEST_WAIT_SECONDS:
                raise BenchmarkError("A capture did not arrive within a minute.")
            time.sleep(_POLL_SECONDS)
        return time.monotonic() - sent
