"""`leads reviews`: pairs that look alike but not enough; both sides next to each other, and what people say of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_dagster.errors import SettingsError
from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, Limit, ListByDefault, examples
from leads_dagster.interfaces.cli.render import print_facts, print_table, show

if TYPE_CHECKING:
    from rich.console import Console

    from leads_dagster.store.pair_decisions import Verdict

_COLUMNS = {"id": "id", "score": "score", "left": "left", "right": "right", "why": "why", "status": "status"}
_SIDES = {"field": "field", "left": "left", "agree": "", "right": "right"}
_FAULTS = {"line": "line", "id": "id", "error": "what is wrong"}
# What of a lead tells people most in one line.
_IN_SHORT = ("full_name", "email", "phone", "company", "title", "location", "linkedin_url")
_AGREE = {True: "=", False: "≠", None: ""}
_WORDS = {"open": "waits", "same": "same", "not_same": "not the same"}

Review = Annotated[str, typer.Argument(metavar="ID", help="The id that the list gives, such as r3-9.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Kept with the decision.")]


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(cls=ListByDefault, help="Pairs that may be one lead: look at both sides, decide.")
    group.command("list", epilog=examples("leads reviews", "leads reviews list --all --json"))(list_reviews)
    group.command("show", epilog=examples("leads reviews show r3-9"))(show_review)
    group.command(
        "resolve",
        epilog=examples(
            "leads reviews resolve r3-9 --same", 'leads reviews resolve r3-9 --not-same --reason "brothers"'
        ),
    )(resolve_review)
    group.command("export", epilog=examples("leads reviews export reviews.csv"))(export_reviews)
    group.command("import", epilog=examples("leads reviews import reviews.csv"))(import_reviews)
    app.add_typer(group, name="reviews")


def list_reviews(
    customer: Customer = None,
    every: Annotated[bool, typer.Option("--all", help="Decided ones too.")] = False,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List pairs that wait for a decision, the most alike first; the two stay apart until then."""
    from leads_dagster.pipeline.reviews import list_

    with opened(customer) as workspace:
        show(list_(workspace, every=every, limit=limit), as_json=as_json, render=_render_list)


def show_review(review: Review, customer: Customer = None, as_json: Json = False) -> None:
    """Show both sides of one review next to each other, with what speaks for them."""
    from leads_dagster.pipeline import reviews

    with opened(customer) as workspace:
        show(reviews.show(workspace, review), as_json=as_json, render=_render_one)


def resolve_review(
    review: Review,
    *,
    same: Annotated[bool, typer.Option("--same", help="Both are one lead.")] = False,
    not_same: Annotated[bool, typer.Option("--not-same", help="They are two leads.")] = False,
    reason: Reason = None,
    customer: Customer = None,
    as_json: Json = False,
) -> None:
    """Settle a review by a person's word; every later sync obeys it until it is taken back."""
    if same == not_same:
        raise SettingsError("Say whether the two are one lead.", advice="Give one of --same and --not-same.")
    verdict: Verdict = "same" if same else "not_same"
    from leads_dagster.pipeline.reviews import resolve

    with opened(customer) as workspace:
        show(resolve(workspace, review, verdict, reason=reason), as_json=as_json, render=print_facts)


def export_reviews(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Where the questions go.", dir_okay=False)],
    customer: Customer = None,
    as_json: Json = False,
) -> None:
    """Write all reviews that wait as a spreadsheet, to be decided there in its column "decision"."""
    from leads_dagster.pipeline.review_sheet import export

    with opened(customer) as workspace:
        show(export(workspace, file), as_json=as_json, render=print_facts)


def import_reviews(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="A sheet of `export`.", exists=True, dir_okay=False)],
    customer: Customer = None,
    as_json: Json = False,
) -> int:
    """Take in what was decided in an exported sheet: "same" or "not same"; a blank decides nothing.

    A line that cannot be taken in is listed, and stops no other; the command then ends with 1.
    """
    from leads_dagster.pipeline.review_sheet import import_

    with opened(customer) as workspace:
        facts = import_(workspace, file)
        show(facts, as_json=as_json, render=_render_import)
    return 1 if facts["faults"] else 0


def _render_list(console: Console, found: list[dict[str, Any]]) -> None:
    rows = [
        {
            **one,
            "status": _WORDS[one["status"]],
            "why": one["why"] or one["reason"],
            **{side: _in_short(one, side) for side in ("left", "right")},
        }
        for one in found
    ]
    print_table(console, rows, _COLUMNS, empty="No review waits for a decision.")


def _in_short(review: Mapping[str, Any], side: str) -> str:
    said = {one["field"]: one[side] for one in review["fields"]}
    return " · ".join(said[name] for name in _IN_SHORT if said.get(name))


def _render_one(console: Console, found: dict[str, Any]) -> None:
    sides = {side: found[side]["lead_id"] for side in ("left", "right")}
    rows = [{"field": "lead", **sides, "agree": None}, *found["fields"]]
    print_table(console, [{**row, "agree": _AGREE[row["agree"]]} for row in rows], _SIDES, empty="")
    console.print()
    told = ("id", "status", "score", "rule", "why", "features", "thresholds", "since", "who", "reason", "decided_at")
    facts = {name: found[name] for name in told if found[name] not in (None, {})}
    facts.update({name: found[name] for name in ("rows", "pairs") if name in found})
    if "choices" in found:
        facts["choices"] = _as_options(found["choices"])
    print_facts(console, facts)


def _as_options(choices: Mapping[str, str]) -> dict[str, str]:
    """Choices by what `resolve` takes: "--not-same" for not_same."""
    return {f"--{choice.replace('_', '-')}": what for choice, what in choices.items()}


def _render_import(console: Console, facts: dict[str, Any]) -> None:
    print_facts(console, {name: value for name, value in facts.items() if name != "faults"})
    if facts["faults"]:
        print_table(console, facts["faults"], _FAULTS, empty="")
        number = len(facts["faults"])
        lines = "1 line was" if number == 1 else f"{number:,} lines were"
        console.print(f"{lines} not taken in; the others were.")
