"""What `leads demo` says, for people and as JSON lines.

What belongs here: wording and shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from leads_dagster.interfaces.cli.render import emit_json_line

if TYPE_CHECKING:
    from leads_dagster.demo.playing import Seen
    from leads_dagster.demo.scenes import Scene

_INBOXES = {"conflict": "conflicts", "review": "reviews", "hold": "holds", "mend": "quarantine"}


class Words:
    """Tells the audience.

    Args:
        as_json: one object a line instead of sentences.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._url = ""

    def starting(self, home: Path) -> None:
        """Before anything can be seen."""
        self._say(
            {"event": "starting", "home": str(home)},
            "Starting stand-ins for Google Sheets and Airtable, and the live system; that takes about 20 seconds.",
            f"All of it is in {home}; your own settings and leads are not touched. Ctrl-C ends it at any time.",
        )

    def ready(self, url: str, dagster: str) -> None:
        """Where to look."""
        self._url = url
        self._say(
            {"event": "ready", "url": url, "dagster": dagster},
            "",
            f"Open {url} in a browser beside this window: that is the dashboard.",
            f"(Each sync is also a run in Dagster, at {dagster}.)",
        )

    def begins(self, number: int, of: int, scene: Scene) -> None:
        """A scene."""
        self._say({"event": "scene", "scene": scene.name, "says": scene.says}, "", f"{number:>2}/{of}  {scene.says}")

    def ends(self, number: int, seen: Seen) -> None:
        """Whether its effect was seen, and where."""
        facts = {"event": "seen", "scene": seen.scene.name, "happened": seen.path is not None}
        facts |= {"seconds": round(seen.seconds, 2), "url": seen.path and self._url + seen.path}
        if seen.path is None:
            why = seen.reason or "No page shows it."
            line = f"       This did not happen within {seen.seconds:.0f} s. {why}"
            self._say({**facts, "reason": why}, line)
            return
        self._say(facts, f"       {seen.seconds:.1f} s later: {self._url}{seen.path}", f"       {seen.scene.shows}")

    def over(self, played: Sequence[Seen], *, leaves: bool) -> None:
        """What was shown."""
        missed = [one.scene.name for one in played if one.path is None]
        shown = [one.scene.name for one in played if one.path is not None]
        lines = [f"That was the day: {len(shown)} of {len(played)} scenes were seen on the dashboard."]
        lines += [f"Not seen: {', '.join(missed)}."] if missed else []
        lines += [] if leaves else [*_your_turn(self._url, shown), "It goes on running until Ctrl-C."]
        self._say({"event": "over", "shown": shown, "missed": missed}, "", *lines)

    def fault(self, *, text: str, part: str | None, **_: Any) -> None:
        """Something of the live system had to be started again."""
        self._say({"event": "fault", "part": part, "text": text}, f"       ({part} {text})")

    def stopping(self) -> None:
        """Ctrl-C was heard."""
        self._say({"event": "stopping"}, "", "Stopping …")

    def ended(self) -> None:
        """Nothing runs any more."""
        self._say({"event": "ended"}, "Ended; nothing runs any more.")

    def _say(self, facts: dict[str, Any], *lines: str) -> None:
        if self._as_json:
            emit_json_line(facts)
            return
        typer.echo("\n".join(lines))


def _your_turn(url: str, shown: Sequence[str]) -> list[str]:
    """What is left to decide."""
    waiting = [inbox for scene, inbox in _INBOXES.items() if scene in shown]
    if not waiting:
        return []
    return [f"Now it is your turn: {', '.join(waiting)} wait for a decision at {url}."]
