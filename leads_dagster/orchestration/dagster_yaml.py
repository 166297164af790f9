"""What our dagster.yaml files say, each line with its reason; Dagster itself is not imported.

What belongs here: the texts. Which folder gets which is `instance`'s and `live.home`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

FIRST_LINE = "# Written by leads_dagster; delete this line to keep changes of your own."

_STORAGES = """
# Dagster's own files of runs, events and ticks, read and written through connections that stay open; and one file for
# the events of all runs, where the stock storage makes one a run. Together a run takes a third of the time.
run_storage:
  module: leads_dagster.orchestration.live.storage
  class: KeptRunStorage
  config:
    base_dir: "{folder}/history"
event_log_storage:
  module: leads_dagster.orchestration.live.storage
  class: KeptEventLogStorage
  config:
    base_dir: "{folder}/history"
schedule_storage:
  module: leads_dagster.orchestration.live.storage
  class: KeptScheduleStorage
  config:
    base_dir: "{folder}/schedules"
"""

_COMMON = """
# Runs start at once; the stock coordinator would let them wait in a queue for its next look.
run_coordinator:
  module: dagster._core.run_coordinator
  class: DefaultRunCoordinator

# What a step prints stays in the terminal; capturing it would start two processes a run.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager

telemetry:
  enabled: false

# No newsletter form over the first page.
nux:
  enabled: false
"""

_LIVE = """
# Whole runs go to workers that stay warm; the stock launcher starts a process a run, which takes seconds.
run_launcher:
{launcher}

# A run whose worker died is marked as failed, and the next look at the sheet asks for another; so is one whose message
# got lost on its way to a worker. Nothing is taken up half-way: a cycle compares state with state.
run_monitoring:
  enabled: true
  start_timeout_seconds: 20
  cancel_timeout_seconds: 20
  poll_interval_seconds: 3
  max_resume_run_attempts: 0

# A sensor watches for most of its second: each has a thread of its own.
sensors:
  use_threads: true
  num_workers: 6
schedules:
  use_threads: true
  num_workers: 2

# An evaluation a second is 86,400 ticks a day and sensor. Those that found nothing go after a day.
retention:
  sensor:
    purge_after_days:
      skipped: 1
      success: 7
      failure: 7
      started: 7
  schedule:
    purge_after_days:
      skipped: 1
      success: 30
      failure: 30
      started: 30
"""


def plain_config(folder: Path) -> str:
    """For `leads sync` and `dagster dev`: whatever launcher Dagster has, and runs in the process that asks."""
    to_see = f'# To see the runs of `leads sync`: DAGSTER_HOME="{folder}" dagster dev\n'
    return f"{FIRST_LINE}\n{to_see}{_STORAGES.format(folder=folder)}{_COMMON}"


def live_config(folder: Path, launcher: dict[str, Any]) -> str:
    """For the processes of `leads up`.

    Args:
        folder: where runs and events are, those of `leads sync` among them.
        launcher: what the run launcher is told.
    """
    from yaml import safe_dump

    named = {"module": "leads_dagster.orchestration.live.launcher", "class": "WarmRunLauncher", "config": launcher}
    indented = "".join(f"  {line}\n" for line in safe_dump(named, sort_keys=False).splitlines()).rstrip("\n")
    return f"{FIRST_LINE}\n{_STORAGES.format(folder=folder)}{_COMMON}{_LIVE.format(launcher=indented)}"
