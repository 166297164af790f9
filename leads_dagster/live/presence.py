"""That the live system of a state folder runs, and how: one at a time, and visible to other commands.

What belongs here: the lock and live.json. The lock decides, because the kernel frees it whatever its holder dies of;
the file only tells.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from leads_dagster.errors import AlreadyRunningError
from leads_dagster.live.folder import lock_file, prepare, presence_file
from leads_dagster.live.keeper import Health
from leads_dagster.settings import load_settings

_LOCK_SECONDS = 1.0  # `leads status` holds it for an instant


@dataclass
class Presence:
    """What live.json says.

    Attributes:
        path: where it stands.
        urls: part -> address.
        since: when the supervisor started; seconds since 1970.
    """

    path: Path
    urls: Mapping[str, str] = field(default_factory=dict)
    since: float = field(default_factory=time.time)

    def write(self, parts: Mapping[str, Health]) -> None:
        """Put it in the file, whole or not at all. A disk that is full changes nothing for the parts."""
        found = {
            "pid": os.getpid(),
            "since": _moment(self.since),
            "ready": all(health.state == "ready" for health in parts.values()),
            "urls": dict(self.urls),
            "parts": {name: {**asdict(health), "since": _moment(health.since)} for name, health in parts.items()},
        }
        try:
            fresh = self.path.with_suffix(".new")
            fresh.write_text(json.dumps(found, indent=2), encoding="utf-8")
            fresh.replace(self.path)
        except OSError:
            return


@contextmanager
def only_one(home: Path) -> Iterator[Presence]:
    """Be the live system of this state folder.

    Raises:
        AlreadyRunningError: another one is.
        StoreError: the folder cannot be made.
    """
    prepare(home)
    lock = FileLock(lock_file(home), timeout=_LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise _refused(home) from None
    presence = Presence(presence_file(home))
    try:
        yield presence
    finally:
        presence.path.unlink(missing_ok=True)
        lock.release()


def who_runs(home: Path) -> dict[str, Any]:
    """What live.json says, with `running`: False where there is none, or one that a killed supervisor left behind."""
    try:
        found = json.loads(presence_file(home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"running": False}
    return {"running": True, **found} if isinstance(found, dict) and _is_held(home) else {"running": False}


def in_words(found: Mapping[str, Any]) -> str:
    """What `who_runs` found, in a sentence."""
    if not found["running"]:
        return "not running"
    where = ", ".join(f"{name} at {url}" for name, url in found["urls"].items())
    troubled = [f"{name} {one['state']}" for name, one in found["parts"].items() if one["state"] != "ready"]
    restarts = [f"{name} {one['restarts']}" for name, one in found["parts"].items() if one["restarts"]]
    said = [f"runs since {found['since']}, process {found['pid']}", where, "; ".join(troubled) or "all parts ready"]
    return ", ".join([part for part in said if part] + (["restarts: " + ", ".join(restarts)] if restarts else []))


def _is_held(home: Path) -> bool:
    lock = FileLock(lock_file(home), timeout=0)
    try:
        with lock:
            return False
    except (Timeout, OSError):
        return True


def _refused(home: Path) -> AlreadyRunningError:
    found = who_runs(home)
    pid, urls = found.get("pid", "unknown"), found.get("urls", {})
    where = "".join(f", {name} at {url}" for name, url in urls.items())
    return AlreadyRunningError(
        f"The live system of {home} runs already: process {pid}{where}.",
        advice="One state folder has one. leads status shows it; stop it first, or set LEADS_HOME for another.",
        pid=pid,
        urls=urls,
    )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat(timespec="seconds")


def main() -> int:
    """For a container's health check: what runs, in a line; 0 where all parts are ready, else 1."""
    found = who_runs(load_settings().home)
    sys.stdout.write(in_words(found) + "\n")
    return 0 if found["running"] and found["ready"] else 1


if __name__ == "__main__":
    sys.exit(main())
