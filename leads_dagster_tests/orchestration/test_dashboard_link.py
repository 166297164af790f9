"""Where Dagster's pages link to: the customer's page of the dashboard, wherever people reach it."""

from __future__ import annotations

from pathlib import Path

import pytest

from leads_dagster.orchestration.metadata import dashboard_link
from leads_dagster.settings import load_settings


@pytest.mark.parametrize(
    ("environ", "link"),
    [
        ({}, None),
        ({"LEADS_API_PORT": "8123"}, "http://127.0.0.1:8123/customers/a%2Fb"),
        (
            {"LEADS_API_PORT": "8123", "LEADS_PUBLIC_URL": "https://leads.example/"},
            "https://leads.example/customers/a%2Fb",
        ),
    ],
)
def test_the_link_is_the_public_one_where_it_is_set(tmp_path: Path, environ: dict[str, str], link: str | None) -> None:
    found = dashboard_link(load_settings({"LEADS_HOME": str(tmp_path), **environ}, tmp_path), "a/b")
    assert [one.value for one in found.values()] == ([] if link is None else [link])
