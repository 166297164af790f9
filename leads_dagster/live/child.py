"""One process: started in a group of its own, heard line by line, ended whole.

What belongs here: a single life. Starting again is the keeper's.

Its own session keeps the terminal's Ctrl-C from it, so that parts end in the order the supervisor wants, and lets a
signal reach whatever the part started itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from leads_dagster.live.lines import Lines
from leads_dagster.live.part import StopStep

_TETHER = str(Path(__file__).with_name("tether.py"))
_LOOK_SECONDS = 0.1
_CHUNK_BYTES = 65_536
_LAST_WORDS_SECONDS = 1.0


class Child:
    """A running process.

    Args:
        process: it, with its output in a pipe.
        hear: given each line of its output.
    """

    def __init__(self, process: subprocess.Popen[bytes], hear: Callable[[str], None]) -> None:
        self._process = process
        self._listening = asyncio.ensure_future(self._listen(hear))

    @classmethod
    def start(cls, command: Sequence[str], environ: Mapping[str, str], hear: Callable[[str], None]) -> Child:
        """Start it; must be called in the main thread, with whose end the child's ends.

        Raises:
            OSError: no process can be had.
        """
        tether = [sys.executable, "-I", "-S", _TETHER, str(os.getpid())]
        process = subprocess.Popen(  # noqa: S603 - the table of parts, never input
            [*tether, *command],
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return cls(process, hear)

    @property
    def pid(self) -> int:
        """Its process and its group."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    async def ended(self, seconds: float = float("inf"), unless: asyncio.Event | None = None) -> bool:
        """Wait for its end, at most so long, and only until `unless` is set; whether it ended."""
        until = asyncio.get_running_loop().time() + seconds
        while self.code is None:
            if asyncio.get_running_loop().time() >= until or (unless is not None and unless.is_set()):
                return False
            await asyncio.sleep(_LOOK_SECONDS)
        return True

    async def stop(self, steps: Sequence[StopStep], hurry: asyncio.Event) -> None:
        """Send one signal after the other until it has ended; in a hurry the most patient of three is left out."""
        for number, step in enumerate(steps):
            patient = number < len(steps) - 2
            if patient and hurry.is_set():
                continue
            self._signal(step.number)
            if await self.ended(step.seconds, hurry if patient else None):
                break

    async def clear_away(self) -> None:
        """After its end: end what it started and left behind, and hear its last words."""
        self._signal(signal.SIGKILL)
        await asyncio.wait({self._listening}, timeout=_LAST_WORDS_SECONDS)
        self._listening.cancel()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    async def _listen(self, hear: Callable[[str], None]) -> None:
        reader, lines = asyncio.StreamReader(), Lines()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), self._process.stdout)
        try:
            while chunk := await reader.read(_CHUNK_BYTES):
                for line in lines.feed(chunk):
                    hear(line)
            for line in lines.rest():
                hear(line)
        finally:
            transport.close()
