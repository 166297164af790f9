"""Google's Sheets and Drive API: who we are, gspread's calls over our own client, and what refusals mean.

What belongs here: talking to the API. Which calls a fetch needs is in `google_sheets`. Heavy to import (gspread,
google-auth): only where credentials are set.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import google.auth.exceptions
import google.auth.transport
import orjson
from google.auth.credentials import Credentials
from gspread.http_client import HTTPClient
from requests import Response, Session

from leads_dagster.errors import CredentialsError, ServiceUnavailableError, TransientError
from leads_dagster.sources.google_budget import GoogleReads
from leads_dagster.sources.google_errors import google_error
from leads_dagster.sources.http import API_REST_SECONDS, Answer, LeadsHttp

SHEETS_HOST = "https://sheets.googleapis.com"
API_HOSTS = (SHEETS_HOST, "https://www.googleapis.com")
DRIVE_FILE_URL = "https://www.googleapis.com/drive/v3/files/%s"


@dataclass(frozen=True, slots=True)
class GoogleLogin:
    """Who we are at Google.

    Attributes:
        email: of the service account, to share sheets with; "" if the key file does not say.
        credentials: None at the offline twin, which takes any token.
    """

    email: str
    credentials: Credentials | None = field(repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def headers(self, http: LeadsHttp) -> dict[str, str]:
        """The Authorization header, with a new token when the old one has run out.

        Raises:
            CredentialsError: Google refuses the key.
        """
        if self.credentials is None:
            return {"Authorization": "Bearer sandbox"}
        with self.lock:
            try:
                # Not `before_request`: it also asks, in a thread of its own, where the account's data may lie.
                if not self.credentials.valid:
                    self.credentials.refresh(_TokenTransport(http))  # type: ignore[no-untyped-call]
            except google.auth.exceptions.GoogleAuthError as error:
                raise _refused_key(error, self.email) from error
            headers: dict[str, str] = {}
            self.credentials.apply(headers)  # type: ignore[no-untyped-call]
            return headers


class GoogleApi(HTTPClient):
    """gspread's client over ours: its timeouts, retries, breakers and errors; reads only.

    Args:
        login: who asks.
        http: who calls.
        endpoint: stands for both of Google's API hosts; "" for Google itself.
        max_bytes: limit of one answer.
        reads: the quotas to keep; None to leave them to Google.
    """

    def __init__(
        self, login: GoogleLogin, *, http: LeadsHttp, endpoint: str, max_bytes: int, reads: GoogleReads | None = None
    ) -> None:
        super().__init__(auth=None, session=Session())  # type: ignore[arg-type]  # its session is never used
        self._login = login
        self.calls = 0
        self.retries = 0
        self._http = http
        self._endpoint = endpoint.rstrip("/")
        self._max_bytes = max_bytes
        self._reads = reads

    def request(  # noqa: PLR0917  gspread's own signature
        self,
        method: str,
        endpoint: str,
        params: MutableMapping[str, Any] | None = None,
        data: bytes | None = None,
        json: Mapping[str, Any] | None = None,
        files: Any = None,
        headers: MutableMapping[str, str] | None = None,
    ) -> Response:
        """One GET, with gspread's arguments.

        Raises:
            SheetNotSharedError, CredentialsError, RateLimitedError and the others of `google_error`.
            TransientError: as `LeadsHttp.get`.
        """
        if method.lower() != "get":
            raise NotImplementedError("The sheet is an input: it is only read.")
        url = f"{self._address(endpoint)}?{urlencode(params)}" if params else self._address(endpoint)
        sent = {**(headers or {}), **self._login.headers(self._http)}
        if self._reads is None or not endpoint.startswith(SHEETS_HOST):
            return self._get(url, sent, again_on=TransientError)
        with self._reads.read():  # which rests after a refusal, so that asking again at once is no use
            return self._get(url, sent, again_on=ServiceUnavailableError)

    def _get(self, url: str, headers: Mapping[str, str], *, again_on: type[TransientError]) -> Response:
        answer = self._http.get(
            url, headers=headers, max_bytes=self._max_bytes, rest_seconds=API_REST_SECONDS, again_on=again_on
        )
        self.calls += answer.calls
        self.retries += answer.retries
        if answer.status >= 300:
            raise google_error(answer, email=self._login.email)
        return _ApiResponse(answer)

    def drive_state(self, sheet_id: str) -> tuple[str, str]:
        """Drive's version and modifiedTime of a file: one cheap call that is not counted as a read of the sheet."""
        params = {"fields": "modifiedTime,version", "supportsAllDrives": "true"}
        found = self.request("get", DRIVE_FILE_URL % sheet_id, params=params).json()
        return str(found.get("version", "")), str(found.get("modifiedTime", ""))

    def _address(self, url: str) -> str:
        if not self._endpoint:
            return url
        for host in API_HOSTS:
            if url.startswith(host):
                return self._endpoint + url.removeprefix(host)
        return url


class _ApiResponse(Response):
    """What gspread expects of requests, of an answer that is already here."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.status_code = answer.status
        self.url = answer.url
        self.headers.update(answer.headers)
        self._body = answer.body

    def json(self, **kwargs: Any) -> Any:
        """The body; orjson, because a sheet of 100,000 rows is 20 MB of it."""
        return orjson.loads(self._body)


class _TokenTransport(google.auth.transport.Request):
    """google-auth's way to call out, by our client."""

    def __init__(self, http: LeadsHttp) -> None:
        self._http = http

    def __call__(
        self,
        url: str,
        method: str = "POST",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> _TokenResponse:
        if method == "GET":
            return _TokenResponse(self._http.get(url, headers=headers, rest_seconds=API_REST_SECONDS))
        return _TokenResponse(self._http.post(url, body=body or b"", headers=headers, rest_seconds=API_REST_SECONDS))


class _TokenResponse(google.auth.transport.Response):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.body


def _refused_key(error: Exception, email: str) -> CredentialsError:
    said = str(error.args[0]) if error.args else type(error).__name__
    return CredentialsError(
        f"Google refuses the key of {email or 'GOOGLE_APPLICATION_CREDENTIALS'}: {said}",
        advice="Make a new key for the service account, and check that this machine's clock is right.",
    )
