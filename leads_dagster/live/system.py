"""The live system as one command: the lock, the signals, the stream and the supervisor, put together.

What belongs here: what holds for the whole. Which parts there are is said in `parts`.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from leads_dagster.live.folder import stopping_file
from leads_dagster.live.notify import tell_systemd
from leads_dagster.live.part import Pace, Part
from leads_dagster.live.presence import Presence, only_one
from leads_dagster.live.stream import Stream
from leads_dagster.live.supervisor import Supervisor

_CHORE_SECONDS = 1.0

Chore = Callable[[Supervisor], None]


def serve(
    home: Path,
    make_parts: Callable[[], Sequence[Part]],
    stream: Stream,
    *,
    pace: Pace | None = None,
    make_chores: Callable[[], Sequence[Chore]] = tuple,
) -> None:
    """Run the parts until Ctrl-C or SIGTERM; none of them runs any more when this ends, whatever it ends of.

    Args:
        home: the state folder.
        make_parts: called once this is the only live system of the folder, so that ports and files are its own.
        stream: where everything is told.
        pace: how patiently parts are kept running.
        make_chores: called after `make_parts`; what it gives is done once a second.

    Raises:
        AlreadyRunningError: another one runs on this state folder.
        PartFailedError: a part cannot be kept up.
        SettingsError: a port that was asked for is taken.
        StoreError: the state folder cannot be written.
    """
    with only_one(home) as presence:
        stopping_file(home).unlink(missing_ok=True)
        parts = make_parts()
        presence.urls = {part.name: part.url for part in parts if part.url}
        asyncio.run(_serve(parts, stream, presence, pace=pace, chores=make_chores(), stopping=stopping_file(home)))


async def _serve(
    parts: Sequence[Part],
    stream: Stream,
    presence: Presence,
    *,
    pace: Pace | None,
    chores: Sequence[Chore],
    stopping: Path,
) -> None:
    stop = asyncio.Event()

    def say_stopping() -> None:
        stopping.touch()  # for the parts: runs that nobody took yet are then given up
        tell_systemd("STOPPING=1")
        stream.tell("stopping", "Stopping; runs in hand may end. Once more hurries.")

    supervisor = Supervisor(parts, stream, pace=pace, changed=presence.write, stopping=say_stopping)
    doing = asyncio.create_task(_do_chores(supervisor, stream, stop, chores))
    try:
        with _signals(stop, supervisor.hurry):
            await supervisor.run(stop)
    finally:
        doing.cancel()
    _raise_its_fault(doing)
    stream.tell("stopped", "Stopped; nothing runs any more.")


def _raise_its_fault(task: asyncio.Task[None]) -> None:
    if task.done() and not task.cancelled():
        task.result()


@contextmanager
def _signals(stop: asyncio.Event, hurry: asyncio.Event) -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal stop gently; a second one hurries. What is ignored stays ignored."""

    def heed() -> None:
        (hurry if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    heeded = [one for one in _STOPPING if signal.getsignal(one) is not signal.SIG_IGN]
    for one in heeded:
        loop.add_signal_handler(one, heed)
    try:
        yield
    finally:
        for one in heeded:
            loop.remove_signal_handler(one)


_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def _do_chores(supervisor: Supervisor, stream: Stream, stop: asyncio.Event, chores: Sequence[Chore]) -> None:
    """Small things that want doing while all runs."""
    told = False
    try:
        while not stop.is_set():
            if supervisor.ready.is_set() and not told:
                told = True
                tell_systemd("READY=1")
            tell_systemd("WATCHDOG=1")
            if stream.gone.is_set():
                break
            for chore in chores:
                chore(supervisor)
            await asyncio.sleep(_CHORE_SECONDS)
    finally:
        stop.set()
