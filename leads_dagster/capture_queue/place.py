"""Where this installation keeps its capture queue.

What belongs here: the way from settings to a queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leads_dagster.capture_queue.items import QueueLimits
from leads_dagster.capture_queue.protocol import CaptureQueue
from leads_dagster.errors import SettingsError
from leads_dagster.settings import Settings
from leads_dagster.settings_table import read_environment

QUEUE_FILE = "captures.db"

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """A folder, or the address of what stands in for its file.

    Attributes:
        url: "sqlite" for the file under `home`, "sqlite:///path" (from the current folder, or "sqlite:////path"), or
            a Redis.
    """

    home: Path
    url: str = field(default="sqlite", repr=False)
    limits: QueueLimits = field(default_factory=QueueLimits)

    @property
    def path(self) -> Path | None:
        """The file; None for a Redis."""
        if self.url == "sqlite":
            return self.home / QUEUE_FILE
        return Path.cwd() / Path(self.url[len(_SQLITE) :]).expanduser() if self.url.startswith(_SQLITE) else None

    def open(self) -> CaptureQueue:
        """The queue, to be closed by whoever asked.

        Raises:
            SettingsError: the client of Redis is not installed, or its address is none.
            StoreError, StoreBusyError: it cannot be used.
        """
        if self.path is not None:
            from leads_dagster.capture_queue.file_queue import FileQueue

            return FileQueue(self.path, self.limits)
        from leads_dagster.capture_queue.redis_queue import RedisQueue

        return RedisQueue(self.url, self.limits)


def queue_place(settings: Settings) -> QueuePlace:
    """Where captures wait."""
    return QueuePlace(settings.home, settings.queue_url, limits_from(vars(settings)))


def place_from(environ: Mapping[str, str]) -> QueuePlace:
    """Where captures wait, for a caller without `Settings`: what else is set need not be right.

    Raises:
        SettingsError: LEADS_HOME or a variable of the queue is wrong.
    """
    values, faults = read_environment(environ)
    if ours := [fault for fault in faults if fault.startswith(("LEADS_HOME ", "LEADS_QUEUE_"))]:
        raise SettingsError("\n".join(ours), advice="docs/configuration.md lists every setting.")
    home = Path.cwd() / Path(values["home"]).expanduser()
    return QueuePlace(home, values["queue_url"].replace("$LEADS_HOME", str(home)), limits_from(values))


def open_queue(settings: Settings) -> CaptureQueue:
    """The queue, to be closed by whoever asked; errors as `QueuePlace.open`."""
    return queue_place(settings).open()


def limits_from(values: Mapping[str, Any]) -> QueueLimits:
    """A queue's limits from the values of settings, by their names."""
    return QueueLimits(
        waiting=values["queue_limit"],
        item_bytes=values["queue_item_bytes"],
        keep_days=values["queue_keep_days"],
        attempts=values["queue_attempts"],
        retry_seconds=values["queue_retry_seconds"],
    )
