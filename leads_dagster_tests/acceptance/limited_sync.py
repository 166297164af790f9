"""A cycle in a process that may not write as it likes; `test_faults` runs it.

    python -m leads_dagster_tests.acceptance.limited_sync HOME [--file-bytes N] [--as-owner]

--file-bytes: no file grows beyond that, as on a full disk. --as-owner: file modes hold for root too.
Prints {"status": …} or {"error": class, "message": …, "advice": …}.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import sys
from pathlib import Path

from leads_dagster.errors import LeadsError
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster.settings import load_settings

_CAPABILITIES_OF_64_BITS = 0x20080522  # linux/capability.h, _LINUX_CAPABILITY_VERSION_3
_OVERRIDES = 0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


def obey_file_modes() -> None:
    """Give up what lets root write where nobody may; of anybody else nothing."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_OF_64_BITS, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice 32 bits
    if libc.capget(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    sets[0] &= ~_OVERRIDES
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def sync(home: Path) -> dict[str, str]:
    try:
        with open_workspace(load_settings({"LEADS_HOME": str(home)}, cwd=home), "acme") as ws:
            return {"status": run_cycle(ws).status}
    except LeadsError as error:
        return {"error": type(error).__name__, "message": error.message, "advice": error.advice or ""}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("--file-bytes", type=int)
    parser.add_argument("--as-owner", action="store_true")
    asked = parser.parse_args()
    if asked.file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked.file_bytes, asked.file_bytes))
    if asked.as_owner:
        obey_file_modes()
    sys.stdout.write(json.dumps(sync(asked.home)))


if __name__ == "__main__":
    main()
