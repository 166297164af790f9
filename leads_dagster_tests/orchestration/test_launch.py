"""One cycle through Dagster, from a real sheet to real stores."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dagster as dg
import pytest

from leads_dagster.errors import SettingsError
from leads_dagster.orchestration.launch import sync_once
from leads_dagster.settings import load_settings
from leads_dagster_tests.conftest import REPOSITORY
from leads_dagster_tests.orchestration.conftest import DagsterRoad
from leads_dagster_tests.test_definitions import CHECKS

ROAD = [
    "raw_leads", "airtable_edits", "captured_leads", "normalized_leads", "deduped_leads", "lead_store", "crm_store",
    "airtable_mirror",
]  # fmt: skip
ROWS = [
    ("Ada Lovelace", "ada@engines.example", "Engines", "Analyst"),
    ("Grace Hopper", "grace@navy.example", "Navy", "Admiral"),
    ("", "", "", "nobody"),
]


def stored(road: DagsterRoad) -> set[str]:
    with sqlite3.connect(road.settings.home / "leads.db") as connection:
        return {name for (name,) in connection.execute("SELECT full_name FROM leads")}


def changed_at(road: DagsterRoad) -> dict[str, bytes]:
    """What every store holds, byte for byte."""
    names = ("leads.db", "crm.db")
    return {name: b"".join(_dump(road.settings.home / name)) for name in names}


def _dump(path: Path) -> list[bytes]:
    with sqlite3.connect(path) as connection:
        return [line.encode() for line in connection.iterdump()]


def test_a_cycle_goes_the_whole_road_in_order(road: DagsterRoad) -> None:
    result = road.sync(ROWS)
    assert (result.status, result.error) == ("done", None)
    assert (result.rows.read, result.rows.created, result.rows.quarantined) == (3, 2, 1)
    assert road.materialized(result.run_id) == ROAD
    assert stored(road) == {"Ada Lovelace", "Grace Hopper"}


def test_the_run_is_recorded_as_one_of_the_job_and_of_the_customer(road: DagsterRoad) -> None:
    run = road.instance.get_run_by_id(road.sync(ROWS).run_id)
    assert run is not None
    assert (run.job_name, run.status, run.tags["dagster/partition"]) == (
        "leads_sync",
        dg.DagsterRunStatus.SUCCESS,
        "acme",
    )


def test_every_check_of_the_road_is_recorded_and_passes_but_the_warning(road: DagsterRoad) -> None:
    run_id = road.sync(ROWS).run_id
    kept = road.instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    told = {
        (one.asset_key.to_user_string(), one.check_name): one.passed
        for one in (entry.dagster_event.asset_check_evaluation_data for entry in kept if entry.dagster_event)
    }
    assert told.pop(("normalized_leads", "error_rate")) is False
    assert len(told) == len(CHECKS) - 1
    assert all(told.values())


def test_nothing_follows_a_sheet_that_did_not_change_and_nothing_is_written(road: DagsterRoad) -> None:
    road.sync(ROWS)
    before = changed_at(road)
    result = road.sync()
    assert result.status == "unchanged"
    assert (result.rows.read, result.rows.unchanged, result.rows.quarantined) == (3, 2, 1)
    assert road.materialized(result.run_id) == []
    assert changed_at(road) == before


def test_a_full_sync_compares_everything_mends_what_differs_and_writes_nothing_where_nothing_does(
    road: DagsterRoad,
) -> None:
    road.sync(ROWS)
    before = changed_at(road)
    assert road.sync(full=True).status == "unchanged"
    assert changed_at(road) == before
    with sqlite3.connect(road.settings.home / "crm.db") as connection:
        connection.execute("DELETE FROM leads_lead")
    assert road.sync().status == "unchanged"
    result = road.sync(full=True)
    assert (result.status, result.mirrors["crm"]["created"]) == ("done", 2)


def test_a_changed_sheet_goes_the_whole_road_again(road: DagsterRoad) -> None:
    road.sync(ROWS)
    result = road.sync([*ROWS, ("Alan Turing", "alan@bletchley.example", "GCHQ", "Fellow")])
    assert (result.status, result.rows.created, result.rows.unchanged) == ("done", 1, 2)
    assert road.materialized(result.run_id) == ROAD


def test_another_sheet_can_be_given_for_one_cycle_and_is_kept_with_the_run(road: DagsterRoad, tmp_path: Path) -> None:
    road.write([("Should Not", "be@read.example", "", "")])
    other = tmp_path / "other.csv"
    other.write_text("Name,Email\nAda Lovelace,ada@engines.example\n")
    result = road.sync(sheet=str(other))
    assert stored(road) == {"Ada Lovelace"}
    run = road.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.run_config["resources"]["leads"]["config"] == {"sheet": str(other)}


def test_what_lets_somebody_in_is_kept_nowhere(road: DagsterRoad) -> None:
    with serving(b"Name,Email\nAda Lovelace,ada@engines.example\n") as (host, asked):
        result = road.sync(sheet=f"http://jane:hunter2@{host}/leads.csv?list=7&key=s3cret")
    assert result.status == "done"
    assert "/leads.csv?list=7&key=s3cret" in asked
    with sqlite3.connect(road.settings.home / "leads.db") as connection:
        sources = {source for (source,) in connection.execute("SELECT source FROM source_records")}
    assert sources == {f"url:http://{host}/leads.csv?list=7&key=***"}
    run = road.instance.get_run_by_id(result.run_id)
    assert run is not None
    kept = f"http://***@{host}/leads.csv?list=7&key=***"
    assert run.run_config["resources"]["leads"] == {"config": {"sheet": kept}}
    refused = road.sync(sheet=f"http://jane:hunter2@{host}/leads.csv?list=7&key=s3cret")
    assert refused.status == "failed"
    road.instance.dispose()
    files = [path for path in road.settings.home.rglob("*") if path.is_file()]
    assert {"leads.db", "runs.db"} <= {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        assert b"s3cret" not in content, path
        assert b"hunter2" not in content, path


@contextmanager
def serving(body: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server that answers everything with a body; its host, and the paths that were asked for."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/csv")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_progress_is_told_from_the_sheet_to_the_mirrors(road: DagsterRoad) -> None:
    told: list[tuple[int, str]] = []
    road.sync(ROWS, progress=lambda percent, words: told.append((percent, words)))
    percents = [percent for percent, _ in told]
    assert percents == sorted(percents)
    assert percents[0] <= 10
    assert all(words for _, words in told)


def test_a_sheet_without_known_headers_fails_once_and_says_why(road: DagsterRoad) -> None:
    road.write([("1", "2")], header=("foo", "bar"))
    result = road.sync()
    assert result.status == "failed"
    assert "foo" in str(result.error)
    retries = road.instance.all_logs(result.run_id, of_type=dg.DagsterEventType.STEP_UP_FOR_RETRY)
    assert list(retries) == []
    run = road.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.status == dg.DagsterRunStatus.FAILURE


def test_after_a_failure_the_next_cycle_catches_up(road: DagsterRoad) -> None:
    road.write([("1", "2")], header=("foo", "bar"))
    assert road.sync().status == "failed"
    assert road.sync(ROWS).status == "done"
    assert len(stored(road)) == 2


def test_a_sheet_that_is_not_there_is_a_settings_error_by_name(road: DagsterRoad) -> None:
    with pytest.raises(SettingsError, match=r"sheet\.csv"):
        road.sync()


def test_an_asset_alone_takes_what_the_one_above_it_left(road: DagsterRoad) -> None:
    road.write(ROWS)
    for asset in ROAD:
        assert road.materialize(asset).success, asset
    assert stored(road) == {"Ada Lovelace", "Grace Hopper"}


def test_an_asset_alone_with_nothing_above_it_says_what_to_do(road: DagsterRoad) -> None:
    road.write(ROWS)
    result = road.materialize("deduped_leads")
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "leads sync" in str(failure.step_failure_data.user_failure_data)


def test_a_check_that_stops_the_run_is_named_with_what_it_found(
    road: DagsterRoad, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leads_dagster.pipeline import checks

    def found(ws: object, *, run_id: str) -> checks.CheckOutcome:
        return checks.CheckOutcome(False, "Two rows are not accounted for.")

    monkeypatch.setattr(checks, "ledger_adds_up", found)
    result = road.sync(ROWS)
    assert (result.status, result.error) == (
        "failed",
        "Check ledger_adds_up of lead_store: Two rows are not accounted for.",
    )


def test_a_customer_that_is_not_there_is_a_settings_error(road: DagsterRoad) -> None:
    with pytest.raises(SettingsError, match="nobody"):
        sync_once(road.settings, "nobody", instance=road.instance)


def test_without_any_configuration_the_packaged_sample_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    result = sync_once(load_settings({"LEADS_HOME": str(tmp_path)}, tmp_path))
    assert (result.customer, result.status) == ("default", "done")
    assert result.rows.created > 0


def test_nothing_of_dagster_reaches_the_terminal(road: DagsterRoad, capfd: pytest.CaptureFixture[str]) -> None:
    road.sync(ROWS)
    road.sync()
    road.write([("1", "2")], header=("foo", "bar"))
    road.sync()
    assert capfd.readouterr() == ("", "")


def test_a_cycle_that_is_interrupted_is_recorded_and_made_good_by_the_next(road: DagsterRoad, tmp_path: Path) -> None:
    """The run waits for the customer's lock, which this test holds, until Ctrl-C reaches it."""
    from leads_dagster.pipeline.status import status
    from leads_dagster.pipeline.workspace import open_workspace

    road.write(ROWS)
    with _start_sync(road, tmp_path) as process:
        _wait_for_step(road)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 77
    (run,) = road.instance.get_runs()
    with open_workspace(road.settings, "acme") as ws:
        assert status(ws)["running"] is False
    assert run.status == dg.DagsterRunStatus.FAILURE
    assert road.sync().status == "done"


def _start_sync(road: DagsterRoad, folder: Path) -> subprocess.Popen[bytes]:
    code = (
        "import sys, time\n"
        "from leads_dagster.pipeline import ingest\n"
        "from leads_dagster.orchestration.launch import sync_once\n"
        "from leads_dagster.settings import load_settings\n"
        "ingest.fetch_raw = lambda ws, run_id: time.sleep(60)\n"
        "try:\n    sync_once(load_settings())\n"
        "except KeyboardInterrupt:\n    sys.exit(77)\n"
    )
    environ = {**os.environ, "LEADS_HOME": str(road.settings.home), "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen([sys.executable, "-c", code], env=environ, cwd=folder)


def _wait_for_step(road: DagsterRoad) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for run in road.instance.get_runs():
            if any(road.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START)):
                return
        time.sleep(0.1)
    raise AssertionError("the run did not start")
