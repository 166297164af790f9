"""systemd is told how it goes, where it asked to be."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from leads_dagster.live.notify import tell_systemd


def test_the_state_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        tell_systemd("READY=1")

        assert listening.recv(100) == b"READY=1"


def test_nobody_listening_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))

    assert tell_systemd("READY=1") is None  # type: ignore[func-returns-value]
