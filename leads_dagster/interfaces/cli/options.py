"""Options that several commands share, and the group that lists when nothing else is asked."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from leads_dagster.interfaces.cli.completing import customers

Customer = Annotated[
    str | None,
    typer.Option(
        "--customer",
        "-c",
        metavar="NAME",
        help="Whose leads; needed where leads.toml names several.",
        autocompletion=customers,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, errors too.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many to list at most.")]


class ListByDefault(TyperGroup):
    """A group whose first word may be left out: `leads quarantine --json` is `leads quarantine list --json`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `list` in front where no subcommand is named; a shell that completes one is left to name it."""
        asks_help = bool(args) and args[0] in ("-h", "--help")
        if (not args and not ctx.resilient_parsing) or (args and args[0].startswith("-") and not asks_help):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def examples(*lines: str) -> str:
    """The epilog of a command: one example a line, kept apart by the mark that stops Typer from filling lines."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
