"""raw_leads and normalized_leads: fetch a sheet, tell whether it changed, and normalise what did.

What belongs here: the two stages. How a sheet is fetched is `sources`', how rows are read and normalised `leads`',
how rows are told apart `row_changes`'.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from leads_dagster.budget import budget_place
from leads_dagster.errors import LeadsError, SheetFormatError, StaleStageError
from leads_dagster.leads.sheet import read_sheet
from leads_dagster.pipeline import airtable_refused, attention, row_changes
from leads_dagster.pipeline.airtable_edits import edits_wait
from leads_dagster.pipeline.capture import captures_wait
from leads_dagster.pipeline.look import Look
from leads_dagster.pipeline.mirror_targets import moved
from leads_dagster.pipeline.pull import pull_for_cycle
from leads_dagster.pipeline.stages import Outcome, failures_booked, stage
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.sources.fetched import Fetched, NotModified, SheetMarker
from leads_dagster.sources.google_sheets import fetch_sheet
from leads_dagster.store import airtable_duplicates, epochs, hold_rows, ledger, outbox, rematching, rulings, staging
from leads_dagster.store.changes import ChangeSet
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.ledger import SourceState
from leads_dagster.store.outbox import MirrorName

RAW = "raw_leads"
NORMALIZED = "normalized_leads"


def fetch_raw(ws: Workspace, *, run_id: str) -> Outcome:
    """Fetch the sheet and keep its bytes, content-addressed; `changed` is False when there is nothing to do anywhere.

    Nothing is written, not even a line of the ledger, while the fingerprint is that of the last closed ledger and no
    mirror waits for anything.

    Raises:
        SheetNotSharedError, SheetFormatError, ServiceUnavailableError and others of `sources.google_sheets`.
    """
    with ws.locked(), failures_booked(ws, run_id):
        look = _take_look(ws)
        if look.has_work:
            _keep_raw(ws, run_id, look)
        return Outcome(changed=look.has_work, data_version=look.fingerprint, numbers=look.numbers)


def has_work(ws: Workspace) -> bool:
    """Whether a cycle would have anything to do; `fetch_raw` in the same workspace then takes over what was fetched.

    A fetch that fails counts as work: `fetch_raw` raises its error, so that it is booked as the cycle's.
    """
    try:
        ws.looked = _look(ws)
    except LeadsError as error:
        ws.looked = error
        return True
    return ws.looked.has_work


def _take_look(ws: Workspace) -> Look:
    """What `has_work` saw just before, once; else a fresh look."""
    looked, ws.looked = ws.looked, None
    if isinstance(looked, LeadsError):
        raise looked
    if looked is None or _overtaken(ws, looked):
        return _look(ws)
    return looked


def _overtaken(ws: Workspace, looked: Look) -> bool:
    """Whether another cycle closed since: it may have written a newer sheet than the one seen here."""
    with reading(ws.engine) as connection:
        return ledger.source_state(connection, ws.name, ws.source).version != looked.state.version


def _look(ws: Workspace) -> Look:
    started = time.monotonic()
    if ws.customer.airtable is not None:
        ws.pulled = pull_for_cycle(ws)
    with reading(ws.engine) as connection:
        state = ledger.source_state(connection, ws.name, ws.source, order=False)
        waiting = what_waits(ws, connection, state) is not None
    observed_at = ws.now()
    fetched = fetch(ws, state)
    fingerprint = ws.fingerprint(fetched.checksum)
    changed = waiting or fingerprint != state.fingerprint
    return Look(state, fetched, fingerprint, changed, observed_at, _fetch_numbers(fetched, started))


def what_waits(ws: Workspace, connection: Connection, state: SourceState) -> str | None:
    """Why a cycle is due though the sheet is the same, in words; None where none is."""
    return next((words for words, waits in _WAITS.items() if waits(ws, connection, state)), None)


CAPTURES_WAIT = "captures wait"
_WAITS: Mapping[str, Callable[[Workspace, Connection, SourceState], bool]] = {
    "a cycle died before its end": lambda ws, connection, state: state.open_run_id is not None,
    "the sheet is not what the ledger says": lambda ws, connection, state: state.version > 0 and not state.fingerprint,
    "a plan was approved": lambda ws, connection, state: hold_rows.approved_waiting(connection, ws.name, ws.source),
    "a mirror has leads to hear of": lambda ws, connection, state: (
        outbox.count_due(connection, ws.name, _mirrors_awake(ws, connection), now=ws.now()) > 0
    ),
    "a mirror is new, or another place than before": lambda ws, connection, state: moved(ws, connection),
    "Airtable could not be read": lambda ws, connection, state: ws.pulled is not None and ws.pulled.status == "failed",
    "edits in Airtable wait": lambda ws, connection, state: edits_wait(ws, connection),
    "Airtable shows leads twice": lambda ws, connection, state: (
        "airtable" in _mirrors_awake(ws, connection)
        and bool(airtable_duplicates.listed(connection, ws.name, status="open"))
    ),
    "other values win by today's rules": lambda ws, connection, state: rulings.is_due(connection, ws.policy),
    "records match otherwise by today's rules": lambda ws, connection, state: rematching.is_due(connection, ws.policy),
    "Airtable has to say that something waits": lambda ws, connection, state: attention.is_due(ws, connection),
    # Last: where nothing else waits, a run that takes in captures alone is enough.
    CAPTURES_WAIT: lambda ws, connection, state: captures_wait(ws),
}


def _mirrors_awake(ws: Workspace, connection: Connection) -> list[MirrorName]:
    """Those that may be written to; Airtable rests where it refused us."""
    resting = airtable_refused.resting(ws, connection) is not None
    return [name for name in ws.mirrors if name != "airtable" or not resting]


def fetch(ws: Workspace, state: SourceState) -> Fetched | NotModified:
    """The sheet, or word that it is the same as at the last closed ledger and that its bytes are at hand.

    Args:
        ws: the customer's road.
        state: of the last closed ledger; without a marker the sheet is read in full.
    """
    at_hand = state.checksum is not None and ws.snapshots.has(state.checksum)
    marker = SheetMarker.from_dict(state.marker) if state.marker and at_hand else None
    return fetch_sheet(
        ws.address,
        http=ws.http,
        credentials=ws.settings.google_credentials,
        previous=marker,
        max_bytes=ws.settings.max_sheet_bytes,
        sheets_endpoint=ws.settings.google_sheets_endpoint_url,
        budget=budget_place(ws.settings),
    )


def _fetch_numbers(fetched: Fetched | NotModified, started: float) -> dict[str, Any]:
    return {
        "checksum": fetched.checksum,
        "bytes": _size(fetched),
        "seconds": round(time.monotonic() - started, 4),
        "api_calls": fetched.calls,
        "retries": fetched.retries,
        "sheet_changed": isinstance(fetched, Fetched),
        **({"warnings": " ".join(fetched.warnings)} if isinstance(fetched, Fetched) and fetched.warnings else {}),
    }


def _size(fetched: Fetched | NotModified) -> int:
    return fetched.bytes if isinstance(fetched, Fetched) else 0


def _keep_raw(ws: Workspace, run_id: str, look: Look) -> None:
    state, fetched, observed_at = look.state, look.fetched, look.observed_at
    if isinstance(fetched, Fetched):
        ws.sheet_made_at = fetched.made_at
        ws.snapshots.put(fetched.data, checksum=fetched.checksum)
    checksum, marker = fetched.checksum, fetched.marker.as_dict()
    payload = {"checksum": checksum, "marker": marker, "observed_at": observed_at.isoformat(), "bytes": _size(fetched)}
    staged = staging.Stage(ws.name, RAW, ws.source, ws.fingerprint(checksum), state.version, run_id, observed_at)
    with writing(ws.engine, ws.name) as connection:
        ledger.save_progress(connection, ws.name, 5, "Fetched the sheet", running=True)
        ledger.begin_run(
            connection, run_id=run_id, customer=ws.name, source=ws.source, checksum=checksum, observed_at=observed_at
        )
        staging.put(connection, staged, [payload])


def normalize(ws: Workspace, *, run_id: str) -> Outcome:
    """Read the fetched sheet, find the rows that changed, normalise those, and stage them.

    Raises:
        StaleStageError: no sheet was fetched yet.
        SheetFormatError, UnknownHeadersError: the bytes are not leads; nothing is written but the failure.
    """
    if (done := written_already(ws, RAW)) is not None:
        return done
    with stage(ws, run_id, NORMALIZED, percent=10, message="Reading the sheet"):
        staged, raw = staged_input(ws, RAW)
        with reading(ws.engine) as connection:
            state = ledger.source_state(connection, ws.name, staged.source)
        change_set = _find_changes(ws, staged, raw, state)
        with writing(ws.engine, ws.name) as connection:
            row_changes.number_new_records(connection, change_set)
            change_set.observed_at = epochs.moment(connection, ws.name, change_set.observed_at)
            output = staging.Stage(
                ws.name, NORMALIZED, staged.source, staged.fingerprint, state.version, run_id, ws.now()
            )
            staging.put(connection, output, change_set.payloads())
        return Outcome(bool(change_set.changes or change_set.gone), staged.fingerprint, _change_numbers(change_set))


def find_changes(ws: Workspace, data: bytes, *, checksum: str, marker: Any, observed_at: datetime) -> ChangeSet:
    """What these bytes would change, against the last closed ledger; writes nothing."""
    with reading(ws.engine) as connection:
        state = ledger.source_state(connection, ws.name, ws.source)
    raw = {"checksum": checksum, "marker": marker, "observed_at": observed_at.isoformat()}
    return _changes_in(ws, data, raw, state)


def _find_changes(ws: Workspace, staged: staging.Stage, raw: dict[str, Any], state: SourceState) -> ChangeSet:
    return _changes_in(ws, ws.snapshots.get(raw["checksum"]), raw, state)


def _changes_in(ws: Workspace, data: bytes, raw: dict[str, Any], state: SourceState) -> ChangeSet:
    table, mapping = read_sheet(data, overrides=ws.customer.columns, learned=ws.learned_headers)
    if not table.lines:
        raise SheetFormatError(
            "The sheet has a header and no rows; nothing was changed.",
            advice="If it was emptied on purpose, remove the customer; else restore the sheet from its own history.",
        )
    with reading(ws.engine) as connection:
        return row_changes.find(ws, connection, table, mapping, state=state, raw=raw)


def written_already(ws: Workspace, *assets: str) -> Outcome | None:
    """What to say when none of these assets handed anything on, since the ledger took it in and closed; else None."""
    with ws.locked(), reading(ws.engine) as connection:
        state = ledger.source_state(connection, ws.name, ws.source, order=False)
        waiting = any(staging.find(connection, ws.name, asset) for asset in assets)
    if waiting or state.version == 0 or state.open_run_id is not None:
        return None
    return Outcome(False, state.fingerprint or "", {"rows_read": state.read_rows, "rows_changed": 0})


def staged_input(ws: Workspace, asset: str) -> tuple[staging.Stage, Any]:
    """What an asset handed on, and the first chunk of it.

    Raises:
        StaleStageError: it handed on nothing yet.
    """
    with reading(ws.engine) as connection:
        found = staging.find(connection, ws.name, asset)
        if found is None or found.source != ws.source:
            raise StaleStageError(
                f"Asset {asset} has handed on nothing for customer {ws.name} yet.",
                advice=f"Materialise {asset} first, or run the whole road with `leads sync`.",
            )
        return found, next(staging.payloads(connection, ws.name, asset))


def _change_numbers(found: ChangeSet) -> dict[str, Any]:
    flagged = sum(len(change.row.issues) for change in found.changes)
    return {
        "rows_read": found.read_rows,
        "rows_changed": sum(change.known for change in found.changes),
        "rows_new": sum(not change.known for change in found.changes),
        "rows_gone": len(found.gone),
        "rows_unchanged": found.unexamined,
        "rows_quarantined": found.quarantined,
        "rows_held": sum(one.held for one in found.changes) + sum(one.held for one in found.gone),
        "cells_flagged": flagged,
        "error_rate": round(found.quarantined / found.read_rows, 6) if found.read_rows else 0.0,
    }
