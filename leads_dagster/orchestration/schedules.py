"""What runs at set times for each customer: comparing everything, and auditing Airtable.

What belongs here: the jobs and the schedules that ask for them. Whose turn it is, `pipeline.due` knows, what is
compared `pipeline.reconcile` and `pipeline.sweep`.

Each schedule ticks every minute and asks for the customers whose time it is: one for all of them, since hundreds of
schedules would be hundreds of evaluations. What they find is mended by the ordinary road; `sheet_sensor` asks for it.
"""

# Dagster reads the annotations of an op's function as objects: no `from __future__ import annotations` here.

from collections.abc import Callable, Collection
from datetime import datetime

import dagster as dg

from leads_dagster.cron import read_cron
from leads_dagster.orchestration.backups import BACKUP_LEADS
from leads_dagster.orchestration.cleaning import AUDIT_AIRTABLE, CLEAN_UP, COMPARE_STORES
from leads_dagster.orchestration.jobs import LEADS_SYNC, QUIET
from leads_dagster.orchestration.metadata import run_metadata
from leads_dagster.orchestration.requests import UNDER_WAY, under_way
from leads_dagster.orchestration.resources import UPKEEP_TAGS, WHY_TAG, Workspaces
from leads_dagster.orchestration.road import dagster_failures
from leads_dagster.pipeline.due import Kind, due, fair_share
from leads_dagster.pipeline.google_quota import counted_customers, google_quota
from leads_dagster.settings import Settings

# They may take minutes, and one worker has them all: an audit does not come between.
LONG_JOBS = (AUDIT_AIRTABLE, BACKUP_LEADS, CLEAN_UP)
# Of customers whose reads Google counts so many are compared a minute: ten of its sixty reads.
_COUNTED_A_MINUTE = 5


@dg.op(
    name="compare",
    description="Sheet, lead database and CRM as a whole; what differs is marked for the next cycle.",
    out=dg.Out(dg.Nothing),
)
def compare(context: dg.OpExecutionContext, leads: dg.ResourceParam[Workspaces]) -> None:
    """Compare, and say what was found."""
    from leads_dagster.pipeline.reconcile import reconcile

    with dagster_failures(leads):
        found = reconcile(leads.of(context.partition_key))
        context.log.info("Something differs; the next cycle mends it." if found.differs else "Everything agrees.")
        context.add_output_metadata(run_metadata(found.numbers()))


@dg.op(
    name="audit",
    description="All records of the customer's Airtable table; what the webhook did not tell is noted as edits.",
    out=dg.Out(dg.Nothing),
)
def audit(context: dg.OpExecutionContext, leads: dg.ResourceParam[Workspaces]) -> None:
    """Compare all records, beside cycles; the next one takes in what was noted."""
    from leads_dagster.pipeline.pull import pull

    with dagster_failures(leads):
        ws = leads.of(context.partition_key)
        ws.paced = False  # a comparison as often as `sweep_seconds` says is what the month's budget counts with
        pulled = pull(ws, whole=True)
        if pulled.error is not None and pulled.status != "parked":
            raise pulled.error
        numbers = {"changes": pulled.changes, "waiting": pulled.waiting, "calls": pulled.calls}
        context.add_output_metadata(run_metadata({"pull": pulled.status, **numbers, "seconds": pulled.seconds}))


def customer_jobs(partitions: dg.PartitionsDefinition[str]) -> list[dg.JobDefinition]:
    """The jobs of one customer each."""
    return [
        _one_op_job(COMPARE_STORES, compare, "Sheet, lead database and CRM compared as a whole.", partitions),
        _one_op_job(AUDIT_AIRTABLE, audit, "All records of Airtable compared with the lead database.", partitions),
    ]


def _one_op_job(
    name: str, only: dg.OpDefinition, description: str, partitions: dg.PartitionsDefinition[str]
) -> dg.JobDefinition:
    @dg.job(name=name, description=description, partitions_def=partitions, tags=UPKEEP_TAGS)
    def made() -> None:
        only()

    return made


def customer_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """One schedule a kind, on from the start wherever a Dagster daemon runs; crons are those at loading."""
    return [
        _schedule("reconcile", "compare_schedule", COMPARE_STORES, "Compares sheet, store and CRM, hourly.", settings),
        _schedule("audit", "audit_schedule", AUDIT_AIRTABLE, "Compares all records of Airtable, hourly.", settings),
    ]


def _schedule(kind: Kind, name: str, job: str, description: str, settings: Settings) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=name,
        job_name=job,
        cron_schedule="* * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
    def evaluate(context: dg.ScheduleEvaluationContext) -> dg.SkipReason | list[dg.RunRequest]:
        customers = _ASKED[kind](context, settings)
        if not customers:
            return dg.SkipReason("It is nobody's time.")
        at = f"{context.scheduled_execution_time:%Y-%m-%d %H:%M}"
        return [_request(one, kind, key=f"{one} {at}") for one in customers]

    return evaluate


def _request(customer: str, kind: Kind, *, key: str) -> dg.RunRequest:
    """Several in one tick need a key each; Dagster refuses all of them otherwise."""
    return dg.RunRequest(run_key=key, partition_key=customer, run_config=QUIET, tags={WHY_TAG: kind})


def _reconciles_due(context: dg.ScheduleEvaluationContext, settings: Settings) -> list[str]:
    comparing = set(under_way(context.instance, COMPARE_STORES))
    room = fair_share(settings.customers) - len(comparing)
    busy = comparing | set(under_way(context.instance, LEADS_SYNC))
    counted = counted_customers(settings)
    most = _COUNTED_A_MINUTE if counted and google_quota(settings).has_room(_COUNTED_A_MINUTE, spare=True) else 0
    return _due(context, settings, "reconcile", busy=busy, limit=room, few=counted, most_of_few=most)


def _audits_due(context: dg.ScheduleEvaluationContext, settings: Settings) -> list[str]:
    now = context.scheduled_execution_time
    if any(read_cron(cron).last_due(now) == now for cron in (settings.backup_cron, settings.retention_cron)):
        return []  # the minute is theirs
    if any(context.instance.get_runs(dg.RunsFilter(job_name=job, statuses=UNDER_WAY), limit=1) for job in LONG_JOBS):
        return []
    return _due(context, settings, "audit", limit=1)


_ASKED: dict[Kind, Callable[[dg.ScheduleEvaluationContext, Settings], list[str]]] = {
    "reconcile": _reconciles_due,
    "audit": _audits_due,
}


def _due(
    context: dg.ScheduleEvaluationContext,
    settings: Settings,
    kind: Kind,
    *,
    limit: int,
    busy: Collection[str] = (),
    few: Collection[str] = (),
    most_of_few: int = 0,
) -> list[str]:
    from leads_dagster.store.engine import open_engine, writing
    from leads_dagster.store.schema import ensure_schema

    now: datetime = context.scheduled_execution_time
    settings.prepare_home()
    engine = open_engine(settings.database_url)
    try:
        ensure_schema(engine)
        with writing(engine) as connection:
            found = due(
                connection, kind, settings.customers, now=now, busy=busy, limit=limit, few=few, most_of_few=most_of_few
            )
            return [one.customer for one in found]
    finally:
        engine.dispose()
