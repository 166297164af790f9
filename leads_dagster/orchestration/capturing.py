"""Dead captures tried again now and then, as a schedule of Dagster's.

What belongs here: when. What dead letters are is `capture_queue`'s; `queue_sensor` sees at once what waits again.
"""

from __future__ import annotations

import dagster as dg

from leads_dagster.orchestration.jobs import leads_sync
from leads_dagster.settings import Settings

RETRIED_AT_ONCE = 100


def queue_retry_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Every six hours unless LEADS_QUEUE_RETRY_CRON says otherwise: what failed of a fault that was mended meanwhile,
    goes through without anybody. It does its work in its evaluation, which starts no run."""

    @dg.schedule(
        name="queue_retry_schedule",
        job=leads_sync,
        cron_schedule=settings.queue_retry_cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Queues up to {RETRIED_AT_ONCE} dead captures of each customer again, without a run.",
    )
    def evaluate(context: dg.ScheduleEvaluationContext) -> dg.SkipReason:
        from leads_dagster.pipeline.capture import retry_dead

        retried = sum(retry_dead(settings, limit=RETRIED_AT_ONCE).values())
        return dg.SkipReason(f"{retried:,} dead captures wait again." if retried else "No capture is dead.")

    return evaluate
