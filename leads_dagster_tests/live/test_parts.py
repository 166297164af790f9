"""The parts of the live system, as the table has them."""

from __future__ import annotations

from pathlib import Path

import yaml

from leads_dagster.live.folder import code_socket
from leads_dagster.live.part import AFTER_ITS_RUN
from leads_dagster.live.parts import live_parts, write_workspace

HOME = Path("/var/lib/leads")


def test_there_are_as_many_workers_as_asked_for() -> None:
    parts = live_parts(HOME, workers=3, host="127.0.0.1", port=3000)

    assert [part.name for part in parts] == ["code", "daemon", "web", "worker-1", "worker-2", "worker-3"]


def test_runs_stop_being_made_before_workers_stop_and_the_code_goes_last() -> None:
    parts = live_parts(HOME, workers=1, host="127.0.0.1", port=3000)
    ordered = sorted(parts, key=lambda part: part.stop_order)

    assert [part.name for part in ordered] == ["daemon", "worker-1", "web", "code"]
    assert ordered[1].stop == AFTER_ITS_RUN


def test_the_address_of_what_serves_everywhere_is_one_that_can_be_opened() -> None:
    web = live_parts(HOME, workers=1, host="0.0.0.0", port=3001)[2]

    assert web.url == "http://127.0.0.1:3001"


def test_all_share_state_folder_and_dagster_home() -> None:
    parts = live_parts(HOME, workers=1, host="127.0.0.1", port=3000)

    assert {part.environ["LEADS_HOME"] for part in parts} == {str(HOME)}
    assert {part.environ["DAGSTER_HOME"] for part in parts} == {str(HOME / "live")}


def test_the_workspace_names_the_code_server(tmp_path: Path) -> None:
    home = tmp_path / 'a "quoted" folder'
    (home / "live").mkdir(parents=True)
    found = yaml.safe_load(write_workspace(home).read_text(encoding="utf-8"))

    assert found == {
        "load_from": [{"grpc_server": {"socket": str(code_socket(home)), "location_name": "leads_dagster"}}]
    }
