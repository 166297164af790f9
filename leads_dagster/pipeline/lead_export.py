"""Leads of a search as CSV, a batch at a time.

What belongs here: which columns, and their order. What a cell must not do in a spreadsheet is `leads.csv_writing`'s.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from itertools import chain, islice
from typing import Any

from leads_dagster.leads.csv_writing import write_csv
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import lead_search
from leads_dagster.store.lead_filter import LeadFilter

COLUMNS = (
    "id", "full_name", "email", "phone", "company", "title", "location", "industry", "company_size", "website",
    "linkedin_url", "status", "source", "confidence", "verified", "enriched", "notes", "created_at", "updated_at",
)  # fmt: skip
_BATCH = 500


def export(ws: Workspace, query: LeadFilter) -> Iterator[str]:
    """CSV with a header, oldest lead first, in pieces of some hundred lines."""
    rows = chain([list(COLUMNS)], map(_row, lead_search.stream(ws.engine, ws.name, query)))
    while batch := list(islice(rows, _BATCH)):
        lines = io.StringIO()
        write_csv(lines, batch[0], batch[1:])
        yield lines.getvalue()


def _row(lead: dict[str, Any]) -> list[str]:
    return [_cell(lead[name]) for name in COLUMNS]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, datetime) else str(value)
