"""Web forms post over HTTP: a right signature is enough, a wrong one leaves nothing behind."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from leads_dagster.settings import load_settings
from leads_dagster_tests.interfaces.api.conftest import problem, served
from leads_dagster_tests.sources.webhooks.bodies import tally_body

TOML = """
[[customers]]
name = "acme"
sheet = "none.csv"
[customers.forms.contact]
kind = "tally"
secret_env = "TALLY_SECRET"
[customers.forms.plain]
kind = "json"
"""
BODY = json.dumps(tally_body()).encode()
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    monkeypatch.setenv("TALLY_SECRET", "s3cret")
    (tmp_path / "leads.toml").write_text(TOML, encoding="utf-8")
    with served(load_settings({"LEADS_HOME": str(tmp_path), "LEADS_API_TOKEN": "t" * 32}, tmp_path)) as client:
        yield client


def signature(body: bytes, secret: str = "s3cret") -> dict[str, str]:
    return {**JSON, "Tally-Signature": base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()}


def queued(api: httpx.Client) -> int:
    standing = api.get("/api/leads/queue", headers={"Authorization": "Bearer " + "t" * 32}).json()
    return int(standing["queued"])


def test_a_signed_form_needs_no_token_and_is_taken_once(api: httpx.Client) -> None:
    first = api.post("/webhooks/acme/contact", content=BODY, headers=signature(BODY))
    again = api.post("/webhooks/acme/contact", content=BODY, headers=signature(BODY))

    assert (first.status_code, first.json()) == (202, {"queued": 1, "known": 0})
    assert (again.status_code, again.json()) == (202, {"queued": 0, "known": 1})
    assert queued(api) == 1


@pytest.mark.parametrize("headers", [JSON, signature(BODY, "other"), signature(BODY + b" ")])
def test_any_other_signature_leaves_nothing_behind(api: httpx.Client, headers: dict[str, str]) -> None:
    answer = api.post("/webhooks/acme/contact", content=BODY, headers=headers)

    assert problem(answer)["status"] == 401
    assert queued(api) == 0


def test_a_form_without_a_secret_is_not_open_to_everybody(api: httpx.Client) -> None:
    assert problem(api.post("/webhooks/acme/plain", json={"name": "Ada"}))["status"] == 401
    assert problem(api.post("/api/leads/forms/plain", json={"name": "Ada"}))["status"] == 401
    assert queued(api) == 0


def test_with_a_token_it_is_taken(api: httpx.Client) -> None:
    signed_in = {"Authorization": "Bearer " + "t" * 32}

    assert api.post("/api/leads/forms/plain", json={"name": "Ada"}, headers=signed_in).status_code == 202
    assert queued(api) == 1


def test_a_form_that_is_not_there_is_not_found(api: httpx.Client) -> None:
    assert problem(api.post("/webhooks/acme/other", content=BODY, headers=signature(BODY)))["status"] == 404


def test_what_is_no_response_of_the_form_is_said(api: httpx.Client) -> None:
    assert problem(api.post("/webhooks/acme/contact", content=b"{}", headers=signature(b"{}")))["status"] == 422
