"""The command `leads`: arguments in, calls of the pipeline, results and errors out in plain words or JSON.

What belongs here: one module per group of commands, and how results are shown. No rule about leads, and no import of
Dagster, pandas or a database driver before a command needs it: `leads status` must be quick.
"""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Entry point of the console script; ends the process with DESIGN's exit codes."""
    from leads_dagster.interfaces.cli.edge import prepare_process, run

    prepare_process()
    sys.exit(run(sys.argv[1:]))
