"""Whether a part is well, asked of real servers that answer, stand still or are not there."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest

from leads_dagster.live.part import Probe
from leads_dagster.live.probes import Heartbeat, answers_grpc, answers_http


def is_well(probe: Probe) -> bool:
    """What the probe says."""

    async def ask() -> bool:
        return await probe()

    return asyncio.run(ask())


class Page(BaseHTTPRequestHandler):
    """200 for /server_info, 404 for all else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/server_info" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        return


@pytest.fixture
def web() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_page_that_is_there_is_well(web: int) -> None:
    assert is_well(answers_http("127.0.0.1", web, "/server_info"))


def test_another_answer_than_200_is_not_well(web: int) -> None:
    assert not is_well(answers_http("127.0.0.1", web, "/elsewhere"))


def test_nobody_there_is_not_well(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert not is_well(answers_http("127.0.0.1", port, "/server_info"))
    assert not is_well(answers_grpc(tmp_path / "nothing.sock"))


def test_a_grpc_server_that_runs_is_well(tmp_path: Path) -> None:
    path = tmp_path / "code.sock"
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_insecure_port(f"unix:{path}")
    server.start()

    assert is_well(answers_grpc(path))
    server.stop(None).wait()


def test_a_server_that_accepts_and_never_answers_is_not_well(tmp_path: Path) -> None:
    path = tmp_path / "code.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        assert not is_well(answers_grpc(path))


def test_a_heart_that_never_beat_is_not_well(tmp_path: Path) -> None:
    assert not is_well(Heartbeat(tmp_path / "beat"))


def test_beats_of_an_earlier_life_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "beat"
    path.touch()

    assert not is_well(Heartbeat(path))


@pytest.mark.parametrize("moved", [-86_400, 86_400])
def test_a_beat_counts_whatever_the_clock_says(tmp_path: Path, moved: int) -> None:
    probe = Heartbeat(tmp_path / "beat")
    probe.path.touch()
    found = probe.path.stat().st_mtime
    os.utime(probe.path, (found + moved, found + moved))

    assert is_well(probe)


def test_a_heart_that_stopped_is_not_well(tmp_path: Path) -> None:
    probe = Heartbeat(tmp_path / "beat", seconds=0.0)
    probe.path.touch()
    is_well(probe)

    assert not is_well(probe)
