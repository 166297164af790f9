"""Children that are killed: forked from a process that has imported everything and holds nothing open.

What belongs here: forking, killing at an instant, and telling where in its work the child then was. What it worked on
is `crash_actions`' business. Only a child that was forked here is ever killed.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from leads_dagster.store.attempts import WRITE

_SEEN = struct.Struct("=qqq")  # write transactions begun; whether one is open; whether the CRM's is
_POLL_SECONDS = 0.0003


@dataclass(frozen=True, slots=True)
class Kill:
    """When a child dies: so many seconds after its start, or after it began so many write transactions."""

    after_seconds: float
    after_writes: int = 0


@dataclass(frozen=True, slots=True)
class Death:
    """How a child ended.

    Attributes:
        killed: it was still at work. seconds: how long it worked.
        writes: write transactions that it began.
        writing, writing_crm: it died between the begin of one of the leads' or the CRM's, and its end.
    """

    killed: bool
    seconds: float
    writes: int
    writing: bool
    writing_crm: bool


class Witness:
    """Memory that parent and child share: what the child is in the midst of."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _SEEN.size)

    def read(self) -> tuple[int, int, int]:
        return _SEEN.unpack(self._memory[:])  # type: ignore[return-value]

    def clear(self) -> None:
        self._memory[:] = bytes(_SEEN.size)

    def watch(self) -> None:
        """In the child: note the begin and end of every write transaction of every engine."""
        event.listen(Engine, "begin", self._began)
        for end in ("commit", "rollback"):
            event.listen(Engine, end, self._ended)

    def _began(self, connection: Connection) -> None:
        kind = _kind(connection)
        if kind is not None:
            begun, leads, crm = self.read()
            self._memory[:] = _SEEN.pack(begun + 1, int(kind == "leads") or leads, int(kind == "crm") or crm)

    def _ended(self, connection: Connection) -> None:
        kind = _kind(connection)
        if kind is not None:
            begun, leads, crm = self.read()
            self._memory[:] = _SEEN.pack(begun, 0 if kind == "leads" else leads, 0 if kind == "crm" else crm)


def _kind(connection: Connection) -> str | None:
    options = connection.get_execution_options()
    if options.get(WRITE):
        return "leads"
    return "crm" if options.get("reading") is False else None


class Children:
    """Forks one child at a time; what a child prints and why it fails goes to a file of the run's folder."""

    def __init__(self, log: Path) -> None:
        self._log, self._witness = log, Witness()

    def run(self, work: Callable[[], Any], kill: Kill | None = None) -> Death:
        """Let a child do the work, and kill it at that instant if it is not done by then.

        Raises:
            RuntimeError: it failed by itself.
        """
        self._witness.clear()
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            self._live(work)
        killed = not _ended(child) if kill is None else self._kill(child, kill, started)
        begun, leads, crm = self._witness.read()
        return Death(killed, time.monotonic() - started, begun, bool(leads), bool(crm))

    def _live(self, work: Callable[[], Any]) -> None:
        code = 1
        try:
            os.setsid()
            log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            self._witness.watch()
            work()
            code = 0
        except BaseException:  # noqa: BLE001  # whatever it was, the log has it and the parent the exit code
            traceback.print_exc()
        finally:
            os._exit(code)

    def _kill(self, child: int, kill: Kill, started: float) -> bool:
        """Whether the child was still at work."""
        written: float | None = None if kill.after_writes else started
        while written is None or time.monotonic() < written + kill.after_seconds:
            if _ended(child, os.WNOHANG):
                return False
            if written is None and self._witness.read()[0] >= kill.after_writes:
                written = time.monotonic()
            time.sleep(_POLL_SECONDS)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status) or _failed(status)


def _ended(child: int, options: int = 0) -> bool:
    found, status = os.waitpid(child, options)
    return bool(found) and not _failed(status)


def _failed(status: int) -> bool:
    if status:
        raise RuntimeError(f"the child failed by itself ({status}); its log says why")
    return False
