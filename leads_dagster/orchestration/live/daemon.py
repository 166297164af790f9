"""Dagster's own daemon, its sensor loop brought down from five seconds to a tenth of one.

What belongs here: that one change, fewer words where the code server is away, patience with runs of upkeep, starting
anew when the clock is moved (`clock`); nothing else of the daemon's. How long the loop waits is a constant of
`dagster._daemon.sensor` that no setting reaches (dagster 1.13); a test measures the real pace, so that a release which
moves the constant is noticed. How often a sensor is evaluated stays the sensor's own business
(`minimum_interval_seconds`): a loop of a second with an interval of a second would skip every other one.

    python -m leads_dagster.orchestration.live.daemon -w workspace.yaml
"""

from __future__ import annotations

import logging
import sys
import time

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._daemon import sensor as dagster_sensors
from dagster._daemon.cli import run_command
from dagster._daemon.monitoring import run_monitoring
from dagster._daemon.utils import DaemonErrorCapture
from dagster._utils.error import ExceptionInfo, serializable_error_info_from_exc_info
from dagster_shared.error import SerializableErrorInfo

from leads_dagster.live.heartbeat import start_beating
from leads_dagster.orchestration.live.clock import end_when_moved, forget_the_future
from leads_dagster.orchestration.live.garbage import set_apart_later
from leads_dagster.orchestration.live.launcher import WarmRunLauncher

logger = logging.getLogger(__name__)

LOOP_SECONDS = 0.1
_AWAY_SECONDS = 60.0


def quicken() -> None:
    """Bring the loop down.

    Raises:
        AttributeError: this Dagster has no such constant; the sensors would be looked at every five seconds.
    """
    if not hasattr(dagster_sensors, "MIN_INTERVAL_LOOP_TIME"):
        raise AttributeError("dagster._daemon.sensor.MIN_INTERVAL_LOOP_TIME is gone: use dagster 1.13")
    dagster_sensors.MIN_INTERVAL_LOOP_TIME = LOOP_SECONDS  # type: ignore[assignment]


def quieten() -> None:
    """Say in a line a minute that the code server is away, not in two tracebacks a tick; all else as ever."""
    stock = DaemonErrorCapture.process_exception
    said_at = [float("-inf")]

    def brief(exc_info: ExceptionInfo, logger: logging.Logger, log_message: str) -> SerializableErrorInfo:
        if not isinstance(exc_info[1], DagsterUserCodeUnreachableError):
            return stock(exc_info, logger, log_message)
        if time.monotonic() - said_at[0] > _AWAY_SECONDS:
            said_at[0] = time.monotonic()
            logger.warning("The code server does not answer; what was asked of it is asked again.")
        return serializable_error_info_from_exc_info(exc_info)

    DaemonErrorCapture.process_exception = staticmethod(brief)


def wait_for_upkeep() -> None:
    """Leave a backup that waits for a worker alone, where Dagster would fail it as one that never started."""
    stock = run_monitoring.monitor_starting_run

    def patient(instance: dg.DagsterInstance, run_record: dg.RunRecord, logger: logging.Logger) -> None:
        launcher, waited = instance.run_launcher, time.time() - run_record.create_timestamp.timestamp()
        if isinstance(launcher, WarmRunLauncher) and launcher.may_wait_longer(run_record.dagster_run, waited):
            return
        stock(instance, run_record, logger)

    run_monitoring.monitor_starting_run = patient


def main() -> None:
    """Run the daemon with the arguments of `dagster-daemon run`; it says two lines a tick unless told to be quiet."""
    quicken()
    quieten()
    wait_for_upkeep()
    end_when_moved()
    with dg.DagsterInstance.get() as instance:
        if forgotten := forget_the_future(instance, now=time.time()):
            logger.warning("The clock was put back: %d sensors and schedules go on from now.", forgotten)
    start_beating()
    set_apart_later()
    run_command(["--log-level", "warning", *sys.argv[1:]])


if __name__ == "__main__":
    main()
