"""Plays scenes one after the other, and checks that each was seen.

What belongs here: time. What is said of it, and where, is told to a listener.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from leads_dagster.demo.scenes import Look, Scene
from leads_dagster.demo.stage import Stage
from leads_dagster.errors import LeadsError, ServiceUnavailableError

_LOOK_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 90.0


@dataclass(frozen=True)
class Seen:
    """What came of a scene.

    Attributes:
        path: where on the dashboard it can be seen; None where it was not seen.
        seconds: from the deed until then.
        reason: why it was not seen, where that is known.
    """

    scene: Scene
    path: str | None
    seconds: float
    reason: str = ""


class Player:
    """Plays scenes until all were played or `stop` is set.

    Args:
        scenes: in their order.
        seconds: from the beginning of one scene to that of the next, at least.
        begins, ends: told of each scene, its number counted from 1.
        stop: set when nobody looks on any more.
        patience: seconds that an effect may take.
    """

    def __init__(
        self,
        scenes: Sequence[Scene],
        *,
        seconds: float,
        begins: Callable[[int, Scene], None],
        ends: Callable[[int, Seen], None],
        stop: threading.Event,
        patience: float = _LONGEST_WAIT_SECONDS,
    ) -> None:
        self._scenes, self._seconds, self._patience = scenes, seconds, patience
        self._begins, self._ends, self._stop = begins, ends, stop

    def play(self, stage: Stage) -> list[Seen]:
        """All scenes; what came of each that was played to its end."""
        played: list[Seen] = []
        for number, scene in enumerate(self._scenes, 1):
            began = time.monotonic()
            self._begins(number, scene)
            seen = self._played(stage, scene)
            if self._stop.is_set():
                break
            self._ends(number, seen)
            played.append(seen)
            is_last = number == len(self._scenes)
            if self._stop.wait(0 if is_last else max(0.0, began + self._seconds - time.monotonic())):
                break
        return played

    def _played(self, stage: Stage, scene: Scene) -> Seen:
        began = time.monotonic()
        try:
            path = self._seen(scene.play(stage), began)
        except LeadsError as error:
            return Seen(scene, None, time.monotonic() - began, error.message)
        return Seen(scene, path, time.monotonic() - began)

    def _seen(self, look: Look, began: float) -> str | None:
        """Where it can be seen; None where patience ended, or the demo."""
        while time.monotonic() - began < self._patience:
            path = _looked(look)
            if path is not None or self._stop.wait(_LOOK_SECONDS):
                return path
        return None


def _looked(look: Look) -> str | None:
    """An API that is away for a moment is no reason to give up."""
    try:
        return look()
    except ServiceUnavailableError:
        return None
