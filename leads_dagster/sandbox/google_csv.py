"""The CSV addresses: export, publish to the web, plain files; with their redirects and login pages."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

from leads_dagster.sandbox import google_errors as errors
from leads_dagster.sandbox.clock import Clock
from leads_dagster.sandbox.google_folder import SheetFolder, Spreadsheet, Tab
from leads_dagster.sandbox.http import Call, Reply, Route

REDIRECT_SECONDS = 60.0
PUBLISHED_PREFIX = "2PACX-"
_MAX_TICKETS = 1000
_HTML = "text/html; charset=utf-8"
_LOGIN_PAGE = (
    b"<!DOCTYPE html><html><head><title>Google Sheets: Sign-in</title></head>"
    b"<body><h1>Sign in</h1><p>to continue to Google Sheets</p><form></form></body></html>"
)
_MISSING_PAGE = (
    b"<!DOCTYPE html><html><head><title>Page Not Found</title></head>"
    b"<body>Sorry, unable to open the file at this time.</body></html>"
)
_NO_CACHE = {"Cache-Control": "no-cache, no-store, max-age=0, must-revalidate"}


class GoogleCsvRoutes:
    """`conditional` offers ETag and If-None-Match on exports too, which Google does not do."""

    def __init__(self, folder: SheetFolder, clock: Clock, *, conditional: bool = False) -> None:
        self.folder, self.clock, self.conditional = folder, clock, conditional
        self._tickets: OrderedDict[str, tuple[float, str, int, bool]] = OrderedDict()

    def routes(self) -> list[Route]:
        table: list[tuple[str, Callable[[Call], Reply]]] = [
            ("spreadsheets/d/{id}/export", self.export),
            ("spreadsheets/d/e/{key}/pub", self.published),
            ("googleusercontent/export/{ticket}", self.ticket),
            ("accounts.google.com/v3/signin/identifier", self.login),
            ("files/{name}", self.raw),
        ]
        return [Route("GET HEAD", path, handler, "google") for path, handler in table]

    def export(self, call: Call) -> Reply:
        spreadsheet = self.folder.find(call.params["id"])
        refusal = self._refusal(call, spreadsheet)
        if refusal is not None or spreadsheet is None:
            return refusal or _missing()
        if call.first("format", "csv") != "csv":
            return Reply(_MISSING_PAGE, 400, _NO_CACHE, _HTML)
        tab = spreadsheet.tab_by_gid(_gid(call, spreadsheet))
        return _missing(400) if tab is None else self._redirect(call, spreadsheet, tab, published=False)

    def published(self, call: Call) -> Reply:
        spreadsheet = self.folder.find(call.params["key"].removeprefix(PUBLISHED_PREFIX))
        refusal = self._refusal(call, spreadsheet)
        if refusal is not None or spreadsheet is None:
            return refusal or _missing()
        tab = spreadsheet.tab_by_gid(_gid(call, spreadsheet))
        return _missing(400) if tab is None else self._redirect(call, spreadsheet, tab, published=True)

    def _refusal(self, call: Call, spreadsheet: Spreadsheet | None) -> Reply | None:
        if spreadsheet is None or spreadsheet.refuse is None:
            return None
        if spreadsheet.refuse == "login":
            target = f"{call.origin}/accounts.google.com/v3/signin/identifier?continue={quote(call.path, safe='')}"
            return Reply(b"", 302, {**_NO_CACHE, "Location": target}, _HTML)
        return Reply(_LOGIN_PAGE, int(spreadsheet.refuse), _NO_CACHE, _HTML)

    def _redirect(self, call: Call, spreadsheet: Spreadsheet, tab: Tab, *, published: bool) -> Reply:
        ticket = secrets.token_urlsafe(16)
        self._tickets[ticket] = (self.clock.monotonic() + REDIRECT_SECONDS, spreadsheet.id, tab.gid, published)
        while len(self._tickets) > _MAX_TICKETS:
            self._tickets.popitem(last=False)
        location = f"{call.origin}/googleusercontent/export/{ticket}"
        page = f'<HTML><HEAD><TITLE>Temporary Redirect</TITLE></HEAD><BODY><A HREF="{location}">here</A></BODY></HTML>'
        return Reply(page.encode(), 307, {**_NO_CACHE, "Location": location}, _HTML)

    def ticket(self, call: Call) -> Reply:
        expires, sheet_id, gid, published = self._tickets.get(call.params["ticket"], (0.0, "", 0, False))
        spreadsheet = self.folder.find(sheet_id) if expires > self.clock.monotonic() else None
        tab = spreadsheet.tab_by_gid(gid) if spreadsheet else None
        if spreadsheet is None or tab is None:
            return _missing(403)
        name = quote(f"{spreadsheet.title} - {tab.title}.csv")
        cache = {"Cache-Control": "private, max-age=300"} if published else _NO_CACHE
        headers = {**cache, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        if self.conditional:
            return conditional_reply(call, tab.path, headers, tab.export)
        return Reply(tab.export(), 200, headers, "text/csv")

    def login(self, call: Call) -> Reply:
        return Reply(_LOGIN_PAGE, 200, _NO_CACHE, _HTML)

    def raw(self, call: Call) -> Reply:
        path = self.folder.raw_file(call.params["name"])
        if path is None:
            return Reply(b"Not found", 404, {}, "text/plain; charset=utf-8")
        kind = "text/csv" if path.suffix == ".csv" else "text/tab-separated-values"
        return conditional_reply(call, path, {}, path.read_bytes, kind)


def conditional_reply(
    call: Call, path: Path, headers: dict[str, str], read: Callable[[], bytes], kind: str = "text/csv"
) -> Reply:
    """What `read` gives, with ETag and Last-Modified; or 304, unread, when the client says that it has it."""
    stat = path.stat()
    etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
    stamped = {**headers, "ETag": etag, "Last-Modified": formatdate(stat.st_mtime, usegmt=True)}
    if _has_it(call, etag, stat.st_mtime):
        return Reply(b"", 304, stamped, kind)
    return Reply(read(), 200, stamped, kind)


def _has_it(call: Call, etag: str, modified: float) -> bool:
    wanted = call.headers.get("if-none-match")
    if wanted is not None:
        return wanted.strip() == "*" or etag in [each.strip().removeprefix("W/") for each in wanted.split(",")]
    since = call.headers.get("if-modified-since")
    try:
        return since is not None and int(modified) <= parsedate_to_datetime(since).timestamp()
    except (TypeError, ValueError):
        return False


def _gid(call: Call, spreadsheet: Spreadsheet) -> int:
    text = call.first("gid")
    if text is None or not text.isdigit():
        return spreadsheet.tabs[0].gid
    return int(text)


def _missing(status: int = 404) -> Reply:
    return Reply(_MISSING_PAGE, status, _NO_CACHE, _HTML)


def refuse_api(spreadsheet: Spreadsheet | None) -> Spreadsheet:
    """The spreadsheet for an API request, or the refusal that the API has for it."""
    if spreadsheet is None:
        raise errors.not_found()
    if spreadsheet.refuse in ("login", 403):
        raise errors.permission_denied()
    if spreadsheet.refuse == 401:
        raise errors.unauthenticated()
    if spreadsheet.refuse is not None:
        raise errors.not_found()
    return spreadsheet
