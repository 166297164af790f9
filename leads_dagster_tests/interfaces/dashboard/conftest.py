"""A customer of whom everything waits: a merge, a conflict, a review, a hold, a row in quarantine, a hostile cell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster_tests.interfaces.api.conftest import served
from leads_dagster_tests.pipeline.conftest import HEADER, Road

COLUMNS = (*HEADER, "LinkedIn", "Notes")
PROFILE = "linkedin.com/in/janedoe"
SCRIPT = '<script>alert("x")</script>'
FORMULA = '=HYPERLINK("http://evil.example")'
MERGED = (
    ("Jane Doe", "jane@acme.example", "Acme", "CEO", PROFILE, ""),
    ("Jane M. Doe", "jmd@acme.example", "Acme GmbH", "Chief Executive", PROFILE, "Met at the fair"),
)
ALIKE = (
    ("Nora Lindqvist", "nl7@fjord.example", "Fjord", "CEO", "", ""),
    ("Erik Holm", "nl7@fjord.example", "Fjord", "CFO", "", ""),
)
NAME = "<b>Bobby</b> Tables"
HOSTILE = (NAME, "bobby@tables.example", FORMULA, SCRIPT, "", "<img src=x onerror=alert(1)>")
QUARANTINED = ("", "", "Nobody Ltd", "", "", "")


@dataclass(frozen=True)
class World:
    """What a test of the pages starts from."""

    road: Road

    def lead(self, name: str) -> str:
        """The id of an active lead."""
        (found,) = (one["id"] for one in self.road.leads() if one["full_name"] == name)
        return str(found)


def made_world(home: Path) -> World:
    """A world in a folder of its own."""
    road = Road(home)
    crowd = [(f"Person N{number}", f"p{number}@firm{number}.example", "", "CTO", "", "") for number in range(40)]
    fixed = [*MERGED, *ALIKE, HOSTILE, QUARANTINED]
    _other_list(road, "Engineer")
    road.sync([*fixed, _ada("Engineer"), *crowd], COLUMNS)
    _other_list(road, "Chair")
    road.sync([*fixed, _ada("Founder"), *crowd], COLUMNS)
    road.sync([*fixed, _ada("Founder"), *crowd[:6]], COLUMNS)
    return World(road)


def _ada(title: str) -> tuple[str, ...]:
    return ("Ada King", "ada@engines.example", "Engines", title, "", "")


def _other_list(road: Road, title: str) -> None:
    """A cycle of a second sheet, which has Ada too."""
    other = road.home / "other.csv"
    other.write_text("\n".join(",".join(row) for row in (COLUMNS, _ada(title))) + "\n", encoding="utf-8")
    with open_workspace(road.settings, "acme", sheet=str(other)) as ws:
        run_cycle(ws)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return made_world(tmp_path / "home")


@pytest.fixture
def pages(world: World) -> Iterator[httpx.Client]:
    """A client of that customer's dashboard."""
    with served(world.road.settings) as client:
        yield client


def form_token(client: httpx.Client, path: str = "/") -> str:
    """What a page's forms bring along."""
    found = re.search(r'X-CSRF-Token": "([0-9a-f]+)"', client.get(path).text)
    assert found is not None
    return found[1]


def post(client: httpx.Client, path: str, *, htmx: bool = False, **fields: str) -> httpx.Response:
    """Send a form as a page would."""
    headers = {"HX-Request": "true"} if htmx else {}
    return client.post(path, data={"csrf_token": form_token(client), **fields}, headers=headers)
