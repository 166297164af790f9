"""Log lines: for people as they were ever, or one JSON object each, with the customer and the run they are about.

What belongs here: the form of a line and what it is about. Loggers are the standard library's everywhere;
LEADS_LOG_FORMAT=json gives them structlog's formatter, which only then is imported.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

PLAIN = "%(levelname)s %(name)s: %(message)s"
_ABOUT: ContextVar[Mapping[str, str]] = ContextVar("leads_about", default={})  # noqa: B039 - never changed in place


@contextmanager
def about(**facts: str) -> Iterator[None]:
    """Let every line that is logged within say this: `customer`, `run_id`; within that, more may be added."""
    token = _ABOUT.set({**_ABOUT.get(), **facts})
    try:
        yield
    finally:
        _ABOUT.reset(token)


def set_up_logs(level: int, *, environ: Mapping[str, str] = os.environ) -> None:
    """Settle the form of this process's log lines, on stderr.

    Args:
        level: the least that is shown, such as `logging.WARNING`.
        environ: LEADS_LOG_FORMAT is "json", or anything else for plain lines. It is read here and not from the
            settings, since a fault in those is logged, too.
    """
    if environ.get("LEADS_LOG_FORMAT", "").strip().lower() != "json":
        logging.basicConfig(level=level, format=PLAIN)
        return
    handler = logging.StreamHandler()
    handler.setFormatter(_json_formatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)


def _json_formatter() -> logging.Formatter:
    import structlog

    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_what_it_is_about,
        structlog.processors.format_exc_info,
    ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(),
        ],
    )


def _add_what_it_is_about(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    line.update(_ABOUT.get())
    return line
