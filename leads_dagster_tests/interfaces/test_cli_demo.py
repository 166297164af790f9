"""`leads demo`: the whole day, for real, as fast as it goes."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import httpx
import pytest

from leads_dagster.demo.scenes import SCENES
from leads_dagster_tests.interfaces.conftest import CommandLine


def told(lines: IO[str] | None) -> Iterator[dict[str, Any]]:
    assert lines is not None
    return map(json.loads, lines)


def test_every_scene_happens_and_its_page_is_there(leads: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADS_DATABASE_URL", "sqlite:////nowhere/leads.db")  # the user's own, which it must not mind
    with leads.started("demo", "--minutes", "0", "--exit", "--json", "--port", "0") as process:
        home, happened, pages = "", {}, {}
        for one in told(process.stdout):
            if one["event"] == "starting":
                home = one["home"]
            if one["event"] == "seen":
                happened[one["scene"]] = one["happened"]
                pages[one["scene"]] = one["url"] and httpx.get(one["url"]).status_code
        code = process.wait()

    assert happened == {scene.name: True for scene in SCENES}
    assert pages == {scene.name: 200 for scene in SCENES}
    assert code == 0
    assert not Path(home).exists()
    assert not leads.home.exists()


def test_ctrl_c_before_it_is_ready_leaves_nothing_behind(leads: CommandLine) -> None:
    with leads.started("demo", "--json", "--port", "0") as process:
        lines = told(process.stdout)
        home = Path(next(lines)["home"])
        process.send_signal(signal.SIGINT)
        events = [one["event"] for one in lines]
        code = process.wait()

    assert events[-1] == "ended"
    assert code in (0, 130)
    assert not home.exists()


def test_a_folder_with_something_in_it_is_refused(leads: CommandLine) -> None:
    (leads.folder / "mine.txt").write_text("mine")
    ended = leads("demo", "--home", str(leads.folder), "--json")

    assert ended.code == 2
    assert ended.json["error"]["type"] == "SettingsError"


def test_help_shows_examples(leads: CommandLine) -> None:
    ended = leads("demo", "--help")

    assert ended.code == 0
    assert "leads demo --minutes 2 --home .leads-demo" in ended.out
