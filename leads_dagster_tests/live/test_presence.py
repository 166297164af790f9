"""What runs, in words."""

from __future__ import annotations

from typing import Any

from leads_dagster.live.presence import in_words

RUNS: dict[str, Any] = {
    "running": True,
    "pid": 7,
    "since": "2026-11-23T02:58:51+00:00",
    "urls": {"web": "http://127.0.0.1:3000"},
    "parts": {"web": {"state": "ready", "restarts": 0}, "worker-1": {"state": "ready", "restarts": 0}},
}


def test_what_does_not_run_is_said_so() -> None:
    assert in_words({"running": False}) == "not running"


def test_all_well_is_said_with_process_and_address() -> None:
    assert in_words(RUNS) == (
        "runs since 2026-11-23T02:58:51+00:00, process 7, web at http://127.0.0.1:3000, all parts ready"
    )


def test_a_part_that_ails_is_named_with_its_restarts() -> None:
    parts = {**RUNS["parts"], "worker-1": {"state": "restarting", "restarts": 3}}

    assert in_words({**RUNS, "parts": parts}).endswith("worker-1 restarting, restarts: worker-1 3")
