"""A few faults of the live system, done for real; `make faults` does them all."""

from __future__ import annotations

from pathlib import Path

from leads_dagster_tests.acceptance.live_faults import WITHIN_SECONDS, run


def test_all_is_right_again_after_parts_were_killed_and_messages_deleted(tmp_path: Path) -> None:
    found = run(["worker", "daemon", "broker-deleted"], tmp_path / "trial")
    assert set(found) == {"worker", "daemon", "broker-deleted"}
    assert max(found.values()) <= WITHIN_SECONDS
