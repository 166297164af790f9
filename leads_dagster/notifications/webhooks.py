"""Telling other programs that a sync ended: signed as Standard Webhooks says (standardwebhooks.com, version 1).

What belongs here: one delivery. Which runs are due is `pipeline.webhooks`'.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import httpx
import orjson

TIMEOUT_SECONDS = 5.0
_PREFIX = "whsec_"


def webhook_name(url: str) -> str:
    """What a webhook is called where it may be shown: its host and a digest, since the path may hold a token."""
    host = httpx.URL(url).host
    return f"{host}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def signed(secret: str, *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one delivery; the signature is HMAC-SHA256 of `id.timestamp.body`.

    Args:
        secret: `whsec_` and base64, or any other text, whose bytes are the key.
        message_id: the same at every try, so that a receiver can tell a repetition.
        timestamp: seconds since the epoch.
    """
    content = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(_key(secret), content, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _key(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def deliver(url: str, secret: str | None, *, message_id: str, timestamp: int, payload: Mapping[str, Any]) -> str | None:
    """Post one message; None when it was taken (any 2xx), else why not. Redirects are not followed."""
    body = orjson.dumps(payload)
    headers = {"content-type": "application/json", "user-agent": "leads-dagster"}
    if secret:
        headers |= signed(secret, message_id=message_id, timestamp=timestamp, body=body)
    else:
        headers |= {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    try:
        with httpx.stream("POST", url, content=body, headers=headers, timeout=TIMEOUT_SECONDS) as answer:
            return None if answer.is_success else f"answered {answer.status_code}"
    except httpx.HTTPError as error:
        return type(error).__name__
