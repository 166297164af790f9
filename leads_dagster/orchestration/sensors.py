"""The sensors: what starts a cycle without anybody asking for it.

What belongs here: when Dagster evaluates them, the runs they ask for, and what a tick says. What is looked at, how
often, and why a cycle is due, is `pipeline.watching`'s business.

An evaluation watches for most of its second, looking several times, so that an edit waits for the next look and not for
the next tick. Everything that is kept open for that, lives as long as the process that evaluates the sensors.
"""

from __future__ import annotations

import atexit
import functools
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from leads_dagster.orchestration.jobs import QUIET, leads_sync
from leads_dagster.orchestration.live.garbage import set_apart_later
from leads_dagster.orchestration.requests import Requests, under_way
from leads_dagster.orchestration.resources import SEEN_AT_TAG, WHY_TAG
from leads_dagster.settings import Settings

if TYPE_CHECKING:
    from leads_dagster.pipeline.watching import Finding, Watcher
    from leads_dagster.pipeline.watching_airtable import AirtableWatcher
    from leads_dagster.pipeline.watching_queue import QueueWatcher

logger = logging.getLogger(__name__)

SHEET_SENSOR = "sheet_sensor"
AIRTABLE_SENSOR = "airtable_sensor"
QUEUE_SENSOR = "queue_sensor"
DRAIN_SENSOR = "queue_drain"

# Of a second: the rest is Dagster's, to write down the tick and to make the runs.
WATCH_SECONDS = 0.9
# While runs are at work, they are looked for so often: a change that came meanwhile is then found at once.
_RUNS_SECONDS = 0.25
# Runs under way or waiting, for each worker: more would only wait in another place.
_RUNS_A_WORKER = 2
_REMEMBERED = 5
_IDLE_SECONDS = 60
_DRAIN_SECONDS = 30
# Set to 1 in all processes of `leads up`.
_LIVE = "LEADS_LIVE"
# Where the sheet cannot be read, Airtable and the mirrors go on all the same.
WITHOUT_SHEET = ("raw_leads", "airtable_edits", "captured_leads", "crm_store", "airtable_mirror")
# Captures are at hand: neither the sheet nor Airtable is asked.
CAPTURES_ONLY = ("captured_leads", "crm_store", "airtable_mirror")

Watch = Callable[[float, Collection[str], int], "list[Finding]"]
Words = Callable[["Watchers", Sequence[str]], str]


class Watchers:
    """What both sensors share, opened by the first evaluation.

    Args:
        settings: of the code location.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.requests = Requests()
        self.customers = frozenset(customer.name for customer in settings.customers)
        self._lock = threading.Lock()
        self._instances: dict[str, dg.DagsterInstance] = {}

    @functools.cached_property
    def _made(self) -> Watcher:
        from leads_dagster.pipeline.watching import Watcher

        _begin_at_the_pace_there_is()
        made = Watcher(self.settings)
        atexit.register(made.close)  # the last to close the lead database folds its log into the file
        return made

    @property
    def sheets(self) -> Watcher:
        """The watcher of the sheets."""
        with self._lock:
            return self._made

    @property
    def tables(self) -> AirtableWatcher:
        """The watcher of the tables in Airtable."""
        with self._lock:
            return self._made_for_tables

    @functools.cached_property
    def _made_for_tables(self) -> AirtableWatcher:
        from leads_dagster.pipeline.watching_airtable import AirtableWatcher

        return AirtableWatcher(self._made)

    @property
    def captures(self) -> QueueWatcher:
        """The watcher of the capture queue."""
        with self._lock:
            return self._made_for_captures

    @property
    def drain(self) -> QueueWatcher:
        """Another one, for the sensor that stands in: both may be evaluated at a time."""
        with self._lock:
            return self._made_for_drain

    @functools.cached_property
    def _made_for_captures(self) -> QueueWatcher:
        return self._queue_watcher()

    @functools.cached_property
    def _made_for_drain(self) -> QueueWatcher:
        return self._queue_watcher()

    def _queue_watcher(self) -> QueueWatcher:
        from leads_dagster.pipeline.watching_queue import QueueWatcher

        made = QueueWatcher(self._made)
        atexit.register(made.close)
        return made

    def instance_of(self, context: dg.SensorEvaluationContext) -> dg.DagsterInstance:
        """Dagster's instance, kept: a context would open another one for each tick."""
        if context.instance_ref is None:
            return context.instance
        key = repr(context.instance_ref)
        with self._lock:
            if key not in self._instances:
                self._instances[key] = dg.DagsterInstance.from_ref(context.instance_ref)
            return self._instances[key]


def sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """The sensors of these customers."""
    watchers = Watchers(settings)
    return [_sheet_sensor(watchers), _airtable_sensor(watchers), _queue_sensor(watchers), _drain_sensor(watchers)]


def _sheet_sensor(watchers: Watchers) -> dg.SensorDefinition:
    @dg.sensor(
        name=SHEET_SENSOR,
        job=leads_sync,
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks at every customer's sheet several times a second and asks for a cycle where one is due.",
    )
    def sheet_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        def watch(seconds: float, busy: Collection[str], most: int) -> list[Finding]:
            return watchers.sheets.watch(seconds, busy, most=most)

        return _evaluate(context, watchers, watch, _sheet_words)

    return sheet_sensor


def _airtable_sensor(watchers: Watchers) -> dg.SensorDefinition:
    @dg.sensor(
        name=AIRTABLE_SENSOR,
        job=leads_sync,
        # Where nobody has a table there, a tick is only a line in a list.
        minimum_interval_seconds=1 if any(one.airtable for one in watchers.settings.customers) else _IDLE_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reads what people changed in Airtable, as often as the call budget allows, and asks for a cycle "
        "once they stopped typing.",
    )
    def airtable_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        if not any(one.airtable for one in watchers.settings.customers):
            return dg.SensorResult(skip_reason="No customer has a table in Airtable.", cursor=context.cursor)

        def watch(seconds: float, busy: Collection[str], most: int) -> list[Finding]:
            return watchers.tables.watch(seconds, busy, most=most)

        return _evaluate(context, watchers, watch, _airtable_words)

    return airtable_sensor


def _queue_sensor(watchers: Watchers) -> dg.SensorDefinition:
    @dg.sensor(
        name=QUEUE_SENSOR,
        job=leads_sync,
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks at the capture queue several times a second and asks for a run where captures wait.",
    )
    def queue_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        def watch(seconds: float, busy: Collection[str], most: int) -> list[Finding]:
            return watchers.captures.watch(seconds, busy, most=most)

        return _evaluate(context, watchers, watch, _queue_words)

    return queue_sensor


def _drain_sensor(watchers: Watchers) -> dg.SensorDefinition:
    """What a schedule would do, if cron could say 30 s."""

    @dg.sensor(
        name=DRAIN_SENSOR,
        job=leads_sync,
        minimum_interval_seconds=_DRAIN_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Every 30 s: asks for a run where captures wait, should queue_sensor be off or behind.",
    )
    def queue_drain(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        def watch(seconds: float, busy: Collection[str], most: int) -> list[Finding]:
            return watchers.drain.watch(seconds, busy, most=most)

        return _evaluate(context, watchers, watch, lambda _, running: watchers.drain.words())

    return queue_drain


def _evaluate(context: dg.SensorEvaluationContext, watchers: Watchers, watch: Watch, words: Words) -> dg.SensorResult:
    """Watch until something is found or the second is over, and ask for the runs that are due."""
    instance = watchers.instance_of(context)
    until = time.monotonic() + WATCH_SECONDS
    with watchers.requests.evaluation(context.sensor_name) as evaluation:
        found: list[Finding] = []
        while not found and (left := until - time.monotonic()) > 0:
            runs = under_way(instance)
            room = max(0, _RUNS_A_WORKER * watchers.settings.workers - runs.total())
            seconds = min(left, _RUNS_SECONDS) if runs else left
            found = watch(seconds, runs.keys() | evaluation.taken, room)  # without room the looks go on
        asked = set(evaluation.ask([one.customer for one in found if one.customer in watchers.customers]))
    chosen = [one for one in found if one.customer in asked]
    return dg.SensorResult(
        run_requests=[_request(one) for one in chosen],
        skip_reason=None if chosen else words(watchers, sorted(runs)),
        cursor=_cursor(context.cursor, chosen),
    )


def _request(finding: Finding) -> dg.RunRequest:
    names = CAPTURES_ONLY if finding.captures_only else WITHOUT_SHEET if finding.without_sheet else ()
    return dg.RunRequest(
        partition_key=finding.customer,
        run_config=QUIET,
        tags={WHY_TAG: finding.why, SEEN_AT_TAG: finding.seen_at.isoformat()},
        asset_selection=[dg.AssetKey(name) for name in names] or None,
    )


def _cursor(before: str | None, asked: Sequence[Finding]) -> str | None:
    """The last runs that were asked for, for whoever reads it; nothing hangs on it."""
    if not asked:
        return before
    new = [{"customer": one.customer, "why": one.why, "seen_at": one.seen_at.isoformat()} for one in asked]
    try:
        old = json.loads(before)["asked_for"] if before else []
    except (ValueError, KeyError, TypeError):
        old = []
    return json.dumps({"asked_for": [*reversed(new), *old][:_REMEMBERED]}, ensure_ascii=False)


def _airtable_words(watchers: Watchers, running: Sequence[str]) -> str:
    from leads_dagster.pipeline.watching_words import words_of_tables

    return words_of_tables(watchers.tables, running=[name for name in running if name])


def _queue_words(watchers: Watchers, running: Sequence[str]) -> str:
    return watchers.captures.words()


def _sheet_words(watchers: Watchers, running: Sequence[str]) -> str:
    """What a tick says that asked for nothing."""
    from leads_dagster.pipeline.watching_words import words_of

    newcomers = watchers.sheets.sheets.keys() - watchers.customers
    said = words_of(watchers.sheets, running=[name for name in running if name])
    if newcomers:
        said += f" New in leads.toml: {', '.join(sorted(newcomers))}; reload the code location to sync them."
    return said


def _begin_at_the_pace_there_is() -> None:
    if os.environ.get(_LIVE) == "1":
        set_apart_later()
    else:
        logger.warning(
            "Dagster looks at sensors every five seconds here, and starts a process a run: edits take several seconds. "
            "`leads up` brings them to every store within the second."
        )
