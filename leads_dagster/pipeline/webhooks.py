"""Telling other programs of each cycle that did something or failed: in order, at least once, tried until taken.

What belongs here: which runs each webhook has still to hear of. The ledger is the queue: how far each webhook is stands
beside it, so that a crash tells one run twice at most, under the same id.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from leads_dagster.notifications.memory import Delivered, remembering
from leads_dagster.notifications.webhooks import deliver, webhook_name
from leads_dagster.settings import Settings
from leads_dagster.store import ledger
from leads_dagster.store.engine import open_engine, reading
from leads_dagster.store.schema import ensure_schema

_BATCH = 20
_FIRST_WAIT_SECONDS = 5.0
_LONGEST_WAIT_SECONDS = 3600.0
# After so many tries in a row, over about two days, a webhook is told of what comes from then on.
MOST_FAILURES = 60
_TYPES = {"failed": "sync.failed", "held": "sync.held"}


def deliver_due(settings: Settings, *, clock: Callable[[], float] = time.time) -> dict[str, str]:
    """Tell each webhook of the runs it has not heard of; webhook -> what came of it, only where there was something.

    A webhook that is new hears of what ends from now on.

    Raises:
        StoreError, StoreBusyError: the lead database cannot be read.
    """
    urls = (settings.webhook_urls or "").split()
    if not urls:
        return {}
    with remembering(settings.prepare_home(), "webhooks") as memory:
        if memory is None:
            return {}
        names = {webhook_name(url): url for url in urls}
        memory.webhooks = {name: memory.webhooks.get(name) or _from_now(clock()) for name in names}
        engine = open_engine(settings.database_url)
        try:
            ensure_schema(engine)
            said = {}
            for name, url in names.items():
                if memory.webhooks[name].retry_at <= clock():
                    with reading(engine) as connection:
                        ended = ledger.ended_after(connection, _moment(memory.webhooks[name]), limit=_BATCH)
                    said[name] = _catch_up(settings, url, memory.webhooks[name], ended, clock)
            return {name: words for name, words in said.items() if words}
        finally:
            engine.dispose()


def _from_now(now: float) -> Delivered:
    return Delivered(until=datetime.fromtimestamp(now, timezone.utc).isoformat())


def _moment(state: Delivered) -> datetime:
    return datetime.fromisoformat(state.until)


def _catch_up(
    settings: Settings, url: str, state: Delivered, ended: list[dict[str, Any]], clock: Callable[[], float]
) -> str:
    taken = 0
    for run in ended:
        if _id_of(run) in state.run_ids:
            continue
        why = deliver(
            url, settings.webhook_secret, message_id=_id_of(run), timestamp=int(clock()), payload=payload_of(run)
        )
        if why is not None:
            return _failed(state, why, clock())
        _taken(state, run)
        taken += 1
    return f"{taken} taken" if taken else ""


def _taken(state: Delivered, run: Mapping[str, Any]) -> None:
    until = run["finished_at"].isoformat()
    state.run_ids = [*(state.run_ids if state.until == until else []), _id_of(run)]
    state.until, state.failures, state.retry_at, state.error = until, 0, 0.0, ""


def _failed(state: Delivered, why: str, now: float) -> str:
    state.failures += 1
    state.error = why
    if state.failures >= MOST_FAILURES:
        fresh = _from_now(now)
        state.until, state.run_ids, state.failures = fresh.until, [], 0
        return f"{why}; given up, and told of what comes from now on"
    wait = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2 ** (state.failures - 1))
    state.retry_at = now + wait
    return f"{why}; tried again in {wait:.0f} s"


def _id_of(run: Mapping[str, Any]) -> str:
    return f"{run['customer']}.{run['run_id']}"


def payload_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """What a webhook is told of a run; counts and times only, no lead."""
    started, finished = run["started_at"], run["finished_at"]
    return {
        "type": _TYPES.get(run["status"], "sync.completed"),
        "timestamp": finished,
        "data": {
            "customerId": run["customer"],
            "runId": run["run_id"],
            "status": run["status"],
            "syncDuration": round((finished - started).total_seconds() * 1000, 1),
            "rows": asdict(ledger.counts_of(run)),
            "mirrors": run["mirrors"],
            "error": run["error"],
        },
    }
