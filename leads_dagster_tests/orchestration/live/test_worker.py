"""Runs handed to a real worker process: executed, given up, and buried when a worker was killed at one."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.launcher import LaunchRunContext, WorkerStatus

from leads_dagster.orchestration.live.home import prepare_live_home
from leads_dagster.orchestration.live.launcher import WORKER_TAG, WarmRunLauncher
from leads_dagster.orchestration.live.posts import posts_folder, read_post
from leads_dagster.orchestration.live.worker import FINISH, STOPPING
from leads_dagster.settings import Settings, load_settings

SHEET = "Name,Email,Company\n" + "".join(f"Anna Smith{i},anna{i}@firm.com,Firm\n" for i in range(30))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    home = tmp_path / "state"
    home.mkdir()
    (tmp_path / "leads.csv").write_text(SHEET)
    (home / "leads.toml").write_text(f'[[customers]]\nname = "acme"\nsheet = "{tmp_path / "leads.csv"}"\n')
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("LEADS_HOME", str(home))
    return load_settings({"LEADS_HOME": str(home)}, tmp_path)


@pytest.fixture
def instance(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    home = prepare_live_home(settings)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.get() as instance:
        yield instance


@contextmanager
def _worker(name: str = "worker-1") -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "leads_dagster.orchestration.live.worker", "--name", name])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _asked_for(instance: dg.DagsterInstance) -> str:
    """A run of the road, handed to the launcher."""
    repository = ReconstructableRepository.for_module("leads_dagster.definitions", "defs", str(Path.cwd()))
    job = repository.get_reconstructable_job("leads_sync")
    origin = job.get_python_origin()
    run = instance.create_run_for_job(job.get_definition(), tags={"dagster/partition": "acme"}, job_code_origin=origin)
    instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
    return run.run_id


def _until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def _status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def _leads(settings: Settings) -> int:
    from leads_dagster.store import LeadDatabase

    with LeadDatabase(settings.database_url, customer="acme") as database:
        return len(list(database.get_all_leads()))


def test_a_worker_executes_the_run_and_then_stops_when_told(instance: dg.DagsterInstance, settings: Settings) -> None:
    with _worker() as process:
        run_id = _asked_for(instance)
        _until(lambda: _status(instance, run_id) is dg.DagsterRunStatus.SUCCESS)
        process.terminate()
        assert process.wait(20) == 0
    assert _leads(settings) == 30
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.tags[WORKER_TAG].startswith("worker-1@")


def test_a_run_whose_worker_was_killed_is_told_as_failed_and_buried_by_the_next(
    instance: dg.DagsterInstance, settings: Settings
) -> None:
    launcher = instance.run_launcher
    assert isinstance(launcher, WarmRunLauncher)
    from leads_dagster.pipeline.workspace import open_workspace

    # The customer's lock is held here, so that the worker is certain to be in the middle of the run.
    with open_workspace(settings, "acme") as ws, ws.locked(), _worker() as process:
        run_id = _asked_for(instance)
        _until(lambda: _status(instance, run_id) is dg.DagsterRunStatus.STARTED)
        _until(lambda: read_post(posts_folder(instance.root_directory), "worker-1").run_id == run_id)
        run = instance.get_run_by_id(run_id)
        assert run is not None
        assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert launcher.check_run_worker_health(run).status is WorkerStatus.FAILED
    with _worker():
        _until(lambda: _status(instance, run_id) is dg.DagsterRunStatus.FAILURE)


@pytest.mark.parametrize("stop", [FINISH, signal.SIGTERM], ids=["finish", "now"])
def test_runs_that_nobody_took_are_cancelled_when_the_system_stops(
    instance: dg.DagsterInstance, settings: Settings, stop: signal.Signals
) -> None:
    from leads_dagster.pipeline.workspace import open_workspace

    with open_workspace(settings, "acme") as ws, ws.locked(), _worker() as process:
        taken = _asked_for(instance)
        _until(lambda: _status(instance, taken) is dg.DagsterRunStatus.STARTED)
        waiting = _asked_for(instance)
        (Path(instance.root_directory) / STOPPING).touch()
        process.send_signal(stop)
        assert instance.run_launcher.terminate(taken) or stop is not FINISH
        _until(lambda: _status(instance, waiting) is dg.DagsterRunStatus.CANCELED)
        assert process.wait(20) == 0
        run = instance.get_run_by_id(taken)
        assert run is not None
        assert run.is_finished


def test_a_worker_that_shall_finish_gives_a_run_that_comes_then_to_another(
    instance: dg.DagsterInstance, settings: Settings
) -> None:
    from leads_dagster.pipeline.workspace import open_workspace

    with _worker("worker-1") as first:
        with open_workspace(settings, "acme") as ws, ws.locked():
            taken = _asked_for(instance)
            _until(lambda: _status(instance, taken) is dg.DagsterRunStatus.STARTED)
            first.send_signal(FINISH)
            waiting = _asked_for(instance)
        assert first.wait(60) == 0
    assert _status(instance, taken) is dg.DagsterRunStatus.SUCCESS
    assert _status(instance, waiting) is dg.DagsterRunStatus.NOT_STARTED
    with _worker("worker-2"):
        _until(lambda: _status(instance, waiting) is dg.DagsterRunStatus.SUCCESS)


def test_a_run_that_was_given_up_meanwhile_is_not_executed(instance: dg.DagsterInstance, settings: Settings) -> None:
    run_id = _asked_for(instance)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_run_failed(run, "It waited too long.")
    with _worker():
        second = _asked_for(instance)
        _until(lambda: _status(instance, second) is dg.DagsterRunStatus.SUCCESS)
    assert _status(instance, run_id) is dg.DagsterRunStatus.FAILURE


def test_a_cycle_without_work_does_not_warn_of_checks_that_it_left_out(
    instance: dg.DagsterInstance, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    with _worker() as process:
        for _ in range(2):
            run_id = _asked_for(instance)
            _until(functools.partial(_is_done, instance, run_id))
        process.send_signal(FINISH)
        assert process.wait(20) == 0
    said = capfd.readouterr().err
    assert said.count("acme: success") == 2
    assert "emitted no result" not in said


def _is_done(instance: dg.DagsterInstance, run_id: str) -> bool:
    return _status(instance, run_id) is dg.DagsterRunStatus.SUCCESS
