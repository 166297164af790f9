"""Starts and stops the twin: in a thread for tests, in the foreground for the command line."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import logging
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from leads_dagster.errors import SettingsError
from leads_dagster.sandbox.admin import AdminRoutes
from leads_dagster.sandbox.airtable_handle import AirtableHandle
from leads_dagster.sandbox.airtable_hooks import Hook, mac_header
from leads_dagster.sandbox.airtable_routes import AirtableRoutes
from leads_dagster.sandbox.airtable_schema import AirtableSchemaRoutes
from leads_dagster.sandbox.airtable_world import AirtableWorld
from leads_dagster.sandbox.app import SandboxApp
from leads_dagster.sandbox.bases_file import DEFAULT_BASES, read_bases_file
from leads_dagster.sandbox.clock import Clock, iso_milliseconds
from leads_dagster.sandbox.faults import Faults
from leads_dagster.sandbox.google_csv import GoogleCsvRoutes
from leads_dagster.sandbox.google_drive import GoogleDriveRoutes
from leads_dagster.sandbox.google_folder import SheetFolder
from leads_dagster.sandbox.google_handle import GoogleHandle
from leads_dagster.sandbox.google_sheets import GoogleSheetsRoutes
from leads_dagster.sandbox.google_structure import GoogleStructureRoutes
from leads_dagster.sandbox.http import JsonObject
from leads_dagster.sandbox.request_log import RequestLog
from leads_dagster.sandbox.state import StateFile

logger = logging.getLogger(__name__)

START_SECONDS = 20.0
SHUTDOWN_SECONDS = 5
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PING_ATTEMPTS = 3
_PING_TIMEOUT_SECONDS = 5.0


class Sandbox:
    """The twin of Airtable and Google on one port.

    Args:
        bases: a bases file, its content, or None for one base with a table of leads.
        sheets: the folder whose CSV files are the spreadsheets.
        port: 0 takes a free one.
        limits: enforce the services' rate limits.
        state: a folder in which the bases are kept from one start to the next.
        faults: see `faults`.
        conditional: offer ETag and If-None-Match on exports, which Google does not.

    Raises:
        SettingsError: a file is unreadable, or the port is taken.
    """

    def __init__(
        self,
        bases: Path | JsonObject | None = None,
        sheets: Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: bool = False,
        state: Path | None = None,
        faults: list[JsonObject] | None = None,
        conditional: bool = False,
    ) -> None:
        self.clock, self.lock = Clock(), threading.RLock()
        self.world, self.folder = AirtableWorld(self.clock), SheetFolder(sheets)
        self.airtable = AirtableHandle(self.world, self.lock)
        self._sheets_lock = threading.Lock()
        self.sheets = GoogleHandle(self.folder, self._sheets_lock)
        self.faults, self.requests = Faults(faults), RequestLog()
        self._seed = bases if isinstance(bases, dict) else read_bases_file(bases or DEFAULT_BASES)
        self.world.load(self._seed)
        self._state = StateFile(state, self.world, self.lock) if state else None
        if self._state is not None:
            self._state.restore(self._seed)
            self.world.changed = self._state.mark
            self._state.mark()
        self._pinger = ThreadPoolExecutor(2, thread_name_prefix="sandbox-ping")
        self.world.ping = lambda hook, body: self._pinger.submit(_ping, self.clock, hook, body)
        self._app = self._make_app(limits=limits, conditional=conditional)
        self._socket = _listen(host, port)
        self.host, self.port = host, self._socket.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        self._server = _Server(config, self._state, self._app.closing)
        self._thread: threading.Thread | None = None

    def _make_app(self, *, limits: bool, conditional: bool) -> SandboxApp:
        admin = AdminRoutes(
            world=self.world,
            handle=self.airtable,
            sheets=self.sheets,
            folder=self.folder,
            faults=self.faults,
            log=self.requests,
            reset=self.reset,
        )
        routes = [
            *admin.routes(),
            *AirtableSchemaRoutes(self.world).routes(),
            *AirtableRoutes(self.world).routes(),
            *GoogleSheetsRoutes(self.folder).routes(),
            *GoogleStructureRoutes(self.folder).routes(),
            *GoogleDriveRoutes(self.folder).routes(),
            *GoogleCsvRoutes(self.folder, self.clock, conditional=conditional).routes(),
        ]
        return SandboxApp(
            routes,
            airtable=self.world,
            faults=self.faults,
            log=self.requests,
            lock=self.lock,
            sheets_lock=self._sheets_lock,
            limits=limits,
        )

    @property
    def url(self) -> str:
        """`http://host:port`; what AIRTABLE_ENDPOINT_URL and GOOGLE_SHEETS_ENDPOINT_URL want."""
        return f"http://{self.host}:{self.port}"

    def sheet_url(self, sheet_id: str, gid: int = 0) -> str:
        """The export address of a sheet."""
        return f"{self.url}/spreadsheets/d/{sheet_id}/export?format=csv&gid={gid}"

    def reset(self) -> None:
        """Start again from the bases given; faults, counts and a skewed clock are cleared too."""
        with self.lock:
            self.world.load(self._seed)
            self.faults.replace([])
            self.requests.clear()
            self.folder.refusals.clear()
            self.clock.skew(0.0)
            self.world.changed()

    def start(self) -> Sandbox:
        """Serve in a daemon thread; returns when requests are answered."""
        self._thread = threading.Thread(target=self.run, name="sandbox", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise SettingsError("The sandbox did not start.")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Stop serving and write the state. Requests that are being held up are held up no longer."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(START_SECONDS)
        self._close()

    def run(self) -> None:
        """Serve in this thread until told to stop."""
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def serve_here(self) -> None:
        """Serve in the foreground; Ctrl-C ends it."""
        try:
            with contextlib.suppress(KeyboardInterrupt):
                self.run()
        finally:
            self._close()

    def _close(self) -> None:
        self._socket.close()
        self._pinger.shutdown(wait=False, cancel_futures=True)
        if self._state is not None:
            self._state.flush()

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(uvicorn.Server):
    """Uvicorn that keeps the state while it serves, and writes it before a signal may end the process."""

    def __init__(self, config: uvicorn.Config, state: StateFile | None, closing: asyncio.Event) -> None:
        super().__init__(config)
        self._state, self._closing = state, closing
        self._keeper: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._state is not None:
            self._keeper = asyncio.create_task(self._state.keep())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing.set()
        await super().shutdown(sockets)
        if self._keeper is not None:
            self._keeper.cancel()
        if self._state is not None:
            self._state.flush()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted connections inherit this; without it each answer waits 40 ms for the client's delayed ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # from here on a caller waits in line, also before the server runs
    except OSError as error:
        listener.close()
        raise SettingsError(f"The sandbox cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


def _ping(clock: Clock, hook: Hook, body: bytes) -> None:
    """Post the notification, to loopback addresses only; a failure is noted on the hook and tried again."""
    for attempt in range(_PING_ATTEMPTS):
        started = time.perf_counter()
        failure = _post(hook, body)
        now = iso_milliseconds(clock.now())
        result: dict[str, Any] = {
            "success": failure is None,
            "completionTimestamp": now,
            "durationMs": round((time.perf_counter() - started) * 1000, 3),
            "retryNumber": attempt,
        }
        if failure is None:
            hook.last_success, hook.last_result = now, result
            return
        hook.last_result = {
            **result,
            "error": {"message": failure},
            "willBeRetried": attempt + 1 < _PING_ATTEMPTS,
        }
        time.sleep(0.2 * (attempt + 1))


def _post(hook: Hook, body: bytes) -> str | None:
    """What went wrong, or None."""
    parts = urlsplit(hook.notification_url or "")
    if parts.hostname not in _LOOPBACK:
        return "The sandbox notifies loopback addresses only"
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=_PING_TIMEOUT_SECONDS)
    headers = {"Content-Type": "application/json", "X-Airtable-Content-MAC": mac_header(hook, body)}
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body, headers)
        status = connection.getresponse().status
    except OSError as error:
        return str(error)
    finally:
        connection.close()
    return None if status in (200, 204) else f"The address answered {status}"


def serve(
    *,
    bases: Path | None = None,
    sheets: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    limits: bool = False,
    state: Path | None = None,
    faults: list[JsonObject] | None = None,
    announce: Callable[[Sandbox], None] = lambda sandbox: None,
) -> None:
    """Serve in the foreground until Ctrl-C. `announce` is called once the port is known. Raises SettingsError."""
    sandbox = Sandbox(bases, sheets, host=host, port=port, limits=limits, state=state, faults=faults)
    announce(sandbox)
    sandbox.serve_here()
