"""Sheets that answer with CSV to a plain GET: Google's export and publish addresses, and any other address.

What belongs here: asking only if something changed, and telling a sheet from what servers send in its place.
What the CSV means is not asked.
"""

from __future__ import annotations

import time
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlsplit

from leads_dagster.errors import AccessError, LeadsError, SheetNotSharedError
from leads_dagster.sources.fetched import Fetched, NotModified, SheetMarker, checksum_of
from leads_dagster.sources.http import LOGIN_HOSTS, Answer, LeadsHttp
from leads_dagster.sources.http_errors import http_moment
from leads_dagster.sources.sheet_address import COPY_TAB_LINK, Kind, SheetAddress

# "Last-Modified" counts whole seconds: an edit in the second of the answer would leave it as it is (RFC 9110, 8.8.2.2).
TRUSTED_AGE_SECONDS = 2.0

PUBLISHED_IS_LATE = (
    "A sheet published to the web is up to 5 minutes old: Google renews it no more often. "
    "Give the ordinary link, shared with us, to see edits at once."
)
SHARING_ADVICE: dict[Kind, str] = {
    "google": (
        "In Google Sheets choose Share and let anyone with the link view it, or set GOOGLE_APPLICATION_CREDENTIALS to "
        "a service account's key file and share the sheet with that account's e-mail address."
    ),
    "published": (
        "In Google Sheets choose File, Share, Publish to web, and give the link shown there; "
        "or give the sheet's ordinary link and share it."
    ),
    "url": "Give the address that downloads the CSV without a login, or one with its key in it.",
}
NOT_FOR_US = frozenset({401, 403, 404, 410})
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})


def fetch_csv(
    address: SheetAddress, *, http: LeadsHttp, previous: SheetMarker | None, max_bytes: int, endpoint: str
) -> Fetched | NotModified:
    """GET the sheet's CSV.

    Args:
        address: any kind but "file".
        previous: a marker of the same source; asked "changed since?" where its server can tell.
        max_bytes: limit of the decoded body.
        endpoint: what stands for https://docs.google.com.

    Raises:
        SheetNotSharedError: a login or other web page instead of CSV, 401, 403, 404, 410.
        AccessError: another refusal, such as of a tab that is not there.
        SheetFormatError: larger than `max_bytes`.
        TransientError: as `LeadsHttp.get`.
    """
    started = time.monotonic()
    answer, calls, retries = _ask(address, http=http, previous=previous, max_bytes=max_bytes, endpoint=endpoint)
    warnings = (PUBLISHED_IS_LATE,) if address.kind == "published" else ()
    if answer.status == HTTPStatus.NOT_MODIFIED and previous is not None:
        return NotModified(previous.checksum, previous, time.monotonic() - started, calls, retries, warnings)
    _refuse_what_is_no_sheet(answer, address)
    checksum = checksum_of(answer.body)
    marker = _marker(answer, SheetMarker(address.canonical, checksum, len(answer.body)))
    made_at = http_moment(answer.headers.get("last-modified", ""))
    return Fetched(answer.body, checksum, marker, time.monotonic() - started, calls, retries, warnings, made_at)


def _ask(
    address: SheetAddress, *, http: LeadsHttp, previous: SheetMarker | None, max_bytes: int, endpoint: str
) -> tuple[Answer, int, int]:
    """The answer, and how many calls and retries it took."""
    headers = {"Accept": "text/csv, text/*;q=0.9, */*;q=0.5", **_conditions(previous)}
    answer = http.get(address.csv_url(endpoint, gid=_usual_tab(address)), headers=headers, max_bytes=max_bytes)
    if answer.status != HTTPStatus.BAD_REQUEST or _usual_tab(address) is None:
        return answer, answer.calls, answer.retries
    # The link names no tab, and the sheet has no tab 0 (its first one was deleted): whichever is the first.
    first = http.get(address.csv_url(endpoint), headers=headers, max_bytes=max_bytes)
    return first, answer.calls + first.calls, answer.retries + first.retries


def _usual_tab(address: SheetAddress) -> int | None:
    """Tab 0 for a Google link that names none: unlike "the first tab" it stays the same when tabs are moved."""
    return 0 if address.kind == "google" and address.gid is None else None


def _conditions(previous: SheetMarker | None) -> dict[str, str]:
    if previous is None:
        return {}
    conditions = {"If-None-Match": previous.etag, "If-Modified-Since": previous.last_modified}
    return {name: value for name, value in conditions.items() if value}


def _marker(answer: Answer, bare: SheetMarker) -> SheetMarker:
    modified, sent = (http_moment(answer.headers.get(name, "")) for name in ("last-modified", "date"))
    if modified and (sent is None or (sent - modified).total_seconds() < TRUSTED_AGE_SECONDS):
        return bare  # too young to be trusted; many servers make the ETag of it, too
    return replace(
        bare,
        etag=answer.headers.get("etag", ""),
        last_modified=answer.headers.get("last-modified", "") if modified else "",
    )


def _refuse_what_is_no_sheet(answer: Answer, address: SheetAddress) -> None:
    reason = _reason(answer)
    if reason:
        who = address.display if address.kind == "url" else "Google"
        raise SheetNotSharedError(
            f"This sheet is not shared with us ({who} {reason}).",
            advice=SHARING_ADVICE[address.kind],
            source=address.display,
            status=answer.status,
        )
    if not _is_success(answer):
        raise _odd_refusal(answer, address)


def _reason(answer: Answer) -> str:
    """What was sent in place of a sheet that is there but not for us; "" if something else is the matter."""
    if _is_login(answer):
        return "asks for a login"
    if answer.status in NOT_FOR_US:
        return f"answers {answer.status}"
    return "answers with a web page instead of CSV" if _is_success(answer) and _is_web_page(answer) else ""


def _odd_refusal(answer: Answer, address: SheetAddress) -> LeadsError:
    if address.kind == "url":
        return AccessError(f"{address.display} refuses us ({answer.status}).", advice="Is the address the right one?")
    return AccessError(
        f"Google cannot give the tab {address.gid or 0} of this sheet ({answer.status}).",
        advice=f"Is the tab still there? {COPY_TAB_LINK}",
        source=address.canonical,
    )


def _is_success(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def _is_login(answer: Answer) -> bool:
    return urlsplit(answer.url).hostname in LOGIN_HOSTS


def _is_web_page(answer: Answer) -> bool:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind in _HTML_TYPES or answer.body[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")
