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

    assert [part.name for part in parts] == ["code", "daemon", "web", "worker-1", "worker-2", "worker-3", "upkeep"]


def test_runs_stop_being_made_before_workers_and_code_stop() -> None:
    parts = live_parts(HOME, workers=1, host="127.0.0.1", port=3000)
    first = {part.name for part in parts if part.stop_order == 0}
    then = {part.name: part.stop for part in parts if part.stop_order == 1}

    assert first == {"daemon", "web"}
    assert set(then) == {"worker-1", "upkeep", "code"}
    assert {name for name, stop in then.items() if stop == AFTER_ITS_RUN} == {"worker-1", "upkeep"}


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
