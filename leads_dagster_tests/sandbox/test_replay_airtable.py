"""Every exchange recorded from Airtable gives the same status and the same shape of answer."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.sandbox.replay import Exchange, RecordIds, Tally, by_file, read_exchanges, send

RECORDED = 240
OPEN_BASE, CLOSED_BASE = "app21Qak1T4cGoiP7", "appA1Qak1T4cGoiP7"
CLOSED_TABLES = {"All": "tblsdYOTFAzBLHXTr", "Empty": "tbln73pmkdKl4Khj1"}
# The schema answers of 2022 do not say how computed fields are made; the recorded records do.
DEFINITIONS: dict[str, dict[str, Any]] = {
    "f_formula": {"formula": "{Name}&{f_autoNumber}"},
    "f_button": {"label": "Open URL", "url": "https://www.example.com"},
}


@pytest.fixture(scope="module")
def exchanges(shared_data: Path) -> list[Exchange]:
    return read_exchanges(shared_data / "recorded" / "airtable.jsonl")


def seeded_tables(exchanges: list[Exchange], *, all_table: str) -> list[dict[str, Any]]:
    """The recorded schema, and the records recorded from the table `All`."""
    schema = next(each for each in exchanges if each["path"].endswith("/tables") and each["status"] == 200)
    listed = next(each for each in exchanges if each["path"].endswith(all_table) and not each.get("query"))
    tables = copy.deepcopy(schema["response"]["tables"])
    by_name = {table["name"]: table for table in tables}
    by_name["All"]["records"] = listed["response"]["records"]
    return tables


def with_definitions(tables: list[dict[str, Any]]) -> list[dict[str, Any]]:
    made = copy.deepcopy(tables)
    for table in made:
        for given in table["fields"]:
            if given["name"] in DEFINITIONS:
                given["options"] = DEFINITIONS[given["name"]]
    return made


def closed_base(tables: list[dict[str, Any]]) -> dict[str, Any]:
    made = copy.deepcopy(tables)
    for table in made:
        table["id"] = CLOSED_TABLES.get(table["name"], table["id"])
    base = {"id": CLOSED_BASE, "name": "closed", "permissionLevel": "create", "tables": made}
    return {**base, "metaAccess": False, "unknownTable": "2022"}


def bases(exchanges: list[Exchange], *, closed: bool) -> dict[str, Any]:
    """The base of the recordings: one is without access to the schema, the other with."""
    tables = seeded_tables(exchanges, all_table="/All" if closed else "/tbl2dYOTFAzBLHXTr")
    base = {"id": OPEN_BASE, "name": "open", "permissionLevel": "create", "tables": tables, "unknownTable": "2022"}
    user = {"id": "usrPnLezZNh82BzJC", "email": "owner@example.com", "name": "Brian Leonard"}
    return {"bases": [closed_base(with_definitions(tables)) if closed else base], "users": [user]}


def replay(sandbox: Sandbox, client: httpx.Client, group: list[Exchange], tally: Tally) -> None:
    ids = RecordIds()
    for exchange in group:
        key = None if exchange["status"] == 401 else "patAny"
        answer = send(sandbox, client, exchange, ids, key=key)
        tally.compare(exchange, answer)
        if answer.status_code == 200:
            ids.learn(exchange["response"], answer.json())


def test_every_recorded_exchange_is_answered_alike(exchanges: list[Exchange]) -> None:
    tally = Tally()
    with httpx.Client() as client:
        for name, group in by_file(exchanges):
            with Sandbox(bases(exchanges, closed=name.startswith("no-meta"))) as sandbox:
                replay(sandbox, client, group, tally)
    sys.stdout.write(tally.summary(len(exchanges)))
    assert tally.differences == []
    assert tally.alike == len(exchanges) == RECORDED
