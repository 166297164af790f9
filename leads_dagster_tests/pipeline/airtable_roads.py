"""What the tests of the road to Airtable share: roads to the offline twin, and what its tables show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.pipeline.conftest import Road

BASE = "appLeadsSandbox01"
TOKEN = "patTest"
AIRTABLE = f'[customers.airtable]\nbase_id = "{BASE}"\ntable = "Leads"\n'


def airtable_road(home: Path, sandbox: Sandbox, toml: str = AIRTABLE) -> Road:
    """A road whose Airtable is the twin."""
    return Road(home, toml=toml, environ={"AIRTABLE_API_KEY": TOKEN, "AIRTABLE_ENDPOINT_URL": sandbox.url})


def cells(sandbox: Sandbox, table: str = "Leads") -> list[dict[str, Any]]:
    """What stands in a table, by column name, in the order of creation."""
    return [record["fields"] for record in sandbox.airtable.records(BASE, table)]


def writes(sandbox: Sandbox) -> int:
    """Requests that asked for a change of records or of the schema."""
    return sum(sandbox.requests.count(route=f"{method} v0/") for method in ("POST", "PATCH", "PUT", "DELETE"))
