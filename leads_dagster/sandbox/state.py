"""The state file: the Airtable bases as they stand, written a moment after a change, all or nothing.

Sheets need none: they are files already.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from leads_dagster.errors import SettingsError
from leads_dagster.sandbox.airtable_hooks import hook_state, load_hook
from leads_dagster.sandbox.airtable_model import Base, Record
from leads_dagster.sandbox.airtable_world import AirtableWorld
from leads_dagster.sandbox.bases_file import base_head, load_base, record_state, table_schema
from leads_dagster.sandbox.http import JsonObject

logger = logging.getLogger(__name__)

FILE_NAME = "airtable.json"
SETTLE_SECONDS = 0.5
REST_FACTOR = 20  # a large state takes long to write: then it is written seldom
CHUNK = 500


class StateFile:
    """Keeps one world in `folder`. A base whose seed changed since is started again from the seed."""

    def __init__(self, folder: Path, world: AirtableWorld, lock: threading.RLock) -> None:
        self.path = folder / FILE_NAME
        self.world, self.lock = world, lock
        self._dirty = False
        self._writing = threading.Lock()
        self._seeds: dict[str, str] = {}

    def restore(self, seed: JsonObject) -> None:
        """Continue from the file, if there is one. Raises SettingsError when it is unreadable."""
        self._seeds = {each["id"]: _digest(each) for each in seed["bases"] if "id" in each}
        if not self.path.exists():
            return
        try:
            content = orjson.loads(self.path.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise SettingsError(f"The sandbox's state {self.path} cannot be read: {error}") from error
        for given in content["bases"]:
            if self._seeds.get(given["id"], given.get("seed")) == given.get("seed"):
                base = load_base(given, users=self.world.users, clock=self.world.clock)
                base.hooks = {each["id"]: load_hook(each) for each in given.get("hooks", [])}
                self.world.bases[base.id] = base

    def mark(self) -> None:
        self._dirty = True

    def flush(self) -> None:
        """Write now, if anything changed; waits for a write that is under way."""
        with self._writing:
            if self._dirty:
                self._write()

    def _write(self) -> None:
        with self.lock:
            self._dirty = False
            bases = [self._frozen(base) for base in self.world.bases.values()]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        with partial.open("wb") as file:
            file.writelines(_written(bases))
        partial.replace(self.path)

    def _frozen(self, base: Base) -> _Frozen:
        hooks = [hook_state(hook) for hook in base.hooks.values()]
        head = orjson.dumps({**base_head(base), "hooks": hooks, "seed": self._seeds.get(base.id)})
        tables = [
            (orjson.dumps({**table_schema(table), "nextNumber": table.next_number}), list(table.records.values()))
            for table in base.tables.values()
        ]
        return _Frozen(head, tables)

    async def keep(self) -> None:
        """Write after changes have settled, until cancelled; at most a twentieth of the time is spent so."""
        took = 0.0
        while True:
            await asyncio.sleep(max(SETTLE_SECONDS, took * REST_FACTOR))
            if self._dirty:
                started = time.monotonic()
                await asyncio.to_thread(self.flush)
                took = time.monotonic() - started


@dataclass(frozen=True)
class _Frozen:
    """A base as it stood: all but the records as JSON, these as a list. Their cells are replaced, never changed."""

    head: bytes
    tables: list[tuple[bytes, list[Record]]]


def _written(bases: list[_Frozen]) -> Iterator[bytes]:
    """The file in pieces small enough that requests are answered in between."""
    yield b'{"bases":['
    for at, base in enumerate(bases):
        yield (b"," if at else b"") + base.head[:-1] + b',"tables":['
        for number, (schema, records) in enumerate(base.tables):
            yield (b"," if number else b"") + schema[:-1] + b',"records":['
            for start in range(0, len(records), CHUNK):
                chunk = orjson.dumps([record_state(record) for record in records[start : start + CHUNK]])
                yield (b"," if start else b"") + chunk[1:-1]
            yield b"]}"
        yield b"]}"
    yield b"]}"


def _digest(seed: JsonObject) -> str:
    return hashlib.blake2b(orjson.dumps(seed, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
