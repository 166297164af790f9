"""A real HTTP server in a thread, for tests: each path answers the replies it was given, the last one for ever."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Reply:
    """One answer; `cut_after` closes the connection after so many bytes, `wait` holds the answer back."""

    status: int = 200
    body: bytes = b"Name,Email\nAda,ada@example.com\n"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/csv"})
    cut_after: int | None = None
    wait: threading.Event | None = None


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args: Any) -> None:
        """Clients that hang up in mid-answer are what is tested."""


class ScriptedServer:
    """Answers with the replies given by `on`; keeps every request in `asked`."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self._replies: dict[str, list[Reply]] = {}
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self._server = _QuietServer(("127.0.0.1", 0), _handler_of(self))
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,))

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def on(self, path: str, *replies: Reply) -> str:
        """Say what `path` answers; returns its address."""
        self._replies[path] = list(replies)
        return self.url + path

    def times_asked(self, path: str) -> int:
        return sum(asked.path == path for asked in self.asked)

    def next_reply(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
            replies = self._replies.get(asked.path, [Reply(404, b"nothing here")])
            return replies.pop(0) if len(replies) > 1 else replies[0]

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler_of(script: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one piece, or the client waits 40 ms for the second

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            asked = Asked(self.command, parts.path, parse_qs(parts.query), headers, body)
            self._answer(script.next_reply(asked))

        do_POST = do_GET  # noqa: N815  http.server's name

        def _answer(self, reply: Reply) -> None:
            if reply.wait is not None:
                reply.wait.wait(10)
            self.send_response_only(reply.status)  # `send_response` would add a Date of its own
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.status != 304:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if reply.status == 304:
                return
            self.wfile.write(reply.body[: reply.cut_after])
            self.close_connection = reply.cut_after is not None

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    return Handler
