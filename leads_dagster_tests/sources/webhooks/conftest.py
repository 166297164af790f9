"""Requests as senders make them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from leads_dagster.sources.webhooks import WebhookRequest

NOW_MS = 1_700_000_000_000
URL = "https://leads.example.com/api/leads/forms/default/contact"

MakeRequest = Callable[..., WebhookRequest]


@pytest.fixture
def request_of() -> MakeRequest:
    def make(body: Any, headers: Mapping[str, str] | None = None, *, url: str = URL) -> WebhookRequest:
        encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
        return WebhookRequest(url, {"content-type": "application/json", **(headers or {})}, encoded, NOW_MS)

    return make
