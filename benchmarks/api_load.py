"""Asking an HTTP server as fast as it answers, over connections that stay open, and the clock around each answer.

    python -m benchmarks.api_load HOST PORT CONNECTIONS SECONDS PAUSE PATH [PATH ...]

What belongs here: sockets and percentiles. The standard library only, in a process of its own, so that what asks takes
none of the server's core.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle


@dataclass(frozen=True)
class Load:
    """What came of it.

    Attributes:
        answers: all of them 200.
        seconds: wall time.
        milliseconds: of each answer, sorted.
    """

    answers: int
    seconds: float
    milliseconds: Sequence[float]

    def facts(self) -> dict[str, float]:
        """Percentiles, and answers a second."""
        at = {
            f"p{share}": self.milliseconds[min(self.answers - 1, self.answers * share // 100)] for share in (50, 95, 99)
        }
        return {**at, "a_second": self.answers / self.seconds, "answers": self.answers}


async def ask(
    host: str, port: int, paths: Sequence[str], *, connections: int, seconds: float, pause: float = 0.0
) -> Load:
    """Ask for the paths in turn until the time is over, each connection with a pause after each answer."""
    until = time.perf_counter() + seconds
    started = time.perf_counter()
    parts = await asyncio.gather(
        *(_one(host, port, paths[start::connections] or paths, until, pause) for start in range(connections))
    )
    spent = time.perf_counter() - started
    found = sorted(one for part in parts for one in part)
    return Load(len(found), spent, found)


async def _one(host: str, port: int, paths: Sequence[str], until: float, pause: float) -> list[float]:
    reader, writer = await asyncio.open_connection(host, port, limit=2**22)
    found: list[float] = []
    for path in cycle(paths):
        began = time.perf_counter()
        if began > until:
            break
        writer.write(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        await reader.readexactly(length)
        found.append((time.perf_counter() - began) * 1000)
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"{path} was answered {head[:40]!r}")
        if pause:
            await asyncio.sleep(pause)
    writer.close()
    return found


if __name__ == "__main__":
    host_, port_, connections_, seconds_, pause_, *paths_ = sys.argv[1:]
    how = {"connections": int(connections_), "seconds": float(seconds_), "pause": float(pause_)}
    load = asyncio.run(ask(host_, int(port_), paths_, **how))
    sys.stdout.write(json.dumps(load.facts()))
