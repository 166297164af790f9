"""`leads pause`, `leads resume` and `leads trigger`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from leads_dagster.live.presence import only_one
from leads_dagster_tests.interfaces.conftest import CommandLine


@contextmanager
def live_system(leads: CommandLine) -> Iterator[None]:
    """What other commands see of one that runs."""
    with only_one(leads.home) as presence:
        presence.write({})
        yield


def test_a_pause_is_shown_with_its_reason_until_it_ends(leads: CommandLine) -> None:
    paused = leads("pause", "--reason", "moving house", "--json")
    assert (paused.code, paused.json["paused"], paused.json["already"]) == (0, True, False)
    assert "moving house" in paused.json["reason"]
    assert paused.json["next"].startswith("No cycle is in hand.")
    status = leads("status", "--json").json
    assert status["paused"]
    assert "moving house" in status["watching"]["reason"]
    resumed = leads("resume", "--json")
    assert resumed.json == {"customer": "default", "paused": False, "already": False}
    assert not leads("status", "--json").json["paused"]


def test_pausing_or_resuming_twice_says_so(leads: CommandLine) -> None:
    assert leads("resume", "--json").json["already"]
    leads("pause")
    assert leads("pause", "--json").json["already"]


def test_a_sync_by_hand_of_a_paused_customer_runs_and_says_that_it_is_paused(leads: CommandLine) -> None:
    leads("pause", "--reason", "moving house")
    ended = leads("sync", "--json")
    assert (ended.code, ended.json["status"]) == (0, "done")
    assert "moving house" in ended.err
    assert "leads resume" in ended.err


def test_without_a_live_system_a_trigger_runs_a_cycle(leads: CommandLine) -> None:
    ended = leads("trigger", "--json")
    assert (ended.code, ended.json["status"], ended.json["result"]) == (0, "started", "done")
    assert ended.json["runId"] == leads("status", "--json").json["last_run"]["run_id"]


def test_a_live_system_is_asked_for_the_cycle(leads: CommandLine) -> None:
    with live_system(leads):
        ended = leads("trigger", "--json")
    assert ended.json == {"customer": "default", "runId": None, "status": "started"}
    assert leads("status", "--json").json["watching"]["triggered_at"] is not None


def test_a_cycle_at_work_is_not_asked_for_again(leads: CommandLine) -> None:
    from leads_dagster.pipeline.workspace import customer_lock
    from leads_dagster.settings import load_settings

    leads("status")
    with live_system(leads), customer_lock(load_settings(), "default"):
        ended = leads("trigger", "--json")
    assert ended.json["status"] == "already_running"
    assert leads("status", "--json").json["watching"] == {}


def test_a_paused_customer_is_not_triggered(leads: CommandLine) -> None:
    leads("pause")
    ended = leads("trigger", "--json")
    assert ended.code == 1
    assert "paused" in ended.json["error"]["message"]


def test_a_pause_says_that_a_cycle_in_hand_still_ends(leads: CommandLine) -> None:
    from leads_dagster.pipeline.workspace import customer_lock
    from leads_dagster.settings import load_settings

    leads("status")
    with customer_lock(load_settings(), "default"):
        assert leads("pause", "--json").json["next"].startswith("The cycle in hand still ends.")
