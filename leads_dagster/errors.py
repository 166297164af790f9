"""Every error this package raises on purpose, with its exit code and HTTP status.

What belongs here: error classes and nothing else. What a failure means (try again or not, whose fault it is)
is said by the type, once; the CLI, the API and Dagster only read it.

    LeadsError
    ├── SettingsError            arguments or settings are wrong                exit 2, 400
    ├── ContentError             what was read cannot be leads                  exit 1, 422
    │   ├── SheetFormatError     not a CSV, empty, too large, undecodable
    │   ├── UnknownHeadersError  no column that this project knows
    │   ├── InvalidLeadError     what was handed over cannot be a lead
    │   └── CaptureTooLargeError a capture is larger than the queue takes      413
    ├── AccessError              a service refuses us; a person must act        exit 1, 502
    │   ├── SheetNotSharedError
    │   ├── CredentialsError
    │   ├── TargetMissingError   base, table or record is not there
    │   └── QuotaSpentError      the plan's calls of this month are used up     429
    ├── StoreError               a database refuses for good                    exit 1, 500
    │   └── StoreDamagedError    it is damaged or gone: a backup must be restored
    ├── StaleStageError          a stage was asked for before the one above it  exit 1, 409
    ├── SignatureError           a request is not signed by whom it says        exit 1, 401
    ├── ConflictError            the decision asked for no longer applies       exit 1, 409
    ├── NotFoundError            no such lead, hold, run                        exit 1, 404
    ├── AlreadyRunningError      the live system of this state folder runs      exit 1, 409
    ├── PartFailedError          a part of the live system cannot be kept up    exit 1, 500
    └── TransientError           the same call may succeed later                exit 1, 503
        ├── ServiceUnavailableError   timeouts, 5xx, cut connections
        ├── RateLimitedError          429; carries when to come back
        ├── CircuitOpenError          we are resting the host
        ├── StoreBusyError            locked, busy, deadlock, connection lost
        └── QueueFullError            as many captures wait as may              429
"""

from __future__ import annotations

from typing import Any, ClassVar


class LeadsError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: what happened, in words for the person who must act.
        advice: what to do about it, one sentence; shown under the message.
        context: small facts for logs and JSON; never a secret, never a lead's data.
    """

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    transient: ClassVar[bool] = False

    def __init__(self, message: str, *, advice: str = "", **context: Any) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.context = context

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()


class SettingsError(LeadsError):
    """Arguments, environment or leads.toml are wrong; nothing was started."""

    exit_code = 2
    http_status = 400


class ContentError(LeadsError):
    """What was read cannot be used as leads; nothing was written."""

    http_status = 422


class SheetFormatError(ContentError):
    """The bytes are not a table: empty, binary, too large, undecodable."""


class UnknownHeadersError(ContentError):
    """No column of the sheet is one that makes a lead."""


class InvalidLeadError(ContentError):
    """A record that a caller handed over cannot be a lead, or a field cannot be what it says; `context["field"]`."""


class CaptureTooLargeError(ContentError):
    """A capture has more bytes than the queue takes; `context` has `bytes` and `limit`."""

    http_status = 413


class AccessError(LeadsError):
    """A service refuses us, and only a person can change that."""

    http_status = 502


class SheetNotSharedError(AccessError):
    """The sheet answers with a login page or a refusal."""


class CredentialsError(AccessError):
    """A key is missing, wrong or lacks a scope."""


class TargetMissingError(AccessError):
    """The Airtable base or table, or a field of it, is not there."""


class QuotaSpentError(AccessError):
    """The plan's calls of this month are used up: nothing succeeds before the next month or a larger plan."""

    http_status = 429


class StoreError(LeadsError):
    """A database refuses for good: constraint, schema, permission, full disk."""


class StoreDamagedError(StoreError):
    """The lead database is damaged or gone; nothing is written until a backup is restored."""


class StaleStageError(LeadsError):
    """An asset was materialised before the one above it had anything to give."""

    http_status = 409


class SignatureError(LeadsError):
    """A request does not come from whom it says: no signature, a wrong one, or one of long ago."""

    http_status = 401


class ConflictError(LeadsError):
    """A decision no longer applies to what is there now."""

    http_status = 409


class NotFoundError(LeadsError):
    """No such lead, hold, run or row."""

    http_status = 404


class AlreadyRunningError(LeadsError):
    """Another `leads up` runs on this state folder; `context` has its pid and addresses."""

    http_status = 409


class PartFailedError(LeadsError):
    """A part of the live system dies again and again; `context["part"]`."""


class TransientError(LeadsError):
    """The same call may succeed later."""

    http_status = 503
    transient = True


class ServiceUnavailableError(TransientError):
    """A timeout, a 5xx or a cut connection."""


class RateLimitedError(TransientError):
    """A 429; `retry_after_seconds` says when to come back."""

    http_status = 429

    def __init__(self, message: str, *, retry_after_seconds: float, advice: str = "", **context: Any) -> None:
        super().__init__(message, advice=advice, **context)
        self.retry_after_seconds = retry_after_seconds


class CircuitOpenError(TransientError):
    """The host failed too often and is being rested."""

    def __init__(self, message: str, *, retry_after_seconds: float, advice: str = "", **context: Any) -> None:
        super().__init__(message, advice=advice, **context)
        self.retry_after_seconds = retry_after_seconds


class StoreBusyError(TransientError):
    """The database is locked, busy or unreachable just now."""


class QueueFullError(TransientError):
    """As many captures wait as may; nothing was written; `context` has `waiting` and `limit`."""

    http_status = 429
