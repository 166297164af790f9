"""A worker's post: a file that it holds locked while it lives, and that says which run it is at.

What belongs here: taking a post, and looking at one. The lock goes with the process, however it ends, so that nobody
needs a clock to tell whether a worker is alive.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Post:
    """What is known of a worker.

    Attributes:
        name: such as "worker-1".
        is_held: whether its process lives.
        pid: of that process.
        run_id: the run it is at; None between two runs.
        since: when that began; seconds of the clock that nobody sets, which all processes of a machine share.
    """

    name: str
    is_held: bool
    pid: int | None
    run_id: str | None
    since: float = 0.0

    def idle_seconds(self, now: float) -> float:
        """For how long it has had no run; 0 while it has one."""
        return max(0.0, now - self.since) if self.run_id is None else 0.0


class HeldPost:
    """The worker's own side."""

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self._descriptor = descriptor
        self.at(None)

    def at(self, run_id: str | None) -> None:
        """Say which run is being executed."""
        said = json.dumps({"pid": os.getpid(), "run_id": run_id, "since": time.monotonic()}).encode()
        os.pwrite(self._descriptor, said.ljust(200), 0)


def posts_folder(home: str | os.PathLike[str]) -> Path:
    """Where the posts of a live system are, in its DAGSTER_HOME."""
    return Path(home) / "workers"


@contextmanager
def held_post(folder: Path, name: str) -> Iterator[HeldPost]:
    """Take a post for the life of the block.

    Raises:
        BlockingIOError: another process has it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield HeldPost(name, descriptor)
    finally:
        os.close(descriptor)


def read_post(folder: Path, name: str) -> Post:
    """Look at a post; one that nobody ever took is not held."""
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return Post(name, False, None, None)
    try:
        said = json.loads(os.pread(descriptor, 200, 0) or b"{}")
        return Post(name, _is_locked(descriptor), said.get("pid"), said.get("run_id"), said.get("since", 0.0))
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False
