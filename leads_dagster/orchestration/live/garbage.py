"""Python's search for rings of garbage, kept from what stays for the life of a process anyway.

What belongs here: setting that apart. The search stops everything and goes through all objects that live. In a process
that has loaded Dagster those are 270,000, and it takes 0.5 s on a fast machine, in the midst of somebody's edit, each
time that a sheet of 10,000 rows has made enough new ones.
"""

from __future__ import annotations

import gc
import threading
import time

# By then a part has loaded what it works with.
_SETTLED_SECONDS = 30.0


def set_apart() -> None:
    """Throw away what is garbage now, and never again search what is not."""
    gc.collect()
    gc.freeze()


def set_apart_later(seconds: float = _SETTLED_SECONDS) -> None:
    """Do so once, when this process has been at work for a while; it keeps nobody from ending it."""
    threading.Thread(target=_after, args=(seconds,), name="garbage", daemon=True).start()


def _after(seconds: float) -> None:
    time.sleep(seconds)
    set_apart()
