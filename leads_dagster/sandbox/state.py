"""The state file: the Airtable bases as they stand, written a moment after a change, all or nothing.

Sheets need none: they are files already.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
import time
from pathlib import Path

import orjson

from leads_dagster.errors import SettingsError
from leads_dagster.sandbox.airtable_transactions import hook_state, load_hook
from leads_dagster.sandbox.airtable_world import AirtableWorld
from leads_dagster.sandbox.bases_file import load_base
from leads_dagster.sandbox.http import JsonObject

logger = logging.getLogger(__name__)

FILE_NAME = "airtable.json"
SETTLE_SECONDS = 0.5
REST_FACTOR = 20  # a large state takes long to write, and requests wait for its snapshot: then it is written seldom


class StateFile:
    """Keeps one world in `folder`. A base whose seed changed since is started again from the seed."""

    def __init__(self, folder: Path, world: AirtableWorld, lock: threading.RLock) -> None:
        self.path = folder / FILE_NAME
        self.world, self.lock = world, lock
        self._dirty = False
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
        """Write now, if anything changed."""
        if not self._dirty:
            return
        with self.lock:
            self._dirty = False
            data = orjson.dumps({"bases": [self._base_state(each) for each in self.world.to_json()]})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_bytes(data)
        partial.chmod(0o600)
        partial.replace(self.path)

    def _base_state(self, given: JsonObject) -> JsonObject:
        hooks = [hook_state(hook) for hook in self.world.bases[given["id"]].hooks.values()]
        return {**given, "hooks": hooks, "seed": self._seeds.get(given["id"])}

    async def keep(self) -> None:
        """Write after changes have settled, until cancelled; at most a twentieth of the time is spent so."""
        took = 0.0
        while True:
            await asyncio.sleep(max(SETTLE_SECONDS, took * REST_FACTOR))
            if self._dirty:
                started = time.monotonic()
                await asyncio.to_thread(self.flush)
                took = time.monotonic() - started


def _digest(seed: JsonObject) -> str:
    return hashlib.blake2b(orjson.dumps(seed, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
