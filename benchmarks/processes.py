"""What running processes cost, from /proc: CPU seconds and memory, each by its part of the live system.

What belongs here: reading /proc. Linux only, as the figures are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
# Words of a command line -> the part of `leads up` that it is; the first that fits.
_PARTS = {
    "api grpc": "code",
    "live.daemon": "daemon",
    "dagster_webserver": "web",
    "--name worker-1": "worker-1",
    "--name worker-2": "worker-2",
    "--name upkeep": "upkeep",
    "leads_dagster up": "leads up",
    "leads_dagster serve": "api",
}


@dataclass(frozen=True)
class Used:
    """What a process has used: CPU seconds since it began, and MB of memory that it holds now."""

    cpu: float
    megabytes: float


def used_by_part(pid: int) -> dict[str, Used]:
    """Part -> what its process has used; of a process and all that it started."""
    found: dict[str, Used] = {}
    for one in _tree(pid):
        fields, words = _stat(one), _command(one)
        if fields and words:
            part = next((part for some, part in _PARTS.items() if some in words), f"other {one}")
            cpu = (int(fields[11]) + int(fields[12])) / _TICKS
            found[part] = Used(cpu, int(fields[21]) * _PAGE / 1e6)
    return found


def stolen_seconds() -> float:
    """CPU seconds, of all cores since the machine began, that its host gave to other machines; 0 where nobody says."""
    try:
        with Path("/proc/stat").open(encoding="ascii") as file:
            return int(file.readline().split()[8]) / _TICKS
    except FileNotFoundError:
        return 0.0


def together(parts: Mapping[str, Used]) -> Used:
    """All of them; pages that they share count in each."""
    return Used(sum(one.cpu for one in parts.values()), sum(one.megabytes for one in parts.values()))


def _tree(pid: int) -> set[int]:
    parents = {int(path.name): _stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found = {pid}
    while True:
        more = {one for one, fields in parents.items() if fields and int(fields[1]) in found} - found
        if not more:
            return found
        found |= more


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command's name."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
