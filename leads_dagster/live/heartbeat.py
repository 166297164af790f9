"""How a part says that it is well: it touches a file each second, and the supervisor sees it change.

What belongs here: the part's side. The supervisor's is `probes.Heartbeat`.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

HEARTBEAT = "LEADS_LIVE_HEARTBEAT"
"""Names the file; unset in a process that no supervisor started."""
_SECONDS = 1.0


def start_beating() -> None:
    """Beat for the life of this process, in a thread of its own: a run may keep the main thread for minutes.

    A process that is frozen, or whose interpreter is stuck, stops beating.
    """
    named = os.environ.get(HEARTBEAT)
    if named:
        threading.Thread(target=_beat_on, args=(Path(named),), name="heartbeat", daemon=True).start()


def _beat_on(path: Path) -> None:
    while True:
        _beat(path)
        time.sleep(_SECONDS)


def _beat(path: Path) -> None:
    """Only the file's time changes, so that a full disk is no reason to be taken for dead."""
    try:
        path.touch()
    except FileNotFoundError:  # somebody cleared the state folder
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
