"""Serving the application: uvicorn with bounds, until Ctrl-C.

What belongs here: sockets, patience with slow callers, stopping. What is served is `app`'s.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from asyncio import TimerHandle, Transport
from contextlib import suppress
from typing import NoReturn, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from leads_dagster.interfaces.api.answering import Answering
from leads_dagster.interfaces.api.app import create_app
from leads_dagster.live.ports import refuse_open_door
from leads_dagster.settings import Settings

MOST_CONNECTIONS = 1_000
HEADER_SECONDS = 15.0
READ_SECONDS = 60.0
MOST_HEADER_BYTES = 64_000
_STOP_SECONDS = 5


def serve(settings: Settings, *, host: str, port: int) -> None:
    """Serve until Ctrl-C or SIGTERM; requests in hand may end.

    Raises:
        SettingsError: others could reach it, and no token is set.
        StoreError: the state folder cannot be written.
    """
    signal.signal(signal.SIGTERM, _end)  # uvicorn sends itself what it was stopped by once more, when all is put away
    with suppress(KeyboardInterrupt):
        server_of(settings, host=host, port=port).run()


def _end(*_: object) -> NoReturn:
    sys.exit(0)


def server_of(settings: Settings, *, host: str, port: int) -> uvicorn.Server:
    """The server, not yet running; errors as `serve`."""
    refuse_open_door(settings, host)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_STOP_SECONDS,
        backlog=512,
    )
    return _Server(config, app.state.leads)


class _Server(uvicorn.Server):
    """Lets those who listen for events go first; they would never go by themselves."""

    def __init__(self, config: uvicorn.Config, leads: Answering) -> None:
        super().__init__(config)
        self._leads = leads

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, and let requests in hand end."""
        self._leads.stop_events()
        await super().shutdown(sockets)


class PatientProtocol(HttpToolsProtocol):
    """A connection that is closed when its caller is too slow: uvicorn itself would wait for ever.

    A caller has a quarter of a minute to say what it wants, headers of 64 KB at most, and a minute to take in what it
    was sent.
    """

    _waiting: TimerHandle | None = None
    _writing: TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody connects, and shall say what for."""
        super().connection_made(cast(Transport, transport))
        self._waiting = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._let_wait()
        self._let_write()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The next request begins."""
        super().on_message_begin()
        self._header_bytes = 0
        if self._waiting is None:
            self._waiting = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def on_url(self, url: bytes) -> None:
        """A piece of its address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One of its headers."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """It is known what is wanted."""
        self._let_wait()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """What is sent is not taken in."""
        super().pause_writing()
        self._writing = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It is again."""
        self._let_write()
        super().resume_writing()

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MOST_HEADER_BYTES:
            self.transport.abort()

    def _let_wait(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _let_write(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
