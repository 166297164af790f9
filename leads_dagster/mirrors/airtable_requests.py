"""Sends requests to Airtable: paced, timed, retried and counted. pyairtable's own retry is off.

What belongs here: how a request is made. Not: what it says (`airtable_push`, `airtable_schema`).

pyairtable's retry knows 429 only, gives up after three seconds of Airtable's thirty, and hides the cause. Here a 429
rests every process on this host (`budget`), a broken connection, a timeout or a 5xx is tried again after 1, 2 and 4 s,
and everything else goes to the caller at once. Every request that is repeated is safe to repeat: new records are
upserts by `lead_key`, updates and deletes name the record; a webhook is asked for once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from leads_dagster.errors import RateLimitedError, ServiceUnavailableError, SettingsError, TransientError
from leads_dagster.mirrors.airtable_errors import refusal
from leads_dagster.mirrors.budget import Budget
from leads_dagster.retrying import USUAL_RETRIES, Retries, attempts

if TYPE_CHECKING:
    from pyairtable import Api

    from leads_dagster.mirrors.airtable_stand_in import StandIn

logger = logging.getLogger(__name__)

T = TypeVar("T")

ApiKey = str | Callable[[], str]  # a callable is asked before every request, so that a changed key file counts

AIRTABLE_URL = "https://api.airtable.com"

_RESTS = 4  # two minutes of refusals in a row: somebody else is using up the base's calls
_CONNECT_SECONDS = 10.0
_ONCE = Retries(count=0)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests sent and, among them, repeated."""

    calls: int = 0
    retries: int = 0

    def since(self, earlier: Traffic) -> Traffic:
        return Traffic(self.calls - earlier.calls, self.retries - earlier.retries)


class AirtableRequests:
    """One client for one base; its threads may share it.

    Args:
        endpoint_url: where Airtable is, without `/v0`.
        api_key: the token, or a function that reads it.
        budget: the limits to keep.
        timeout_seconds: for an answer; connecting may take 10 s of it.
    """

    def __init__(self, endpoint_url: str, api_key: ApiKey, budget: Budget, *, timeout_seconds: float = 30.0) -> None:
        from pyairtable import Api

        self._key = api_key if callable(api_key) else lambda: api_key
        self._budget = budget
        self._slot: Callable[[], AbstractContextManager[None]] = budget.slot
        self._api = Api(
            self._key(),
            # pyairtable's annotation says whole seconds; requests takes any.
            timeout=(min(_CONNECT_SECONDS, timeout_seconds), timeout_seconds),  # type: ignore[arg-type]
            retry_strategy=None,
            endpoint_url=endpoint_url.rstrip("/"),
        )
        self._counting = threading.Lock()
        self._traffic = Traffic()

    def rehearse(self, stand_in: StandIn) -> None:
        """From now on only read from Airtable; writes are answered by a stand-in, and take no place in the budget."""
        stand_in.pace(self._slot)
        self._slot = nullcontext
        self._api.session.mount(str(self._api.endpoint_url), stand_in)

    @property
    def traffic(self) -> Traffic:
        """All requests since this client was made."""
        return self._traffic

    def send(self, call: Callable[[Api], T], *, repeat: bool = True) -> T:
        """Makes one request; `call` is run again for every repetition and must send exactly one.

        Args:
            call: sends it.
            repeat: a request that may have been carried out, though its answer was lost, is sent again.

        Raises:
            AirtableRefusedError: the request was refused for what it asks.
            CredentialsError, QuotaSpentError, SettingsError: as `refusal`; an endpoint that is no URL.
            RateLimitedError, ServiceUnavailableError: still so after all repetitions.
        """
        retries = USUAL_RETRIES if repeat else _ONCE
        for attempt in attempts(retries, total_seconds=None, on=ServiceUnavailableError):
            with attempt:
                return self._rested(call, again=attempt.num > 1)
        raise AssertionError("stamina ends with the last error")

    def _rested(self, call: Callable[[Api], T], *, again: bool) -> T:
        for rest in range(_RESTS + 1):
            try:
                return self._once(call, again=again or rest > 0)
            except RateLimitedError as refused:
                logger.warning("Airtable refuses for %.0f s; all processes rest", refused.retry_after_seconds)
                self._budget.rest(refused.retry_after_seconds)
                last: TransientError = refused
        raise last

    def _once(self, call: Callable[[Api], T], *, again: bool) -> T:
        import requests

        with self._slot():
            self._count(again=again)
            self._renew_key()
            try:
                return call(self._api)
            except requests.HTTPError as error:
                if error.response is None:
                    raise ServiceUnavailableError(f"Airtable: {error}.") from error
                raise refusal(error.response) from error
            except (requests.exceptions.MissingSchema, requests.exceptions.InvalidURL) as error:
                raise SettingsError(f"AIRTABLE_ENDPOINT_URL is no URL: {error}.") from error
            except requests.RequestException as error:
                raise ServiceUnavailableError(f"Airtable cannot be reached: {_cause(error)}.") from error
            except (KeyError, TypeError, ValueError) as error:  # pyairtable on an answer of another shape
                raise ServiceUnavailableError("Airtable's answer is none of Airtable's shapes.") from error

    def _renew_key(self) -> None:
        key = self._key()
        if key != self._api.api_key:
            self._api.api_key = key

    def _count(self, *, again: bool) -> None:
        with self._counting:
            self._traffic = Traffic(self._traffic.calls + 1, self._traffic.retries + again)

    def get(self, *path: str, options: dict[str, Any] | None = None) -> Any:
        """The answer to one GET under `/v0`."""
        return self.send(lambda api: api.get(api.build_url(*path), options=options or {}))

    def post(self, *path: str, json: dict[str, Any]) -> Any:
        """The answer to one POST under `/v0`."""
        return self.send(lambda api: api.post(api.build_url(*path), json=json))

    def close(self) -> None:
        """Closes the connections; the budget is its owner's."""
        self._api.session.close()


def _cause(error: Exception) -> str:
    """The innermost word on it; requests wraps three deep and repeats the address in each."""
    while isinstance(error.__cause__ or error.__context__, Exception):
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return str(error) or type(error).__name__
