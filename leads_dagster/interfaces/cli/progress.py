"""The progress bar of long commands: on a terminal only, on stderr, so that stdout stays a result."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[int, str], None]


def silent(percent: int, message: str) -> None:
    """Progress nobody looks at."""


@contextmanager
def progress_bar() -> Iterator[Report]:
    """A function that takes percent (0 to 100) and a message; it does nothing where stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from leads_dagster.interfaces.cli.render import console

    columns = (TextColumn("{task.percentage:>3.0f} %"), BarColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, TimeElapsedColumn(), console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=100)
        yield lambda percent, message: bar.update(task, completed=percent, description=message)
