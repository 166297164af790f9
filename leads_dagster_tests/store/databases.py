"""The public database as tests open it: blocking, or awaited in a loop of its own; one test body serves both."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from leads_dagster.store import AsyncLeadDatabase, LeadDatabase

Opened: TypeAlias = Any  # LeadDatabase, or `Awaited`, which answers to the same names
END = object()


class Awaited:
    """An `AsyncLeadDatabase` whose methods block: each runs in a loop in a thread, which any thread may ask."""

    def __init__(self, *args: Any, **named: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._database = AsyncLeadDatabase(*args, **named)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._database, name)

        def call(*args: Any, **named: Any) -> Any:
            found = method(*args, **named)
            if inspect.isasyncgen(found):
                return self._iterated(found)
            return self._wait_for(found) if inspect.iscoroutine(found) else found

        return call

    def close(self) -> None:
        self._wait_for(self._database.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _iterated(self, items: AsyncIterator[Any]) -> Iterator[Any]:
        async def step() -> Any:
            return await anext(items, END)

        while (item := self._wait_for(step())) is not END:
            yield item

    def _wait_for(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


@contextmanager
def opener(kind: type[Any], url: str) -> Iterator[Callable[..., Opened]]:
    """Yields what opens databases at a URL; they are closed with the block."""
    opened: list[Opened] = []

    def open_one(customer: str = "acme", *, who: str | None = "ada") -> Opened:
        opened.append(kind(url, customer, who=who))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


KINDS = {"blocking": LeadDatabase, "awaited": Awaited}
