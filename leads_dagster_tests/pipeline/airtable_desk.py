"""A customer with a sheet and a table in the twin, and people and programs who edit that table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from pyairtable import Api, Table

from leads_dagster.pipeline.mirror import mirror_airtable
from leads_dagster.pipeline.pull import Pulled, pull
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster.sandbox import Sandbox
from leads_dagster.store import tables
from leads_dagster_tests.pipeline.conftest import HEADER, Road, Rows

BASE = "appLeadsSandbox01"
TABLE = "tblLeadsSandbox01"
NAME, COMPANY, TITLE = "fldLeads000000001", "fldLeads000000004", "fldLeads000000005"
AIRTABLE = f'[customers.airtable]\nbase_id = "{BASE}"\ntable = "Leads"\ndebounce_seconds = 0\n'

JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
COLUMNS = ("Name", "Email", "Company", "Title")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")

Change = tuple[str, str, str, Any]


class Desk:
    """One customer's table as people see it, and our view of what they did there."""

    def __init__(self, road: Road, sandbox: Sandbox, *, table: str = "Leads", customer: str = "acme") -> None:
        self.road, self.sandbox, self.table, self.customer = road, sandbox, table, customer

    @property
    def api(self) -> Table:
        """Another program, with a token of its own."""
        return Api("patOther", endpoint_url=self.sandbox.url).table(BASE, self.table)

    @property
    def hooks(self) -> list[str]:
        """The ids of the base's hooks."""
        return [hook.id for hook in Api("patOther", endpoint_url=self.sandbox.url).base(BASE).webhooks()]

    def admin(self, path: str, *, method: str = "POST", **body: Any) -> None:
        """A request to the twin's own side."""
        httpx.request(method, f"{self.sandbox.url}/sandbox/{path}", json=body).raise_for_status()

    def sync(self, *rows: tuple[str, ...]) -> None:
        """The sheet says this, and Airtable is brought in step."""
        listed: Rows = list(rows)
        self.road.sync(listed, HEADER)

    def pull(self, **arguments: Any) -> Pulled:
        with open_workspace(self.road.settings, self.customer) as ws:
            return pull(ws, **arguments)

    def ready(self, *rows: tuple[str, ...]) -> None:
        """In step, listened to and compared once; nothing waits."""
        self.sync(*rows)
        self.pull()
        done = self.pull()
        assert (done.status, done.waiting) == ("read", 0), done

    def push(self) -> None:
        """Airtable is brought in step; the sheet is not looked at."""
        with self.road.open() as ws:
            mirror_airtable(ws, run_id="run")

    def act(self, **acts: list[Any]) -> dict[str, Any]:
        """A person's edits; see the twin's admin request."""
        answer = httpx.post(f"{self.sandbox.url}/sandbox/airtable/{BASE}/{self.table}", json=acts)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def type_in(self, record: str, **fields: Any) -> None:
        """A person types into cells, by column name."""
        self.act(update=[{"id": record, "fields": fields}])

    def record_of(self, name: str) -> str:
        """The id of the record of that name."""
        records = self.sandbox.airtable.records(BASE, self.table)
        return next(str(record["id"]) for record in records if record["fields"].get("Name") == name)

    def changes(self, table: str = TABLE) -> list[Change]:
        """What waits: record, field, kind, cell; in the order of record and field."""
        rows = self.road.all("airtable_changes", tables.airtable_changes.c.table_id == table)
        found = [(row["record_id"], row["field_id"], row["kind"], row["cell"]) for row in rows]
        return sorted(found, key=lambda one: one[:2])

    def cells(self, record: str) -> dict[str, Any]:
        """Field -> cell, of what waits of a record; "" is the record itself."""
        return {name: cell for found, name, _, cell in self.changes() if found == record}

    def key_field(self) -> str:
        """The id of the field `lead_key`."""
        (table,) = self.road.all("airtable_tables", tables.airtable_tables.c.customer == self.customer)
        return str(table["fields"]["lead_key"]["id"])

    def lead_of(self, name: str) -> dict[str, Any]:
        (lead,) = [lead for lead in self.road.leads() if lead["full_name"] == name]
        return lead

    def hook(self) -> Mapping[str, Any]:
        """What is booked of the base's hook."""
        (hook,) = self.road.all("airtable_hooks")
        return hook


def environment(sandbox: Sandbox, token: str = "patOurs") -> dict[str, str]:
    """What a road needs to find the twin."""
    return {"AIRTABLE_ENDPOINT_URL": sandbox.url, "AIRTABLE_API_KEY": token}
