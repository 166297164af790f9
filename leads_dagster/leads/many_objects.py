"""Making many objects at once without Python's search for rings of them.

What belongs here: that search put off. It goes through all objects that live, again and again while more are made: a
fifth of the time that matching many records takes. What is made there hangs together in no rings, and so is freed
without it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collecting() -> Iterator[None]:
    """Search for no rings inside; afterwards as before."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
