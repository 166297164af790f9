"""All records are matched anew, once, where the rules of matching changed since they were matched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, update

from leads_dagster.leads.matching import MATCHING_VERSION
from leads_dagster.pipeline import holds, reviews
from leads_dagster.pipeline.plan import plan
from leads_dagster.store import LeadDatabase, rematching, tables, undo
from leads_dagster.store.engine import open_engine, writing
from leads_dagster_tests.pipeline.conftest import Road
from leads_dagster_tests.pipeline.test_undo import take

ANN = ("Ann Lee", "ann@acme.example", "Acme Widgets", "CEO")
ANN_LIKE = ("Ann Lee", "", "Acme Widgetts", "Chair")  # too little alike for a threshold that wants no difference
BOB = ("Bob Stone", "bob@zeta.example", "Zeta Press", "CFO")
STRICT, USUAL = 0.999, 0.85
PEOPLE = ("Carl Osei", "Dora Quist", "Emil Vance", "Faye Zorn", "Gus Ibarra", "Hilda Moss", "Ivan Petrov", "Jo Kemp")
COMPANIES = (
    "Northwind Traders", "Blue Harbor", "Quantum Forge", "Maple Street Bakery", "Granite Shipping", "Velvet Films",
    "Osprey Analytics", "Tundra Foods",
)  # fmt: skip
EVERYTHING = {table: tables.metadata.tables[table] for table in ("leads", "matches", "match_keys", "lead_history")}


@pytest.fixture
def fresh_database(on_both: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Each test on either kind of database."""
    return on_both


@pytest.fixture
def strict(make_road: Callable[..., Road]) -> Road:
    """A road that takes for one lead only what does not differ at all."""
    return under(make_road(), STRICT)


def under(road: Road, match: float, *, guard_minimum: int = 25) -> Road:
    """The same customer, sheet and databases under another threshold."""
    keys = f"[customers.matching]\nmatch = {match}\n[customers.guard]\nminimum = {guard_minimum}\n"
    return Road(road.home, toml=keys, environ=road.environ)


def names(road: Road) -> list[str]:
    return [str(lead["full_name"]) for lead in road.leads()]


@contextmanager
def changing(road: Road) -> Iterator[Connection]:
    with road.open() as ws, writing(ws.engine) as connection:
        yield connection


def as_an_earlier_version_left_it(road: Road) -> None:
    """The store as matched by rules that gave every record no key and no edge, and said so nowhere."""
    with changing(road) as connection:
        for table in (tables.match_keys, tables.matching_states):
            connection.execute(delete(table))


def rows(road: Road) -> dict[str, list[dict[str, Any]]]:
    return {name: road.all(name) for name in EVERYTHING}


def test_a_store_that_was_made_before_is_keyed_anew_by_its_first_cycle(road: Road) -> None:
    road.sync([ANN, BOB])
    before = rows(road)
    as_an_earlier_version_left_it(road)
    assert road.sync().status == "done"
    after = rows(road)
    assert after["leads"] == before["leads"]
    assert after["matches"] == before["matches"]
    assert after["lead_history"] == before["lead_history"]
    key = sorted((row["key"], row["record_id"]) for row in after["match_keys"])
    assert key == sorted((row["key"], row["record_id"]) for row in before["match_keys"])
    [state] = road.all("matching_states")
    assert state["version"] == MATCHING_VERSION


def test_a_new_row_finds_a_record_that_earlier_rules_gave_other_keys(road: Road) -> None:
    road.sync([ANN, BOB])
    as_an_earlier_version_left_it(road)
    road.sync([ANN, BOB, ("Ann Lee", "ann@acme.example", "Acme Widgets", "Chair")])
    assert names(road) == ["Ann Lee", "Bob Stone"]


def test_a_cycle_after_it_has_nothing_to_do_and_writes_nothing(road: Road) -> None:
    road.sync([ANN, BOB])
    as_an_earlier_version_left_it(road)
    road.sync()
    before = {name: road.all(name) for name in tables.metadata.tables}
    assert road.sync().status == "unchanged"
    assert {name: road.all(name) for name in tables.metadata.tables} == before


def test_the_first_cycle_of_all_matches_nothing_twice(road: Road) -> None:
    road.sync([ANN, BOB])
    assert len(road.all("matching_states")) == 1
    assert road.sync().status == "unchanged"


def test_leads_join_when_a_threshold_is_lowered_and_part_when_it_is_raised(strict: Road) -> None:
    strict.sync([ANN, ANN_LIKE, BOB])
    first = {lead["id"] for lead in strict.leads()}
    assert names(strict) == ["Ann Lee", "Ann Lee", "Bob Stone"]
    usual = under(strict, USUAL)
    assert usual.sync().status == "done"
    assert names(usual) == ["Ann Lee", "Bob Stone"]
    assert "merged" in {one["operation"] for one in usual.all("lead_history")}
    assert {lead["merged_into"] for lead in usual.all("leads") if lead["merged_into"]} <= first
    assert strict.sync().status == "done"
    assert {lead["id"] for lead in strict.leads()} == first
    assert sorted(row["full_name"] for row in strict.crm()) == ["Ann Lee", "Ann Lee", "Bob Stone"]


def test_a_decision_is_obeyed_by_matching_anew(strict: Road) -> None:
    strict.sync([ANN, ANN_LIKE, BOB])
    usual = under(strict, USUAL)
    usual.sync()
    [joined] = [lead["id"] for lead in usual.leads() if lead["full_name"] == "Ann Lee"]
    take(usual, undo.undo_merge, joined)
    as_an_earlier_version_left_it(usual)
    usual.sync()
    assert names(usual) == ["Ann Lee", "Ann Lee", "Bob Stone"]


def test_a_lead_that_somebody_edited_is_not_joined_by_it_but_asked_about(strict: Road) -> None:
    strict.sync([ANN, ANN_LIKE, BOB])
    edited = next(lead["id"] for lead in strict.leads() if lead["full_name"] == "Ann Lee")
    take(strict, undo.override, edited, "title", "Queen")
    usual = under(strict, USUAL)
    usual.sync()
    assert names(usual) == ["Ann Lee", "Ann Lee", "Bob Stone"]
    with usual.open() as ws:
        assert [one["kind"] for one in reviews.list_(ws)] == ["join"]
    assert usual.sync().status == "unchanged"


def test_it_is_the_same_as_if_all_rows_had_come_by_todays_rules(make_road: Callable[..., Road]) -> None:
    rows = [*pairs(8), *pairs(3), ANN, ANN_LIKE]
    later, fresh = under(make_road(), STRICT), under(make_road(), USUAL)
    later.sync(rows)
    fresh.sync(rows)
    assert grouped(later) != grouped(fresh)
    later = under(later, USUAL)
    later.sync()
    assert grouped(later) == grouped(fresh)
    assert edges(later) == edges(fresh)


def grouped(road: Road) -> set[frozenset[int]]:
    found: dict[str, set[int]] = {}
    for one in road.all("source_records"):
        found.setdefault(one["lead_id"], set()).add(one["id"])
    return {frozenset(group) for group in found.values()}


def edges(road: Road) -> set[tuple[int, int, str, str, float]]:
    return {
        (one["record_a"], one["record_b"], one["outcome"], one["rule"], one["score"]) for one in road.all("matches")
    }


def pairs(count: int) -> list[tuple[str, ...]]:
    """Two rows a person that differ by a letter of the company."""
    people = list(zip(PEOPLE, COMPANIES, strict=True))[:count]
    return [(name, "", firm, "CEO") for name, company in people for firm in (company, f"{company}s")]


@pytest.fixture
def parked(strict: Road) -> Road:
    """A road whose new threshold would join more than its guard lets through, after the cycle that found that."""
    strict.sync([*pairs(8), BOB])
    guarded = under(strict, USUAL, guard_minimum=3)
    assert guarded.sync().status == "held"
    return guarded


def test_what_would_join_more_than_the_guard_lets_through_waits_for_a_person(parked: Road) -> None:
    assert len(parked.leads()) == 17
    [hold] = parked.all("holds")
    assert (hold["source"], hold["status"], hold["changes"]) == ("matching", "open", 8)
    with parked.open() as ws:
        shown = holds.show(ws, hold["id"])
    assert {one["kind"] for one in shown["plan"]} == {"join"}
    assert "rules of matching" in shown["next"]
    before = {name: parked.all(name) for name in tables.metadata.tables}
    assert parked.sync().status == "held"
    assert {name: parked.all(name) for name in tables.metadata.tables} == before


def test_new_rows_are_matched_by_todays_rules_while_the_plan_waits(parked: Road) -> None:
    result = parked.sync([*pairs(8), BOB, ("Bob Stone", "", "Zeta Presss", "Treasurer")])
    assert (result.status, result.rows.merged) == ("held", 1)
    assert len(parked.leads()) == 17


def test_an_approved_matching_is_done_by_the_next_cycle(parked: Road) -> None:
    with parked.open() as ws:
        holds.approve(ws, holds.list_(ws)[0]["id"])
    assert parked.sync().status == "done"
    assert len(parked.leads()) == 9
    assert [one["status"] for one in parked.all("holds")] == ["applied"]
    assert parked.sync().status == "unchanged"


def test_a_dropped_matching_is_not_asked_about_again(parked: Road) -> None:
    with parked.open() as ws:
        holds.drop(ws, holds.list_(ws)[0]["id"])
    assert parked.sync().status == "unchanged"
    assert len(parked.leads()) == 17


def test_a_plan_dissolves_when_the_rules_return(parked: Road) -> None:
    again = under(parked, STRICT)
    again.sync()
    assert [one["status"] for one in again.all("holds")] == ["dissolved"]
    assert again.sync().status == "unchanged"
    assert len(again.leads()) == 17


def test_a_matching_that_died_half_way_is_done_again(strict: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    strict.sync([*pairs(8), BOB])
    usual = under(strict, USUAL)
    with monkeypatch.context() as patched:
        patched.setattr(rematching, "RECORDS_WRITTEN_AT_ONCE", 3)
        patched.setattr(rematching.LeadWriter, "write", killed_after(2, rematching.LeadWriter.write))
        with pytest.raises(KeyboardInterrupt):
            usual.sync()
    assert 9 < len(usual.leads()) < 17
    usual.sync()
    assert len(usual.leads()) == 9
    assert usual.sync().status == "unchanged"


def killed_after(calls: int, function: Callable[..., Any]) -> Callable[..., Any]:
    left = iter(range(calls))

    def call(*args: Any) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return function(*args)

    return call


def test_what_others_write_in_between_is_matched_too(strict: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    strict.sync([ANN, ANN_LIKE, BOB])
    usual = under(strict, USUAL)
    resolve_all = rematching.resolve_all

    def interrupted(*args: Any) -> Any:
        found = resolve_all(*args)
        with LeadDatabase(usual.settings.database_url, "acme") as database:
            database.upsert_lead({"full_name": "Ann Lee", "company": "Acme Widgettss"})
        return found

    monkeypatch.setattr(rematching, "resolve_all", interrupted)
    usual.sync()
    assert names(usual) == ["Ann Lee", "Bob Stone"]


def test_the_plan_says_that_everything_would_be_matched_anew(road: Road) -> None:
    road.sync([ANN, BOB])
    with road.open() as ws:
        assert plan(ws)["matched_anew"] is False
    as_an_earlier_version_left_it(road)
    with road.open() as ws:
        found = plan(ws)
    assert (found["status"], found["matched_anew"]) == ("changed", True)


def test_the_public_database_sees_to_newer_rules_before_it_writes(database_url: str) -> None:
    with LeadDatabase(database_url, "acme") as database:
        lead = database.add_lead({"full_name": "Ann Lee", "email": "ann@acme.example"})
    engine = open_engine(database_url)
    with writing(engine) as connection:
        connection.execute(delete(tables.match_keys))
        connection.execute(update(tables.matching_states).values(version="1"))
    engine.dispose()
    with LeadDatabase(database_url, "acme") as database:
        assert database.upsert_lead({"full_name": "Ann Lee", "email": "ann@acme.example", "title": "CEO"}) == (
            lead,
            False,
        )


def test_rules_of_an_older_version_undo_nothing_of_a_newer_one(tmp_path: Path) -> None:
    road = Road(tmp_path / "home")
    road.sync([ANN, BOB])
    with changing(road) as connection:
        connection.execute(update(tables.matching_states).values(version="1000000"))
    assert road.sync().status == "unchanged"
