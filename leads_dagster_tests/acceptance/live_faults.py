"""The live system with its parts killed, its folders deleted and its services away: `make faults`.

    python -m leads_dagster_tests.acceptance.live_faults [--only NAME …]

`leads up` and the offline twin run as they do for a user. Each fault is done for real while cells are edited; within
30 seconds of its end all stores must hold the last edit, and Dagster must know of no run that is not over. The first
that does not ends the program, with the folder of the trial left as it is.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from leads_dagster.interfaces.freshness_trial import Trial, TrialPlan, trial, until_all_hold
from leads_dagster.live.presence import who_runs
from leads_dagster_tests.acceptance.moved_clock import MovedClock

WITHIN_SECONDS = 30.0
_DISK_BYTES = 400_000_000
_UNFINISHED = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")


@dataclass(frozen=True)
class Scene:
    """The system at work, and what a fault may lay hands on."""

    running: Trial
    state: Path
    twin: int
    clock: MovedClock

    def pid_of(self, part: str) -> int:
        """The process of a part, as live.json tells it."""
        told = who_runs(self.state)
        assert told is not None
        return int(told["parts"][part]["pid"])

    def pids_of(self, beginning: str) -> list[int]:
        """Of all parts whose names begin so."""
        told = who_runs(self.state)
        assert told is not None
        return [int(one["pid"]) for name, one in told["parts"].items() if name.startswith(beginning)]


def killed(part: str) -> Callable[[Scene], None]:
    """The part is killed, the supervisor left to find out."""

    def fault(scene: Scene) -> None:
        os.kill(scene.pid_of(part), signal.SIGKILL)
        edit(scene, f"{part} was killed")

    return fault


def worker_killed_in_a_run(scene: Scene) -> None:
    """All workers are killed while a run of theirs waits for the CRM database."""
    with _locked(scene.state / "crm.db"):
        edit(scene, "in the middle")
        _run_in_hand(scene)
        for pid in scene.pids_of("worker"):
            os.kill(pid, signal.SIGKILL)


def terminated_in_the_interface(scene: Scene) -> None:
    """A person presses "Terminate" for a run that waits for the CRM database."""
    with _locked(scene.state / "crm.db"):
        edit(scene, "its run is terminated")
        run_id = _run_in_hand(scene)
        _press_terminate(scene, run_id)
        _until(lambda: run_id not in _runs(scene.state, *_UNFINISHED), "the end of the run that was terminated")


def _press_terminate(scene: Scene, run_id: str) -> None:
    """As Dagster's interface does it."""
    asked = "mutation($run: String!) { terminateRun(runId: $run) { __typename } }"
    url = who_runs(scene.state)["urls"]["web"]
    answer = httpx.post(f"{url}/graphql", json={"query": asked, "variables": {"run": run_id}}, timeout=30).json()
    assert answer["data"]["terminateRun"]["__typename"] == "TerminateRunSuccess", answer


def stopped_in_a_run(number: signal.Signals) -> Callable[[Scene], None]:
    """The whole is stopped while a run waits for the CRM database for a while; then it is started again."""

    def fault(scene: Scene) -> None:
        with _locked(scene.state / "crm.db"):
            edit(scene, f"stopped by {number.name}")
            _run_in_hand(scene)
            stopping = threading.Thread(target=scene.running.system.stop, args=(number,))
            stopping.start()
            time.sleep(3)
        stopping.join()
        left = _runs(scene.state, *_UNFINISHED)
        assert not left, f"{left} were left unfinished"
        edit(scene, f"after it was stopped by {number.name}")
        scene.running.system.start()
        _until(lambda: bool(who_runs(scene.state).get("ready")), "all parts")

    return fault


def _run_in_hand(scene: Scene) -> str:
    _until(lambda: bool(_runs(scene.state, "STARTED")), "a run that started")
    return _runs(scene.state, "STARTED")[0]


def broker_deleted(scene: Scene) -> None:
    """The folder of messages is deleted, with the workers stopped so that there is one in it."""
    workers = scene.pids_of("worker")
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    edit(scene, "its message is deleted")
    broker = scene.state / "live" / "broker"
    _until(lambda: any(broker.glob("*.msg")), "a message")
    shutil.rmtree(broker)
    for pid in workers:
        os.kill(pid, signal.SIGCONT)


def sheet_away(scene: Scene) -> None:
    """The sheet's server answers nothing for a minute; an edit is made meanwhile, which nobody can see."""
    os.kill(scene.twin, signal.SIGSTOP)
    time.sleep(60)
    os.kill(scene.twin, signal.SIGCONT)
    edit(scene, "after the sheet's server came back")


def database_locked(scene: Scene) -> None:
    """Another program holds the lead database for 20 seconds."""
    with _locked(scene.state / "leads.db"):
        edit(scene, "while the database was locked")
        time.sleep(20)


def clock_moved(scene: Scene) -> None:
    """The wall clock of all parts is put forward by an hour, and back by one; edits are made at both."""
    if not scene.clock.environ:
        raise NotPossibleError("there is no C compiler, which the clock needs")
    for seconds, way in ((3600.0, "forward"), (0.0, "back")):
        scene.clock.move(seconds)
        edit(scene, f"the clock was put {way}")
        _say(f"  put {way}: right again after {right_again(scene):.1f} s")
        _ticks_go_on(scene.state)
    edit(scene, "after both")


def _ticks_go_on(state: Path) -> None:
    """Every sensor is evaluated again, by ticks that were not there."""
    sensors = "SELECT selector_id, max(id) FROM job_ticks WHERE type = 'SENSOR' GROUP BY selector_id"
    before = dict(_asked(state / "dagster" / "schedules" / "schedules.db", sensors))

    def all_ticked() -> bool:
        now = dict(_asked(state / "dagster" / "schedules" / "schedules.db", sensors))
        return all(now[name] > tick for name, tick in before.items())

    _until(all_ticked, "a tick of every sensor")


def disk_full(scene: Scene) -> None:
    """What is left of the disk is taken up for a while."""
    ballast = scene.state / "ballast"
    free = shutil.disk_usage(scene.state).free
    if free > 2_000_000_000:
        raise NotPossibleError("the state folder is on a large disk; run it as root, which may mount a small one")
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass
    edit(scene, "while the disk was full")
    time.sleep(10)
    ballast.unlink()


FAULTS: dict[str, Callable[[Scene], None]] = {
    "code": killed("code"),
    "daemon": killed("daemon"),
    "web": killed("web"),
    "worker": killed("worker-1"),
    "worker-in-a-run": worker_killed_in_a_run,
    "terminated": terminated_in_the_interface,
    "stopped": stopped_in_a_run(signal.SIGTERM),
    "ctrl-c": stopped_in_a_run(signal.SIGINT),
    "broker-deleted": broker_deleted,
    "database-locked": database_locked,
    "sheet-away": sheet_away,
    "clock-moved": clock_moved,
    "disk-full": disk_full,
}


class NotPossibleError(Exception):
    """The fault cannot be done on this machine."""


_last: dict[int, str] = {}


def edit(scene: Scene, why: str) -> None:
    """Type into one cell; what was typed last must be everywhere in the end."""
    _last[7] = f"{why} {time.time_ns()}"
    scene.running.edit(7, _last[7])


def right_again(scene: Scene) -> float:
    """Seconds until all stores hold the last edit and no run is left over.

    Raises:
        ServiceUnavailableError, AssertionError: that takes longer than a minute, or half of one.
    """
    ended = time.monotonic()
    until_all_hold(scene.running.stores.asks(7, _last[7]), ended)
    _until(lambda: not _runs(scene.state, *_UNFINISHED), "the end of all runs")
    seconds = time.monotonic() - ended
    assert seconds <= WITHIN_SECONDS, f"it took {seconds:.0f} s"
    return seconds


def _runs(state: Path, *statuses: str) -> list[str]:
    """Ids of the runs that Dagster knows in these states."""
    marks = ",".join("?" * len(statuses))
    asked = f"SELECT run_id FROM runs WHERE status IN ({marks})"
    return [row[0] for row in _asked(state / "dagster" / "history" / "runs.db", asked, *statuses)]


def _asked(path: Path, query: str, *values: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        return connection.execute(query, values).fetchall()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def _until(condition: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends, f"waited a minute for {what}"
        time.sleep(0.05)


def run(names: list[str], folder: Path) -> dict[str, float]:
    """Seconds from each fault's end until all was right again."""
    found: dict[str, float] = {}
    clock = MovedClock(folder.with_name(f"{folder.name}-clock"))
    with trial(TrialPlan(rows=100), folder, say=_say, environ=clock.environ) as running:
        scene = Scene(running, folder / "state", running.twin_pid, clock)
        for name in names:
            try:
                FAULTS[name](scene)
            except NotPossibleError as reason:
                _say(f"{name}: left out, {reason}")
                continue
            found[name] = right_again(scene)
            _say(f"{name}: right again {found[name]:.1f} s after its end")
    return found


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main() -> int:
    """The command line."""
    asked = argparse.ArgumentParser(description=__doc__)
    known = list(FAULTS)
    asked.add_argument("--only", nargs="*", choices=known, default=known, metavar="NAME", help=", ".join(known))
    names = asked.parse_args().only
    folder = Path(tempfile.mkdtemp(prefix="leads-faults-"))
    with _small_disk(folder / "trial" / "state") if "disk-full" in names else nullcontext():
        run(names, folder / "trial")
    shutil.rmtree(folder, ignore_errors=True)
    return 0


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """A file system of its own for the folder, where we may mount one; else the fault says that it cannot be done."""
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "none", folder], check=False)
    try:
        yield
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "--lazy", folder], check=True)


if __name__ == "__main__":
    sys.exit(main())
