"""Telling people and other programs, as Dagster's schedule and sensors.

What belongs here: when it is done, and what the tick says. What is told is `pipeline.alerting`'s and
`pipeline.webhooks`'.
"""

# Dagster reads the annotations of an evaluation's function as objects: no `from __future__ import annotations` here.

import dagster as dg

from leads_dagster.errors import LeadsError
from leads_dagster.orchestration.freshness import FRESHNESS_ROLL_UP
from leads_dagster.orchestration.jobs import LEADS_SYNC
from leads_dagster.settings import Settings, load_settings

_PARTITION = "dagster/partition"


@dg.schedule(
    name="alert_schedule",
    job_name=FRESHNESS_ROLL_UP,
    cron_schedule="* * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Each minute, without a run: looks at what needs a person, and tells them what is new.",
)
def alert_schedule(context: dg.ScheduleEvaluationContext) -> dg.SkipReason:
    """Look and tell; that no run follows is how it should be."""
    from leads_dagster.pipeline.alerting import alert_round

    found = alert_round(load_settings())
    return dg.SkipReason("Another process is at it." if found is None else found.words())


@dg.run_failure_sensor(
    name="failure_sensor",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="When a run failed: looks at its customer at once, and tells people if it did so again and again.",
)
def failure_sensor(context: dg.RunFailureSensorContext) -> None:
    """Look at the customer of the run that failed."""
    from leads_dagster.pipeline.alerting import alert_round

    run = context.dagster_run
    customer = run.tags.get(_PARTITION)
    alert_round(load_settings(), first=[customer] if customer and run.job_name == LEADS_SYNC else [])


@dg.sensor(
    name="webhook_sensor",
    job_name=LEADS_SYNC,
    minimum_interval_seconds=2,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells LEADS_WEBHOOK_URLS of each cycle that ended, in order, until it is taken.",
)
def webhook_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Deliver what is due; that no run follows is how it should be."""
    from leads_dagster.pipeline.webhooks import deliver_due

    try:
        said = deliver_due(load_settings())
    except LeadsError as error:
        return dg.SkipReason(error.message)
    words = "; ".join(f"{name}: {one}" for name, one in said.items())
    return dg.SkipReason(words or "Nothing ended since.")


def notifying_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """The failure sensor, and that of the webhooks where there are any."""
    return [failure_sensor, *([webhook_sensor] if settings.webhook_urls else [])]
