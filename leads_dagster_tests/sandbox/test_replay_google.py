"""Every exchange recorded from the Sheets API gives the same status and the same shape of answer.

The 429s were recorded when a quota was gone; here each is called up as a fault for its one request.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.sandbox.replay import Exchange, RecordIds, Tally, by_file, read_exchanges, send

RECORDED = 382
SHEET = "11zccS101c27B9mYLMJiaAPfDgoj2chOq39n3MZrcKTk"


@pytest.fixture(scope="module")
def exchanges(shared_data: Path) -> list[Exchange]:
    return read_exchanges(shared_data / "recorded" / "google_sheets.jsonl")


def recorded_cells(exchanges: list[Exchange], title: str, *, rows: bool) -> list[list[str]]:
    """The header that was recorded of a tab and, where wanted, the rows below it."""
    found: dict[str, list[list[str]]] = {}
    for each in exchanges:
        where = each["response"].get("range", "")
        if where.strip("'").startswith(title) and each["method"] == "GET":
            found.setdefault(where.rpartition("!")[2][:2], each["response"].get("values", []))
    return found.get("A1", []) + (found.get("A2", []) if rows else [])


def write_folder(folder: Path, exchanges: list[Exchange]) -> None:
    """The recorded spreadsheet: its tabs as its metadata tells them, its cells as they were when a recording began."""
    metadata = exchanges[0]["response"]
    tabs: list[dict[str, Any]] = []
    for sheet in metadata["sheets"]:
        properties = sheet["properties"]
        title = properties["title"]
        cells = recorded_cells(exchanges, title, rows=title != "export-records")
        file = folder / f"tab{properties['index']}.csv"
        file.write_text("\r\n".join(",".join(row) for row in cells), encoding="utf-8")
        grid = properties["gridProperties"]
        tabs.append({"file": file.name, "title": title, "gid": properties["sheetId"], **grid})
    manifest = {"spreadsheets": {SHEET: {"title": metadata["properties"]["title"], "tabs": tabs}}}
    (folder / "sheets.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_every_recorded_exchange_is_answered_alike(exchanges: list[Exchange], tmp_path: Path) -> None:
    tally, quotas = Tally(), 0
    with Sandbox(sheets=tmp_path) as sandbox, httpx.Client() as client:
        for _, group in by_file(exchanges):
            write_folder(tmp_path, exchanges)
            for exchange in group:
                if exchange["status"] == 429:
                    quotas += 1
                    sandbox.faults.add({"kind": "status", "status": 429, "times": 1, "service": "google"})
                tally.compare(exchange, send(sandbox, client, exchange, RecordIds(), key=None))
    sys.stdout.write(tally.summary(len(exchanges)))
    assert tally.differences == []
    assert tally.alike == len(exchanges) == RECORDED
    assert quotas == 8
