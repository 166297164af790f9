"""Keeping the write lock of customer acme in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Takes the lock, says so, and keeps it until its input ends.
_HOLDER = """
import sys
from leads_dagster.store.engine import open_engine, writing
with writing(open_engine(sys.argv[1]), "acme"):
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextmanager
def locked_by_another_process(url: str) -> Iterator[Callable[[], None]]:
    """Yields what ends the lock; it ends with the block in any case."""
    command = [sys.executable, "-c", _HOLDER, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"

        def release() -> None:
            holder.communicate()

        yield release
        if holder.poll() is None:
            release()
