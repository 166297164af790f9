"""What was told already, in a file of the state folder: the lead database may be what the news is about.

What belongs here: reading and writing that file, under a lock, whole or not at all. A file that cannot be read is begun
anew: people are told once more, which is better than never.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

logger = logging.getLogger(__name__)

_FILE = "notifications.json"


@dataclass
class Told:
    """An alert that stands open, or is over and may come back.

    Attributes:
        opened_at, told_at, over_at: seconds since the epoch; told_at is 0 while nobody could be told, over_at while it
            stands.
        message, advice, severity: as last seen.
        customer: None for all of them. kind: of the alert.
    """

    customer: str | None
    kind: str
    message: str
    advice: str
    severity: str
    opened_at: float
    told_at: float = 0.0
    over_at: float = 0.0


@dataclass
class Delivered:
    """How far a webhook is.

    Attributes:
        until: when the last run that it was told of ended; ISO, "" for none.
        run_ids: of the runs that ended then.
        failures: tries in a row that failed.
        retry_at: seconds since the epoch.
        error: of the last try.
    """

    until: str = ""
    run_ids: list[str] = field(default_factory=list)
    failures: int = 0
    retry_at: float = 0.0
    error: str = ""


@dataclass
class Memory:
    """All that is remembered.

    Attributes:
        alerts: key of an alert -> what was told of it.
        examined: customer -> when it was last looked at; seconds since the epoch.
        webhooks: name of a webhook -> how far it is.
    """

    alerts: dict[str, Told] = field(default_factory=dict)
    examined: dict[str, float] = field(default_factory=dict)
    webhooks: dict[str, Delivered] = field(default_factory=dict)


def read_memory(home: Path) -> Memory:
    """What is remembered in a state folder; nothing where the file is not there or cannot be read."""
    try:
        found = json.loads((home / _FILE).read_text(encoding="utf-8"))
        return Memory(
            alerts={key: Told(**one) for key, one in found["alerts"].items()},
            examined=dict(found["examined"]),
            webhooks={key: Delivered(**one) for key, one in found["webhooks"].items()},
        )
    except FileNotFoundError:
        return Memory()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        logger.warning("%s cannot be read and is begun anew.", home / _FILE)
        return Memory()


@contextmanager
def remembering(home: Path, name: str) -> Iterator[Memory | None]:
    """What is remembered, to be changed and written back; None while another process is at it.

    Args:
        home: the state folder, which is there.
        name: what is done meanwhile: each has a lock, and writes back only what is its own.
    """
    lock = FileLock(home / f"notifications.{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield None
        return
    try:
        memory = read_memory(home)
        yield memory
        _write(home, memory, name)
    finally:
        lock.release()


def _write(home: Path, memory: Memory, name: str) -> None:
    with FileLock(home / "notifications.lock"):
        standing = read_memory(home)
        if name == "webhooks":
            standing.webhooks = memory.webhooks
        else:
            standing.alerts, standing.examined = memory.alerts, memory.examined
        fresh = home / f"{_FILE}.new"
        try:
            fresh.write_text(json.dumps(asdict(standing), indent=1), encoding="utf-8")
            fresh.chmod(0o600)
            fresh.replace(home / _FILE)
        except OSError as error:
            logger.warning("What was told cannot be written down: %s.", error.strerror)
