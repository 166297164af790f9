"""What runs say on the terminal.

What belongs here: Dagster's console logger, as quiet as its place asks. Every event stands in Dagster's storage anyway.
"""

from __future__ import annotations

import logging
import os

import dagster as dg

LIVE = "LEADS_LIVE"
"""Set to 1 in all processes of `leads up`."""


def console_logger() -> dg.LoggerDefinition:
    """Dagster's own; in the live system, where there may be a run a second, only warnings and worse."""
    level = "WARNING" if os.environ.get(LIVE) == "1" else "DEBUG"

    @dg.logger(
        {
            "log_level": dg.Field(str, default_value=level, is_required=False, description="The least that is shown."),
            "name": dg.Field(str, default_value="dagster", is_required=False),
        },
        description="Events of a run as coloured lines on the terminal.",
    )
    def console(context: dg.InitLoggerContext) -> logging.Logger:
        made: logging.Logger = dg.colored_console_logger.logger_fn(context)
        return made

    return console
