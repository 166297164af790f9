"""Faults on demand: which requests are slowed, refused, cut off, or answered too late although they were done.

A fault is an object, given to the constructor or `POST /sandbox/faults`:

    {"kind": "latency" | "status" | "status_after" | "drop" | "drop_after" | "hang_after",
     "service": "airtable" | "google", "method": "POST PATCH", "path": "text the path contains",
     "times": 3, "skip": 2, "probability": 0.1, "seconds": 2.0, "status": 503,
     "error": "PUBLIC_API_BILLING_LIMIT_EXCEEDED"}

Only `kind` is needed. `latency` waits `seconds` first; `status` answers so and does nothing; `drop` cuts the
connection and does nothing. `status_after`, `drop_after` and `hang_after` do what was asked, then answer the status,
cut the connection at once, or cut it after `seconds`. `skip` lets the first so many requests through, `times` says
how many are hit. `error` is the kind of error in Airtable's body, where another than the status' usual one is wanted.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, fields
from typing import Any

from leads_dagster.errors import SettingsError
from leads_dagster.sandbox.http import JsonObject

KINDS = ("latency", "status", "status_after", "drop", "drop_after", "hang_after")


@dataclass(slots=True)
class Fault:
    kind: str
    service: str | None = None
    method: str | None = None
    path: str | None = None
    times: int | None = None
    skip: int = 0
    probability: float = 1.0
    seconds: float = 1.0
    status: int = 503
    error: str | None = None
    hits: int = 0

    def applies(self, service: str, method: str, path: str) -> bool:
        return (
            (self.service is None or self.service == service)
            and (self.method is None or method in self.method.split())
            and (self.path is None or self.path in path)
            and self.times != 0
        )


def parse_fault(given: Any) -> Fault:
    """Raises SettingsError that names what is wrong."""
    known = {each.name for each in fields(Fault)}
    if not isinstance(given, dict) or given.get("kind") not in KINDS:
        raise SettingsError(f"A fault needs a kind, one of {', '.join(KINDS)}.")
    unknown = sorted(set(given) - known)
    if unknown:
        raise SettingsError(f"A fault has no {unknown[0]!r}; it may have {', '.join(sorted(known))}.")
    return Fault(**given)


class Faults:
    """The faults in force, in the order given; `seed` makes probabilities repeatable."""

    def __init__(self, given: list[JsonObject] | None = None, *, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311  # chance, not secrecy
        self.active = [parse_fault(each) for each in given or []]

    def replace(self, given: list[Any]) -> None:
        self.active = [parse_fault(each) for each in given]

    def add(self, given: Any) -> None:
        self.active.append(parse_fault(given))

    def strike(self, service: str, method: str, path: str) -> list[Fault]:
        """The faults that hit this request; each hit is counted."""
        return [fault for fault in self.active if fault.applies(service, method, path) and self._hits(fault)]

    def _hits(self, fault: Fault) -> bool:
        if fault.skip > 0:
            fault.skip -= 1
            return False
        if self._random.random() >= fault.probability:
            return False
        if fault.times is not None:
            fault.times -= 1
        fault.hits += 1
        return True

    def to_json(self) -> list[JsonObject]:
        return [asdict(fault) for fault in self.active]
