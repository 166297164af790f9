"""Dagster's own CeleryRunLauncher, with a worker's health told by what the worker holds instead of by Celery's results.

What belongs here: where a run is executed and whether whoever executes it is alive. The executing itself is `worker`'s.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import TYPE_CHECKING, Any

from dagster import DagsterRun
from dagster._core.errors import DagsterInvariantViolationError
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import pack_value
from dagster_celery.config import TASK_EXECUTE_JOB_NAME
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_QUEUE_TAG

from leads_dagster.orchestration.live.broker import UPKEEP_QUEUE, queues
from leads_dagster.orchestration.live.posts import Post, posts_folder, read_post

if TYPE_CHECKING:
    from pathlib import Path

WORKER_TAG = "leads/worker"
# The worker of what may take minutes, by its name.
UPKEEP_WORKER = "upkeep"
_LONGEST_START_SECONDS = 600.0
_IDLE_SECONDS = 30.0


class WarmRunLauncher(CeleryRunLauncher):
    """Hands whole runs to warm Celery workers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.celery.conf.task_queues = queues()

    def launch_run(self, context: LaunchRunContext) -> None:
        """Send the run to the workers. Dagster's own makes the task anew for each run, of which Celery warns."""
        run = context.dagster_run
        if run.job_code_origin is None:
            raise DagsterInvariantViolationError(f"Run {run.run_id} does not say where its code is.")
        args = ExecuteRunArgs(
            job_origin=run.job_code_origin,
            run_id=run.run_id,
            instance_ref=self._instance.get_ref(),
            set_exit_code_on_failure=True,
        )
        task = self.celery.signature(
            TASK_EXECUTE_JOB_NAME, kwargs={"execute_job_args_packed": pack_value(args)}, immutable=True
        )
        self._launch_celery_task_run(run=run, task_signature=task, routing_key=TASK_EXECUTE_JOB_NAME)

    @property
    def supports_resume_run(self) -> bool:
        """A cycle compares state with state: the next one catches up, a half-done one need not be taken up again."""
        return False

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the worker that took the run still works on it. Of another host's worker only that host can say."""
        post = self._post(run)
        if post is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "Taken by a worker of another host, or by none yet.")
        if not post.is_held:
            return CheckRunHealthResult(WorkerStatus.FAILED, f"The worker {post.name} died.")
        if post.run_id != run.run_id:
            return CheckRunHealthResult(WorkerStatus.FAILED, f"The worker {post.name} works on something else.")
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def may_wait_longer(self, run: DagsterRun, waited_seconds: float) -> bool:
        """Whether a run that nobody took yet is in its place: one of upkeep, and that worker is at another or starts.

        One that does nothing has no message of this run, and never will.
        """
        if run.tags.get(DAGSTER_CELERY_QUEUE_TAG) != UPKEEP_QUEUE:
            return False
        post = read_post(self._folder, UPKEEP_WORKER)
        if not post.is_held:
            return waited_seconds < _LONGEST_START_SECONDS
        return post.run_id is not None or post.idle_seconds(time.monotonic()) < _IDLE_SECONDS

    def get_run_worker_debug_info(self, run: DagsterRun, include_container_logs: bool | None = True) -> str | None:
        """Who took the run."""
        return run.tags.get(WORKER_TAG)

    def terminate(self, run_id: str) -> bool:
        """Tell the worker to stop between two transactions; False where no worker of this host has the run."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        post = self._post(run)
        if post is None or not post.is_held or post.run_id != run_id or post.pid is None:
            return False
        os.kill(post.pid, signal.SIGUSR1)
        return True

    def _post(self, run: DagsterRun) -> Post | None:
        name, _, host = run.tags.get(WORKER_TAG, "").partition("@")
        return read_post(self._folder, name) if name and host == socket.gethostname() else None

    @property
    def _folder(self) -> Path:
        return posts_folder(self._instance.root_directory)
