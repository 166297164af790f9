"""Answers that are kept until the lead database changes.

What belongs here: when a kept answer still holds, and that many who ask for the same at once wait for one read. What is
read, and how it looks, is said by those who ask.

An answer holds until the store's change counter moves, and at most its own longest age, for what does not stand in the
store. A store that changes all the time is read again for a tenth of the time: an answer then may be ten times as old
as it took to read, but no older than a quarter of a second. What this process itself wrote counts at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool

from leads_dagster.interfaces.api.told import Answer, answer_of
from leads_dagster.store.change_counter import ChangeCounter

MOST_KEPT = 512
_SHARE = 10.0
_OLDEST_SECONDS = 0.25


@dataclass
class Kept:
    """One answer, and as of when.

    Attributes:
        value: as it was read.
        seen, own: how often the store had changed, and we had written to it, before it was read.
        at: when it was read; cost: how long that took; seconds, monotonic.
    """

    value: Any
    seen: int
    own: int
    at: float
    cost: float
    _answer: Answer | None = field(default=None, repr=False)

    @property
    def answer(self) -> Answer:
        """As JSON; encoded once."""
        if self._answer is None:
            self._answer = answer_of(self.value)
        return self._answer


class Keeping:
    """What is kept, by any hashable name. To be used from one event loop; what reads runs in threads.

    Args:
        counter: of the lead database.
        most: how many answers; those not asked for longest go first.
    """

    def __init__(self, counter: ChangeCounter, *, most: int = MOST_KEPT) -> None:
        self._counter = counter
        self._most = most
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._reading: dict[Hashable, asyncio.Task[Kept]] = {}
        self._seen = 0
        self._own = 0

    def wrote(self) -> None:
        """This process wrote to the store: nothing read before holds any more."""
        self._own += 1

    @property
    def seen(self) -> int:
        """How often the store was found changed; costs some ten microseconds."""
        if self._counter.moved():
            self._seen += 1
        return self._seen

    def peek(self, name: Hashable, *, longest: float) -> Kept | None:
        """What is kept under a name, if it still holds.

        Args:
            longest: seconds that it holds at most.
        """
        found = self._kept.get(name)
        if found is None or found.own != self._own:
            return None
        age = time.monotonic() - found.at
        if age > longest or (found.seen != self.seen and age > min(found.cost * _SHARE, _OLDEST_SECONDS)):
            return None
        self._kept.move_to_end(name)
        return found

    async def get(self, name: Hashable, read: Callable[[], Any], *, longest: float) -> Kept:
        """What is kept under a name, read anew in a thread where it does not hold any more.

        Raises:
            whatever `read` does; that is not kept.
        """
        found = self.peek(name, longest=longest)
        if found is not None:
            return found
        key = (name, self._own)
        task = self._reading.get(key)
        if task is None:
            task = self._reading[key] = asyncio.ensure_future(self._read(name, read))
            task.add_done_callback(lambda _: self._reading.pop(key, None))
        return await asyncio.shield(task)

    async def _read(self, name: Hashable, read: Callable[[], Any]) -> Kept:
        seen, own, began = self.seen, self._own, time.monotonic()
        value = await run_in_threadpool(read)
        now = time.monotonic()
        kept = Kept(value, seen, own, now, now - began)
        self._kept[name] = kept
        self._kept.move_to_end(name)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return kept
