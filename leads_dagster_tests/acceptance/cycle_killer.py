"""A process that runs cycles in children of its own and kills them; `test_crash` speaks to it by lines of JSON.

Everything is imported once and every cycle forked off, so that a round costs its cycle and no interpreter's start. Only
the child that was just forked is ever killed.

In:  {"home": folder, "after_seconds": when to kill, or null to let it end}
Out: {"killed": whether it was still running then, "seconds": how long it ran}
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from pathlib import Path

from leads_dagster.mirrors import crm  # noqa: F401  # imported late by the road; here before the clock runs
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster.settings import load_settings


def run_in_child(home: Path) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with open_workspace(load_settings({"LEADS_HOME": str(home)}, cwd=home), "acme") as ws:
                run_cycle(ws)
            code = 0
        finally:
            os._exit(code)
    return child


def ended(child: int, until: float | None) -> bool:
    """Wait for the child, at most until then; whether it ended by itself."""
    while until is None or time.monotonic() < until:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            if status:
                raise SystemExit(f"the cycle ended with {status}")
            return True
        time.sleep(0.002)
    return False


def round_of(home: Path, after_seconds: float | None) -> dict[str, object]:
    started = time.monotonic()
    child = run_in_child(home)
    done = ended(child, None if after_seconds is None else started + after_seconds)
    if not done:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return {"killed": not done, "seconds": time.monotonic() - started}


def main() -> None:
    gc.freeze()
    for line in sys.stdin:
        wanted = json.loads(line)
        answer = round_of(Path(wanted["home"]), wanted["after_seconds"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
