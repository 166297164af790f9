"""What Airtable says when it refuses, read into one shape and, where no caller can mend it, into our errors.

What belongs here: reading answers. Not: retrying (`airtable_requests`), nor what a refused record means
(`airtable_push`).

Airtable has three shapes: `{"error": {"type", "message"}}`, `{"error": "NOT_FOUND"}`, and for 429
`{"errors": [{"error", "message"}]}`, which pyairtable does not read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from leads_dagster.budget.limits import REST_SECONDS
from leads_dagster.errors import (
    CredentialsError,
    LeadsError,
    QuotaSpentError,
    RateLimitedError,
    ServiceUnavailableError,
)

if TYPE_CHECKING:
    import requests

_FULL = re.compile(r"records? (limit|count limit)|limit of [\d,.]+ records|too many records in", re.IGNORECASE)

MONTH_SPENT = "PUBLIC_API_BILLING_LIMIT_EXCEEDED"


class AirtableRefusedError(Exception):
    """An answer that the caller must judge: 400, 403, 404, 413 or 422. Never leaves the mirrors.

    Attributes:
        status: the HTTP status.
        kind: Airtable's type, "" if it gave none.
        said: its message, or the type.
    """

    def __init__(self, status: int, kind: str, said: str) -> None:
        super().__init__(f"{status} {kind}: {said}")
        self.status = status
        self.kind = kind
        self.said = said

    @property
    def base_full(self) -> bool:
        """Whether it says that the base holds as many records as its plan allows; the wording is not documented."""
        return self.status in (403, 422) and _FULL.search(f"{self.kind} {self.said}".replace("_", " ")) is not None

    @property
    def in_words(self) -> str:
        """Why it refuses, as an end of a sentence."""
        if self.status == 413:
            return f"it is too large for one request ({self.said})"
        return self.said

    @property
    def names_record(self) -> bool:
        """Whether it says that a record does not exist, and nothing else."""
        return self.kind in ("ROW_DOES_NOT_EXIST", "MODEL_ID_NOT_FOUND")

    @property
    def record_gone(self) -> bool:
        """Whether it can mean that; Airtable does not tell a missing model from a missing permission."""
        return self.names_record or self.status == 404 or self.kind == "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"


def refusal(response: requests.Response) -> LeadsError | AirtableRefusedError:
    """What a refusal means.

    Returns:
        AirtableRefusedError: the request itself was refused; the caller must judge.
        CredentialsError: 401.
        RateLimitedError: 429; `retry_after_seconds` is Airtable's 30.
        QuotaSpentError: the monthly 429.
        ServiceUnavailableError: 5xx and whatever else is no answer of Airtable's.
    """
    kind, said = _read(response)
    status = response.status_code
    if kind == MONTH_SPENT:
        advice = "Wait for the next month or choose a larger plan; nothing is lost, the outbox keeps what is pending."
        return QuotaSpentError("Airtable: the calls of this month are used up.", advice=advice)
    if status == 429:
        return RateLimitedError(f"Airtable: {said}.", retry_after_seconds=REST_SECONDS)
    if status == 401:
        advice = "Check AIRTABLE_API_KEY or AIRTABLE_API_KEY_FILE: a personal access token begins with pat."
        return CredentialsError(f"Airtable does not accept the API key: {said}.", advice=advice)
    if status in (400, 403, 404, 413, 422):
        return AirtableRefusedError(status, kind, said)
    return ServiceUnavailableError(f"Airtable answered {status} {said}.", status=status)


def _read(response: requests.Response) -> tuple[str, str]:
    try:
        body: Any = response.json()
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    error = body.get("error") or next(iter(body.get("errors") or ()), None)
    if isinstance(error, dict):
        kind = str(error.get("type") or error.get("error") or "")
        return kind, str(error.get("message") or kind).rstrip(".")
    return str(error or ""), str(error or response.reason or "nothing readable")
