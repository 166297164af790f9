"""What the Airtable tests share: a twin whose clock we may move, and mirrors and leads for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.mirrors.budget import Budget, airtable_limits
from leads_dagster.mirrors.push import LeadPush, PushOutcome
from leads_dagster.sandbox import Sandbox
from leads_dagster.sandbox.bases_file import DEFAULT_BASES, read_bases_file

BASE = "appLeadsSandbox01"
TABLE = "Leads"

ADA = "0a" * 16

ADA_FIELDS: dict[str, Any] = {
    "full_name": "Ada Lovelace",
    "email": "ada@example.com",
    "phone": "+14155550100",
    "linkedin_url": "https://www.linkedin.com/in/ada",
    "confidence": 0.85,
    "verified": False,
    "notes": "two\nlines, Ünïcode 名前",
}

MakeMirror = Callable[..., AirtableMirror]


class TwinClock:
    """Sleeping takes no time here, and the same time at the twin."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._lock = threading.Lock()
        self.slept = 0.0

    def __call__(self) -> float:
        return time.time() + self.slept

    def sleep(self, seconds: float) -> None:
        with self._lock:  # several threads sleep
            self._sandbox.clock.advance(seconds)
            self.slept += seconds


def mirror_of(sandbox: Sandbox, home: Path, **arguments: Any) -> AirtableMirror:
    """A mirror of the twin's leads; arguments as AirtableMirror has them."""
    clock = TwinClock(sandbox)
    base_id = arguments.setdefault("base_id", BASE)
    arguments.setdefault("budget", Budget(home, airtable_limits(base_id, "patTest"), clock=clock, sleep=clock.sleep))
    defaults = {"api_key": "patTest", "table": TABLE, "endpoint_url": sandbox.url, "home": home}
    return AirtableMirror(**{**defaults, **arguments})


def bases(**changes: Any) -> dict[str, Any]:
    """The twin's own base; `fields` replaces or (None) takes away fields by name, other keys go into the base."""
    content = deepcopy(read_bases_file(DEFAULT_BASES))
    base = content["bases"][0]
    table = base["tables"][0]
    for name, field in changes.pop("fields", {}).items():
        table["fields"] = [given for given in table["fields"] if given["name"] != name]
        if field is not None:
            table["fields"].append({"name": name, **field})
    tokens = changes.pop("tokens", {})
    return {**content, "bases": [{**base, **changes}], "tokens": tokens}


def create(lead_id: str, **fields: Any) -> LeadPush:
    return LeadPush(lead_id, "create", fields)


def update(lead_id: str, outcome: PushOutcome, **fields: Any) -> LeadPush:
    """The next push after an outcome."""
    return LeadPush(lead_id, "update", fields, external_id=outcome.external_id, base=outcome.answered)


def push_one(mirror: AirtableMirror, change: LeadPush) -> PushOutcome:
    result = mirror.push([change])
    assert result.stopped is None
    (outcome,) = result.outcomes
    return outcome


def leads(count: int) -> list[LeadPush]:
    return [create(f"{number:032x}", full_name=f"Lead {number}") for number in range(count)]


def cells(sandbox: Sandbox) -> list[dict[str, Any]]:
    """What stands in the table, by column name, in the order of creation."""
    return [record["fields"] for record in sandbox.airtable.records(BASE, TABLE)]


def writes(sandbox: Sandbox) -> int:
    """Requests that asked for a change of records."""
    path = "v0/{base}/{table}"
    return sum(sandbox.requests.count(route=f"{method} {path}") for method in ("POST", "PATCH", "PUT", "DELETE"))
