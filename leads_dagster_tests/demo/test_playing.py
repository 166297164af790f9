"""Playing scenes: each is told, checked, and said not to have happened where it did not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from leads_dagster.demo.playing import Player, Seen
from leads_dagster.demo.scenes import SCENES, Look, Scene
from leads_dagster.demo.stage import Stage
from leads_dagster.errors import ContentError, ServiceUnavailableError

PLENTY = 60.0


def scene(name: str, play: Callable[[Stage], Look]) -> Scene:
    return Scene(name, "Somebody does something.", "Its effect.", play)


def seen_at(*paths: str | None) -> Callable[[Stage], Look]:
    """A scene whose looks find this, one after the other."""
    found = iter(paths)
    return lambda stage: lambda: next(found)


class Audience:
    """What is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.stop = threading.Event()

    def play(self, stage: Stage, scenes: Sequence[Scene], *, patience: float = PLENTY) -> list[Seen]:
        player = Player(
            scenes,
            seconds=0,
            begins=lambda number, scene: self.told.append(f"{number} {scene.name} begins"),
            ends=lambda number, seen: self.told.append(f"{number} {seen.scene.name} at {seen.path}"),
            stop=self.stop,
            patience=patience,
        )
        return player.play(stage)


@pytest.fixture
def audience() -> Audience:
    return Audience()


def test_scenes_are_told_in_their_order_with_the_page_that_shows_them(audience: Audience, stage: Stage) -> None:
    audience.play(stage, [scene("one", seen_at(None, None, "/a")), scene("two", seen_at("/b"))])

    assert audience.told == ["1 one begins", "1 one at /a", "2 two begins", "2 two at /b"]


def test_an_effect_that_does_not_come_is_said_and_the_day_goes_on(audience: Audience, stage: Stage) -> None:
    played = audience.play(stage, [scene("one", lambda _: lambda: None), scene("two", seen_at("/b"))], patience=0)

    assert [one.path for one in played] == [None, None]
    assert audience.told[1:3] == ["1 one at None", "2 two begins"]


def test_a_scene_that_cannot_be_played_says_why(audience: Audience, stage: Stage) -> None:
    def refused(_: Stage) -> Look:
        raise ContentError("The row is gone.")

    (seen,) = audience.play(stage, [scene("one", refused)])

    assert (seen.path, seen.reason) == (None, "The row is gone.")


def test_an_api_that_is_away_for_a_moment_is_asked_again(audience: Audience, stage: Stage) -> None:
    looks = iter([ServiceUnavailableError("away"), None])

    def look() -> str | None:
        fault = next(looks)
        if fault is not None:
            raise fault
        return "/a"

    (seen,) = audience.play(stage, [scene("one", lambda _: look)])

    assert seen.path == "/a"


def test_nothing_more_is_played_or_told_once_it_is_stopped(audience: Audience, stage: Stage) -> None:
    def stops(_: Stage) -> Look:
        audience.stop.set()
        return lambda: None

    played = audience.play(stage, [scene("one", stops), scene("two", seen_at("/b"))])

    assert played == []
    assert audience.told == ["1 one begins"]


def test_every_scene_has_a_name_of_its_own_and_sentences() -> None:
    assert len({one.name for one in SCENES}) == len(SCENES)
    assert all(one.says.endswith((".", "?")) and one.shows.endswith(".") for one in SCENES)
