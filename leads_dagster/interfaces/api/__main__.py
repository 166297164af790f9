"""The API as a part of `leads up`: `python -m leads_dagster.interfaces.api --host H --port P`."""

from __future__ import annotations

import argparse
import logging
import sys

from leads_dagster.errors import LeadsError
from leads_dagster.interfaces.api.server import serve
from leads_dagster.logs import set_up_logs
from leads_dagster.settings import load_settings


def main() -> int:
    """Serve until told to stop; the exit code is that of the error that ended it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", required=True, type=int)
    said = parser.parse_args()
    set_up_logs(logging.WARNING)
    try:
        serve(load_settings(), host=said.host, port=said.port)
    except LeadsError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
