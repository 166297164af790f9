"""A live system of small programs: `python -m leads_dagster_tests.live.stand_in HOME PARTS.json [--json] [--follow]`.

What `leads up` runs is real, its parts are not. With `--follow` they follow HOME/leads.toml.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from leads_dagster.errors import LeadsError
from leads_dagster.live.folder import kept_config
from leads_dagster.live.following import Following
from leads_dagster.live.lines import Secrets
from leads_dagster.live.part import Pace, Part, StopStep
from leads_dagster.live.probes import Heartbeat, is_there
from leads_dagster.live.stream import Stream, wants_colours
from leads_dagster.live.system import serve
from leads_dagster.settings import load_settings

QUICK = Pace(first_pause=0.05, longest_pause=0.2, forgive=60.0, settled=5.0, give_up=4, look=0.1)


def part_of(home: Path, told: dict[str, Any]) -> Part:
    """A part as the test describes it: `name`, `program` (Python), perhaps `beats`, `after`, `stop`."""
    beats = home / "live" / "beats" / str(told["name"])
    return Part(
        name=told["name"],
        command=(sys.executable, "-u", "-c", told["program"], str(beats)),
        probe=(lambda: Heartbeat(beats, seconds=1.0)) if told.get("beats") else (lambda: is_there),
        after=tuple(told.get("after", ())),
        hang_seconds=1.0,
        stop=tuple(
            StopStep(signal.Signals[name], wait) for name, wait in told.get("stop", [["SIGTERM", 10], ["SIGKILL", 10]])
        ),
        stop_order=told.get("stop_order", 0),
        url=told.get("url"),
        environ={"KEPT": str(kept_config(home))},
        follows_settings=told.get("follows", False),
    )


def main(home: Path, parts: Path, *options: str) -> int:
    """Run the parts; the exit code is the error's."""
    told = json.loads(parts.read_text(encoding="utf-8"))
    stream = Stream(
        sys.stdout,
        as_json="--json" in options,
        colours=wants_colours(sys.stdout, os.environ),
        hide=Secrets(os.environ).hidden,
    )
    os.environ["LEADS_HOME"] = str(home)
    settings = load_settings()
    try:
        serve(
            home,
            lambda: [part_of(home, one) for one in told],
            stream,
            pace=QUICK,
            make_chores=lambda: [Following(settings, stream)] if "--follow" in options else [],
        )
    except LeadsError as error:
        stream.tell("error", str(error), error_type=type(error).__name__)
        return error.exit_code
    finally:
        stream.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]))
