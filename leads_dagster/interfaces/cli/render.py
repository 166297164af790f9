"""How results look: JSON for programs, tables and sentences for people.

What belongs here: shapes and escaping. A cell of a sheet is data: no control character of it reaches a terminal, and
no bracket of it is read as markup.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

# Wide enough for a log file or a pipe, where no terminal says how wide it is.
_WIDTH_WITHOUT_TERMINAL = 160
_LONGEST_CELL = 200


def emit_json(value: Any, *, stderr: bool = False) -> None:
    """`value` as one JSON document on stdout, or on stderr where stdout has another result."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain), err=stderr)


def emit_json_line(value: Any) -> None:
    """`value` as one line of JSON on stdout, at once: for commands that print many."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=_plain))
    sys.stdout.flush()


def show(value: Any, *, as_json: bool, render: Callable[[Console, Any], None]) -> None:
    """Print a result in the form asked for."""
    if as_json:
        emit_json(value)
    else:
        render(console(), value)


def console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr that interprets nothing in what it prints."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDTH_WITHOUT_TERMINAL
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)


def safe(value: object) -> str:
    """A value as one printable line: control characters shown, not sent; cut where it is very long."""
    shown = printable(_words(value))
    return shown if len(shown) <= _LONGEST_CELL else shown[: _LONGEST_CELL - 1] + "…"


def moment(at: datetime) -> str:
    """A time as people read it: UTC, to the second."""
    return at.strftime("%Y-%m-%d %H:%M:%S")


def printable(text: str) -> str:
    """A text as one line, whole: control characters shown, not sent."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def print_table(target: Console, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], *, empty: str) -> None:
    """One line a row; `columns` is key -> heading. `empty` is said where there is no row."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    listed = list(rows)
    if not listed:
        target.print(empty)
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in columns.values():
        table.add_column(Text(heading), overflow="fold")
    for row in listed:
        table.add_row(*(Text(safe(row.get(key))) for key in columns))
    target.print(table)


def print_facts(target: Console, facts: Mapping[str, Any], *, indent: int = 0) -> None:
    """One `name  value` line a fact; below its name what is nested, as a table where it is a list."""
    width = max((len(name) for name, value in facts.items() if not _nested(value)), default=0)
    for name, value in facts.items():
        label = " " * indent + name.replace("_", " ")
        if not _nested(value):
            target.print(f"{label:<{width + indent}}  {safe(value)}", soft_wrap=True)
            continue
        target.print(label)
        if isinstance(value, Mapping):
            print_facts(target, value, indent=indent + 2)
        else:
            print_table(target, value, {key: key.replace("_", " ") for key in value[0]}, empty="")


def _nested(value: object) -> bool:
    """Whether a value is a mapping, or a list of them, that has something in it."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return bool(value) and all(isinstance(part, Mapping) for part in value)
    return isinstance(value, Mapping) and bool(value)


def _words(value: object) -> str:
    if value is None or value in ({}, []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1 else f"{value:,.2f}".rstrip("0").rstrip(".")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return str(value)


def _plain(value: object) -> object:
    """What JSON has no word for: times in ISO 8601, all else as text."""
    return value.isoformat() if isinstance(value, (datetime, date)) else str(value)
