"""The parts of the live system: what `leads up` runs. Another part is another line here.

What belongs here: commands, probes, order. Nothing of what the programs do.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from leads_dagster.live.folder import code_socket, heartbeat_file, kept_config, live_folder, workspace_file
from leads_dagster.live.heartbeat import HEARTBEAT
from leads_dagster.live.part import AFTER_ITS_RUN, Part
from leads_dagster.live.ports import in_url, reachable_host
from leads_dagster.live.probes import Heartbeat, answers_grpc, answers_http
from leads_dagster.settings import KEPT_CONFIG

LOCATION = "leads_dagster"


def live_parts(home: Path, *, workers: int, host: str, port: int, api_host: str, api_port: int) -> list[Part]:
    """The table.

    Args:
        home: the state folder, an absolute path.
        workers: how many runs are worked at at once.
        host, port: where Dagster's webserver serves.
        api_host, api_port: where the API and the dashboard are.
    """
    return [
        _code(home, workers),
        _daemon(home),
        _web(home, host, port),
        _api(home, api_host, api_port),
        *(_worker(home, f"worker-{number}") for number in range(1, workers + 1)),
        _upkeep(home),
    ]


def write_workspace(home: Path) -> Path:
    """Dagster's workspace.yaml, which leads daemon and webserver to the code server."""
    path = workspace_file(home)
    path.write_text(
        "# Written by leads up at every start.\n"
        "load_from:\n"
        "  - grpc_server:\n"
        f"      socket: {json.dumps(str(code_socket(home)))}\n"
        f"      location_name: {LOCATION}\n",
        encoding="utf-8",
    )
    return path


def live_environment(home: Path) -> dict[str, str]:
    """What all parts find in their environment."""
    return {
        "LEADS_HOME": str(home),
        "DAGSTER_HOME": str(live_folder(home)),
        KEPT_CONFIG: str(kept_config(home)),
        "LEADS_LIVE": "1",
        "PYTHONUNBUFFERED": "1",  # a line is seen when it is printed
        "PYTHONWARNINGS": "ignore",  # libraries' remarks to programmers
    }


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)


def _code(home: Path, workers: int) -> Part:
    """Dagster's code server: it loads leads.toml and the assets, and evaluates the sensors."""
    socket = code_socket(home)
    serve = ("--module-name", "leads_dagster.definitions", "--socket", str(socket), "--location-name", LOCATION)
    return Part(
        name="code",
        command=_python("dagster", "api", "grpc", *serve, "--log-level", "warning"),
        probe=lambda: answers_grpc(socket),
        # The sensors ask for no more runs at once than the workers there are can take.
        environ={**live_environment(home), "LEADS_WORKERS": str(workers)},
        stop_order=1,  # who asks it has gone by then, and workers have its code themselves
        follows_settings=True,
    )


def _daemon(home: Path) -> Part:
    """Dagster's daemon: it asks for the sensors' evaluations and launches the runs."""
    return Part(
        name="daemon",
        command=_python("leads_dagster.orchestration.live.daemon", "-w", str(workspace_file(home))),
        probe=lambda: Heartbeat(heartbeat_file(home, "daemon")),
        after=("code",),
        environ=_beating(home, "daemon"),
        stop_order=0,
    )


def _web(home: Path, host: str, port: int) -> Part:
    """Dagster's interface."""
    at = ("-h", host, "-p", str(port), "-w", str(workspace_file(home)))
    return Part(
        name="web",
        command=_python("dagster_webserver", *at, "--dagster-log-level", "warning"),
        probe=lambda: answers_http(reachable_host(host), port, "/server_info"),
        after=("code",),
        environ=live_environment(home),
        stop_order=0,  # people start runs in it, too
        url=f"http://{in_url(reachable_host(host))}:{port}",
    )


def _api(home: Path, host: str, port: int) -> Part:
    """The API and the dashboard. A database that is away is no reason to start them anew: they say so."""
    return Part(
        name="api",
        command=_python("leads_dagster.interfaces.api", "--host", host, "--port", str(port)),
        probe=lambda: answers_http(reachable_host(host), port, "/healthz"),
        after=("code",),
        environ=live_environment(home),
        stop_order=0,  # runs can be asked for in it, too
        follows_settings=True,
        url=f"http://{in_url(reachable_host(host))}:{port}",
    )


def _worker(home: Path, name: str) -> Part:
    """A run worker: one run at a time, everything kept open between two."""
    return Part(
        name=name,
        command=_python("leads_dagster.orchestration.live.worker", "--name", name),
        probe=lambda: Heartbeat(heartbeat_file(home, name)),
        after=("code",),
        environ=_beating(home, name),
        stop=AFTER_ITS_RUN,
        stop_order=1,
        follows_settings=True,
    )


def _upkeep(home: Path) -> Part:
    """One more, for backups, comparisons, audits and clearing away: no edit waits for them, and they wait for no edit.

    It starts when the first worker is ready, and nobody waits for that.
    """
    return replace(
        _worker(home, "upkeep"),
        command=(*_worker(home, "upkeep").command, "--queue", "upkeep"),
        after=("worker-1",),
        is_awaited=False,
    )


def _beating(home: Path, name: str) -> dict[str, str]:
    return {**live_environment(home), HEARTBEAT: str(heartbeat_file(home, name))}
