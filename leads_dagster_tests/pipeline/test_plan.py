"""`leads plan` says what the sync right after it does, call by call, and leaves every byte as it was."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from leads_dagster.pipeline.plan import plan
from leads_dagster.pipeline.result import SyncResult
from leads_dagster.sandbox import Sandbox
from leads_dagster.sandbox.bases_file import DEFAULT_BASES, read_bases_file
from leads_dagster_tests.pipeline.airtable_roads import AIRTABLE, BASE, TOKEN, airtable_road, cells, writes
from leads_dagster_tests.pipeline.conftest import Road

ALL = f'{AIRTABLE}attention = true\nfixing_table = "Leads: needs fixing"\n'
JANE = ("Jane Doe", "jane@acme.example", "Acme", "CEO")
JANE_TOO = (*JANE[:3], "Chief Executive")
ANN = ("Ann Lee", "ann@beta.example", "Beta", "CTO")
CY = ("Cy Young", "ann@beta.example", "Beta", "Clerk")
NOBODY = ("", "see notes", "", "")
MANY = [(f"Lead {n} Person{n}", f"p{n}@firm{n}.example", f"Firm {n}", "Clerk") for n in range(45)]
MIRRORED = {"creates": "created", "updates": "updated", "deletes": "deleted", "failed": "failed"}


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(one_sandbox: Sandbox) -> Sandbox:
    one_sandbox.reset()
    return one_sandbox


def planned(road: Road, **how: Any) -> dict[str, Any]:
    with road.open() as ws:
        return plan(ws, **how)


def bytes_of(road: Road) -> dict[str, str]:
    """What stands in every file of the state folder that outlives a command."""
    files = (one for one in road.home.rglob("*") if one.is_file() and "budget" not in one.name)
    return {str(one): hashlib.sha256(one.read_bytes()).hexdigest() for one in files if one.suffix != ".lock"}


def holds(road: Road, sandbox: Sandbox) -> tuple[dict[str, Any], SyncResult]:
    """Plan, then sync: the sync must do what the plan said, and the plan must have done nothing."""
    with road.open():  # makes the database
        pass
    stored, shown, sent = bytes_of(road), cells(sandbox), writes(sandbox)
    told = planned(road)
    assert (bytes_of(road), cells(sandbox), writes(sandbox)) == (stored, shown, sent)
    before = sandbox.requests.count(route="v0/")
    done = road.sync()
    assert told["mirrors"]["airtable"]["calls"] == sandbox.requests.count(route="v0/") - before
    for mirror, numbers in (done.mirrors or {}).items():
        assert {mirror: {name: told["mirrors"][mirror][name] for name in MIRRORED}} == {
            mirror: {name: numbers[other] for name, other in MIRRORED.items()}
        }
    assert told["rows"] == {name: getattr(done.rows, name) for name in told["rows"]}
    return told, done


def test_a_first_load(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, ALL)
    road.write([JANE, JANE_TOO, ANN, CY, NOBODY, *MANY])
    told, _ = holds(road, sandbox)
    assert told["mirrors"]["airtable"]["creates"] == 48
    assert told["mirrors"]["crm"]["creates"] == 48
    assert told["leads"] == {"create": 48, "update": 0, "retire": 0}
    assert told["mirrors"]["airtable"]["fields"]["full_name"] == 48


def test_rows_that_changed_left_came_merged_and_went_to_quarantine(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, ALL)
    road.sync([JANE, ANN, CY, NOBODY, *MANY])
    changed = [(*row[:3], "Director") for row in MANY[:12]]
    road.write(
        [
            (*JANE[:3], "Founder"),
            JANE_TOO,
            ANN,
            ("", "n/a", "", ""),
            *changed,
            *MANY[12:40],
            ("New One", "n@o.example", "O", ""),
        ]
    )
    told, _ = holds(road, sandbox)
    assert told["status"] == "changed"
    assert (told["leads"]["create"], told["leads"]["retire"]) == (1, 6)
    assert told["mirrors"]["airtable"]["fields"]["title"] >= 12


def test_a_cycle_that_the_guard_parks(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, ALL)
    road.sync([JANE, *MANY])
    road.write([(*JANE[:3], "Founder")])
    told, done = holds(road, sandbox)
    assert (told["status"], done.status) == ("held", "held")
    assert told["mirrors"]["airtable"]["deletes"] == 0


def test_a_conflict_and_a_person_at_work_in_airtable(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, f"{ALL}debounce_seconds = 0\n")
    road.sync([JANE, ANN])
    first = next(one for one in sandbox.airtable.records(BASE, "Leads") if one["fields"]["Name"] == "Jane Doe")
    sandbox.airtable.update(BASE, "Leads", [{"id": first["id"], "fields": {"Title": "Chair"}}])
    sandbox.airtable.create(BASE, "Leads", [{"Name": "Bob Stone", "Email": "bob@zeta.example"}])
    road.write([(*JANE[:3], "Founder"), ANN])
    told, done = holds(road, sandbox)
    assert (told["status"], done.status) == ("changed", "done")
    assert {lead["full_name"] for lead in road.leads()} == {"Jane Doe", "Ann Lee", "Bob Stone"}
    assert [one["field"] for one in road.all("conflicts")] == ["title"]


def test_nothing_to_do(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, ALL)
    road.sync([JANE, NOBODY])
    told, done = holds(road, sandbox)
    assert (told["status"], done.status) == ("unchanged", "unchanged")
    assert told["mirrors"]["airtable"]["differences"] == []


def test_each_difference_is_listed_up_to_a_limit(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, AIRTABLE)
    road.sync([JANE, ANN])
    road.write([(*JANE[:3], "Founder")])
    told = planned(road)["mirrors"]["airtable"]
    jane, ann = ({lead["full_name"]: lead["id"] for lead in road.leads()}[name] for name in ("Jane Doe", "Ann Lee"))
    assert sorted(told["differences"], key=lambda one: one["operation"]) == [
        {"lead_id": ann, "lead": "Ann Lee", "operation": "delete", "field": None, "old": None, "new": None},
        {"lead_id": jane, "lead": "Jane Doe", "operation": "update", "field": "title", "old": "CEO", "new": "Founder"},
    ]
    assert len(planned(road, limit=1)["mirrors"]["airtable"]["differences"]) == 1


def test_what_it_costs_and_what_the_month_has_left(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, f'{AIRTABLE}plan = "free"\n')
    road.write(MANY)
    told = planned(road)["mirrors"]["airtable"]
    assert told["calls_by_kind"]["write"] == 5
    assert told["seconds"] == -(-told["calls"] // 5)
    assert 900 < told["month_left"] <= 1000


def test_an_airtable_that_is_away_is_said_and_the_rest_is_planned(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, '[customers.airtable]\nbase_id = "appNobody"\ntable = "Leads"\n')
    road.write([JANE, ANN])
    told = planned(road)
    assert told["mirrors"]["crm"]["creates"] == 2
    assert "appNobody" in (told["error"] or "")


def test_a_token_without_a_scope_is_known_before_anything_is_tried(tmp_path: Path) -> None:
    scopes = ["data.records:read", "data.records:write", "schema.bases:read"]
    with Sandbox({**read_bases_file(DEFAULT_BASES), "tokens": {TOKEN: {"scopes": scopes}}}) as sandbox:
        road = airtable_road(tmp_path / "home", sandbox, ALL)
        road.write([JANE, NOBODY])
        told = planned(road)
        assert told["mirrors"]["airtable"]["creates"] == 1
        assert sandbox.requests.count(route="POST v0/") == 0


def test_the_customer_is_not_locked_while_a_plan_is_made(tmp_path: Path, sandbox: Sandbox) -> None:
    road = airtable_road(tmp_path / "home", sandbox, AIRTABLE)
    road.write([JANE])
    with road.open() as ws, ws.locked():
        assert plan(ws)["mirrors"]["airtable"]["creates"] == 1


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """The tests with `make_road` run on SQLite and on PostgreSQL."""
    return on_both


def test_the_same_on_a_server(make_road: Callable[..., Road], sandbox: Sandbox) -> None:
    at = {"AIRTABLE_API_KEY": TOKEN, "AIRTABLE_ENDPOINT_URL": sandbox.url}
    road = make_road(ALL, environ=at)
    road.write([JANE, JANE_TOO, ANN, CY, NOBODY])
    holds(road, sandbox)
    road.write([(*JANE[:3], "Founder"), ANN, NOBODY])
    tables = ("leads", "claims", "source_records", "sync_runs", "staging", "counters", "sync_status", "airtable_hooks")
    before, crm = [road.all(name) for name in tables], road.crm()
    planned(road)
    assert ([road.all(name) for name in tables], road.crm()) == (before, crm)
    holds(road, sandbox)


def test_a_plan_itself_spends_few_calls_however_many_leads_change(tmp_path: Path, sandbox: Sandbox) -> None:
    rows = [(f"Lead {n} Person{n}", f"p{n}@firm{n}.example", f"Firm {n}", "Clerk") for n in range(650)]
    road = airtable_road(tmp_path / "home", sandbox, f"{AIRTABLE}[customers.guard]\nshare = 1.0\n")
    road.sync(rows)
    road.write([(*row[:3], "Director") for row in rows])
    before = sandbox.requests.count(route="v0/")
    planned(road)
    assert sandbox.requests.count(route="v0/") - before <= 5
    told = holds(road, sandbox)[0]["mirrors"]["airtable"]
    assert (told["updates"], told["calls_by_kind"]["write"]) == (650, 65)
    assert told["calls_by_kind"]["read"] >= 4  # before each batch of 200
