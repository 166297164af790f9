"""What a materialisation, a check or an asset says about itself in Dagster.

What belongs here: numbers of the pipeline as Dagster's metadata. Which numbers there are is the pipeline's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import dagster as dg
from sqlalchemy import Table

from leads_dagster.errors import LeadsError
from leads_dagster.live.ports import in_url, reachable_host
from leads_dagster.live.presence import who_runs
from leads_dagster.settings import Settings

Number = int | float | str


def asset_metadata(kept_in: str, columns: dg.TableSchema | None) -> dict[str, Any]:
    """Where an asset's content lies, and the table's columns as Dagster's catalog shows them."""
    said: dict[str, Any] = {"kept_in": dg.MetadataValue.text(kept_in)}
    return said if columns is None else {**said, "dagster/column_schema": dg.MetadataValue.table_schema(columns)}


def table_schema(table: Table) -> dg.TableSchema:
    """The columns of a table of ours, with what it says of them."""
    return dg.TableSchema(
        [dg.TableColumn(column.name, str(column.type).lower(), column.doc) for column in table.columns]
    )


def run_metadata(numbers: Mapping[str, Number]) -> dict[str, dg.MetadataValue]:
    """Numbers as they are, which Dagster plots over time; what is a text, a checksum say, as text."""
    return {name: _value(number) for name, number in numbers.items()}


def dashboard_link(settings: Settings, customer: str) -> dict[str, dg.MetadataValue]:
    """The customer's page of the dashboard, where it is known at which address that is."""
    address = dashboard_address(settings)
    return (
        {}
        if address is None
        else {"dashboard": dg.MetadataValue.url(f"{address}/customers/{quote(customer, safe='')}")}
    )


def dashboard_address(settings: Settings) -> str | None:
    """Where people reach the dashboard: by the settings, or where `leads up` or, as set, `leads serve` has it."""
    if settings.public_url is not None:
        return settings.public_url
    live: str | None = who_runs(settings.home).get("urls", {}).get("api")
    if live is not None or settings.api_port is None:
        return live
    return f"http://{in_url(reachable_host(settings.api_host))}:{settings.api_port}"


def failure_metadata(error: LeadsError) -> dict[str, dg.MetadataValue]:
    """What kind of fault, and what to do about it."""
    said: dict[str, Number] = {"error": type(error).__name__, "advice": error.advice, "transient": error.transient}
    return {name: _value(value) for name, value in said.items() if value != ""}


def _value(number: Number) -> dg.MetadataValue:
    if isinstance(number, bool):
        return dg.MetadataValue.bool(number)
    if isinstance(number, int):
        return dg.MetadataValue.int(number)
    if isinstance(number, float):
        return dg.MetadataValue.float(number)
    return dg.MetadataValue.text(number)
