"""The sensors: from a change that was seen to a run that takes it in.

What belongs here: what Dagster is told. How sheets are watched is `pipeline.watching`'s.
"""

# Dagster reads the annotations of a sensor's function as objects: no `from __future__ import annotations` here.

import functools

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.tags import PARTITION_NAME_TAG

from leads_dagster.orchestration.jobs import LEADS_SYNC, QUIET, leads_sync
from leads_dagster.orchestration.resources import SEEN_AT_TAG, WHY_TAG

# A little less than a second: what is left is Dagster's own work between two evaluations.
WATCH_SECONDS = 0.9
UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dg.sensor(
    name="sheet_sensor",
    job=leads_sync,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks at the sheets of all customers several times a second, and asks for a cycle where one changed.",
)
def sheet_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Watch for most of a second; a change ends the evaluation at once."""
    from leads_dagster.pipeline.watching import shared_watcher

    found = shared_watcher().watch(seconds=WATCH_SECONDS, busy=customers_under_way(_instance(context)))
    if not found:
        return dg.SkipReason("All sheets are as they were.")
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_config=QUIET,
                partition_key=one.customer,
                tags={WHY_TAG: one.why, SEEN_AT_TAG: one.seen_at.isoformat()},
            )
            for one in found
        ]
    )


def customers_under_way(instance: dg.DagsterInstance, job: str = LEADS_SYNC) -> set[str]:
    """Those with a run of the job, a cycle if no other is named, that is not over."""
    runs = instance.get_runs(dg.RunsFilter(job_name=job, statuses=UNDER_WAY))
    return {run.tags[PARTITION_NAME_TAG] for run in runs if PARTITION_NAME_TAG in run.tags}


def _instance(context: dg.SensorEvaluationContext) -> dg.DagsterInstance:
    """The instance, kept open from evaluation to evaluation."""
    ref = context.instance_ref
    return context.instance if ref is None else _kept_instance(dg.serialize_value(ref))


@functools.lru_cache(maxsize=1)
def _kept_instance(ref: str) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_ref(dg.deserialize_value(ref, InstanceRef))
