"""Clocks: what a piece of work or a command costs in wall seconds, CPU seconds and memory.

What belongs here: measuring, and handing figures from a child process to its parent. The standard library only, since
the peers' environment runs it too. Every figure is taken in a child process: what one measurement imported or left in
memory is not in the next one's figures.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

REPOSITORY = Path(__file__).resolve().parent.parent
CHILD_SECONDS = 3600.0


class BenchmarkError(Exception):
    """A measurement that could not be made, or whose work came out wrong: its figure would be worth nothing."""


class NotHereError(Exception):
    """This machine lacks what a section needs; the others go on, and what the page says of it stays."""


@dataclass(frozen=True)
class Timing:
    """What some work cost.

    Attributes:
        wall: seconds on the clock.
        cpu: seconds of processor time, all threads; what a busy machine leaves nearly unchanged.
        peak_mb: the most memory the process had held by the end of the work, imports included; 0 where not asked.
    """

    wall: float
    cpu: float
    peak_mb: float = 0.0


def timed(work: Callable[[], object]) -> Timing:
    """Do the work once and say what it cost this process."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu, peak_mb())


def median(timings: Sequence[Timing]) -> Timing:
    """Wall and CPU seconds each by their own median; the highest peak."""
    return Timing(
        statistics.median(one.wall for one in timings),
        statistics.median(one.cpu for one in timings),
        max(one.peak_mb for one in timings),
    )


def peak_mb() -> float:
    """The most memory this program has held, in MB.

    `ru_maxrss` of a child begins at what its parent held when it was started (getrusage(2): it survives exec), so
    Linux's own mark of this program is read where there is one.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _RSS_UNITS_IN_MB


_RSS_UNITS_IN_MB = 1024 * 1024 if sys.platform == "darwin" else 1024


def report(timings: Mapping[str, Sequence[Timing]]) -> None:
    """Hand figures to the parent: the last line of stdout."""
    print(json.dumps({name: [asdict(one) for one in found] for name, found in timings.items()}))


def run_child(arguments: Sequence[str | Path]) -> dict[str, list[Timing]]:
    """Run a program that ends with `report`, and give what it reported.

    Raises:
        BenchmarkError: it failed.
    """
    found = json.loads(_last_line(_finished(arguments)))
    return {name: [Timing(**one) for one in timings] for name, timings in found.items()}


def run_child_rows(arguments: Sequence[str | Path]) -> list[dict[str, Any]]:
    """Run a program whose last line is a JSON list of rows."""
    rows: list[dict[str, Any]] = json.loads(_last_line(_finished(arguments)))
    return rows


def timed_command(arguments: Sequence[str | Path], environ: Mapping[str, str]) -> tuple[Timing, str]:
    """A command from nothing to its end, imports and all, and its stdout.

    Args:
        arguments: the program and its arguments.
        environ: variables beside those of `clean_environment`.

    Raises:
        BenchmarkError: it failed.
    """
    with TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            arguments, stdout=output, stderr=errors, env={**clean_environment(), **environ}, cwd=REPOSITORY
        )
        usage = _ended(process)
        wall = time.perf_counter() - started
        said = [_whole(file) for file in (output, errors)]
    if process.returncode != 0:
        raise _failure(arguments, process.returncode, said[1])
    return Timing(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / _RSS_UNITS_IN_MB), said[0]


def _ended(process: subprocess.Popen[bytes]) -> resource.struct_rusage:
    """What the process used, once it has ended; unlike `getrusage`, of this one child only."""
    watch = threading.Timer(CHILD_SECONDS, process.kill)
    watch.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        watch.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage


def _whole(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that would lead ours or a peer to real data or services."""
    ours = ("LEADS_", "LEAD_", "AIRTABLE_", "GOOGLE_", "DAGSTER_", "DLT_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def _finished(arguments: Sequence[str | Path]) -> str:
    ended = subprocess.run(
        arguments,
        capture_output=True,
        text=True,
        env=clean_environment(),
        cwd=REPOSITORY,
        timeout=CHILD_SECONDS,
        check=False,
    )
    if ended.returncode != 0:
        raise _failure(arguments, ended.returncode, ended.stderr)
    return ended.stdout


def _failure(arguments: Sequence[str | Path], code: int, errors: str) -> BenchmarkError:
    command = " ".join(str(one) for one in arguments[1:])
    return BenchmarkError(f"`{command}` ended with {code}: {errors.strip()[-800:]}")


def _last_line(output: str) -> str:
    return output.strip().rpartition("\n")[2]
