"""That a post tells whether its worker lives, however the worker ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from leads_dagster.orchestration.live.posts import held_post, read_post

HOLD = """
import sys
from pathlib import Path
from leads_dagster.orchestration.live.posts import held_post
with held_post(Path(sys.argv[1]), "worker-1") as post:
    post.at("run-7")
    print("held", flush=True)
    sys.stdin.read()
"""


def _holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_post_says_who_holds_it_and_which_run_is_at_hand(tmp_path: Path) -> None:
    with _holder(tmp_path) as process:
        post = read_post(tmp_path, "worker-1")
        assert (post.is_held, post.pid, post.run_id) == (True, process.pid, "run-7")
        process.kill()


def test_the_post_of_a_killed_worker_is_not_held_and_still_names_its_run(tmp_path: Path) -> None:
    with _holder(tmp_path) as process:
        process.kill()
        process.wait()
        post = read_post(tmp_path, "worker-1")
    assert (post.is_held, post.run_id) == (False, "run-7")


def test_no_two_processes_hold_one_post(tmp_path: Path) -> None:
    with _holder(tmp_path) as process:
        with pytest.raises(BlockingIOError), held_post(tmp_path, "worker-1"):
            pass
        process.kill()


def test_looking_at_a_post_does_not_take_it(tmp_path: Path) -> None:
    assert not read_post(tmp_path, "worker-1").is_held
    with held_post(tmp_path, "worker-1") as post:
        assert read_post(tmp_path, "worker-1").run_id is None
        post.at("run-8")
        assert read_post(tmp_path, "worker-1").run_id == "run-8"
    assert not read_post(tmp_path, "worker-1").is_held


def test_a_post_tells_for_how_long_its_worker_had_nothing_to_do(tmp_path: Path) -> None:
    with held_post(tmp_path, "worker-1") as post:
        idle = read_post(tmp_path, "worker-1")
        assert idle.idle_seconds(idle.since + 7) == 7
        post.at("run-7")
        busy = read_post(tmp_path, "worker-1")
        assert busy.idle_seconds(busy.since + 7) == 0
