"""Where runs go, and how long one may wait for a worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from leads_dagster.definitions import build
from leads_dagster.orchestration.jobs import LEADS_SYNC
from leads_dagster.orchestration.live import launcher as launchers
from leads_dagster.orchestration.live.broker import QUEUE, UPKEEP_QUEUE, queues
from leads_dagster.orchestration.live.home import prepare_live_home
from leads_dagster.orchestration.live.launcher import UPKEEP_WORKER, WarmRunLauncher
from leads_dagster.orchestration.live.posts import held_post, posts_folder
from leads_dagster.orchestration.resources import UPKEEP_TAGS
from leads_dagster.settings import load_settings

UPKEEP = dg.DagsterRun(job_name="backup_leads", run_id="backup", tags=UPKEEP_TAGS)
CYCLE = dg.DagsterRun(job_name=LEADS_SYNC, run_id="cycle")


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarmRunLauncher]:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    home = prepare_live_home(load_settings({"LEADS_HOME": str(tmp_path / "state")}, tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.get() as instance:
        found = instance.run_launcher
        assert isinstance(found, WarmRunLauncher)
        yield found


@pytest.fixture
def posts(launcher: WarmRunLauncher) -> Path:
    return posts_folder(launcher._instance.root_directory)


def test_all_jobs_but_the_cycle_go_to_a_worker_of_their_own(tmp_path: Path) -> None:
    jobs = build(load_settings({"LEADS_HOME": str(tmp_path)}, tmp_path)).resolve_all_job_defs()
    own = {job.name for job in jobs if job.tags.items() >= UPKEEP_TAGS.items()}
    assert {job.name for job in jobs if not job.name.startswith("__")} - own == {LEADS_SYNC}
    assert {*UPKEEP_TAGS.values(), QUEUE} == {queue.name for queue in queues()}
    assert set(UPKEEP_TAGS.values()) == {UPKEEP_QUEUE}


def test_a_backup_may_wait_while_its_worker_is_at_something_else(launcher: WarmRunLauncher, posts: Path) -> None:
    with held_post(posts, UPKEEP_WORKER) as post:
        post.at("audit")
        assert launcher.may_wait_longer(UPKEEP, 3600)
        assert not launcher.may_wait_longer(CYCLE, 3600)


def test_a_backup_whose_worker_has_nothing_to_do_was_lost_on_its_way(
    launcher: WarmRunLauncher, posts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held_post(posts, UPKEEP_WORKER):
        assert launcher.may_wait_longer(UPKEEP, 60)  # it may be about to take it
        monkeypatch.setattr(launchers, "_IDLE_SECONDS", 0.0)
        assert not launcher.may_wait_longer(UPKEEP, 60)


def test_a_backup_waits_for_a_worker_that_starts_but_not_for_ever(launcher: WarmRunLauncher) -> None:
    assert launcher.may_wait_longer(UPKEEP, 60)
    assert not launcher.may_wait_longer(UPKEEP, 3600)
