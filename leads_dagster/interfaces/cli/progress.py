"""The progress bar of long commands: on a terminal only, on stderr, so that stdout stays a result."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from time import monotonic

Report = Callable[[int, str], None]

_MINUTE = 90.0  # seconds from which minutes are said
_TOO_EARLY = 0.5  # seconds before which no pace is believed


def silent(percent: int, message: str) -> None:
    """Progress nobody looks at."""


@contextmanager
def progress_bar(steady_until: Sequence[int] = ()) -> Iterator[Report]:
    """A function that takes percent (0 to 100) and a message; it does nothing where stderr is not a terminal.

    Args:
        steady_until: percents at which parts of the work end. Within a part that reports nothing the bar goes on at the
            pace so far, never beyond the part; and the time left is shown.
    """
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
    from rich.text import Text

    from leads_dagster.interfaces.cli.render import console

    pace = Pace(steady_until)

    class _Percent(ProgressColumn):
        """The percentage; being the first column, it moves the bar, too."""

        def render(self, task: Task) -> Text:
            task.completed = pace.percent()
            return Text(f"{task.completed:>3.0f} %")

    class _Left(ProgressColumn):
        """The time left, as soon as it can be told."""

        def render(self, task: Task) -> Text:
            return Text(pace.left(), style="progress.remaining")

    columns = (_Percent(), BarColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, *([_Left()] if steady_until else []), console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=100)

        def report(percent: int, message: str) -> None:
            pace.reached(percent)
            bar.update(task, completed=percent, description=message)

        yield report


class Pace:
    """How far the work probably is between two reports, and how long it will still take.

    Args:
        ends: percents at which its parts end.
        clock: seconds, ever growing.
    """

    def __init__(self, ends: Sequence[int], clock: Callable[[], float] = monotonic) -> None:
        self._ends, self._clock = ends, clock
        self._began = self._at = clock()
        self._percent = 0

    def reached(self, percent: int) -> None:
        """The work says that it is that far."""
        self._percent, self._at = percent, self._clock()

    def percent(self) -> float:
        """Where the bar stands: as reported, and on at the pace so far up to the end of the part."""
        end = next((end for end in self._ends if end > self._percent), self._percent)
        return min(self._percent + self._a_second() * (self._clock() - self._at), max(end - 1, self._percent))

    def left(self) -> str:
        """The time left in words; "" while it is too early to say."""
        a_second = self._a_second()
        if not a_second:
            return ""
        seconds = (100 - self._percent) / a_second - (self._clock() - self._at)
        return (
            f"about {max(ceil(seconds / 60), 1)} min left"
            if seconds > _MINUTE
            else f"about {max(ceil(seconds), 1)} s left"
        )

    def _a_second(self) -> float:
        seconds = self._at - self._began
        return self._percent / seconds if seconds > _TOO_EARLY and self._percent else 0.0
