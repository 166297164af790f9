"""Stopping a command that keeps going: Ctrl-C and SIGTERM alike, and neither of them lost.

What belongs here: the two signals. Dagster takes both over while it runs a job, forgets one that comes between two
steps, and afterwards gives SIGTERM the handler of SIGINT, which a shell that starts us in the background has told to
ignore. Hence one handler for both, and a note of every signal that nobody else can take away.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_signals() -> Iterator[Callable[[], None]]:
    """Within the block both signals raise KeyboardInterrupt; main thread only.

    Yields:
        To be called after work that may have taken a signal: raises KeyboardInterrupt where one was forgotten.
    """
    heeded = {signal.SIGTERM}
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        heeded.add(signal.SIGINT)

    def interrupt(number: int, frame: FrameType | None) -> None:
        if number in heeded:
            raise KeyboardInterrupt

    with noted_signals() as notes:

        def raise_if_forgotten() -> None:
            if heeded.intersection(notes()):
                raise KeyboardInterrupt

        before = {one: signal.signal(one, interrupt) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield raise_if_forgotten
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


@contextmanager
def noted_signals() -> Iterator[Callable[[], bytes]]:
    """Every signal's number in a pipe, written by the interpreter itself, whoever handles it; to be asked once each."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)  # as set_wakeup_fd wants it

    def notes() -> bytes:
        try:
            return os.read(reader, 4096)
        except BlockingIOError:
            return b""

    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield notes
    finally:
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)
