"""A process that runs commands of `leads` one after another; `test_bad_input` speaks to it by lines of JSON.

It is the real command line in a real process, whose three seconds of imports are paid once. What a command leaves open
shows in the next one.

In:  {"run": arguments}
Out: {"code", "out", "err"}
"""

from __future__ import annotations

import contextlib
import io
import json
import sys

from leads_dagster.interfaces.cli.edge import prepare_process, run


def answer(arguments: list[str]) -> dict[str, object]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(arguments)
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def main() -> None:
    prepare_process()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line)["run"])) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
