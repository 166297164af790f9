"""What outsiders rely on is there: each command, address and Python name that docs/architecture.md promises.

The page is read, so that a promise without a command, and a command that nobody is told of, are both found.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer

from leads_dagster.interfaces.cli.app import build_app
from leads_dagster_tests.conftest import REPOSITORY
from leads_dagster_tests.interfaces.api.conftest import served
from leads_dagster_tests.interfaces.conftest import CommandLine
from leads_dagster_tests.interfaces.dashboard.conftest import World, made_world

DOCS = REPOSITORY / "docs"
PAGE = (DOCS / "architecture.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`leads .*?) \| ", PAGE.partition("**CLI**")[2].partition("**HTTP**")[0], flags=re.MULTILINE)
Path_ = tuple[str, ...]

# Those that serve until they are stopped, or play for minutes; each has tests of its own.
LONG = {("up",), ("serve",), ("sandbox",), ("bench", "freshness"), ("demo",)}
# What they take, and how they end on leads of which nothing waits: 0 done, 1 a fault of content, 2 of arguments.
ARGUMENTS: dict[Path_, tuple[tuple[str, ...], int]] = {
    ("history",): (("ann@a.example",), 0),
    ("override",): (("ann@a.example", "title", "Chair"), 0),
    ("migrate",): (("records.json", "--dry-run"), 0),
    ("dedupe",): (("sheet.csv", "--out", "out.csv"), 0),
    ("undo", "field"): (("ann@a.example", "title"), 0),
    ("undo", "merge"): (("ann@a.example",), 1),
    ("undo", "run"): (("00000000",), 1),
    ("undo", "decision"): (("77",), 1),
    ("reviews", "show"): (("r7-9",), 1),
    ("reviews", "resolve"): (("r7-9", "--same"), 1),
    ("reviews", "export"): (("reviews.csv",), 0),
    ("reviews", "import"): (("reviews.csv",), 0),
    ("conflicts", "show"): (("7",), 1),
    ("conflicts", "resolve"): (("7",), 2),
    ("quarantine", "show"): (("7",), 1),
    ("holds", "show"): (("7",), 1),
    ("holds", "approve"): (("7",), 1),
    ("holds", "drop"): (("7",), 1),
    ("queue", "add"): (("captures.jsonl",), 0),
    ("queue", "replay"): (("--since", "2026-01-01"), 0),
    ("queue", "clear"): (("--yes",), 0),
    ("outbox", "retry"): (("--all",), 0),
    ("budget", "unpark"): ((), 2),
    ("learned", "add"): (("nickname", "Peggy", "Margaret"), 0),
    ("learned", "remove"): (("77",), 1),
    ("backup", "restore"): (("not-there.db", "--yes"), 1),
    ("backup", "rotate"): ((), 1),
}


def commands() -> dict[Path_, Any]:
    """Every command by the words that call it."""

    def below(one: Any, path: Path_) -> Iterator[tuple[Path_, Any]]:
        for name, child in getattr(one, "commands", {}).items():
            yield from below(child, (*path, name))
        if not hasattr(one, "commands"):
            yield path, one

    return dict(below(typer.main.get_command(build_app()), ()))


COMMANDS = commands()
GROUPS = {path[0] for path in COMMANDS if len(path) > 1}


def promised(cell: str) -> Iterator[tuple[Path_, list[str]]]:
    """Words and options of the commands that the first cell of a row names."""
    for code in re.findall(r"`leads ([^`]+)`", cell.replace("\\|", "|")):
        options = re.findall(r"--[a-z-]+", code)
        words = re.split(r" [\[A-Z…<-]", code)[0].strip()
        first, *others = re.split(r"\s*[·|]\s*", words)
        group, *begun = first.split()
        names = [begun[0], *others] if begun else [first, *others]
        for name in names:
            path = (group, name) if begun else (name, "list") if name in GROUPS else (name,)
            yield path, options


PROMISED = [one for row in ROWS for one in promised(row)]


def test_the_table_is_read() -> None:
    assert len(PROMISED) > 40
    assert {(("holds", "list")), ("undo", "merge"), ("pause",), ("queue", "replay")} <= {path for path, _ in PROMISED}


@pytest.mark.parametrize(("path", "options"), PROMISED, ids=" ".join)
def test_every_command_of_the_table_is_there_with_its_options(path: Path_, options: list[str]) -> None:
    beside = [COMMANDS[each] for each in COMMANDS if each[0] == path[0]]
    known = {name for each in beside for parameter in each.params for name in parameter.opts}

    assert path in COMMANDS
    assert set(options) <= known


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_answers_in_json_has_an_example_and_is_told_of(path: Path_) -> None:
    command = COMMANDS[path]
    pages = [REPOSITORY / "README.md", *DOCS.glob("*.md")]

    assert "--json" in {name for parameter in command.params for name in parameter.opts}
    assert f"\n  leads {path[0]}" in command.epilog or f"leads {path[0]}" in command.epilog
    assert any(re.search(rf"`?leads {path[0]}\b", page.read_text(encoding="utf-8")) for page in pages)


@pytest.fixture
def synced(leads: CommandLine) -> CommandLine:
    """A customer who was synced once, and files for the commands that take one."""
    (leads.folder / "sheet.csv").write_text("Name,Email,Title\nAnn Lee,ann@a.example,CTO\n", encoding="utf-8")
    (leads.folder / "records.json").write_text('[{"full_name": "Bo Ray", "email": "bo@b.example"}]', encoding="utf-8")
    (leads.folder / "captures.jsonl").write_text('{"Name": "Cy Poe", "Email": "cy@c.example"}\n', encoding="utf-8")
    leads.configure(f'[[customers]]\nname = "acme"\nsheet = "{leads.folder}/sheet.csv"\n')
    assert leads("sync", "--json").code == 0
    return leads


def test_every_command_answers_with_the_exit_code_that_is_documented(synced: CommandLine) -> None:
    wrong = {}
    for path in (path for path in COMMANDS if path not in LONG):
        given, code = ARGUMENTS.get(path, ((), 0))
        ended = synced(*path, *given, "--json")
        if (ended.code, ended.err) != (code, "") or not isinstance(ended.json, dict | list):
            wrong[path] = ended

    assert wrong == {}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return made_world(tmp_path_factory.mktemp("contracts") / "home")


@pytest.fixture(scope="module")
def api(world: World) -> Iterator[httpx.Client]:
    with served(world.road.settings) as client:
        yield client


HTTP = PAGE.partition("**HTTP**")[2].partition("\n\n")[0]
LISTED = {
    "captures": "captures", "queue": "queue", "quarantine": "quarantine", "conflicts": "conflicts",
    "reviews": "reviews", "holds": "holds", "drift": "drift", "outbox": "outbox", "undo": "undo",
    "backups": "backups", "budget": "budget",
}  # fmt: skip


@pytest.mark.parametrize("name", LISTED)
def test_what_the_list_of_addresses_names_is_described(name: str, api: httpx.Client) -> None:
    paths = api.get("/openapi.json").json()["paths"]

    assert re.search(rf"\b{name}\b", HTTP)
    assert f"/api/leads/{name}" in paths


def test_every_address_that_takes_no_name_answers(api: httpx.Client) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    asked = [path for path, verbs in paths.items() if "get" in verbs and "{" not in path and "events" not in path]

    assert {path: api.get(path).status_code for path in asked} == dict.fromkeys(asked, 200)
    assert {"/api/leads/sync/status", "/api/leads/sync/status/all", "/api/leads/sync/metrics"} <= set(asked)


def test_every_address_of_one_thing_answers(api: httpx.Client, world: World) -> None:
    lead = world.lead("Jane M. Doe")
    ids = {name: api.get(f"/api/leads/{name}").json()[0] for name in ("quarantine", "conflicts", "reviews", "holds")}
    paths = [
        f"/api/leads/{lead}", f"/api/leads/{lead}/history", f"/api/leads/quarantine/{ids['quarantine']['recordId']}",
        *(f"/api/leads/{name}/{ids[name]['id']}" for name in ("conflicts", "reviews", "holds")),
    ]  # fmt: skip

    assert {path: api.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json", "/metrics", "/"])
def test_pages_beside_the_api_answer(path: str, api: httpx.Client) -> None:
    assert f"`{path}`" in HTTP
    assert api.get(path).status_code == 200


@pytest.mark.parametrize("verb", ["pause", "resume", "trigger"])
def test_what_asks_for_something_is_answered(verb: str, api: httpx.Client) -> None:
    answer = api.post(f"/api/leads/sync/{verb}?customerId=acme")

    assert (answer.status_code, answer.json()["customerId"]) == (202 if verb == "trigger" else 200, "acme")


def test_progress_is_told_as_events(api: httpx.Client) -> None:
    with api.stream("GET", "/api/leads/sync/events") as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        assert next(line for line in events.iter_lines() if line.startswith("event:")) == "event: progress"


def test_the_table_of_the_api_page_names_what_there_is(api: httpx.Client) -> None:
    told = (DOCS / "api.md").read_text(encoding="utf-8")
    paths = [path for path in api.get("/openapi.json").json()["paths"] if path.startswith("/api/leads/")]
    words = {path.removeprefix("/api/leads/").split("/")[0] for path in paths}

    assert [word for word in sorted(words) if not word.startswith("{") and word not in told] == []


PYTHON = PAGE.partition("**Python**")[2].partition("\n\n")[0]
IMPORTED = [
    (module, name.strip())
    for module, names in re.findall(r"from (leads_dagster[.\w]*) import ([\w, ]+)", PYTHON)
    for name in names.split(",")
]
METHODS = {
    ("leads_dagster.store", "LeadDatabase"): (
        "add_lead", "get_lead", "update_lead", "search_leads", "get_all_leads", "mark_for_sync",
        "get_sync_pending_leads", "upsert_lead",
    ),
    ("leads_dagster.mirrors", "AirtableSyncManager"): (
        "sync_to_airtable", "sync_from_airtable", "bidirectional_sync", "handle_sync_conflicts",
    ),
    ("leads_dagster.pipeline", "MigrationManager"): ("migrate_json_files", "backup_json_files", "validate_migration"),
}  # fmt: skip


@pytest.mark.parametrize(("module", "name"), IMPORTED)
def test_every_python_name_can_be_imported(module: str, name: str) -> None:
    found = getattr(importlib.import_module(module), name)

    for method in METHODS.get((module, name), ()):
        assert f"`{method}" in PYTHON
        assert callable(getattr(found, method))


def test_signatures_are_as_the_page_has_them() -> None:
    from leads_dagster.capture import enqueue, enqueue_many
    from leads_dagster.store import LeadDatabase

    upsert = inspect.signature(LeadDatabase.upsert_lead).parameters
    assert (upsert["max_retries"].default, upsert["retry_delay"].default) == (3, 0.1)
    opened = inspect.signature(LeadDatabase).parameters
    assert (opened["url"].default, opened["customer"].default) == (None, "default")
    handed = inspect.signature(enqueue).parameters
    assert (handed["customer"].default, handed["key"].default) == ("default", None)
    assert inspect.signature(enqueue_many).parameters["keys"].default is None
    assert len(IMPORTED) == 9


def test_the_client_has_a_call_for_what_the_issue_names() -> None:
    from leads_dagster.client import AsyncLeadsClient, LeadsClient

    calls = ("sync_status", "all_statuses", "trigger", "pause", "resume", "metrics", "leads", "capture")
    for client in (LeadsClient, AsyncLeadsClient):
        assert [call for call in calls if not hasattr(client, call)] == []


def test_files_that_the_docs_point_at_are_there() -> None:
    assert json.loads(Path(REPOSITORY / "deploy" / "grafana.json").read_text(encoding="utf-8"))["panels"]
