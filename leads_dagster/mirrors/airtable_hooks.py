"""The webhook of a base, polled: Airtable keeps a log of what happened there, and we read it on from where we were.

What belongs here: requests about hooks and what their refusal means. What a payload says is `airtable_payloads`'
business, and when to read, to make anew or to refresh is `pipeline.pull`'s.

A hook needs no address of ours: its payloads are listed, 50 a request, by a cursor that never goes back. A hook that
nobody lists or refreshes for seven days is gone, payloads are kept for seven days, and a base has ten hooks at most.
Source: airtable.com/developers/web/api/webhooks-overview
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from leads_dagster.errors import AccessError, ServiceUnavailableError
from leads_dagster.mirrors.airtable_access import scopes_of
from leads_dagster.mirrors.airtable_errors import AirtableRefusedError
from leads_dagster.mirrors.airtable_requests import AirtableRequests

logger = logging.getLogger(__name__)

T = TypeVar("T")

SCOPE = "webhook:manage"
PAGE = 50  # payloads in one answer
_FORMAT = "v0"
_SCHEMA_SCOPE = "schema.bases:read"
_ALL_KINDS = ("tableData", "tableFields", "tableMetadata")  # the last tells of tables made, renamed and deleted
_DATA_ALONE = ("tableData",)  # all that a token may hear of that may not read the schema
_OURS = (_ALL_KINDS, _ALL_KINDS[:2], _DATA_ALONE)  # what hooks of ours ask for, or asked for once
_LIFETIME = timedelta(days=7)
# One of ours that was neither listed nor refreshed for so long has no reader.
_UNREAD = timedelta(days=2)


class HookLostError(AccessError):
    """The hook is gone or ill: what happened since it was last read may never be told."""


class HooksRefusedError(AccessError):
    """No hook can be had: `context["scope"]` names the scope that the token lacks, if that is why."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook of the base.

    Attributes:
        id: "ach…".
        expires_at: by Airtable's clock, unless it is read or refreshed.
        like_ours: it asks for what we ask for and rings nowhere, so that one of our processes made it.
    """

    id: str
    expires_at: datetime | None
    like_ours: bool = True


@dataclass(frozen=True, slots=True)
class PayloadPage:
    """Payloads in the order in which things happened.

    Attributes:
        payloads: as Airtable gives them; one that says an error has no changes of records.
        cursor: where to read on.
        more: there are more of them already.
        ill: Airtable's word for why the hook hears no more; None while it is well.
    """

    payloads: tuple[Mapping[str, Any], ...]
    cursor: int
    more: bool
    ill: str | None = None


class AirtableHooks:
    """The hooks of one base, by the client that all its requests go through."""

    def __init__(self, requests: AirtableRequests, base_id: str) -> None:
        self._requests = requests
        self._base_id = base_id
        self._path = ("bases", base_id, "webhooks")

    def make(self) -> Hook:
        """A new hook that hears all that happens to records, fields and tables of the base.

        Where the answer is lost, the hook that Airtable made all the same is found and used. Hooks of ours that nobody
        reads any more are removed.

        Raises:
            HooksRefusedError: the token or its owner may not, or the base has ten hooks.
            TransientError: Airtable is away; no hook of ours is left behind.
        """
        before = self.list()
        self._remove(hook for hook in before if _unread(hook))
        try:
            return self._post(_ALL_KINDS)
        except ServiceUnavailableError:
            made = [hook for hook in self.list() if hook.like_ours and hook.id not in {one.id for one in before}]
            if not made:
                raise
            self._remove(made[1:])
            return made[0]

    def _post(self, kinds: Sequence[str]) -> Hook:
        body = {"specification": _specification(kinds)}
        try:
            answer = self._requests.send(lambda api: api.post(api.build_url(*self._path), json=body), repeat=False)
        except AirtableRefusedError as refused:
            if refused.status == 403 and kinds != _DATA_ALONE and self._lacks(_SCHEMA_SCOPE):
                return self._post(_DATA_ALONE)
            raise self._refused(refused) from refused
        return Hook(answer["id"], _moment(answer.get("expirationTime")))

    def list(self) -> list[Hook]:
        """The hooks of the base that this token may see.

        Raises:
            HooksRefusedError: it may see none.
            TransientError: Airtable is away.
        """
        try:
            return [_hook(given) for given in self._requests.get(*self._path)["webhooks"]]
        except AirtableRefusedError as refused:
            raise self._refused(refused) from refused

    def refresh(self, hook_id: str) -> datetime | None:
        """Until when the hook lives now.

        Raises:
            HookLostError: it is gone.
            TransientError: Airtable is away.
        """
        answer = self._of(hook_id, lambda: self._requests.post(*self._path, hook_id, "refresh", json={}))
        return _moment(answer.get("expirationTime"))

    def payloads(self, hook_id: str, cursor: int) -> PayloadPage:
        """What happened from `cursor` on, at most 50 payloads; the hook lives seven days from now.

        Raises:
            HookLostError: the hook is gone, or does not know the cursor.
            TransientError: Airtable is away.
        """
        options = {"cursor": cursor, "limit": PAGE}
        answer = self._of(hook_id, lambda: self._requests.get(*self._path, hook_id, "payloads", options=options))
        payloads = tuple(answer.get("payloads") or ())
        ill = next((said for said in map(_illness, (*payloads, answer)) if said is not None), None)
        read_to = int(answer.get("cursor") or cursor + len(payloads))
        return PayloadPage(payloads, read_to, bool(answer.get("mightHaveMore")), ill)

    def delete(self, hook_id: str) -> None:
        """Remove a hook; one that is gone already is no fault.

        Raises:
            TransientError: Airtable is away.
        """
        try:
            self._requests.send(lambda api: api.delete(api.build_url(*self._path, hook_id)))
        except AirtableRefusedError as refused:
            logger.info("Airtable keeps webhook %s of base %s: %s", hook_id, self._base_id, refused.said)

    def _remove(self, hooks: Iterable[Hook]) -> None:
        for hook in hooks:
            self.delete(hook.id)

    def _of(self, hook_id: str, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except AirtableRefusedError as refused:
            raise HookLostError(
                f"Airtable's webhook {hook_id} of base {self._base_id} cannot be read any more: {refused.said}.",
                advice="Another is made, and the tables of the base are compared as a whole; nothing needs to be done.",
                status=refused.status,
            ) from refused

    def _lacks(self, scope: str) -> bool:
        scopes = scopes_of(self._requests)
        return scopes is not None and scope not in scopes and SCOPE in scopes

    def _refused(self, refused: AirtableRefusedError) -> HooksRefusedError:
        advice = "Until then every record is compared at each look, which costs more calls of the plan."
        base = f"base {self._base_id}"
        if refused.kind.startswith("TOO_MANY_WEBHOOKS"):
            return HooksRefusedError(
                f"The Airtable {base} has as many webhooks as it may have.", advice=f"Remove one. {advice}"
            )
        scopes = scopes_of(self._requests) if refused.status in (403, 404) else None
        if scopes is not None and SCOPE not in scopes:
            return HooksRefusedError(
                f"The Airtable token may not listen to {base}: it lacks the scope {SCOPE}.",
                advice=f"Edit the token at airtable.com/create/tokens. {advice}",
                scope=SCOPE,
            )
        return HooksRefusedError(
            f"Airtable allows this token no webhook in {base}: {refused.said}.",
            advice=f"It takes the scope {SCOPE}, and the role Creator in that base for the token's owner. {advice}",
        )


def _specification(kinds: Sequence[str]) -> dict[str, Any]:
    return {"options": {"filters": {"dataTypes": list(kinds)}}}


def _hook(given: Mapping[str, Any]) -> Hook:
    options = (given.get("specification") or {}).get("options") or {}
    filters = {name: value for name, value in (options.get("filters") or {}).items() if value}
    kinds = tuple(sorted(filters.pop("dataTypes", ())))
    plain = not filters and not options.get("includes") and not given.get("notificationUrl")
    return Hook(given["id"], _moment(given.get("expirationTime")), plain and kinds in _OURS)


def _unread(hook: Hook) -> bool:
    if not hook.like_ours or hook.expires_at is None:
        return False
    return hook.expires_at < datetime.now(timezone.utc) + _LIFETIME - _UNREAD


def _illness(given: Mapping[str, Any]) -> str | None:
    """What a payload, or a whole answer, says is wrong with the hook."""
    if given.get("error"):
        return str(given.get("code") or "INVALID_HOOK")
    known = given.get("payloadFormat", _FORMAT)
    return None if known == _FORMAT else f"payload format {known}"


def _moment(text: Any) -> datetime | None:
    return None if not text else datetime.fromisoformat(str(text).replace("Z", "+00:00"))
