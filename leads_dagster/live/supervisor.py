"""All parts together: started in order, watched at once, stopped in order.

What belongs here: what one part means to the others. It knows nothing of what the parts are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby

from leads_dagster.live.keeper import Health, Keeper
from leads_dagster.live.part import Pace, Part
from leads_dagster.live.stream import Stream

Changed = Callable[[Mapping[str, Health]], None]


class Supervisor:
    """Runs a table of parts.

    Args:
        parts: what to run; `after` names others of them.
        stream: where everything is told.
        pace: how patiently parts are kept running.
        changed: told the health of all parts whenever one changes.
        stopping: called before the first part is stopped.
    """

    def __init__(
        self,
        parts: Iterable[Part],
        stream: Stream,
        *,
        pace: Pace | None = None,
        changed: Changed = lambda _: None,
        stopping: Callable[[], None] = lambda: None,
    ) -> None:
        self.hurry = asyncio.Event()
        self.ready = asyncio.Event()
        self._stream = stream
        self._stopping = stopping
        self._keepers = {
            part.name: Keeper(
                part, stream, pace=pace or Pace(), hurry=self.hurry, changed=lambda: changed(self.health())
            )
            for part in parts
        }

    def health(self) -> dict[str, Health]:
        """Each part's, by name."""
        return {name: keeper.health for name, keeper in self._keepers.items()}

    async def run(self, stop: asyncio.Event) -> None:
        """Keep all parts running until `stop` is set; none runs any more when this returns or raises.

        Raises:
            PartFailedError: a part cannot be kept up.
        """
        started = time.monotonic()
        keeping = {name: asyncio.create_task(self._start(keeper)) for name, keeper in self._keepers.items()}
        beside = [asyncio.create_task(self._tell_ready(started)), asyncio.create_task(stop.wait())]
        try:
            await asyncio.wait({*keeping.values(), beside[1]}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in beside:
                task.cancel()
            self._stopping()
            await self._stop_all(keeping)
        for task in keeping.values():
            if not task.cancelled():
                task.result()

    async def renew(self) -> None:
        """Start the parts that follow the settings anew, one after the other: the others do the work meanwhile.

        In the order in which parts are stopped, so that who asks for work learns of a new customer after who does it.
        """
        for keeper in self._in_stop_order():
            if keeper.part.follows_settings and not await keeper.renew(keeper.part.start_seconds):
                self._stream.tell("renewing", "is not ready yet with the new settings", keeper.part.name)
        self._stream.tell("renewed", "The new settings are in force.")

    async def _start(self, keeper: Keeper) -> None:
        for name in keeper.part.after:
            await self._keepers[name].well_once.wait()
        await keeper.keep()

    async def _tell_ready(self, started: float) -> None:
        for keeper in self._keepers.values():
            if keeper.part.is_awaited:
                await keeper.well_once.wait()
        self.ready.set()
        seconds = time.monotonic() - started
        urls = {name: keeper.part.url for name, keeper in self._keepers.items() if keeper.part.url}
        where = ", ".join(f"{name} at {url}" for name, url in urls.items())
        words = f"Ready in {seconds:.1f} s" + (f": {where}." if where else ".")
        self._stream.tell("ready", f"{words} Ctrl-C stops it.", seconds=round(seconds, 1), urls=urls)

    async def _stop_all(self, keeping: Mapping[str, asyncio.Task[None]]) -> None:
        """End the parts, those first that the others do not need."""
        for _, group in groupby(self._in_stop_order(), key=lambda keeper: keeper.part.stop_order):
            await self._stop_group({keeper: keeping[keeper.part.name] for keeper in group})

    def _in_stop_order(self) -> list[Keeper]:
        return sorted(self._keepers.values(), key=lambda keeper: keeper.part.stop_order)

    async def _stop_group(self, group: Mapping[Keeper, asyncio.Task[None]]) -> None:
        for keeper, task in group.items():
            keeper.stop()
            if keeper.health.state == "waiting":
                task.cancel()  # what it waits for does not come any more
        await asyncio.wait(group.values())
