"""Retention as a job and a schedule of Dagster's: its own runs and events, and what `pipeline.retention` clears away.

What belongs here: which of Dagster's runs go, and giving their space back. Ticks are purged by Dagster's daemon, as
dagster.yaml says.

A run stays while an asset's last state is its: a customer whose sheet rests for a month is still seen as materialised.
"""

# Dagster reads the annotations of an op's function as objects: no `from __future__ import annotations` here.

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone

import dagster as dg
from dagster._core.instance.utils import RUNLESS_RUN_ID
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from sqlalchemy import func, select

from leads_dagster.orchestration.assets import ROAD
from leads_dagster.orchestration.jobs import QUIET
from leads_dagster.orchestration.live.space import give_space_back
from leads_dagster.orchestration.metadata import run_metadata
from leads_dagster.orchestration.resources import UPKEEP_TAGS, WHY_TAG, Workspaces
from leads_dagster.orchestration.road import dagster_failures
from leads_dagster.settings import Settings

CLEAN_UP = "clean_up"
COMPARE_STORES = "compare_stores"
AUDIT_AIRTABLE = "audit_airtable"
UPKEEP_JOBS = (CLEAN_UP, COMPARE_STORES, AUDIT_AIRTABLE)
_UPKEEP_RUNS = 500
_UPKEEP_DAYS = 2.0
# Deleting is done in small transactions with rests between, so that a cycle's events never wait for it.
_BATCH = 25
_REST_SECONDS = 0.05
_LONGEST_SECONDS = 120.0
_PAGE = 500
_WITHOUT_RUN_FOR = timedelta(days=1)
_FINISHED = list(FINISHED_STATUSES)


@dg.op(
    name="clear_away",
    description="Runs and events, lines of the ledger, raw sheets and messages that had their time.",
    out=dg.Out(dg.Nothing),
)
def clear_away(context: dg.OpExecutionContext, leads: dg.ResourceParam[Workspaces]) -> None:
    """Clear away; the numbers become metadata of the run."""
    from leads_dagster.pipeline.retention import clean_up

    with dagster_failures(leads):
        gone = clean_up(leads.settings)
        runs = delete_expired_runs(context.instance, leads.settings)
        purge_ticks(context.instance, leads.settings)
        events = delete_events_without_run(context.instance)
        given_back = give_space_back(context.instance)
        context.log.info(f"Deleted {runs} runs.")
        context.add_output_metadata(
            run_metadata({**gone, "runs": runs, "events": events, "bytes_given_back": given_back})
        )


@dg.job(
    name=CLEAN_UP,
    description="Clears away what had its time, in Dagster's history and in the state folder.",
    tags=UPKEEP_TAGS,
)
def clean_up_job() -> None:
    """One op."""
    clear_away()


def retention_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Every ten minutes unless LEADS_RETENTION_CRON says otherwise, from the start, wherever a Dagster daemon runs."""
    return dg.ScheduleDefinition(
        name="retention_schedule",
        job=clean_up_job,
        cron_schedule=settings.retention_cron,
        execution_timezone="UTC",
        run_config=QUIET,
        tags={WHY_TAG: "retention"},
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Clears away runs, events, raw sheets and lines of the ledger that had their time.",
    )


def delete_expired_runs(
    instance: dg.DagsterInstance, settings: Settings, *, now: datetime | None = None, seconds: float = _LONGEST_SECONDS
) -> int:
    """Delete finished runs that are too old or too many, the oldest first; how many.

    Args:
        instance: whose history.
        settings: `runs_keep` and `runs_keep_days`.
        now: the time; what is left after `seconds` is done next time.
        seconds: how long at most.
    """
    ends = time.monotonic() + seconds
    stay = runs_of_last_states(instance)
    deleted = 0
    for batch in _batches(_all_expired(instance, settings, now or datetime.now(timezone.utc)), stay):
        _delete(instance, batch)
        deleted += len(batch)
        if time.monotonic() > ends:
            break
        time.sleep(_REST_SECONDS)
    return deleted


def _all_expired(instance: dg.DagsterInstance, settings: Settings, now: datetime) -> Iterator[str]:
    """Of upkeep, which says the same every time, few runs are worth keeping; then whatever is too much of all."""
    days = timedelta(days=min(_UPKEEP_DAYS, settings.runs_keep_days))
    for job in UPKEEP_JOBS:
        yield from _expired(instance, job, now - days, min(_UPKEEP_RUNS, settings.runs_keep))
    yield from _expired(instance, None, now - timedelta(days=settings.runs_keep_days), settings.runs_keep)


def _expired(instance: dg.DagsterInstance, job: str | None, before: datetime, keep: int) -> Iterator[str]:
    """Finished runs, oldest first: those beyond `keep`, and all from before that moment."""
    chosen = dg.RunsFilter(job_name=job, statuses=_FINISHED)
    surplus = instance.get_runs_count(chosen) - keep
    cursor: str | None = None
    seen = 0
    while True:
        page = instance.get_run_records(chosen, limit=_PAGE, cursor=cursor, ascending=True)
        for record in page:
            if seen >= surplus and record.create_timestamp >= before:
                return
            seen += 1
            yield record.dagster_run.run_id
        if len(page) < _PAGE:
            return
        cursor = page[-1].dagster_run.run_id


def _batches(run_ids: Iterator[str], stay: set[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for run_id in run_ids:
        if run_id not in stay:
            batch.append(run_id)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def runs_of_last_states(instance: dg.DagsterInstance) -> set[str]:
    """The runs in which an asset was last materialised, partition by partition."""
    found: set[str] = set()
    for one in ROAD:
        key = dg.AssetKey(one.key)
        last = instance.event_log_storage.get_latest_storage_id_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        ids = list(last.values())
        for start in range(0, len(ids), _PAGE):
            wanted = dg.AssetRecordsFilter(asset_key=key, storage_ids=ids[start : start + _PAGE])
            found.update(record.run_id for record in instance.fetch_materializations(wanted, limit=_PAGE).records)
    return found


def delete_events_without_run(instance: dg.DagsterInstance, *, now: datetime | None = None) -> int:
    """Delete events that were reported outside of any run, such as that a store is up to date, after a day; how many.

    The newest of each kind and asset stays.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return 0
    events = SqlEventLogStorageTable.c
    before = ((now or datetime.now(timezone.utc)) - _WITHOUT_RUN_FOR).replace(tzinfo=None)  # as Dagster stores them
    newest = select(func.max(events.id)).where(events.run_id == RUNLESS_RUN_ID)
    newest = newest.group_by(events.asset_key, events.dagster_event_type)
    old = select(events.id).where(events.run_id == RUNLESS_RUN_ID, events.timestamp < before, events.id.not_in(newest))
    with storage.index_connection() as connection:
        ids = list(connection.execute(old.order_by(events.id).limit(_PAGE)).scalars())
        connection.execute(AssetEventTagsTable.delete().where(AssetEventTagsTable.c.event_id.in_(ids)))
        connection.execute(SqlEventLogStorageTable.delete().where(events.id.in_(ids)))
    return len(ids)


def purge_ticks(instance: dg.DagsterInstance, settings: Settings, *, now: datetime | None = None) -> None:
    """Delete evaluations that asked for nothing; dagster.yaml says how long the others stay."""
    before = (now or datetime.now(timezone.utc)) - timedelta(hours=settings.ticks_keep_hours)
    for state in instance.all_instigator_state():
        instance.purge_ticks(
            state.instigator_origin_id, state.selector_id, before.timestamp(), tick_statuses=[TickStatus.SKIPPED]
        )


def _delete(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    for run_id in run_ids:
        instance.delete_run(run_id)
    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):  # Dagster leaves the results of checks behind
        with storage.index_connection() as connection:
            connection.execute(
                AssetCheckExecutionsTable.delete().where(AssetCheckExecutionsTable.c.run_id.in_(run_ids))
            )
