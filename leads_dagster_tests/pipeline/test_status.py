"""The status of many customers of one database: each its own, and no dearer for their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from leads_dagster.pipeline import undo
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.status import status, statuses
from leads_dagster.pipeline.workspace import Workspace, open_workspace
from leads_dagster.settings import Settings, load_settings

fresh_database = pytest.fixture(lambda on_both: on_both)
HEADER = "Name,Email,Company,Title"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def customers(home: Path, fresh_database: Callable[[], dict[str, str]]) -> Callable[..., Settings]:
    """Makes customers c0, c1, … of one database, each with a sheet of so many people and one row that is no lead."""
    environ = {**fresh_database(), "LEADS_HOME": str(home)}

    def make(*sizes: int) -> Settings:
        home.mkdir(exist_ok=True)
        names = [f"c{number}" for number in range(len(sizes))]
        toml = "".join(f'[[customers]]\nname = "{name}"\nsheet = "{name}.csv"\n' for name in names)
        (home / "leads.toml").write_text(toml, encoding="utf-8")
        for name, size in zip(names, sizes, strict=True):
            write(home, name, size)
        return load_settings(environ, cwd=home)

    return make


def write(home: Path, name: str, size: int, *, title: str = "CTO") -> None:
    rows = [f"Person N{number},p{number}@{name}.example,Firm {number},{title}" for number in range(size)]
    (home / f"{name}.csv").write_text("\n".join([HEADER, *rows, ",,Nobody Ltd,"]) + "\n", encoding="utf-8")


def sync(settings: Settings, name: str) -> None:
    with open_workspace(settings, name) as ws:
        run_cycle(ws)


@contextmanager
def all_open(settings: Settings) -> Iterator[list[Workspace]]:
    with open_workspace(settings, "c0") as first:
        yield [Workspace(settings, one, first.engine) for one in settings.customers]


def queries(workspaces: list[Workspace]) -> int:
    """How many statements the statuses of these take."""
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.append(statement)

    event.listen(workspaces[0].engine, "before_cursor_execute", note)
    statuses(workspaces)
    event.remove(workspaces[0].engine, "before_cursor_execute", note)
    return len(asked)


def test_each_customer_has_its_own_figures(
    home: Path, customers: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = customers(3, 40, 2, 1)
    monkeypatch.chdir(home)
    for name in ("c0", "c1", "c2"):
        sync(settings, name)
    write(home, "c1", 4)
    sync(settings, "c1")
    write(home, "c2", 2, title="CEO")
    sync(settings, "c2")

    with all_open(settings) as workspaces:
        found = {one["customer"]: one for one in statuses(workspaces)}

    assert list(found) == ["c0", "c1", "c2", "c3"]
    assert [one["leads"] for one in found.values()] == [3, 40, 2, 0]
    assert [one["waiting"]["quarantine"] for one in found.values()] == [1, 1, 1, 0]
    assert [one["waiting"]["holds"] for one in found.values()] == [0, 1, 0, 0]
    assert (found["c1"]["held_because"]["parked"], found["c1"]["last_run"]["status"]) == (36, "held")
    assert (found["c0"]["rows"]["read"], found["c0"]["rows"]["unchanged"]) == (4, 3)
    assert (found["c3"]["last_run"], found["c3"]["freshness"], found["c3"]["rows"]["read"]) == (None, {}, 0)
    assert found["c2"]["freshness"]["store"]["rows"] == 2
    assert found["c0"]["outbox"] == {"crm": {"success": 3}}
    assert all(one["ledger_adds_up"] for one in found.values())


def test_rows_that_a_person_took_back_are_held_and_no_others(
    home: Path, customers: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = customers(3, 2)
    monkeypatch.chdir(home)
    sync(settings, "c0")
    sync(settings, "c1")
    with open_workspace(settings, "c0") as ws:
        undo.undo_run(ws, status(ws)["last_run"]["run_id"])

    with all_open(settings) as workspaces:
        first, second = statuses(workspaces)

    assert (first["held_because"], first["rows"]["held"]) == ({"parked": 0, "undone": 3}, 3)
    assert (second["held_because"], second["rows"]["held"]) == ({"parked": 0, "undone": 0}, 0)


def test_many_customers_take_as_many_queries_as_one(
    home: Path, customers: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = customers(*[2] * 12)
    monkeypatch.chdir(home)
    for one in settings.customers:
        sync(settings, one.name)

    with all_open(settings) as workspaces:
        assert queries(workspaces) == queries(workspaces[:1])
