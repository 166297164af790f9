"""Fetching a sheet, of whatever kind, and reading Google's through their API where we have credentials.

What belongs here: the one public door `fetch_sheet`, and which API calls a fetch needs. Plain GETs are in
`web_csv`, files in `local_files`.
"""

from __future__ import annotations

import csv
import io
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leads_dagster.errors import AccessError, SheetFormatError
from leads_dagster.sources.fetched import Fetched, Moved, NotModified, SheetMarker, checksum_of
from leads_dagster.sources.http import DEFAULT_MAX_BYTES, LeadsHttp
from leads_dagster.sources.marker_memory import shared_markers
from leads_dagster.sources.sheet_address import COPY_TAB_LINK, GOOGLE_ENDPOINT, SheetAddress

if TYPE_CHECKING:
    from leads_dagster.budget import BudgetPlace
    from leads_dagster.sources.google_client import GoogleApi

__all__ = ["Fetched", "Moved", "NotModified", "SheetMarker", "fetch_sheet", "peek_at_sheet"]

logger = logging.getLogger(__name__)

# Drive's marker may lag behind: this long after the last full read the sheet is read whatever Drive says.
FULL_READ_SECONDS = 900.0
# A tab is read by its title, so two tabs that swap titles would be confused: a title older than this is asked
# again. Younger ones save a third of the reads while people type (60 a minute is all that a user has).
TITLE_TRUSTED_SECONDS = 30.0
# The same cells take more room as JSON than as CSV.
JSON_ROOM = 3


def fetch_sheet(
    address: SheetAddress,
    *,
    http: LeadsHttp,
    credentials: Path | None = None,
    previous: SheetMarker | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    sheets_endpoint: str | None = None,
    budget: BudgetPlace | None = None,
    clock: Callable[[], float] = time.time,
) -> Fetched | NotModified:
    """The sheet's bytes, or that it is as it was.

    Args:
        address: from `parse_sheet`.
        http: `shared_http()`; not used for files.
        credentials: Google key file; with it, Google's sheets are read through the API, private ones too.
        previous: marker of the last fetch that was used to the end; another source's is passed over. None
            fetches the bytes in any case.
        max_bytes: limit of the sheet.
        sheets_endpoint: stands for docs.google.com and both API hosts (the offline twin, a proxy).
        budget: where processes keep Google's quotas together; None to read without asking there.
        clock: seconds since 1970.

    Raises:
        SettingsError: no such file.
        SheetNotSharedError, CredentialsError, AccessError: only a person can change that; with advice.
        SheetFormatError: too large.
        TransientError: timeouts, quotas, resting hosts, files being written to.
    """
    known = None
    if previous is not None and previous.source == address.canonical:
        known = shared_markers().best(previous)
    found = _fetch(
        address,
        http=http,
        credentials=credentials,
        known=known,
        max_bytes=max_bytes,
        endpoint=sheets_endpoint,
        budget=budget,
        clock=clock,
    )
    shared_markers().keep(found.marker)
    return found


def peek_at_sheet(
    address: SheetAddress,
    *,
    http: LeadsHttp,
    credentials: Path | None = None,
    previous: SheetMarker | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    sheets_endpoint: str | None = None,
    budget: BudgetPlace | None = None,
    clock: Callable[[], float] = time.time,
    may_read: Callable[[], bool] = lambda: True,
) -> Fetched | NotModified | Moved:
    """Whether a sheet changed, for as little as its source allows: where reads are counted, nothing is read for it.

    Arguments and errors as `fetch_sheet`, and:

    Args:
        may_read: asked before a sheet of which Drive's word is old is read in full; if not, Drive is believed longer.
    """
    known = shared_markers().best(previous) if previous is not None else None
    believed = known is not None and (_is_trusted(known, clock()) or (known.drive_version and not may_read()))
    if known is not None and believed and credentials is not None and address.kind == "google":
        api = _api(credentials, http=http, endpoint=sheets_endpoint or "", max_bytes=max_bytes, budget=budget)
        return _by_drive(address, known, api)
    return fetch_sheet(
        address,
        http=http,
        credentials=credentials,
        previous=previous,
        max_bytes=max_bytes,
        sheets_endpoint=sheets_endpoint,
        budget=budget,
        clock=clock,
    )


def _by_drive(address: SheetAddress, known: SheetMarker, api: GoogleApi) -> NotModified | Moved:
    version, modified_at = api.drive_state(address.sheet_id)
    if (known.drive_version, known.drive_modified_at) == (version, modified_at):
        return NotModified(known.checksum, known, 0.0, api.calls, api.retries)
    return Moved(f"{version} {modified_at}")


def _fetch(
    address: SheetAddress,
    *,
    http: LeadsHttp,
    credentials: Path | None,
    known: SheetMarker | None,
    max_bytes: int,
    endpoint: str | None,
    budget: BudgetPlace | None,
    clock: Callable[[], float],
) -> Fetched | NotModified:
    """By the address's kind; each kind imports only what it needs."""
    if address.path is not None:
        from leads_dagster.sources.local_files import read_file

        return read_file(address.path, source=address.canonical, previous=known, max_bytes=max_bytes, clock=clock)
    if address.kind == "google" and credentials is not None:
        api = _api(credentials, http=http, endpoint=endpoint or "", max_bytes=max_bytes, budget=budget)
        return _read_through_api(address, api=api, previous=known, max_bytes=max_bytes, now=clock())
    from leads_dagster.sources.web_csv import fetch_csv

    return fetch_csv(address, http=http, previous=known, max_bytes=max_bytes, endpoint=endpoint or GOOGLE_ENDPOINT)


def _api(credentials: Path, *, http: LeadsHttp, endpoint: str, max_bytes: int, budget: BudgetPlace | None) -> GoogleApi:
    from leads_dagster.sources.google_budget import GoogleReads
    from leads_dagster.sources.google_client import GoogleApi
    from leads_dagster.sources.google_credentials import read_login

    login = read_login(credentials, own_endpoint=bool(endpoint))
    reads = None if budget is None else GoogleReads(budget, login.email)
    return GoogleApi(login, http=http, endpoint=endpoint, max_bytes=max_bytes * JSON_ROOM, reads=reads)


def _read_through_api(
    address: SheetAddress, *, api: GoogleApi, previous: SheetMarker | None, max_bytes: int, now: float
) -> Fetched | NotModified:
    started = time.monotonic()
    version, modified_at = api.drive_state(address.sheet_id)  # before the cells: an edit in between is seen next time
    if previous is not None and _is_as_it_was(previous, version, modified_at, now=now):
        return NotModified(previous.checksum, previous, time.monotonic() - started, api.calls, api.retries)
    title, asked_at = (previous.title, previous.title_read_at) if previous is not None else ("", 0.0)
    marker = SheetMarker(address.canonical, title=title, title_read_at=asked_at)
    marker = _with_title(marker, address, api=api, now=now)
    cells, marker = _cells(marker, address, api=api, now=now)
    data = _as_csv(cells)
    if len(data) > max_bytes:
        raise SheetFormatError(f"The sheet has {len(data):,} bytes as CSV; the limit is {max_bytes:,}.")
    checksum = checksum_of(data)
    marker = replace(
        marker, checksum=checksum, size=len(data), drive_version=version, drive_modified_at=modified_at, read_at=now
    )
    made_at = drive_moment(modified_at)
    return Fetched(data, checksum, marker, time.monotonic() - started, api.calls, api.retries, made_at=made_at)


def drive_moment(text: str) -> datetime | None:
    """The aware time of Drive's `modifiedTime`; None for what is none."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _is_as_it_was(previous: SheetMarker, version: str, modified_at: str, *, now: float) -> bool:
    same = (previous.drive_version, previous.drive_modified_at) == (version, modified_at)
    return same and _is_trusted(previous, now)


def _is_trusted(previous: SheetMarker, now: float) -> bool:
    return bool(previous.drive_version) and 0 <= now - previous.read_at < FULL_READ_SECONDS


def _with_title(marker: SheetMarker, address: SheetAddress, *, api: GoogleApi, now: float) -> SheetMarker:
    if marker.title and 0 <= now - marker.title_read_at < TITLE_TRUSTED_SECONDS:
        return marker
    return replace(marker, title=_title(address, api), title_read_at=now)


def _title(address: SheetAddress, api: GoogleApi) -> str:
    """The title of the address's tab; of the first one if none is named and there is no tab 0."""
    params: dict[str, Any] = {"includeGridData": "false", "fields": "sheets.properties(sheetId,title,sheetType)"}
    found = api.fetch_sheet_metadata(address.sheet_id, params=params)
    tabs = [sheet["properties"] for sheet in found.get("sheets", ())]
    grids = [tab for tab in tabs if tab.get("sheetType", "GRID") == "GRID"]
    wanted = [tab for tab in grids if tab.get("sheetId", 0) == (address.gid or 0)]
    chosen = wanted or (grids[:1] if address.gid is None else [])
    if not chosen:
        raise AccessError(
            f"The sheet has no tab {address.gid or 0}.",
            advice=f"It has: {', '.join(str(tab['title']) for tab in grids) or 'none'}. {COPY_TAB_LINK}",
            source=address.canonical,
        )
    return str(chosen[0]["title"])


def _cells(
    marker: SheetMarker, address: SheetAddress, *, api: GoogleApi, now: float
) -> tuple[list[list[Any]], SheetMarker]:
    """The tab's cells as strings, and the marker with the title they were found under."""
    try:
        return _values(api, address.sheet_id, marker.title), marker
    except AccessError as error:
        if error.context.get("status") != HTTPStatus.BAD_REQUEST or marker.title_read_at == now:
            raise  # it is not about the title, or the title is fresh
        logger.info("The tab's title seems to have changed; asking for it again")
    renewed = _with_title(replace(marker, title=""), address, api=api, now=now)
    return _values(api, address.sheet_id, renewed.title), renewed


def _values(api: GoogleApi, sheet_id: str, title: str) -> list[list[Any]]:
    """As people see them (FORMATTED_VALUE, the default): never made numbers, so leading zeros survive."""
    from gspread.utils import absolute_range_name

    found = api.values_get(sheet_id, absolute_range_name(title))
    values: list[list[Any]] = found.get("values", [])
    return values


def _as_csv(rows: Sequence[Sequence[Any]]) -> bytes:
    """CSV as Google's export writes it: quotes only where needed, rows as wide as the widest."""
    width = max(map(len, rows), default=0)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(_padded(rows, width))
    return text.getvalue().encode()


def _padded(rows: Iterable[Sequence[Any]], width: int) -> Iterable[list[Any]]:
    """The API leaves empty cells at the end of a row away."""
    return ([*row, *[""] * (width - len(row))] for row in rows)
