"""Whether a request comes from whom it says: each sender's way to sign.

What belongs here: the four schemes. All are compared in constant time, and none says what it expected.

Sources: typeform.com/developers/webhooks/secure-your-webhooks, tally.so/help/webhooks,
developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping

from leads_dagster.customers import FormKind, FormSettings
from leads_dagster.errors import SignatureError
from leads_dagster.sources.webhooks.request import WebhookRequest

# HubSpot asks to refuse what is older.
_MAX_AGE_MS = 300_000
# What HubSpot signs unescaped, though it is escaped in the address.
_UNESCAPED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$",
    "%27": "'", "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
_ESCAPE = re.compile("|".join(_UNESCAPED), re.IGNORECASE)
_ADVICE = "Set the secret that the sender shows, in the variable that `secret_env` of the form names."


def check_signature(request: WebhookRequest, form: FormSettings, secret: str) -> None:
    """Do nothing where a request is signed with `secret`.

    Raises:
        SignatureError: it is not signed, wrongly, or too long ago.
    """
    _SCHEMES[form.kind](request, form, secret.encode())


def _typeform(request: WebhookRequest, form: FormSettings, secret: bytes) -> None:
    _compare(_said(request, "Typeform-Signature"), "sha256=" + _base64(_hmac(secret, request.body)))


def _tally(request: WebhookRequest, form: FormSettings, secret: bytes) -> None:
    _compare(_said(request, "Tally-Signature"), _base64(_hmac(secret, request.body)))


def _hubspot(request: WebhookRequest, form: FormSettings, secret: bytes) -> None:
    """The third version; where only that is there the second, which workflows send."""
    address, method = form.url or request.url, request.method.upper()
    if said := request.header("X-HubSpot-Signature-v3"):
        moment = _said(request, "X-HubSpot-Request-Timestamp")
        _check_age(moment, request.received_at_ms)
        unescaped = _ESCAPE.sub(lambda found: _UNESCAPED[found[0].upper()], address)
        _compare(said, _base64(_hmac(secret, f"{method}{unescaped}".encode() + request.body + moment.encode())))
        return
    if request.header("X-HubSpot-Signature-Version").casefold() != "v2":
        raise SignatureError("The request has no signature of HubSpot's version 3 or 2.", advice=_ADVICE)
    signed = secret + f"{method}{address}".encode() + request.body
    _compare(_said(request, "X-HubSpot-Signature").casefold(), hashlib.sha256(signed).hexdigest())


def _json(request: WebhookRequest, form: FormSettings, secret: bytes) -> None:
    """HMAC-SHA256 of the body, as hex digits or base64, "sha256=" before it or not."""
    said = _said(request, form.signature_header).removeprefix("sha256=")
    made = _hmac(secret, request.body)
    _compare(said.casefold() if len(said) == 2 * len(made) else said, *((made.hex(), _base64(made))))


def _check_age(moment: str, now_ms: int) -> None:
    if not moment.isascii() or not moment.isdigit() or abs(now_ms - int(moment[:15])) > _MAX_AGE_MS:
        raise SignatureError(
            "The request was signed more than five minutes ago, or will be.",
            advice="If it was sent just now, the clock of this machine is wrong.",
        )


def _said(request: WebhookRequest, name: str) -> str:
    if not (said := request.header(name)):
        raise SignatureError(f"The request has no header {name}.", advice=_ADVICE)
    return said


def _compare(said: str, *right: str) -> None:
    found = [hmac.compare_digest(said.encode(), one.encode()) for one in right]
    if not any(found):
        raise SignatureError("The request's signature is not right.", advice=_ADVICE)


def _hmac(secret: bytes, content: bytes) -> bytes:
    return hmac.new(secret, content, hashlib.sha256).digest()


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


_SCHEMES: Mapping[FormKind, Callable[[WebhookRequest, FormSettings, bytes], None]] = {
    "typeform": _typeform,
    "tally": _tally,
    "hubspot": _hubspot,
    "json": _json,
}
