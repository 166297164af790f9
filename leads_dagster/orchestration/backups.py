"""The daily backup of the lead database as a job and a schedule of Dagster's.

What belongs here: when it runs and what the run says. What a backup is, `pipeline.backup` knows.
"""

# Dagster reads the annotations of an op's function as objects: no `from __future__ import annotations` here.

import dagster as dg

from leads_dagster.errors import SettingsError
from leads_dagster.orchestration.metadata import run_metadata
from leads_dagster.orchestration.resources import UPKEEP_TAGS, WHY_TAG, Workspaces
from leads_dagster.orchestration.road import RETRIES, dagster_failures
from leads_dagster.settings import Settings

BACKUP_LEADS = "backup_leads"


@dg.op(
    name="make_backup",
    description="One verified backup of the lead database; old ones go as LEADS_BACKUP_KEEP and _KEEP_DAYS say.",
    out=dg.Out(dg.Nothing),
    retry_policy=dg.RetryPolicy(max_retries=RETRIES, delay=60, backoff=dg.Backoff.EXPONENTIAL),
)
def make_backup(context: dg.OpExecutionContext, leads: dg.ResourceParam[Workspaces]) -> None:
    """Make, verify, prune; the numbers become metadata of the run."""
    from leads_dagster.pipeline.backup import create

    with dagster_failures(leads):
        made = create(leads.settings, reason="scheduled")
        context.log.info(f"Made {made.name}.")
        context.add_output_metadata(run_metadata({**made.as_dict(), "pruned": len(made.pruned)}))


@dg.job(
    name=BACKUP_LEADS,
    description="A backup of the lead database, restored on trial before it counts.",
    tags=UPKEEP_TAGS,
)
def backup_leads() -> None:
    """One op: a backup is whole or it is not there."""
    make_backup()


def backup_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Daily at night unless LEADS_BACKUP_CRON says otherwise.

    It runs from the start wherever a Dagster daemon does: it only reads the database and writes to its own folder, and
    a backup that waits for somebody to switch it on is the one that is missing.

    Raises:
        SettingsError: LEADS_BACKUP_CRON is no cron expression.
    """
    try:
        return dg.ScheduleDefinition(
            name="backup_schedule",
            job=backup_leads,
            cron_schedule=settings.backup_cron,
            execution_timezone="UTC",
            tags={WHY_TAG: "backup"},
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Makes, verifies and prunes backups of the lead database.",
        )
    except dg.DagsterInvalidDefinitionError as error:
        raise SettingsError(
            f"LEADS_BACKUP_CRON is no cron expression: {settings.backup_cron!r}.", advice="Such as 30 2 * * *."
        ) from error
