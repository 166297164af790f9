"""A warm worker: a Celery process that executes whole runs, one at a time, with everything kept open between them.

What belongs here: taking runs from the broker and executing them. dagster_celery's own task opens a Dagster instance
anew for each run, which costs 0.2 s; this one has the same name and takes the same message.

    python -m leads_dagster.orchestration.live.worker --name worker-1
"""

from __future__ import annotations

import argparse
import atexit
import gc
import importlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import dagster as dg
from celery import Celery
from celery.exceptions import Reject
from celery.worker import state as worker_state
from dagster._cli.api import _execute_run_command_body
from dagster._core.storage.tags import PARTITION_NAME_TAG
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import unpack_value
from dagster_celery.config import TASK_EXECUTE_JOB_NAME

from leads_dagster.live.heartbeat import start_beating
from leads_dagster.logs import set_up_logs
from leads_dagster.orchestration.failures import words_of_failure
from leads_dagster.orchestration.live.broker import QUEUE, UPKEEP_QUEUE
from leads_dagster.orchestration.live.garbage import set_apart
from leads_dagster.orchestration.live.launcher import WORKER_TAG, WarmRunLauncher
from leads_dagster.orchestration.live.posts import HeldPost, held_post, posts_folder
from leads_dagster.orchestration.resources import WHY_TAG
from leads_dagster.stopping import noted_signals

logger = logging.getLogger(__name__)

# Put there by whoever stops the whole system: runs that no worker took yet shall then not wait for ever.
STOPPING = "stopping"


_LOADED_LATE = (
    "leads_dagster.pipeline.airtable_duplicates", "leads_dagster.pipeline.checks",
    "leads_dagster.pipeline.fixing_table",
    "leads_dagster.mirrors.crm", "leads_dagster.mirrors.airtable", "leads_dagster.budget.file_books",
    "leads_dagster.sources.local_files", "leads_dagster.sources.google_client", "phonenumbers", "numpy", "cleanco",
    "nicknames", "anyascii", "charset_normalizer", "pyairtable", "pyrate_limiter", "requests",
)  # fmt: skip
# What tells a worker to finish its run and then stop.
FINISH = signal.SIGUSR2
_STOP_NOW = (signal.SIGTERM, signal.SIGINT)


class Worker:
    """Executes the runs that come.

    Args:
        instance: kept open for the life of the process.
        post: tells others which run this process is at.
    """

    def __init__(self, instance: dg.DagsterInstance, post: HeldPost) -> None:
        self.instance = instance
        self.post = post
        self._is_used = False

    @property
    def tag(self) -> dict[str, str]:
        """What a run is marked with that this worker took."""
        return {WORKER_TAG: f"{self.post.name}@{socket.gethostname()}"}

    def execute(self, run_id: str) -> None:
        """Execute a run to its end; one that is finished, such as one that waited too long, is left alone."""
        run = self.instance.get_run_by_id(run_id)
        if run is None or run.is_finished or run.status is dg.DagsterRunStatus.CANCELING:
            return
        self.post.at(run_id)
        began = time.monotonic()
        try:
            self.instance.add_run_tags(run_id, self.tag)
            with _stopped_by_signal():
                _execute_run_command_body(run_id, self.instance, _nobody_listens, set_exit_code_on_failure=False)
        finally:
            self.post.at(None)
        self._say_how_it_ended(run, time.monotonic() - began)
        if not self._is_used:  # the first run made what the others find made
            self._is_used = True
            set_apart()

    def _say_how_it_ended(self, run: dg.DagsterRun, seconds: float) -> None:
        ended = self.instance.get_run_by_id(run.run_id)
        whose = run.tags.get(PARTITION_NAME_TAG, run.job_name)
        why = run.tags.get(WHY_TAG, "asked for")
        logger.info("%s: %s in %.2f s (%s)", whose, ended.status.value.lower() if ended else "gone", seconds, why)
        if ended is not None and not ended.is_success:
            for words in self._faults(run.run_id):
                logger.warning("%s: %s", whose, words)

    def _faults(self, run_id: str) -> list[str]:
        """Why a run failed, in a sentence each; the traces stand in Dagster's interface."""
        failed = self.instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        events = [one.dagster_event for one in failed if one.dagster_event is not None]
        return list(dict.fromkeys(words_of_failure(event.step_failure_data) for event in events))

    def bury_the_dead(self) -> int:
        """Fail the runs that this worker's predecessor was at when it died; how many."""
        left = self.instance.get_runs(dg.RunsFilter(tags=self.tag, statuses=_UNFINISHED))
        for run in left:
            self.instance.report_run_failed(run, f"The worker {self.post.name} died while it was at this run.")
        return len(left)

    def give_up_waiting(self) -> int:
        """Cancel the runs that no worker took, when the whole system stops; how many."""
        waiting = self.instance.get_runs(dg.RunsFilter(statuses=_WAITING))
        untaken = [run for run in waiting if WORKER_TAG not in run.tags]
        for run in untaken:
            self.instance.report_run_canceled(run, "The live system was stopped; the next start catches up.")
        return len(untaken)


_WAITING = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING]
_UNFINISHED = [*_WAITING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def _nobody_listens(event: dg.DagsterEvent) -> None:
    """Events are read from the storage."""


@contextmanager
def _stopped_by_signal() -> Iterator[None]:
    """Within the block SIGUSR1, which "Terminate" in Dagster's UI sends, interrupts the run; outside it is nothing."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        logger.info("A run was stopped on request")
    finally:
        signal.signal(signal.SIGUSR1, before)


def serve(name: str, queue: str = QUEUE) -> None:
    """Take a queue's runs until told to stop: by SIGUSR2 after the run at hand, by SIGTERM or Ctrl-C in the middle.

    Raises:
        BlockingIOError: another process has this name already.
    """
    home = Path(os.environ["DAGSTER_HOME"])
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    with dg.DagsterInstance.get() as instance, held_post(posts_folder(home), name) as post:
        worker = Worker(instance, post)
        if buried := worker.bury_the_dead():
            logger.warning("Marked %d runs as failed, which the worker before this one left", buried)
        _warm_up(queue)
        _consume(_celery_of(instance), worker, queue)
        if (home / STOPPING).exists():
            worker.give_up_waiting()


def _celery_of(instance: dg.DagsterInstance) -> Celery:
    launcher = instance.run_launcher
    if not isinstance(launcher, WarmRunLauncher):
        raise TypeError(f"dagster.yaml names another run launcher: {type(launcher).__name__}.")
    return launcher.celery


def _consume(celery: Celery, worker: Worker, queue: str) -> None:
    # A message counts as taken when its run is over, so that one that came too late can be given back.
    @celery.task(name=TASK_EXECUTE_JOB_NAME, ignore_result=True, acks_late=True)  # type: ignore[untyped-decorator]
    def execute_job(execute_job_args_packed: Any) -> None:
        if worker_state.should_stop is not None:
            raise Reject("This worker stops.", requeue=True)
        with noted_signals() as notes:
            worker.execute(unpack_value(execute_job_args_packed, as_type=ExecuteRunArgs).run_id)
            if set(_STOP_NOW).intersection(notes()):  # Dagster took it for a reason to interrupt the run
                worker_state.should_stop = 0
        _heed_signals()

    _heed_signals()
    # Not `celery.Worker`, which is the same with signals, banners and logging of its own.
    celery.WorkController(
        hostname=worker.tag[WORKER_TAG],
        pool="solo",
        concurrency=1,
        queues=[queue],
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        ready_callback=_say_ready,  # the signal `worker_ready` is that of `celery.Worker`
    ).start()


def _heed_signals() -> None:
    """SIGUSR2: finish the run at hand, then stop. SIGTERM, Ctrl-C: stop now; between two runs that is the same."""

    def stop(number: int, frame: FrameType | None) -> None:
        worker_state.should_stop = 0

    for number in (FINISH, *_STOP_NOW):
        signal.signal(number, stop)


def _say_ready(_: object) -> None:
    start_beating()
    logger.info("Ready for runs")


def _warm_up(queue: str = QUEUE) -> None:
    """Load what the first run would have to load."""
    from leads_dagster import definitions
    from leads_dagster.orchestration.jobs import LEADS_SYNC
    from leads_dagster.pipeline import airtable_edits, cycle  # noqa: F401

    definitions.defs.resolve_job_def(LEADS_SYNC)
    if queue == QUEUE:
        threading.Thread(target=_load_rarely_used, daemon=True).start()


def _load_rarely_used() -> None:
    """What a run imports when it first needs it: 1.5 s of the first edit's way, on a slow machine."""
    for name in _LOADED_LATE:
        importlib.import_module(name)
    set_apart()


def _leave_out_checks_of_quiet_cycles() -> None:
    """A cycle without work has nothing to check; Dagster warns of each check, as if something were amiss."""

    def worth_saying(record: logging.LogRecord) -> bool:
        return "emitted no result in step" not in record.getMessage()

    logging.getLogger("dagster._core.execution.plan.active").addFilter(worth_saying)


def main() -> None:
    """The command line."""
    atexit.register(gc.freeze)  # looking through all of Dagster's modules for garbage takes a second at the end
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--name", default="worker-1", help="no two workers of a host may have the same")
    set_up_logs(logging.INFO)
    logging.getLogger("dagster._core").setLevel(logging.ERROR)  # it warns of every check of a step that was skipped
    logging.getLogger("celery").setLevel(logging.WARNING)
    logging.getLogger("celery.app.trace").setLevel(logging.ERROR)  # a message given back comes with a traceback
    logging.getLogger("alembic").setLevel(logging.WARNING)
    _leave_out_checks_of_quiet_cycles()
    asked.add_argument("--queue", default=QUEUE, choices=[QUEUE, UPKEEP_QUEUE], help="which runs it takes")
    told = asked.parse_args()
    serve(told.name, told.queue)


if __name__ == "__main__":
    main()
