"""Whether a part is well, asked from outside: one small question a kind of part.

What belongs here: questions that cost next to nothing, since they are put twice a second. A probe answers False where
it got no answer; for how long that may be is the keeper's to judge.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from leads_dagster.live.part import Probe

_ANSWER_SECONDS = 3.0
# RFC 9113, 3.4: the client's preface with empty SETTINGS; a server that lives answers with its own SETTINGS frame.
_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_HTTP2_FRAME_HEADER = 9
_SETTINGS_FRAME = 4

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


def answers_grpc(socket: Path) -> Probe:
    """The gRPC server behind a Unix socket greets who connects. A frozen one accepts, but does not greet."""

    async def greeted(reader: asyncio.StreamReader) -> bool:
        frame = await reader.readexactly(_HTTP2_FRAME_HEADER)
        return frame[3] == _SETTINGS_FRAME

    return lambda: _ask(lambda: asyncio.open_unix_connection(socket), _HTTP2_PREFACE, greeted)


def answers_http(host: str, port: int, path: str) -> Probe:
    """A GET of `path` is answered with 200."""
    question = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode("ascii")

    async def has_it(reader: asyncio.StreamReader) -> bool:
        return b" 200 " in await reader.readline()

    return lambda: _ask(lambda: asyncio.open_connection(host, port), question, has_it)


async def _ask(connect: Connect, question: bytes, judge: Callable[[asyncio.StreamReader], Awaitable[bool]]) -> bool:
    try:
        return await asyncio.wait_for(_answer(connect, question, judge), _ANSWER_SECONDS)
    except (OSError, EOFError, asyncio.TimeoutError):
        return False


async def _answer(connect: Connect, question: bytes, judge: Callable[[asyncio.StreamReader], Awaitable[bool]]) -> bool:
    reader, writer = await connect()
    try:
        writer.write(question)
        return await judge(reader)
    finally:
        writer.close()


@dataclass
class Heartbeat:
    """A file's time goes on changing.

    Only that it changes counts, timed by a clock that nobody sets: a machine's time that is moved makes no part ill.

    Attributes:
        path: the file; whatever stands there from an earlier life is removed.
        seconds: how long one change holds.
    """

    path: Path
    seconds: float = 5.0

    def __post_init__(self) -> None:
        self.path.unlink(missing_ok=True)
        self._seen = 0
        self._changed = float("-inf")

    async def __call__(self) -> bool:
        """Whether it changed lately."""
        now = time.monotonic()
        try:
            found = self.path.stat().st_mtime_ns
        except OSError:
            return False
        if found != self._seen:
            self._seen, self._changed = found, now
        return now - self._changed < self.seconds


async def is_there() -> bool:
    """For a part that has nothing to say: that it has not ended is enough."""
    return True
