"""Watching sheets: what is found, what is left alone, and what a fault costs."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from leads_dagster.budget import budget_place, google_limits
from leads_dagster.errors import LeadsError
from leads_dagster.pipeline import pausing
from leads_dagster.pipeline.watching import Finding, Watcher
from leads_dagster.pipeline.watching_sheet import ASKED_FOR, CHANGED, UNREADABLE
from leads_dagster.pipeline.watching_words import words_of
from leads_dagster.sandbox import Sandbox
from leads_dagster.store import tables, watch_rows
from leads_dagster.store.engine import writing
from leads_dagster_tests.pipeline.conftest import Road

ADA = ("Ada Lovelace", "ada@engines.example", "Engines", "Analyst")
BOB = ("Bob Stone", "bob@zeta.example", "Zeta", "CTO")
MakeRoad = Callable[..., Road]
# Long enough for several looks on a slow machine; a finding ends it at once.
SHORT, LONG = 0.6, 5.0


@pytest.fixture
def watcher(road: Road) -> Iterator[Watcher]:
    road.sync([ADA])
    with closing(Watcher(road.settings)) as watcher:
        assert watcher.watch(SHORT) == []
        yield watcher


def reasons(found: list[Finding]) -> list[tuple[str, str]]:
    return [(one.customer, one.why) for one in found]


def settled(watcher: Watcher, road: Road) -> list[Finding]:
    """What is found after a cycle took in what was found before."""
    road.sync()
    watcher.settle("acme")
    return watcher.watch(SHORT)


def test_a_sheet_that_nobody_read_yet_is_found(road: Road) -> None:
    road.write([ADA])
    with closing(Watcher(road.settings)) as watcher:
        assert reasons(watcher.watch(LONG)) == [("acme", CHANGED)]


def test_an_edit_is_found_and_after_its_cycle_nothing_is(watcher: Watcher, road: Road) -> None:
    road.write([ADA, BOB])
    assert reasons(watcher.watch(LONG)) == [("acme", CHANGED)]
    assert settled(watcher, road) == []


def test_an_edit_keeps_the_moment_at_which_it_was_first_seen(watcher: Watcher, road: Road) -> None:
    road.write([ADA, BOB])
    (first,) = watcher.watch(LONG)
    (again,) = watcher.watch(LONG)
    assert again.seen_at == first.seen_at


def test_two_edits_within_one_tick_of_the_file_systems_clock_are_both_found(watcher: Watcher, road: Road) -> None:
    road.write([ADA, BOB])
    young = road.sheet.stat()
    assert watcher.watch(LONG)
    assert settled(watcher, road) == []
    road.write([ADA, (BOB[0], "bob@zeta.exampla", *BOB[2:])])
    os.utime(road.sheet, ns=(young.st_atime_ns, young.st_mtime_ns))
    assert reasons(watcher.watch(LONG)) == [("acme", CHANGED)]


def test_a_customer_with_a_cycle_under_way_is_left_alone_and_looked_at_when_it_is_over(
    watcher: Watcher, road: Road
) -> None:
    road.write([ADA, BOB])
    assert watcher.watch(SHORT, busy={"acme"}) == []
    assert reasons(watcher.watch(LONG)) == [("acme", CHANGED)]


def test_a_cycle_that_changed_nothing_is_asked_for_again_only_after_a_wait(watcher: Watcher, road: Road) -> None:
    road.write([ADA, BOB])
    assert watcher.watch(LONG)
    assert watcher.watch(SHORT) == []
    assert watcher.watch(LONG)


def test_another_edit_is_not_waited_with(watcher: Watcher, road: Road) -> None:
    road.write([("Quux",)], header=("Quux",))
    for _ in range(3):
        assert watcher.watch(20)
    road.write([ADA, BOB])
    assert reasons(watcher.watch(1.5)) == [("acme", CHANGED)]


def test_a_failed_cycle_is_remembered_by_the_next_process(road: Road) -> None:
    road.sync([ADA])
    road.write([ADA, BOB])
    retry_at = datetime.now(timezone.utc) + timedelta(minutes=5)
    with road.open() as ws, writing(ws.engine) as connection:
        watch_rows.note_failure(connection, "acme", failures=10, retry_at=retry_at)
    with closing(Watcher(road.settings)) as watcher:
        assert watcher.watch(1.0) == []
        road.write([ADA])
        road.write([ADA, BOB, ("Cy Third", "cy@three.example", "", "")])
        assert reasons(watcher.watch(LONG)) == [("acme", CHANGED)]


def test_a_clock_that_was_put_back_makes_nobody_wait_for_longer(road: Road) -> None:
    road.sync([ADA])
    road.write([ADA, BOB])
    with road.open() as ws, writing(ws.engine) as connection:
        watch_rows.note_failure(connection, "acme", failures=1, retry_at=datetime(2100, 1, 1, tzinfo=timezone.utc))
    with closing(Watcher(road.settings)) as watcher:
        assert reasons(watcher.watch(LONG)) == [("acme", CHANGED)]


def test_a_cycle_that_closes_forgets_the_failures(road: Road) -> None:
    road.write([("1",)], header=("Quux",))
    with pytest.raises(LeadsError, match="Quux"):
        road.sync()
    (row,) = road.all("watching")
    assert row["failures"] == 1
    road.sync([ADA])
    (row,) = road.all("watching")
    assert (row["failures"], row["retry_at"]) == (0, None)


def test_a_sheet_that_is_gone_is_found_once_and_its_return_too(watcher: Watcher, road: Road) -> None:
    kept = road.sheet.read_bytes()
    road.sheet.unlink()
    (found,) = watcher.watch(LONG)
    assert found.without_sheet
    assert found.why.startswith(UNREADABLE)
    assert watcher.watch(2.5) == []
    road.sheet.write_bytes(kept + b"Bob Stone,bob@zeta.example,Zeta,CTO\n")
    assert reasons(watcher.watch(15)) == [("acme", CHANGED)]


def test_a_sheet_that_comes_back_as_it_was_is_watched_as_before_and_its_fault_is_forgotten(
    watcher: Watcher, road: Road
) -> None:
    kept = road.sheet.read_bytes()
    road.sheet.unlink()
    assert watcher.watch(LONG)
    with pytest.raises(LeadsError, match="no file"):
        road.sync()
    assert road.all("sync_states")[0]["last_error"] is not None
    road.sheet.write_bytes(kept)
    assert watcher.watch(10) == []
    assert road.all("sync_states")[0]["last_error"] is None
    assert road.all("watching")[0]["failures"] == 0
    road.write([ADA, BOB])
    assert reasons(watcher.watch(LONG)) == [("acme", CHANGED)]


def test_what_waits_in_the_database_is_found_though_the_sheet_cannot_be_read(watcher: Watcher, road: Road) -> None:
    road.sheet.unlink()
    assert watcher.watch(LONG)
    with road.open() as ws:
        assert pausing.ask(ws)
    (found,) = watcher.watch(LONG)
    assert (found.why, found.without_sheet) == (ASKED_FOR, True)


def test_a_paused_customer_is_left_alone_and_caught_up_with_when_it_is_resumed(watcher: Watcher, road: Road) -> None:
    with road.open() as ws:
        pausing.pause(ws, reason="moving house", who="ann")
    road.write([ADA, BOB])
    assert watcher.watch(1.0) == []
    assert watcher.paused == {"acme": "paused by ann: moving house"}
    with road.open() as ws:
        pausing.resume(ws)
    assert reasons(watcher.watch(LONG)) == [("acme", CHANGED)]


def test_a_cycle_that_somebody_asked_for_is_found_once(watcher: Watcher, road: Road) -> None:
    with road.open() as ws:
        pausing.ask(ws)
    assert reasons(watcher.watch(LONG)) == [("acme", ASKED_FOR)]
    assert settled(watcher, road) == []
    (row,) = road.all("watching")
    assert row["triggered_at"] is None


def test_a_mark_of_the_outbox_is_found_when_its_time_comes(watcher: Watcher, road: Road) -> None:
    with road.open() as ws, writing(ws.engine) as connection:
        soon = datetime.now(timezone.utc) + timedelta(seconds=2)
        connection.execute(tables.sync_status.update().values(status="pending", next_attempt_at=soon))
    assert watcher.watch(0.5) == []
    assert reasons(watcher.watch(8)) == [("acme", "a mirror has leads to hear of")]


def test_a_leads_toml_that_changes_is_taken_in(watcher: Watcher, road: Road) -> None:
    other = road.home / "other.csv"
    other.write_text("Name,Email\nBob Stone,bob@zeta.example\n")
    toml = (road.home / "leads.toml").read_text()
    (road.home / "leads.toml").write_text(f'{toml}\n[[customers]]\nname = "zeta"\nsheet = "{other}"\n')
    assert reasons(watcher.watch(LONG)) == [("zeta", CHANGED)]


def test_a_leads_toml_that_cannot_be_used_leaves_everything_as_it_was(watcher: Watcher, road: Road) -> None:
    (road.home / "leads.toml").write_text("[[customers]\n")
    road.write([ADA, BOB])
    assert reasons(watcher.watch(LONG)) == [("acme", CHANGED)]
    assert "leads.toml" in words_of(watcher)


def test_findings_beyond_those_wanted_are_found_again(make_road: MakeRoad, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("Name,Email\nBob Stone,bob@zeta.example\n")
    road = make_road(f'[[customers]]\nname = "zeta"\nsheet = "{other}"\n')
    road.write([ADA])
    with closing(Watcher(road.settings)) as watcher:
        found = [*watcher.watch(LONG, most=1), *watcher.watch(LONG, most=1)]
        assert {one.customer for one in found} == {"acme", "zeta"}


def test_what_nobody_could_be_given_waits_and_is_said_until_somebody_can(watcher: Watcher, road: Road) -> None:
    road.write([ADA, BOB])
    assert watcher.watch(SHORT, most=0) == []
    assert "waiting for a worker" in words_of(watcher)
    assert reasons(watcher.watch(0, most=1)) == [("acme", CHANGED)]
    assert "waiting" not in words_of(watcher)


def test_what_waits_is_forgotten_where_the_edit_is_taken_back(watcher: Watcher, road: Road) -> None:
    before = road.sheet.read_bytes()
    road.write([ADA, BOB])
    assert watcher.watch(SHORT, most=0) == []
    road.sheet.write_bytes(before)
    assert watcher.watch(SHORT, most=0) == []
    assert watcher.watch(SHORT) == []


def test_what_waits_is_left_to_a_cycle_that_somebody_else_began(watcher: Watcher, road: Road) -> None:
    road.write([ADA, BOB])
    assert watcher.watch(SHORT, most=0) == []
    assert watcher.watch(SHORT, busy={"acme"}) == []
    road.sync()
    assert watcher.watch(SHORT) == []


def test_how_often_a_sheet_is_looked_at_and_why_is_written_down_once(watcher: Watcher, road: Road) -> None:
    (row,) = road.all("watching")
    assert (row["interval_seconds"], row["reason"]) == (1.0, "edited lately")
    watcher.watch(SHORT)
    assert road.all("watching") == [row]


def test_only_a_sheet_that_changes_slows_down_for_a_quota_of_reads(watcher: Watcher, road: Road) -> None:
    sheet = watcher.sheets["acme"]
    assert sheet.pace(late_seconds=0, quota_share=0.9).seconds == 1
    road.write([ADA, BOB])
    assert watcher.watch(LONG)
    assert sheet.pace(late_seconds=0, quota_share=0.9).seconds == 4


def test_looks_at_a_sheet_as_it_was_write_nothing(watcher: Watcher, road: Road) -> None:
    with closing(sqlite3.connect(road.home / "leads.db")) as connection:
        before = connection.execute("PRAGMA data_version").fetchone()
        watcher.watch(1.5)
        assert connection.execute("PRAGMA data_version").fetchone() == before


def test_what_a_watcher_says_of_itself_names_who_is_out_of_the_ordinary(watcher: Watcher, road: Road) -> None:
    assert words_of(watcher) == "The sheet is as it was. Every 1 s (edited lately): acme."
    road.sheet.unlink()
    watcher.watch(LONG)
    assert "Not to be read now: acme." in words_of(watcher)


def test_a_sheet_on_the_web_is_asked_whether_it_changed_and_not_read(
    make_road: MakeRoad, sandbox: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "sheets"
    folder.mkdir()
    sheet = folder / "web.csv"
    sheet.write_text("Name,Email\nAda Lovelace,ada@engines.example\n")
    os.utime(sheet, (time.time() - 60,) * 2)
    with Sandbox(sheets=folder) as twin:
        road = make_road()
        (road.home / "leads.toml").write_text(f'[[customers]]\nname = "acme"\nsheet = "{twin.url}/files/web.csv"\n')
        road.settings = road.settings_of(road.environ)
        road.sync()
        with closing(Watcher(road.settings)) as watcher:
            assert watcher.watch(SHORT) == []
            sheet.write_text("Name,Email\nAda Lovelace,ada@engines.example\nBob Stone,bob@zeta.example\n")
            assert reasons(watcher.watch(LONG)) == [("acme", CHANGED)]


def test_a_server_that_is_stopped_is_found_once_and_its_return_within_seconds(
    make_road: MakeRoad, tmp_path: Path
) -> None:
    folder = tmp_path / "sheets"
    folder.mkdir()
    (folder / "web.csv").write_text("Name,Email\nAda Lovelace,ada@engines.example\n")
    road = make_road()
    with Sandbox(sheets=folder) as twin:
        port = int(twin.url.rpartition(":")[2])
        (road.home / "leads.toml").write_text(f'[[customers]]\nname = "acme"\nsheet = "{twin.url}/files/web.csv"\n')
        road.settings = road.settings_of(road.environ)
        road.sync()
        watcher = Watcher(road.settings)
        assert watcher.watch(SHORT) == []
    with closing(watcher):
        (found,) = watcher.watch(15)
        assert found.without_sheet
        assert watcher.watch(3) == []
        (folder / "web.csv").write_text("Name,Email\nBob Stone,bob@zeta.example\n")
        with Sandbox(sheets=folder, port=port):
            assert reasons(watcher.watch(20)) == [("acme", CHANGED)]


def test_where_reads_are_counted_a_look_asks_for_the_state_alone(make_road: MakeRoad, tmp_path: Path) -> None:
    folder, key = tmp_path / "sheets", tmp_path / "key.json"
    folder.mkdir()
    key.write_text('{"type": "sandbox", "client_email": "robot@project.iam.gserviceaccount.com"}')
    sheet = folder / "web.csv"
    sheet.write_text("Name,Email\nAda Lovelace,ada@engines.example\n")
    with Sandbox(sheets=folder) as twin:
        environ = {"GOOGLE_SHEETS_ENDPOINT_URL": twin.url, "GOOGLE_APPLICATION_CREDENTIALS": str(key)}
        road = make_road(environ=environ)
        link = "https://docs.google.com/spreadsheets/d/web/edit"
        (road.home / "leads.toml").write_text(f'[[customers]]\nname = "acme"\nsheet = "{link}"\n')
        road.settings = road.settings_of(road.environ)
        road.sync()
        with closing(Watcher(road.settings)) as watcher:
            assert watcher.watch(SHORT) == []
            read = twin.requests.count(route="values")
            sheet.write_text("Name,Email\nAda Lovelace,ada@engines.example\nBob Stone,bob@zeta.example\n")
            assert reasons(watcher.watch(LONG)) == [("acme", CHANGED)]
            assert twin.requests.count(route="values") == read
            assert settled(watcher, road) == []
            # Shared with somebody else, or a comment: another state of the same sheet.
            sheet.write_bytes(sheet.read_bytes())
            assert reasons(watcher.watch(LONG)) == [("acme", CHANGED)]
            assert settled(watcher, road) == []
            assert watcher.watch(2.5) == []


def test_a_sheet_that_changed_waits_while_google_lets_nobody_read(make_road: MakeRoad, tmp_path: Path) -> None:
    folder, key = tmp_path / "sheets", tmp_path / "key.json"
    folder.mkdir()
    key.write_text('{"type": "sandbox", "client_email": "robot@project.iam.gserviceaccount.com"}')
    sheet = folder / "web.csv"
    sheet.write_text("Name,Email\nAda Lovelace,ada@engines.example\n")
    with Sandbox(sheets=folder) as twin:
        environ = {"GOOGLE_SHEETS_ENDPOINT_URL": twin.url, "GOOGLE_APPLICATION_CREDENTIALS": str(key)}
        road = make_road(environ=environ)
        link = "https://docs.google.com/spreadsheets/d/web/edit"
        (road.home / "leads.toml").write_text(f'[[customers]]\nname = "acme"\nsheet = "{link}"\n')
        road.settings = road.settings_of(road.environ)
        road.sync()
        with budget_place(road.settings).open(
            google_limits("robot@project.iam.gserviceaccount.com", "project")
        ) as reads:
            for _ in range(57):
                with reads.slot():
                    pass
        with closing(Watcher(road.settings)) as watcher:
            sheet.write_text("Name,Email\nAda Lovelace,ada@engines.example\nBob Stone,bob@zeta.example\n")
            assert watcher.watch(SHORT) == []
            assert watcher.waiting.customers == ["acme"]
