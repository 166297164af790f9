"""The one stream of `leads up`: what the parts print and what becomes of them, a line at a time.

What belongs here: how lines look and how they reach the outside. One thread writes, so no line is torn; a reader that
stands still (Ctrl-S, a full pipe) loses lines, which are counted, and never holds up the parts.
"""

from __future__ import annotations

import json
import os
import queue
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, TextIO

_WAITING_LINES = 10_000
_LAST_SECONDS = 3.0
_NAME_WIDTH = 10
_COLOURS = (36, 35, 34, 33, 32, 96, 95, 94, 93, 92)
_OURS = "leads"
_END = None


def wants_colours(target: TextIO, environ: Mapping[str, str]) -> bool:
    """On a terminal that knows colours, unless NO_COLOR is set (https://no-color.org)."""
    return target.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


class Stream:
    """Events and lines on their way to a terminal, a file or a program.

    Args:
        target: where they go.
        as_json: one JSON object a line instead of words.
        colours: a colour for each name.
        hide: blacks out secrets.
    """

    def __init__(
        self, target: TextIO, *, as_json: bool = False, colours: bool = False, hide: Callable[[str], str] = str
    ) -> None:
        self._target = target
        self._form: Callable[[str, str | None, str, Mapping[str, Any]], str] = _as_json if as_json else _Words(colours)
        self._hide = hide
        self._lines: queue.Queue[str | None] = queue.Queue(_WAITING_LINES)
        self._lost = 0
        self.gone = threading.Event()
        self._thread = threading.Thread(target=self._write_all, name="stream", daemon=True)
        self._thread.start()

    def heard(self, part: str, text: str) -> str:
        """A line that a part printed; given back as it was shown."""
        shown = self._hide(text)
        self._send(self._form("line", part, shown, {}))
        return shown

    def tell(self, event: str, text: str, part: str | None = None, **facts: Any) -> None:
        """Something that became of a part, or of the whole where it is None."""
        self._send(self._form(event, part, self._hide(text), facts))

    def close(self) -> None:
        """Write what waits, as far as somebody reads it."""
        try:
            self._lines.put(_END, timeout=_LAST_SECONDS)
        except queue.Full:
            return
        self._thread.join(_LAST_SECONDS)

    def _send(self, line: str) -> None:
        try:
            if self._lost:
                lost = f"{self._lost} lines were lost, since nobody read them."
                self._lines.put_nowait(self._form("lost", None, lost, {"lines": self._lost}))
                self._lost = 0
            self._lines.put_nowait(line)
        except queue.Full:
            self._lost += 1

    def _write_all(self) -> None:
        while (line := self._lines.get()) is not _END:
            try:
                self._target.write(line + "\n")
                if self._lines.empty():
                    self._target.flush()
            except (OSError, ValueError):
                self.gone.set()  # the reader has left; whoever runs the parts looks at this
                return


class _Words:
    """`12:00:01 worker-1   what it said`, the name in its colour."""

    def __init__(self, colours: bool) -> None:
        self._colours = colours
        self._given: dict[str, int] = {}

    def __call__(self, event: str, part: str | None, text: str, facts: Mapping[str, Any]) -> str:
        name = _OURS if part is None or event != "line" else part
        words = text if part is None or event == "line" else f"{part} {text}"
        beginning = f"{datetime.now().astimezone():%H:%M:%S} {self._coloured(name)} "
        return beginning + words.replace("\n", f"\n{beginning}")

    def _coloured(self, name: str) -> str:
        padded = f"{name:<{_NAME_WIDTH}}"
        if not self._colours:
            return padded
        colour = 1 if name == _OURS else self._given.setdefault(name, _COLOURS[len(self._given) % len(_COLOURS)])
        return f"\x1b[{colour}m{padded}\x1b[0m"


def _as_json(event: str, part: str | None, text: str, facts: Mapping[str, Any]) -> str:
    told = {"at": datetime.now(timezone.utc).isoformat(), "event": event, "part": part, "text": text, **facts}
    return json.dumps(told, ensure_ascii=False)


def discard_output(descriptor: int) -> None:
    """Point a broken pipe at nothing, so that the interpreter's last flush does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
