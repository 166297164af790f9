"""`leads history`: what happened to a lead, and where each of its fields comes from."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_dagster.interfaces.cli.opening import opened
from leads_dagster.interfaces.cli.options import Customer, Json, Limit, examples
from leads_dagster.interfaces.cli.render import moment, print_table, printable, safe, show

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH = 100
_INDENT = " " * 21
_SEVERAL = {"id": "id", "full_name": "name", "email": "e-mail", "company": "company", "state": "state"}

Lead = Annotated[
    str, typer.Argument(metavar="LEAD", help="Its id, the beginning of it (6 characters or more), or its e-mail.")
]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        "history",
        epilog=examples(
            "leads history jane@acme.example", "leads history 01a204 --field title", "leads history 01a204 --fields"
        ),
    )(history)


def history(
    lead: Lead,
    *,
    field: Annotated[str | None, typer.Option("--field", metavar="F", help="What happened to this field only.")] = None,
    fields: Annotated[
        bool, typer.Option("--fields", help="Not what happened, but where each field comes from now.")
    ] = False,
    customer: Customer = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Tell what happened to a lead: every change, merge, conflict and decision, newest first, and why.

    Where an e-mail address or the beginning of an id names several leads, they are listed.
    """
    from leads_dagster.pipeline.history import history as read_history
    from leads_dagster.pipeline.lead_lookup import find
    from leads_dagster.pipeline.provenance import provenance

    with opened(customer) as workspace:
        found = find(workspace, lead)
        if sum(one["state"] == "active" for one in found) != 1 and len(found) > 1:
            return show({"several": found}, as_json=as_json, render=_render_several)
        if fields:
            return show(provenance(workspace, lead), as_json=as_json, render=_render_fields)
        told = read_history(workspace, lead, field=field, limit=limit)
        return show(told, as_json=as_json, render=_render)


def _render_several(console: Console, found: dict[str, Any]) -> None:
    console.print("Several leads may be meant; name one by its id:")
    print_table(console, found["several"], _SEVERAL, empty="")


def _render(console: Console, found: dict[str, Any]) -> None:
    _render_lead(console, found["lead"])
    if found["lives_on_in"]:
        other = found["lives_on_in"]
        _say(console, f"Merged into {safe(other['full_name'])}: see `leads history {other['id']}`.")
    for lost in found["stands_for"]:
        _say(console, f"Stands for {lost}, which was merged into it.")
    if found["arrival"] is not None:
        _say(console, f"Last change: {arrival_words(found['arrival'])}.")
    console.print()
    for entry in found["entries"]:
        _render_entry(console, entry)
    hidden = found["total"] - len(found["entries"])
    if hidden > 0:
        console.print(f"{hidden:,} earlier; --limit shows more.")


def _render_lead(console: Console, lead: dict[str, Any]) -> None:
    facts = [safe(lead[name]) for name in ("full_name", "email", "company") if lead[name]]
    _say(console, f"{' · '.join(facts) or 'A lead without a name'} ({lead['id']}, {lead['state']})")


def _render_entry(console: Console, entry: dict[str, Any]) -> None:
    _say(console, f"{moment(entry['at'])}  {safe_sentence(entry['told'])}", indent=_INDENT)
    if detail := _detail(entry):
        _say(console, _INDENT + detail, indent=_INDENT)
    matches = [entry] if "originals" in entry else entry.get("matches", [])
    for side in matches[0]["originals"] if matches else ():
        said = ", ".join(f"{name} {safe(value)}" for name, value in side["fields"].items())
        _say(console, f"{_INDENT}record {side['record_id']} said: {said}", indent=_INDENT + "  ")


def _detail(entry: dict[str, Any]) -> str:
    """Who, from where, in which run, and by which rule: the second line of an entry."""
    from leads_dagster.pipeline.history_words import place

    parts = [f"by {safe(entry['who'])}"] if entry["who"] and entry["kind"] != "decided" else []
    if entry.get("source") and entry["kind"] not in ("conflict", "settled"):
        parts.append(safe(place(entry)))
    if entry.get("rule") and "field" in entry:
        parts.append(f"{entry['rule']}: {entry['why']}")
    reason = entry.get("reason") or (entry.get("decision") or {}).get("reason")
    if reason:
        parts.append(f"because “{safe(reason)}”")
    if entry.get("run_id"):
        parts.append(f"run {safe(entry['run_id'])[:8]}")
    return "; ".join(parts)


def _render_fields(console: Console, found: dict[str, Any]) -> None:
    from leads_dagster.pipeline.history_words import place

    _render_lead(console, found["lead"])
    console.print()
    for name, one in found["fields"].items():
        _say(console, f"{name:<20} {safe(one['value'])}", indent=_INDENT)
        who = [f"by {safe(one['who'])}"] if one["who"] else []
        where = [safe(place(one))] if one["source"] else []
        reason = [f"because “{safe(one['reason'])}”"] if one["reason"] else []
        parts = [*who, *where, f"since {moment(one['since'])}", f"{one['rule']}: {one['why']}", *reason]
        _say(console, _INDENT + "; ".join(parts), indent=_INDENT)
        for other in one["others"]:
            _say(console, f"{_INDENT}{safe(place(other))} says {safe(other['value'])}", indent=_INDENT + "  ")


def arrival_words(arrival: dict[str, Any]) -> str:
    """When a change was first seen, and how long after that it stood where."""
    places = {"stored": "stored_seconds", "CRM": "crm_seconds", "Airtable": "airtable_seconds"}
    known = {place: arrival[name] for place, name in places.items() if arrival[name] is not None}
    seen_at = arrival["seen_at"]
    seen = f"{moment(seen_at)}.{seen_at.microsecond // 100_000}"
    return ", ".join([f"seen {seen} UTC", *(f"{place} +{seconds:.1f} s" for place, seconds in known.items())])


def safe_sentence(text: str) -> str:
    """A sentence whole, but for cells that would run on for pages."""
    shown = printable(text)
    return shown if len(shown) <= 1000 else shown[:999] + "…"


def _say(console: Console, text: str, *, indent: str = "") -> None:
    """One paragraph, no wider than a page."""
    width = min(_WIDTH, console.width)
    console.print(
        "\n".join(textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)), soft_wrap=True
    )
