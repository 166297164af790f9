"""`leads demo`: a team's day in five minutes, on the twin, with the live system and the dashboard."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from leads_dagster.interfaces.cli.demo_words import Words
from leads_dagster.interfaces.cli.options import examples
from leads_dagster.interfaces.cli.up import keep_up
from leads_dagster.live.stream import Stream
from leads_dagster.settings import load_settings

if TYPE_CHECKING:
    from leads_dagster.demo.playing import Seen
    from leads_dagster.sandbox import Sandbox

_LOG = "demo.log"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    lines = ("leads demo", "leads demo --minutes 2 --home .leads-demo", "leads demo --minutes 0.5 --exit --json")
    app.command("demo", epilog=examples(*lines))(demo)


def demo(
    minutes: Annotated[float, typer.Option("--minutes", min=0, max=600, help="How long the scenes take.")] = 5.0,
    home: Annotated[
        Path | None,
        typer.Option("--home", metavar="DIR", help="Keep all state in this empty folder; else a temporary one."),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Of the dashboard, 0 for any; else 8000 or the next.")
    ] = None,
    leave: Annotated[bool, typer.Option("--exit", help="End after the last scene; 1 if one was not seen.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scenes as JSON, one a line.")] = False,
) -> None:
    """Play five minutes of a team's day, to be watched on the dashboard; needs no settings and no network.

    Made-up leads in stand-ins for Google Sheets and Airtable: edits on both sides, a merge, a quarantine, a conflict,
    a review, captures, an undo and a mass deletion, each with the page that shows it. Afterwards it goes on running
    until Ctrl-C, for you to decide what waits. Your own settings and leads are not touched.
    """
    from leads_dagster.demo.house import house
    from leads_dagster.demo.scenes import SCENES

    with house(home) as folder:
        played = _run(folder, Words(as_json=as_json), minutes=minutes, port=port, leave=leave)
    if leave and sum(one.path is not None for one in played) < len(SCENES):
        raise typer.Exit(1)


def _run(folder: Path, words: Words, *, minutes: float, port: int | None, leave: bool) -> list[Seen]:
    """Everything, until its end; what came of the scenes."""
    from leads_dagster.demo.house import environment
    from leads_dagster.demo.team import bases, write_sheet
    from leads_dagster.sandbox import Sandbox

    sheet = write_sheet(folder / "sheets")
    with Sandbox(bases(), sheet.parent) as twin:
        told = environment(folder, twin.url)
        os.environ.clear()
        os.environ.update(told)
        with _Show(twin, words, seconds=minutes * 60, leave=leave) as show:
            words.starting(folder)
            _keep_up(folder, show, port)
        return show.seen()


def _keep_up(folder: Path, show: _Show, port: int | None) -> None:
    """The live system; what its parts say goes to a file."""
    with (folder / _LOG).open("w", encoding="utf-8") as log:
        stream = _Backstage(log, show)
        try:
            keep_up(load_settings(), stream, workers=1, api_port=port, chores=(show.chore,))
        finally:
            stream.close()


class _Backstage(Stream):
    """What the parts say, to a file; the show hears what becomes of them."""

    def __init__(self, log: TextIO, show: _Show) -> None:
        super().__init__(log)
        self._show = show

    def tell(self, event: str, text: str, part: str | None = None, **facts: Any) -> None:
        """As any stream, and to the show."""
        super().tell(event, text, part, **facts)
        if hears := self._show.hears.get(event):
            hears(text=text, part=part, **facts)


class _Show:
    """The scenes beside the live system: they begin when it is ready, and end when it does.

    Args:
        twin: serving.
        words: what the audience is told.
        seconds: that all scenes take together.
        leave: whether the system is to end after the last scene.
    """

    def __init__(self, twin: Sandbox, words: Words, *, seconds: float, leave: bool) -> None:
        self._twin, self._words, self._seconds, self._leave = twin, words, seconds, leave
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="demo")
        self._playing: Future[list[Seen]] | None = None
        self._asked_to_end = False
        self.hears: dict[str, Callable[..., None]] = {
            "ready": self._begin, "stopping": self._end, "died": words.fault, "hung": words.fault,
        }  # fmt: skip

    def __enter__(self) -> _Show:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True)
        self._words.ended()

    def seen(self) -> list[Seen]:
        """What came of the scenes that were played; none where the demo was ended before the system was ready."""
        return [] if self._playing is None else self._playing.result()

    def chore(self, _: object) -> None:
        """Once a second: whether the last scene is over."""
        if self._asked_to_end or self._playing is None or not self._playing.done():
            return
        self._playing.result()  # a fault of the demo itself ends it
        if self._leave:
            self._asked_to_end = True
            signal.raise_signal(signal.SIGTERM)  # as whoever watches would

    def _begin(self, *, urls: dict[str, str], **_: Any) -> None:
        self._words.ready(urls["api"], urls["web"])
        self._playing = self._pool.submit(self._play, urls["api"])

    def _end(self, **_: Any) -> None:
        self._stop.set()
        self._words.stopping()

    def _play(self, url: str) -> list[Seen]:
        from leads_dagster.demo.playing import Player
        from leads_dagster.demo.scenes import SCENES
        from leads_dagster.demo.stage import Stage

        stage = Stage(self._twin, url)
        player = Player(
            SCENES,
            seconds=self._seconds / len(SCENES),
            begins=lambda number, scene: self._words.begins(number, len(SCENES), scene),
            ends=self._words.ends,
            stop=self._stop,
        )
        try:
            played = player.play(stage)
        finally:
            stage.close()
        if not self._stop.is_set():
            self._words.over(played, leaves=self._leave)
        return played
