"""The key file that GOOGLE_APPLICATION_CREDENTIALS names.

What belongs here: reading it and saying what is wrong with it. Heavy to import (google-auth).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import google.auth.exceptions
import google.oauth2.credentials
import google.oauth2.service_account
import orjson
from google.auth.credentials import Credentials

from leads_dagster.errors import CredentialsError
from leads_dagster.sources.google_client import GoogleLogin

# The least that reading needs.
SCOPES = (
    "https://www.googleapis.com/auth/spreadsheets.readonly",
    "https://www.googleapis.com/auth/drive.metadata.readonly",
)
KEY_ADVICE = (
    "In the Google Cloud console make a service account, add a key of type JSON, "
    "and set GOOGLE_APPLICATION_CREDENTIALS to the file that is downloaded."
)
# Only with GOOGLE_SHEETS_ENDPOINT_URL: the file {"type": "sandbox"} is the key of the offline twin.
SANDBOX_TYPE = "sandbox"


def read_login(path: Path, *, own_endpoint: bool) -> GoogleLogin:
    """Who the key file says we are. Kept, with its token, until the file changes.

    Args:
        path: a service account's key, or what `gcloud auth application-default login` wrote.
        own_endpoint: whether something else than Google is asked; only then `{"type": "sandbox"}` is a key.

    Raises:
        CredentialsError: not there, not readable, not such a file; with advice.
    """
    try:
        seen = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return _login_of(path, own_endpoint, (seen.st_size, seen.st_mtime_ns, seen.st_ino))


@functools.lru_cache(maxsize=32)
def _login_of(path: Path, own_endpoint: bool, _seen: tuple[int, ...]) -> GoogleLogin:
    info = _read(path)
    kind = str(info.get("type", ""))
    if kind == SANDBOX_TYPE and own_endpoint:
        return GoogleLogin(str(info.get("client_email", "")), None)
    if kind not in _MAKERS:
        raise CredentialsError(
            f"{path} is no key that can be used here (its type is {kind or 'not given'!r}).", advice=KEY_ADVICE
        )
    try:
        return GoogleLogin(str(info.get("client_email", "")), _MAKERS[kind](info))
    except (ValueError, google.auth.exceptions.GoogleAuthError) as error:
        raise CredentialsError(f"The key in {path} is damaged or not whole.", advice=KEY_ADVICE) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        info = orjson.loads(path.read_bytes())
    except OSError as error:
        raise _unreadable(path, error) from error
    except orjson.JSONDecodeError as error:
        raise CredentialsError(f"{path} is not JSON.", advice=KEY_ADVICE) from error
    if not isinstance(info, dict):
        raise CredentialsError(f"{path} is not a Google key file.", advice=KEY_ADVICE)
    return info


def _unreadable(path: Path, error: OSError) -> CredentialsError:
    if isinstance(error, FileNotFoundError):
        return CredentialsError(f"There is no key file {path}.", advice=KEY_ADVICE)
    return CredentialsError(f"The key file {path} cannot be read: {error.strerror or error}.", advice=KEY_ADVICE)


def _service_account(info: dict[str, Any]) -> Credentials:
    make = google.oauth2.service_account.Credentials.from_service_account_info
    made: Credentials = make(info, scopes=SCOPES)  # type: ignore[no-untyped-call]
    return made


def _authorized_user(info: dict[str, Any]) -> Credentials:
    # Without scopes: the token has those that the person agreed to.
    make = google.oauth2.credentials.Credentials.from_authorized_user_info
    made: Credentials = make(info)  # type: ignore[no-untyped-call]
    return made


_MAKERS: dict[str, Callable[[dict[str, Any]], Credentials]] = {
    "service_account": _service_account,
    "authorized_user": _authorized_user,
}
