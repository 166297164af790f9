"""What a failed HTTP call means: one of our errors for a status or for an error of httpx.

What belongs here: the mapping to typed errors, nothing that calls out. Refusals (401, 403, 404 ...) are not
mapped: what they mean depends on who was asked for what.
"""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from leads_dagster.errors import (
    AccessError,
    LeadsError,
    RateLimitedError,
    ServiceUnavailableError,
    SettingsError,
    TransientError,
)
from leads_dagster.retrying import SERVER_WAIT

if TYPE_CHECKING:
    import httpx

# Statuses that say "come again": request timeout, too early, too many requests. Every 5xx does too.
COME_AGAIN = frozenset({408, 425, 429})
# When a 429 does not say when to come back: Google's quotas are counted by the minute.
UNSAID_WAIT_SECONDS = 60.0


def is_come_again(status: int) -> bool:
    """Whether a status is a transient failure."""
    return status in COME_AGAIN or status >= 500


def come_again(response: httpx.Response, host: str) -> TransientError:
    """The error for a status that says "come again"; with what Retry-After asks in its context."""
    asked = _retry_after(response.headers.get("retry-after", ""))
    context: dict[str, Any] = {"status": response.status_code, "host": host}
    if asked is not None:
        context[SERVER_WAIT] = asked
    if response.status_code == 429:
        wait = UNSAID_WAIT_SECONDS if asked is None else asked
        return RateLimitedError(
            f"{host} says that we ask too often (429).",
            retry_after_seconds=wait,
            advice=f"Come back in {wait:.0f} s, or ask less often.",
            **context,
        )
    return ServiceUnavailableError(f"{host} is not able to answer just now ({response.status_code}).", **context)


def _retry_after(value: str) -> float | None:
    """Seconds that a Retry-After header asks for: a number or a date (RFC 9110, 10.2.3); None without one."""
    if not value:
        return None
    try:
        return max(0.0, float(int(value)))
    except ValueError:
        pass
    moment = http_moment(value)
    return None if moment is None else max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())


def http_moment(value: str) -> datetime | None:
    """The aware time of an HTTP date header; None for what is none."""
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def typed(error: Exception, host: str) -> LeadsError:
    """Our error for one of httpx; what is not known to be lasting may be tried again."""
    import httpx

    if isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL)):
        return SettingsError(f"No request can be made to {host or 'this address'}: it is not a valid http(s) address.")
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return AccessError(
            f"The certificate of {host} cannot be trusted.",
            advice="Have it mended, or name your own authority's certificate in SSL_CERT_FILE.",
        )
    return ServiceUnavailableError(f"{host} cannot be reached: {_cause(error)}.", host=host)


def _cause(error: Exception) -> str:
    import httpx

    if isinstance(error, httpx.ConnectTimeout):
        return "no connection within the time allowed"
    if isinstance(error, httpx.TimeoutException):
        return "no answer within the time allowed"
    if isinstance(error, httpx.RemoteProtocolError):
        return "the connection was cut"
    return str(error) or type(error).__name__
