"""`leads dedupe`: a CSV file's rows with the lead each belongs to; no store is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_dagster.interfaces.cli.options import Customer, Json, examples
from leads_dagster.interfaces.cli.render import print_facts, show
from leads_dagster.settings import customer_named, load_settings

if TYPE_CHECKING:
    from rich.console import Console


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("dedupe", epilog=examples("leads dedupe leads.csv --out matched.csv"))(dedupe)


def dedupe(
    source: Annotated[Path, typer.Argument(metavar="IN.csv", help="The rows.", exists=True, dir_okay=False)],
    out: Annotated[Path, typer.Option("--out", metavar="OUT.csv", help="Where the result goes.")],
    customer: Customer = None,
    as_json: Json = False,
) -> None:
    """Write which rows of a CSV file are the same lead.

    OUT.csv has row_id (from 0), lead_id, rule and score: one line for every data row, those that would go to
    quarantine too. A row alone has rule "new" and no score; pairs that a person should look at stay apart.
    """
    chosen = customer_named(load_settings(), customer)
    from leads_dagster.interfaces.cli.progress import progress_bar
    from leads_dagster.leads.fields import NormalizationRules
    from leads_dagster.leads.matching import Thresholds
    from leads_dagster.pipeline.dedupe import dedupe as match_file

    rules = NormalizationRules(phone_region=chosen.phone_region, date_order=chosen.date_order)
    thresholds = Thresholds(match=chosen.match_threshold, review=chosen.review_threshold)
    with progress_bar() as progress:
        summary = match_file(source, out, rules=rules, thresholds=thresholds, progress=progress)
    show(summary.as_dict(), as_json=as_json, render=_render)


def _render(console: Console, facts: dict[str, Any]) -> None:
    print_facts(console, facts)
