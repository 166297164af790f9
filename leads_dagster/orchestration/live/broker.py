"""How runs reach the workers: by files in one folder, or by the broker that LEADS_BROKER_URL names.

What belongs here: the folder as a transport of Celery's, and the options of Celery's that daemon and workers share.
What is in a message is dagster_celery's.

Kombu has a transport of files as well. It writes a message in place, so that a worker may take one that is half
written, and it moves each through the machine's folder for temporary files; here a message appears whole, is taken by
one rename within the folder, and a folder that somebody deleted is made again.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

from celery.worker import state as worker_state
from kombu import transport as kombu_transports
from kombu.entity import Queue
from kombu.transport import virtual
from kombu.utils.json import dumps, loads

from leads_dagster.settings import Settings

FOLDER_SCHEME = "leadsfolder"
QUEUE = "dagster"
UPKEEP_QUEUE = "upkeep"
# A worker looks into the folder this often: 20 ms of the second, and half a percent of a core.
_POLL_SECONDS = 0.02

kombu_transports.TRANSPORT_ALIASES[FOLDER_SCHEME] = f"{__name__}:FolderTransport"


class FolderChannel(virtual.Channel):
    """One message a file, named by the time it was sent; a rename takes it."""

    do_restore = False

    @property
    def folder(self) -> Path:
        """Where the messages are."""
        return Path(self.connection.client.transport_options["folder"])

    def _put(self, queue: str, message: dict[str, Any], **_: object) -> None:
        name = f"{time.time_ns():020d}_{uuid.uuid4().hex}.{queue}"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self.folder / f".{name}"
        unfinished.write_text(dumps(message), encoding="utf-8")
        unfinished.rename(self.folder / f"{name}.msg")

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        worker_state.maybe_shutdown()  # between two messages; the worker itself looks every two seconds only
        for path in self._waiting(queue):
            taken = path.with_name(f".{path.name}.taken")
            try:
                path.rename(taken)
            except FileNotFoundError:
                continue  # another worker was faster
            text = taken.read_text(encoding="utf-8")
            taken.unlink(missing_ok=True)
            message: dict[str, Any] = loads(text)
            return message
        raise Empty

    def _size(self, queue: str) -> int:
        return sum(1 for _ in self._waiting(queue))

    def _purge(self, queue: str) -> int:
        found = list(self._waiting(queue))
        for path in found:
            path.unlink(missing_ok=True)
        return len(found)

    def _waiting(self, queue: str) -> Iterator[Path]:
        """The queue's messages, oldest first."""
        try:
            names = sorted(path.name for path in self.folder.iterdir())
        except FileNotFoundError:
            return
        ending = f".{queue}.msg"
        yield from (self.folder / name for name in names if name.endswith(ending) and not name.startswith("."))


class FolderTransport(virtual.Transport):
    """A folder of this machine as a broker; polled."""

    Channel = FolderChannel
    global_state = virtual.BrokerState()
    default_port = None
    driver_type = "folder"
    driver_name = "folder"

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.state = self.global_state

    def driver_version(self) -> str:
        """There is no driver."""
        return "N/A"


def queues() -> list[Queue]:
    """Cycles, and all that may take minutes: each has workers of its own."""
    return [
        Queue(name, routing_key=f"{name}.#", queue_arguments={"x-max-priority": 10}) for name in (QUEUE, UPKEEP_QUEUE)
    ]


def broker_folder(settings: Settings) -> Path:
    """Where messages lie when no LEADS_BROKER_URL is set."""
    return settings.home / "live" / "broker"


def launcher_config(settings: Settings) -> dict[str, Any]:
    """What `WarmRunLauncher` is told in dagster.yaml; the broker's address stays in the environment, as it may hold a
    password."""
    own = settings.broker_url is None
    return {
        "broker": f"{FOLDER_SCHEME}://localhost" if own else {"env": "LEADS_BROKER_URL"},
        "backend": None,
        "config_source": {
            # How a run ended stands in Dagster's storage; a second record of it in Celery's would only grow.
            "task_ignore_result": True,
            "task_store_errors_even_if_ignored": False,
            "worker_prefetch_multiplier": 1,
            "worker_enable_remote_control": False,
            "worker_hijack_root_logger": False,
            "worker_redirect_stdouts": False,
            "broker_connection_retry_on_startup": True,
            "broker_transport_options": (
                {"folder": str(broker_folder(settings)), "polling_interval": _POLL_SECONDS}
                if own
                else {"max_retries": 3, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}
            ),
        },
    }
