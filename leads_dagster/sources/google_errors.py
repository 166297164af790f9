"""What a refusal of Google's API means, as a table.

Reasons as Google documents them: developers.google.com/workspace/drive/api/guides/handle-errors and
cloud.google.com/apis/design/errors.
"""

from __future__ import annotations

from typing import Any

import orjson

from leads_dagster.errors import (
    AccessError,
    CredentialsError,
    LeadsError,
    RateLimitedError,
    SheetFormatError,
    SheetNotSharedError,
)
from leads_dagster.sources.http import Answer
from leads_dagster.sources.http_errors import UNSAID_WAIT_SECONDS

# Drive says "too often" with a 403.
QUOTA_REASONS = frozenset(
    {"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED", "quotaExceeded", "dailyLimitExceeded"}
)
# reason -> what is wrong with our key, and what to do.
KEY_REASONS: dict[str, tuple[str, str]] = {
    reason: words
    for reasons, words in (
        (
            ("accessNotConfigured", "SERVICE_DISABLED"),
            (
                "An API is switched off in the project of the service account.",
                "Enable both the Google Sheets API and the Google Drive API there (console.cloud.google.com/apis).",
            ),
        ),
        (
            ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficientPermissions"),
            (
                "The Google credentials may not read sheets.",
                "Log in again with the scopes spreadsheets.readonly and drive.metadata.readonly.",
            ),
        ),
    )
    for reason in reasons
}


def google_error(answer: Answer, *, email: str) -> LeadsError:
    """Our error for an answer of Google's API that is no success.

    Args:
        email: the service account's, to tell people whom to share the sheet with.
    """
    said = _error_of(answer)
    reasons = _reasons_of(said)
    context = {"status": answer.status, "google_status": str(said.get("status", ""))}
    if reasons & QUOTA_REASONS:
        return RateLimitedError(
            "Google says that we read too often.",
            retry_after_seconds=UNSAID_WAIT_SECONDS,
            advice="Its quotas are counted by the minute; a longer interval_seconds helps.",
            **context,
        )
    for reason in sorted(reasons & KEY_REASONS.keys()):
        message, advice = KEY_REASONS[reason]
        return CredentialsError(message, advice=advice, **context)
    return _by_status(answer.status, str(said.get("message", "")), email, context)


def _by_status(status: int, said: str, email: str, context: dict[str, Any]) -> LeadsError:
    if status == 401:
        advice = "Check the key file that GOOGLE_APPLICATION_CREDENTIALS names, or make a new key."
        return CredentialsError("Google does not take our credentials (401).", advice=advice, **context)
    if status in {403, 404}:
        return SheetNotSharedError(
            f"This sheet is not shared with us (Google answers {status}).", advice=_share_advice(email), **context
        )
    if "not supported for this document" in said:
        advice = "Open it with Google Sheets, choose File, Save as Google Sheets, and give that sheet's link."
        return SheetFormatError("The link leads to an Office file, not to a Google Sheet.", advice=advice, **context)
    return AccessError(f"Google refuses to read the sheet ({status}).", advice=said, **context)


def _share_advice(email: str) -> str:
    whom = f"share it with {email}" if email else "share it with the account of the Google credentials"
    return f"In Google Sheets choose Share and {whom} as Viewer. Is the link the right one?"


def _error_of(answer: Answer) -> dict[str, Any]:
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    error = found.get("error") if isinstance(found, dict) else None
    return error if isinstance(error, dict) else {}


def _reasons_of(error: dict[str, Any]) -> set[str]:
    """Drive lists them under `errors`, Sheets under `details`."""
    listed = [*error.get("errors", ()), *error.get("details", ())]
    return {str(item["reason"]) for item in listed if isinstance(item, dict) and "reason" in item}
