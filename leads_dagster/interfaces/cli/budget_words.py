"""How a limit of the call budget looks to people.

What belongs here: one row of `leads status`, from the facts of `budget.LimitStatus`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leads_dagster.interfaces.cli.render import moment


def budget_row(limit: Mapping[str, Any]) -> dict[str, str]:
    """Heading -> what is said of one limit; `limit` as in the JSON of `leads status`."""
    return {
        "limit": limit["name"],
        "used": _used(limit),
        "calls_this_month": _month(limit),
        "pace": f"{limit['pace']:,.0f} an hour",
        "at_this_pace_lasts_until": _lasts(limit),
        "looks_for_edits": _looks(limit),
        "state": _state(limit),
    }


def _used(limit: Mapping[str, Any]) -> str:
    if not limit["calls"]:
        return "-"
    return f"{limit['used']} of {limit['calls']} in {limit['seconds']:g} s"


def _month(limit: Mapping[str, Any]) -> str:
    made = f"{limit['month_calls']:,}"
    return made if limit["month_limit"] is None else f"{made} of {limit['month_limit']:,}"


def _lasts(limit: Mapping[str, Any]) -> str:
    if limit["month_limit"] is None:
        return "-"
    return "the end of the month" if limit["lasts_until"] is None else f"{moment(limit['lasts_until'])} UTC"


def _looks(limit: Mapping[str, Any]) -> str:
    seconds = limit["pull_interval_seconds"]
    return "-" if seconds is None else f"every {seconds:,.0f} s"


def _state(limit: Mapping[str, Any]) -> str:
    if limit["parked_until"] is not None:
        return f"parked until {moment(limit['parked_until'])} UTC"
    if limit["resting_seconds"] > 0:
        return f"resting for {limit['resting_seconds']:.0f} s"
    return "open"
