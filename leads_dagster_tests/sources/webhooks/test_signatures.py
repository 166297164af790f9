"""Each sender's signature: the right one passes, anything else does not."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest

from leads_dagster.customers import FormKind, FormSettings
from leads_dagster.errors import SignatureError
from leads_dagster.sources.webhooks import WebhookRequest
from leads_dagster.sources.webhooks.signatures import check_signature
from leads_dagster_tests.sources.webhooks.conftest import NOW_MS, URL, MakeRequest

SECRET = "s3cret-ß"
BODY = '{"name": "Zoë"}'.encode()


def digest(content: bytes, secret: str = SECRET) -> bytes:
    return hmac.new(secret.encode(), content, hashlib.sha256).digest()


def in_base64(content: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(digest(content, secret)).decode()


def version_3(url: str = URL, *, at: int = NOW_MS, body: bytes = BODY, secret: str = SECRET) -> dict[str, str]:
    signed = f"POST{url}".encode() + body + str(at).encode()
    return {"x-hubspot-signature-v3": in_base64(signed, secret), "X-HubSpot-Request-Timestamp": str(at)}


def version_2(url: str = URL, *, secret: str = SECRET) -> dict[str, str]:
    signed = hashlib.sha256(secret.encode() + f"POST{url}".encode() + BODY).hexdigest()
    return {"X-HubSpot-Signature": signed, "X-HubSpot-Signature-Version": "v2"}


RIGHT: list[tuple[FormKind, dict[str, str]]] = [
    ("typeform", {"Typeform-Signature": "sha256=" + in_base64(BODY)}),
    ("tally", {"tally-signature": in_base64(BODY)}),
    ("hubspot", version_3()),
    ("hubspot", version_3(at=NOW_MS - 299_000)),
    ("hubspot", version_2()),
    ("json", {"X-Signature": digest(BODY).hex().upper()}),
    ("json", {"X-Signature": "sha256=" + digest(BODY).hex()}),
    ("json", {"X-Signature": in_base64(BODY)}),
]
WRONG: list[tuple[FormKind, dict[str, str]]] = [
    ("typeform", {}),
    ("typeform", {"Typeform-Signature": in_base64(BODY)}),
    ("typeform", {"Typeform-Signature": "sha256=" + in_base64(BODY, "other")}),
    ("tally", {"Tally-Signature": ""}),
    ("tally", {"Tally-Signature": in_base64(BODY + b" ")}),
    ("tally", {"Tally-Signature": digest(BODY).hex()}),
    ("hubspot", {}),
    ("hubspot", version_3(secret="other")),
    ("hubspot", version_3(at=NOW_MS - 301_000)),
    ("hubspot", version_3(at=NOW_MS + 301_000)),
    ("hubspot", {**version_3(), "X-HubSpot-Request-Timestamp": str(NOW_MS + 1)}),
    ("hubspot", {**version_3(), "X-HubSpot-Request-Timestamp": "²"}),
    ("hubspot", {**version_2(), "x-hubspot-signature-v3": "nothing", "X-HubSpot-Request-Timestamp": str(NOW_MS)}),
    ("hubspot", version_2(secret="other")),
    ("hubspot", {**version_2(), "X-HubSpot-Signature-Version": "v1"}),
    ("json", {"X-Signature": "ünïcode"}),
    ("json", {"X-Signature": digest(BODY + b"x").hex()}),
]


def check(request_of: MakeRequest, kind: FormKind, headers: dict[str, str], called: str = URL, **settings: Any) -> None:
    check_signature(request_of(BODY, headers, url=called), FormSettings("contact", kind, **settings), SECRET)


def refused(request_of: MakeRequest, kind: FormKind, headers: dict[str, str], url: str = URL) -> bool:
    try:
        check(request_of, kind, headers, url)
    except SignatureError:
        return True
    return False


@pytest.mark.parametrize(("kind", "headers"), RIGHT)
def test_a_right_signature_passes(request_of: MakeRequest, kind: FormKind, headers: dict[str, str]) -> None:
    assert not refused(request_of, kind, headers)


@pytest.mark.parametrize(("kind", "headers"), WRONG)
def test_any_other_is_refused(request_of: MakeRequest, kind: FormKind, headers: dict[str, str]) -> None:
    assert refused(request_of, kind, headers)


def test_hubspot_signs_the_address_without_its_escapes(request_of: MakeRequest) -> None:
    signed = version_3(URL + "?from=hs:app/v3&x=(a)")

    assert not refused(request_of, "hubspot", signed, URL + "?from=hs%3Aapp%2fv3&x=%28a%29")


def test_behind_a_proxy_the_address_that_hubspot_was_given_counts(request_of: MakeRequest) -> None:
    headers = version_3("https://public.example/hook")

    assert refused(request_of, "hubspot", headers, "http://10.0.0.7:8000/hook")
    check(request_of, "hubspot", headers, "http://10.0.0.7:8000/hook", url="https://public.example/hook")


def test_the_example_that_hubspot_publishes_passes() -> None:
    """developers.hubspot.com/docs/faq/v2-request-validation: its secret, address and hash."""
    said = "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"
    headers = {"X-HubSpot-Signature": said, "X-HubSpot-Signature-Version": "v2"}
    request = WebhookRequest("https://www.example.com/webhook_uri", headers, b"", NOW_MS, method="GET")
    secret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"

    check_signature(request, FormSettings("contact", "hubspot"), secret)
    with pytest.raises(SignatureError):
        check_signature(request, FormSettings("contact", "hubspot"), secret + "y")


def test_no_message_says_what_was_expected(request_of: MakeRequest) -> None:
    with pytest.raises(SignatureError) as refusal:
        check(request_of, "tally", {"Tally-Signature": "wrong"})

    assert in_base64(BODY) not in str(refusal.value)
    assert "wrong" not in str(refusal.value)
