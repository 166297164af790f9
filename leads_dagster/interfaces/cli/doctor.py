"""`leads doctor`: is everything in place, and how to mend what is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from leads_dagster.errors import SettingsError
from leads_dagster.interfaces.cli.options import Customer, Json, examples
from leads_dagster.interfaces.cli.render import console, emit_json, safe
from leads_dagster.settings import customer_named, load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from leads_dagster.pipeline.finding import Finding

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("doctor", epilog=examples("leads doctor", "leads doctor --customer acme --json"))(doctor)


def doctor(customer: Customer = None, as_json: Json = False) -> int:
    """Check settings, databases, credentials, sheets and Airtable.

    Looks at every customer unless one is named, and changes nothing. Ends with 1 if anything fails, with 2 if the
    settings do.
    """
    if as_json:
        found = list(_findings(customer))
        emit_json({"healthy": _healthy(found), "checks": [finding.as_dict() for finding in found]})
    else:
        target = console()
        found = [_printed(target, finding) for finding in _findings(customer)]
    return _exit_code(found)


def _findings(customer: str | None) -> Iterator[Finding]:
    """Findings as they come; settings that cannot be read are one too, and the last."""
    from leads_dagster.pipeline.doctor import examine
    from leads_dagster.pipeline.finding import Finding

    try:
        settings = load_settings()
        customers = settings.customers if customer is None else (customer_named(settings, customer),)
    except SettingsError as error:
        yield Finding("settings", "fail", error.message, error.advice)
        return
    yield from examine(settings, customers)


def _printed(target: Console, finding: Finding) -> Finding:
    from rich.text import Text

    name = f"{finding.customer}: {finding.check}" if finding.customer else finding.check
    line = Text.assemble((f"{finding.verdict:<4}", _STYLES[finding.verdict]), f"  {name:<22} ")
    for number, message in enumerate(finding.message.splitlines()):
        line.append(f"{chr(10) + ' ' * 6 if number else ''}{safe(message)}")
    target.print(line, soft_wrap=True)
    if finding.mend:
        target.print(Text(f"{'':28} → {safe(finding.mend)}"), soft_wrap=True)
    return finding


def _healthy(found: list[Finding]) -> bool:
    return not any(finding.verdict == "fail" for finding in found)


def _exit_code(found: list[Finding]) -> int:
    failed = [finding.check for finding in found if finding.verdict == "fail"]
    if not failed:
        return 0
    return SettingsError.exit_code if failed == ["settings"] else 1
