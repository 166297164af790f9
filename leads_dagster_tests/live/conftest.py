"""A live system in a process of its own, its parts small programs, its events read as they come."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from leads_dagster_tests.conftest import REPOSITORY

LONGEST_WAIT_SECONDS = 60.0  # only where something is broken

STAYS = "import time\nprint('here')\nwhile True: time.sleep(0.05)"


class LiveSystem:
    """The process, and what it says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.seen: list[dict[str, Any]] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def until(self, event: str, part: str | None = None, text: str = "") -> dict[str, Any]:
        """The next such event."""
        while True:
            line = self._lines.get(timeout=LONGEST_WAIT_SECONDS)
            assert line is not None, f"ended without {event} of {part}: {self.seen}"
            told: dict[str, Any] = json.loads(line)
            self.seen.append(told)
            if told["event"] == event and (part is None or told["part"] == part) and text in told["text"]:
                return told

    def end(self) -> int:
        """Wait for its end; its exit code."""
        code = self.process.wait(LONGEST_WAIT_SECONDS)
        while (line := self._lines.get(timeout=LONGEST_WAIT_SECONDS)) is not None:
            self.seen.append(json.loads(line))
        return code

    def told(self, event: str, part: str | None = None) -> list[dict[str, Any]]:
        """All such events so far."""
        return [one for one in self.seen if one["event"] == event and (part is None or one["part"] == part)]


StartLive = Callable[..., LiveSystem]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartLive]:
    """Starts a live system of the described parts; none outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(
        *parts: dict[str, Any], environ: Mapping[str, str] | None = None, options: tuple[str, ...] = ()
    ) -> LiveSystem:
        table = tmp_path / f"parts-{len(started)}.json"
        table.write_text(json.dumps(parts), encoding="utf-8")
        named = [str(tmp_path / "home"), str(table), "--json", *options]
        process = subprocess.Popen(
            [sys.executable, "-m", "leads_dagster_tests.live.stand_in", *named],
            cwd=REPOSITORY,
            env={**os.environ, **(environ or {})},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return LiveSystem(process)

    yield begin
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
