"""The stream: one line a thing, by name, coloured on terminals only, never in the parts' way."""

from __future__ import annotations

import io
import json
import os
import threading
from typing import TextIO

import pytest

from leads_dagster.live.stream import Stream, wants_colours


class Terminal(io.StringIO):
    """What says that it is one."""

    def isatty(self) -> bool:
        return True


class StandsStill(io.StringIO):
    """A reader that reads nothing until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()

    def write(self, text: str) -> int:
        self.let.wait()
        return super().write(text)


@pytest.mark.parametrize(
    ("target", "environ", "wanted"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(target: TextIO, environ: dict[str, str], wanted: bool) -> None:
    assert wants_colours(target, environ) is wanted


def test_each_part_has_a_colour_of_its_own() -> None:
    target = io.StringIO()
    stream = Stream(target, colours=True)
    for part in ("web", "code", "web"):
        stream.heard(part, "here")
    stream.close()

    first, second, third = target.getvalue().splitlines()
    assert first[9:] == third[9:]
    assert first[9:14] != second[9:14]


def test_without_colours_a_line_is_time_name_and_words() -> None:
    target = io.StringIO()
    stream = Stream(target)
    stream.heard("worker-1", "here")
    stream.tell("died", "ended with code 1", "web")
    stream.close()

    assert [line[9:] for line in target.getvalue().splitlines()] == [
        "worker-1   here",
        "leads      web ended with code 1",
    ]


def test_as_json_each_line_is_an_object() -> None:
    target = io.StringIO()
    stream = Stream(target, as_json=True)
    stream.tell("died", "ended with code 1", "web", code=1)
    stream.close()
    told = json.loads(target.getvalue())

    assert (told["event"], told["part"], told["text"], told["code"]) == ("died", "web", "ended with code 1", 1)


def test_a_reader_that_stands_still_loses_lines_and_is_told_how_many() -> None:
    target = StandsStill()
    stream = Stream(target)
    for number in range(12_000):
        stream.heard("web", str(number))
    target.let.set()
    while stream.heard("web", "again") and "were lost" not in target.getvalue():
        pass
    stream.close()

    assert "lines were lost, since nobody read them" in target.getvalue()


def test_a_reader_that_has_gone_is_noticed() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as target:
        stream = Stream(target)
        stream.heard("web", "here")
        assert stream.gone.wait(60)
        os.dup2(os.open(os.devnull, os.O_WRONLY), target.fileno())
