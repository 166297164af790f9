"""The examples of docs/api.md run as they stand, against a server of their own."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from leads_dagster.interfaces.api.app import create_app
from leads_dagster.settings import load_settings
from leads_dagster_tests.conftest import REPOSITORY
from leads_dagster_tests.interfaces.api.conftest import served
from leads_dagster_tests.pipeline.conftest import Road

PAGE = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL)
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
SAYS = ["Up to date 2\nAnn Lee\nqueued\n", "True\nFalse\n"]
ADDRESS = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    road = Road(tmp_path_factory.mktemp("api"))
    road.sync([["Ann Lee", "ann@example.com", "Acme", "CTO"], ["Bob Ray", "bob@example.com", "Acme", ""]])
    with served(road.settings) as client:
        yield client


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_answered_well(server: httpx.Client, command: str) -> None:
    words = shlex.split(command)[1:]
    headers, body, method, url = {}, None, "GET", ""
    while words:
        word = words.pop(0)
        if word == "-X":
            method = words.pop(0)
        elif word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = words.pop(0)
        elif word != "-N":
            url = word.removeprefix(ADDRESS)
    with server.stream(method, url, headers=headers, content=body) as answer:
        assert answer.status_code in (200, 202)


@pytest.mark.parametrize(("example", "says"), list(zip(EXAMPLES, SAYS, strict=True)))
def test_an_example_says_what_it_should(server: httpx.Client, example: str, says: str) -> None:
    here = example.replace(ADDRESS, str(server.base_url).rstrip("/"))
    environ = {"PYTHONPATH": str(REPOSITORY), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", here], env=environ, capture_output=True, text=True, timeout=60, check=True
    )

    assert (done.stdout, done.stderr) == (says, "")


def test_every_path_on_the_page_is_one_of_the_server(tmp_path_factory: pytest.TempPathFactory) -> None:
    app = create_app(load_settings({"LEADS_HOME": str(tmp_path_factory.mktemp("document"))}))
    app.state.leads.close()
    paths = set(app.openapi()["paths"]) | {"/docs", "/openapi.json"}

    named = set(re.findall(r"/api/leads[/a-z]*(?:/\{leadId\}(?:/fields/\{field\})?)?", PAGE))
    assert [path for path in sorted(named) if not any(one.startswith(path) for one in paths)] == []
