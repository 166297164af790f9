"""What a shell completes beside commands and options: customers, ids of what waits, runs, backups, fields.

What belongs here: completers. A shell waits for each of them, at every press of the key: nothing heavy is imported.
Whatever goes wrong completes to nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import typer

from leads_dagster.errors import LeadsError
from leads_dagster.settings import customer_named, load_settings
from leads_dagster.store.glance import What, glance

Completer = Callable[[typer.Context, str], list[tuple[str, str]]]

_MOST = 50
_MANIFEST = ".json"  # beside each backup; who keeps them is not imported for a word


def customers(incomplete: str) -> list[str]:
    """Names of leads.toml."""
    try:
        return [one.name for one in load_settings().customers if one.name.startswith(incomplete)]
    except LeadsError:
        return []


def fields(incomplete: str) -> list[str]:
    """Fields of a lead."""
    from leads_dagster.leads.fields import LEAD_FIELDS

    return [name for name in LEAD_FIELDS if name.startswith(incomplete)]


def backups(incomplete: str) -> list[str]:
    """Names of backups, the newest first."""
    try:
        folder = load_settings().backup_folder
    except LeadsError:
        return []
    found = sorted((one.name.removesuffix(_MANIFEST) for one in folder.glob(f"*{_MANIFEST}")), reverse=True)
    return [name for name in found if name.startswith(incomplete)][:_MOST]


def ids_of(what: What) -> Completer:
    """Completes ids of the customer that `--customer` named, or of the only one, each with what it is about."""

    def complete(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        try:
            settings = load_settings()
            customer = customer_named(settings, ctx.params.get("customer")).name
        except LeadsError:
            return []
        found = glance(settings.database_url, what, customer, limit=_MOST)
        return [(name, about) for name, about in found if name.startswith(incomplete)]

    return complete
