"""What people paste as "the sheet": any Google Sheets link, a bare id, a CSV address, a local file.

What belongs here: reading the text, and the addresses that follow from it. Nothing is called or opened, except
that a path is looked at to tell it from a bare id.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, unquote, unquote_plus, urlencode, urlsplit, urlunsplit

from leads_dagster.errors import SettingsError

Kind = Literal["google", "published", "url", "file"]

GOOGLE_ENDPOINT = "https://docs.google.com"
GOOGLE_HOSTS = frozenset({"docs.google.com", "drive.google.com", "spreadsheets.google.com"})
DEFAULT_PORTS = {"http": 80, "https": 443}

ACCEPTED = (
    "Give a Google Sheets link, the id in such a link, an http(s) address that answers with CSV, "
    "or the path of a CSV or TSV file."
)
COPY_TAB_LINK = "Open the tab in Google Sheets and copy the address from the browser: it ends in #gid= and a number."

# /spreadsheets/d/ID…, also with a signed-in user (/u/0/) or a Workspace domain (/a/example.com/) in between.
_SHEET_PATH = re.compile(
    r"^(?:/a/[^/]+)?/spreadsheets(?:/u/\d+)?/d/(?P<published>e/)?(?P<id>[A-Za-z0-9_-]+)(?:/(?P<verb>.*))?$"
)
_PUBLISHED_VERBS = frozenset({"pub", "pubhtml"})
# Where range= cuts the sheet; in a link to look at, it only says which cell is marked.
_RANGED_VERBS = frozenset({"export", "pub", "pubhtml", "gviz"})
# Real ids have 44 characters, old ones fewer; words joined by hyphens are not ids.
_BARE_ID = re.compile(r"^(?=.*\d)(?=.*[A-Z])(?=.*[a-z])[A-Za-z0-9_-]{25,}$")
_PUBLISHED_ID = re.compile(r"^2PACX-[A-Za-z0-9_-]+$")
_CANONICAL_SHEET = re.compile(r"^(?P<kind>sheet|published):(?P<id>[A-Za-z0-9_-]+)#(?P<gid>\d+)$")
_SCHEME = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<slashes>//)?")
# Stands for a user, a password or a token where an address is kept.
HIDDEN = "***"
# What a parameter is named, or what its name ends with, apart or not, whose value lets somebody in.
_SECRET_NAMES = frozenset({"key", "pass", "pw", "sas", "authorization", "credentials"})
_SECRET_WORDS = frozenset({"sig", "auth", "jwt"})
_SECRET_ENDINGS = (
    "apikey", "accesskey", "authkey", "secretkey", "privatekey", "sharedkey", "accountkey", "subscriptionkey",
    "functionskey", "token", "secret", "password", "passwd", "passphrase", "pwd", "signature", "credential",
)  # fmt: skip
_NAME_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+")


@dataclass(frozen=True, slots=True)
class SheetAddress:
    """Where a sheet lies.

    Attributes:
        kind: "google" (asked for by id), "published" (to the web), "url" (any CSV address) or "file".
        canonical: the source's name, the same for every form of link to one tab:
            "sheet:ID#GID", "published:ID#GID", "url:ADDRESS" (without user, password and fragment, and with `HIDDEN`
            for every token in the query), "file:/PATH".
        sheet_id: Google's id, "" for other kinds.
        gid: id of the tab; None if the link names none (then tab 0, or the first tab that is published).
        url: the address of a "url" sheet, with what a login needs; never log it, log `display`.
        path: the absolute path of a "file" sheet.
    """

    kind: Kind
    canonical: str
    sheet_id: str = ""
    gid: int | None = None
    url: str = field(default="", repr=False)
    path: Path | None = None

    @property
    def display(self) -> str:
        """For messages and logs: without passwords and without what stands in the query."""
        return safe_url(self.url) if self.kind == "url" else self.canonical

    def csv_url(self, endpoint: str = GOOGLE_ENDPOINT, *, gid: int | None = None) -> str:
        """Where the sheet's CSV is asked for; `endpoint` stands in for Google's, `gid` for a tab not named."""
        if self.kind == "url":
            return self.url
        tab = self.gid if self.gid is not None else gid
        query = {"format": "csv"} if self.kind == "google" else {"output": "csv", "single": "true"}
        if self.kind == "published" and tab is None:
            del query["single"]
        tail = {} if tab is None else {"gid": str(tab)}
        folder = "d/e" if self.sheet_id.startswith("2PACX-") else "d"
        verb = "export" if self.kind == "google" else "pub"
        return f"{endpoint.rstrip('/')}/spreadsheets/{folder}/{self.sheet_id}/{verb}?{urlencode(query | tail)}"


def parse_sheet(text: str, *, folder: Path | None = None) -> SheetAddress:
    """Read what someone gave as the sheet.

    Args:
        text: a link, id, address or path; a `SheetAddress.canonical` is understood too, unless something is hidden
            in it.
        folder: what a relative path is relative to; default the current folder.

    Raises:
        SettingsError: it is none of these, or a link that cannot be read as a table; with advice.
    """
    cleaned = text.strip().strip("<>\"'").strip()
    if not cleaned:
        raise SettingsError("No sheet is given.", advice=ACCEPTED)
    # An existing file wins over an id or address that looks the same.
    base = folder if folder is not None else Path.cwd()
    if os.path.exists(_path_of(cleaned, base)):  # noqa: PTH110  Path.exists raises for a long link
        return _file(cleaned, base)
    canonical = _CANONICAL_SHEET.match(cleaned)
    if canonical:
        return _sheet(canonical["id"], int(canonical["gid"]), published=canonical["kind"] == "published")
    scheme = _SCHEME.match(cleaned)
    if scheme:
        return _by_scheme(cleaned, scheme["scheme"].lower(), base)
    return _without_scheme(cleaned, base)


def safe_url(url: str) -> str:
    """The address without user, password, query and fragment: fit for logs."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "…" if parts.query else "", ""))


def without_secrets(text: str, *, folder: Path | None = None) -> str:
    """What someone gave as the sheet, fit to be kept: `HIDDEN` for user, password and tokens; the rest as it was.

    Raises:
        SettingsError: it is no sheet.
    """
    address = parse_sheet(text, folder=folder)
    if address.kind != "url":
        return text
    parts = urlsplit(address.url)
    login, at, host = parts.netloc.rpartition("@")
    netloc = f"{HIDDEN}{at}{host}" if login else host
    return urlunsplit((parts.scheme, netloc, parts.path, _safe_query(parts.query), ""))


def _safe_query(query: str) -> str:
    """A query with `HIDDEN` for every value that lets somebody in; the order and the spelling of the rest stay."""
    return "&".join(_safe_parameter(part) for part in query.split("&"))


def _safe_parameter(part: str) -> str:
    name, given, value = part.partition("=")
    return f"{name}={HIDDEN}" if given and value and _names_a_secret(unquote_plus(name)) else part


def _names_a_secret(name: str) -> bool:
    words = _NAME_WORDS.findall(name)
    together = "".join(words).lower()
    last = words[-1].lower() if words else ""
    return together in _SECRET_NAMES or last in _SECRET_WORDS or together.endswith(_SECRET_ENDINGS)


def _by_scheme(text: str, scheme: str, base: Path) -> SheetAddress:
    readers: dict[str, Callable[[], SheetAddress]] = {
        "http": lambda: _web(text),
        "https": lambda: _web(text),
        "url": lambda: _web(text.partition(":")[2]),
        "file": lambda: _file(_file_uri_path(text), base),
    }
    if scheme not in readers:
        raise SettingsError(f"{scheme}: addresses are not read.", advice=ACCEPTED)
    return readers[scheme]()


def _without_scheme(text: str, base: Path) -> SheetAddress:
    if text.partition("/")[0].lower() in GOOGLE_HOSTS:
        return _web(f"https://{text}")
    if _PUBLISHED_ID.match(text) or _BARE_ID.match(text):
        return _sheet(text, None, published=text.startswith("2PACX-"))
    if "/" in text or text.startswith("~") or Path(text).suffix:
        return _file(text, base)  # may come to be; reading it says when it is not there
    raise SettingsError(f"{text!r} is neither a file here nor the id of a Google sheet.", advice=ACCEPTED)


def _file_uri_path(text: str) -> str:
    rest = text.partition(":")[2]
    if rest.startswith("//"):
        host, _, path = rest[2:].partition("/")
        if host not in ("", "localhost"):
            raise SettingsError(f"A file on another machine ({host}) cannot be read.", advice=ACCEPTED)
        return unquote(f"/{path}")
    return rest


def _path_of(text: str, base: Path) -> Path:
    # Of os.path, because a symbolic link keeps its own name and ~nobody is no error.
    return Path(os.path.abspath(base / os.path.expanduser(text)))  # noqa: PTH100, PTH111


def _file(text: str, base: Path) -> SheetAddress:
    path = _path_of(text, base)
    return SheetAddress("file", f"file:{path}", path=path)


def _sheet(sheet_id: str, gid: int | None, *, published: bool) -> SheetAddress:
    kind: Kind = "published" if published else "google"
    name = "published" if published else "sheet"
    return SheetAddress(kind, f"{name}:{sheet_id}#{gid or 0}", sheet_id=sheet_id, gid=gid)


def _web(url: str) -> SheetAddress:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise SettingsError("The sheet's address is not a valid one.", advice=ACCEPTED) from error
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS or not host or any(character.isspace() for character in url):
        raise SettingsError("The sheet's address is not a valid http(s) address.", advice=ACCEPTED)
    if host in GOOGLE_HOSTS:
        return _google_link(host, parts.path, parts.query, parts.fragment)
    _refuse_hidden(parts.netloc, parts.query)
    shown_host = f"[{host}]" if ":" in host else host
    netloc = shown_host if port in (None, DEFAULT_PORTS[scheme]) else f"{shown_host}:{port}"
    path, query = parts.path or "/", parts.query
    if _SHEET_PATH.match(path):  # something that stands for Google, such as the offline twin
        tab = urlsplit(_google_link(host, path, query, parts.fragment).csv_url(gid=0))
        path, query = tab.path, tab.query
    login = parts.netloc.rpartition("@")[0]
    called = urlunsplit((scheme, f"{login}@{netloc}" if login else netloc, path, query, ""))
    named = urlunsplit((scheme, netloc, path, _safe_query(query), ""))
    return SheetAddress("url", f"url:{named}", url=called)


def _refuse_hidden(netloc: str, query: str) -> None:
    """Refuse an address as it is kept: with what lets somebody in hidden, nothing could be read from it."""
    if netloc.startswith(f"{HIDDEN}@") or f"={HIDDEN}" in query:
        raise SettingsError(
            "The sheet's address is without its password or token.",
            advice="They are not kept; give the whole address, as in `leads sync --sheet ADDRESS`.",
        )


def _google_link(host: str, path: str, query_text: str, fragment: str) -> SheetAddress:
    query = parse_qs(query_text)
    match = _SHEET_PATH.match(path)
    if match is None:
        return _other_google_link(host, path, query)
    verb = (match["verb"] or "").strip("/")
    gid = _gid(query, parse_qs(fragment))
    _refuse_part_of_sheet(verb, query, gid)
    published = bool(match["published"]) or verb in _PUBLISHED_VERBS
    return _sheet(match["id"], gid, published=published)


def _refuse_part_of_sheet(verb: str, query: dict[str, list[str]], gid: int | None) -> None:
    """Links that read a part or a copy made for charts; with the tab's number they can be read whole."""
    if verb.startswith("gviz") and gid is None and "sheet" in query:
        raise SettingsError("A gviz link that names its tab by title cannot be read whole.", advice=COPY_TAB_LINK)
    if verb.startswith("gviz") and "tq" in query:
        raise SettingsError("The gviz link asks for a selection of the sheet.", advice="Remove tq= from the link.")
    if verb.partition("/")[0] in _RANGED_VERBS and "range" in query:
        raise SettingsError("The link asks for a range of the sheet.", advice="Remove range= from the link.")


def _other_google_link(host: str, path: str, query: dict[str, list[str]]) -> SheetAddress:
    if host == "drive.google.com" and path.rstrip("/") in {"/open", "/uc"} and "id" in query:
        return _sheet(query["id"][0], None, published=False)
    if "/file/d/" in path:
        raise SettingsError(
            "The link leads to a file on Google Drive that is not a Google Sheet.",
            advice="Open it with Google Sheets (File, Save as Google Sheets) and give that sheet's link.",
        )
    raise SettingsError(f"The {host} link does not lead to a Google Sheet.", advice=ACCEPTED)


def _gid(query: dict[str, list[str]], fragment: dict[str, list[str]]) -> int | None:
    """The tab: what follows # counts, as in the browser; "single" tabs of the web view say it in the query."""
    for text in (*fragment.get("gid", ()), *query.get("gid", ())):
        if not text.isdecimal():
            raise SettingsError(f"The tab of the link (gid={text!r}) is not a number.", advice=COPY_TAB_LINK)
        return int(text)
    return None
