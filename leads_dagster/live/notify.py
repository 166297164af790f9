"""Telling systemd how it goes, where systemd started us (sd_notify(3)): a line to the socket that it names."""

from __future__ import annotations

import os
import socket


def tell_systemd(state: str) -> None:
    """Send `READY=1`, `STOPPING=1` or `WATCHDOG=1`; nothing where nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
        try:
            speaker.sendto(state.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)
        except OSError:
            return
