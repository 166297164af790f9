"""Where the command line meets the process: running the application, and turning errors into words and exit codes.

What belongs here: the one place that catches everything. Which exit code an error has is said in `errors`.
"""

from __future__ import annotations

import atexit
import gc
import json
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import typer

from leads_dagster.errors import LeadsError, SettingsError
from leads_dagster.logs import set_up_logs
from leads_dagster.settings import debug_wanted

_INTERRUPTED = 130


def prepare_process() -> None:
    """Settle what holds for the whole process: warnings of libraries off, odd characters never an error.

    Imports make a million objects that never become garbage. Walking over them again and again, and once more at the
    end, is a third of what a short command costs: the collector looks less often, and not at all on the way out.
    """
    gc.set_threshold(100_000, 20, 20)
    atexit.register(gc.freeze)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    set_up_logs(logging.WARNING)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def run(arguments: Sequence[str]) -> int:
    """Run one command and give back its exit code: 0 done, 1 a fault of content or service, 2 arguments or settings."""
    from leads_dagster.interfaces.cli.app import build_app

    try:
        code = build_app()(args=list(arguments), prog_name="leads", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        return _reader_left()
    except typer.TyperException as error:
        return _report(arguments, SettingsError(_sentence(error.format_message()), advice="See leads --help."))
    except LeadsError as error:
        return _report(arguments, error)
    except Exception as error:  # noqa: BLE001 - the edge: people get words, LEADS_DEBUG=1 gives the traceback
        return _report(arguments, _unexpected(error))


def error_facts(error: LeadsError) -> dict[str, Any]:
    """An error as JSON shows it."""
    return {
        "type": type(error).__name__,
        "message": error.message,
        "advice": error.advice,
        "transient": error.transient,
        "exit_code": error.exit_code,
        **({"context": error.context} if error.context else {}),
    }


def say_error(error: LeadsError) -> None:
    """The message and, on a line of its own, what to do; on stderr."""
    typer.echo(f"leads: {error.message}", err=True)
    if error.advice:
        typer.echo(f"  {error.advice}", err=True)


def _report(arguments: Sequence[str], error: LeadsError) -> int:
    if debug_wanted(os.environ):
        logging.getLogger(__name__).error("the error in full", exc_info=sys.exc_info())
    if "--json" in arguments:
        typer.echo(json.dumps(_payload(arguments, error), ensure_ascii=False, default=str))
    else:
        say_error(error)
    return error.exit_code


def _payload(arguments: Sequence[str], error: LeadsError) -> dict[str, Any]:
    """Scripts that read `leads sync --json` find one shape, also when it never began."""
    if arguments[0] == "sync":
        from leads_dagster.interfaces.cli.sync import failed_facts

        return failed_facts(error)
    return {"error": error_facts(error)}


def _sentence(message: str) -> str:
    """Typer ends some of its messages with a full stop and some without."""
    return message if message.endswith((".", "?")) else f"{message}."


def _unexpected(error: Exception) -> LeadsError:
    return LeadsError(
        f"Something went wrong that was not foreseen: {type(error).__name__}: {error}",
        advice="LEADS_DEBUG=1 shows where; please report it with that.",
    )


def _reader_left() -> int:
    """`leads … | head`: the reader has gone, so nothing more may be written, not even on exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
