"""A child's first step: it ties its life to the supervisor's, then becomes the part's program.

What belongs here: nothing that has to be imported from this package, since it is run as a file, by an interpreter that
looks for no packages. Done between fork and exec it would need a `preexec_fn`, which is not safe beside threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# By a shell that starts the supervisor with `&`. A program that finds SIGINT ignored may take SIGTERM for that too, as
# Dagster does, and then nothing but SIGKILL ends it.
_IGNORED_IN_THE_BACKGROUND = (signal.SIGINT, signal.SIGQUIT)


def main(arguments: list[str]) -> None:
    """`[supervisor's pid, program, its arguments…]`: become the program, killed when the supervisor dies."""
    supervisor, *command = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for ignored in _IGNORED_IN_THE_BACKGROUND:
        signal.signal(ignored, signal.SIG_DFL)
    if os.getppid() != int(supervisor):  # it died before we asked to be told
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - the table of parts, never input


if __name__ == "__main__":
    main(sys.argv[1:])
