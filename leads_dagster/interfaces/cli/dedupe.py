"""`leads dedupe`: a CSV file's rows with the lead each belongs to; no store is opened."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_dagster.customers import MAPPINGS, CustomerSettings
from leads_dagster.errors import SettingsError
from leads_dagster.interfaces.cli.options import Customer, Json, examples
from leads_dagster.interfaces.cli.render import console, emit_json, print_facts
from leads_dagster.settings import customer_named, load_settings
from leads_dagster.stopping import stop_signals

if TYPE_CHECKING:
    from leads_dagster.leads.matching import Thresholds
    from leads_dagster.pipeline.dedupe import DedupeSummary, ReportFile

_STANDARD = Path("-")

Source = Annotated[Path, typer.Argument(metavar="IN.csv", help="The rows; - is standard input.")]
Out = Annotated[Path, typer.Option("--out", metavar="OUT.csv", help="Where the result goes; - is standard output.")]
Report = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE.html", help="A page to judge the result by."),
]
Reviews = Annotated[
    Path | None, typer.Option("--reviews", metavar="FILE.csv", help="The pairs that a person should look at.")
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="FIELD=HEADER", help="Which column is what; may be given several times."),
]
Match = Annotated[
    float | None,
    typer.Option("--match", min=0, max=1, help="Name and company scores above it are the same person."),
]
Review = Annotated[
    float | None, typer.Option("--review", min=0, max=1, help="Scores from here up to --match are for review.")
]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    lines = (
        "leads dedupe leads.csv --out matched.csv",
        "leads dedupe leads.csv --out matched.csv --report report.html",
        'leads dedupe kontakte.csv --out matched.csv --column full_name="Kontakt"',
    )
    app.command("dedupe", epilog=examples(*lines))(dedupe)


def dedupe(  # noqa: PLR0917  # Typer calls it by name
    source: Source,
    out: Out,
    report: Report = None,
    reviews: Reviews = None,
    column: Columns = None,
    match: Match = None,
    review: Review = None,
    customer: Customer = None,
    as_json: Json = False,
) -> None:
    """Write which rows of a CSV file are the same lead.

    OUT.csv has row_id (from 0), lead_id, rule and score: one line for every data row, those that would go to
    quarantine too. A row alone has rule "new" and no score; pairs that a person should look at stay apart. With
    leads.toml the customer's phone_region, date_order, thresholds and columns hold.
    """
    chosen = customer_named(load_settings(), customer)
    columns = _columns(column or [])
    from leads_dagster.interfaces.cli.progress import progress_bar
    from leads_dagster.leads.fields import NormalizationRules
    from leads_dagster.pipeline.dedupe import PHASES
    from leads_dagster.pipeline.dedupe import dedupe as match_file
    from leads_dagster.pipeline.worker_rows import spare_processors

    with stop_signals(), progress_bar(steady_until=PHASES) as progress:
        summary = match_file(
            sys.stdin.buffer if source == _STANDARD else source,
            sys.stdout if out == _STANDARD else out,
            rules=NormalizationRules(phone_region=chosen.phone_region, date_order=chosen.date_order),
            thresholds=_thresholds(chosen, match, review),
            columns=columns,
            usual_columns=chosen.columns,
            reviews=reviews,
            report=_report_file(report),
            workers=spare_processors(),
            progress=progress,
        )
    files = [str(path) for path in (out, reviews, report) if path not in (None, _STANDARD)]
    _show(summary, files, as_json=as_json, beside=out == _STANDARD)


def _columns(given: list[str]) -> dict[str, str]:
    """FIELD=HEADER of each --column."""
    fields = MAPPINGS["columns"][0] or ()
    columns: dict[str, str] = {}
    for text in given:
        field, sign, header = (part.strip() for part in text.partition("="))
        if not sign or not header:
            advice = 'As in --column full_name="Kontakt".'
            raise SettingsError(f"--column {text} is not FIELD=HEADER.", advice=advice)
        if field not in fields:
            raise SettingsError(f"--column {text}: {field} is no field.", advice=f"There are {', '.join(fields)}.")
        if field in columns:
            raise SettingsError(f"--column names {field} twice.", advice="Name it once.")
        columns[field] = header
    return columns


def _thresholds(chosen: CustomerSettings, match: float | None, review: float | None) -> Thresholds:
    """Those asked for, else the customer's."""
    from leads_dagster.leads.matching import Thresholds

    upper = chosen.match_threshold if match is None else match
    lower = chosen.review_threshold if review is None else review
    if lower > upper and review is None:
        lower = upper  # a lower --match alone leaves nothing between the two
    if lower > upper:
        raise SettingsError(f"--review {lower:g} is above --match {upper:g}.", advice="Review begins below a match.")
    return Thresholds(match=upper, review=lower)


def _report_file(path: Path | None) -> ReportFile | None:
    if path is None:
        return None
    from leads_dagster.interfaces.dedupe_page import dedupe_page
    from leads_dagster.pipeline.dedupe import ReportFile

    return ReportFile(path, dedupe_page)


def _show(summary: DedupeSummary, files: list[str], *, as_json: bool, beside: bool) -> None:
    """The summary on standard output, or beside it where the result went there."""
    facts: dict[str, Any] = summary.as_dict()
    if as_json:
        emit_json(facts, stderr=beside)
    else:
        print_facts(console(stderr=beside), {**facts, **({"written": ", ".join(files)} if files else {})})
