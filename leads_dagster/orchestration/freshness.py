"""Freshness as Dagster shows it: a policy on the stores, and the minute's work that keeps it true.

What belongs here: the policy, when the work is done and what Dagster is told. What is measured, and when a store is up
to date, is `pipeline`'s.

A policy looks at the newest materialisation of an asset, whichever partition it is of (dagster 1.13); the daemon asks
every 30 s. A quiet sheet is never materialised, so the schedule says in its place that the stores are up to date: one
event an asset, for all customers together and without a run, when none came for four minutes. That is 1,080 events in
a day in which nothing happens at all, and none in one in which something always does. It does its work in its
evaluation, which starts no run.
"""

# Dagster reads the annotations of an op's function as objects: no `from __future__ import annotations` here.

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import dagster as dg

from leads_dagster.orchestration.metadata import Number, run_metadata
from leads_dagster.orchestration.resources import UPKEEP_TAGS, Workspaces
from leads_dagster.orchestration.road import dagster_failures
from leads_dagster.settings import load_settings

if TYPE_CHECKING:
    from leads_dagster.pipeline.vouching import Minute
    from leads_dagster.store.freshness import Target

FRESHNESS_ROLL_UP = "freshness_roll_up"
STORES: "dict[str, Target]" = {"lead_store": "store", "crm_store": "crm", "airtable_mirror": "airtable"}
POLICY = dg.FreshnessPolicy.time_window(fail_window=timedelta(minutes=10), warn_window=timedelta(minutes=6))
# With the minute between two evaluations, well before the policy warns.
SAID_AGAIN_SECONDS = 240.0


@dg.op(name="roll_up", description="Adds up the minutes that are over and drops old ones.", out=dg.Out(dg.Nothing))
def roll_up(context: dg.OpExecutionContext, leads: dg.ResourceParam[Workspaces]) -> None:
    """What the schedule does each minute, by hand."""
    from leads_dagster.pipeline.vouching import each_minute

    with dagster_failures(leads):
        minute = each_minute(leads.settings, now=datetime.now(timezone.utc))
        context.log.info(said(minute, vouch(context.instance, minute)))


@dg.job(
    name=FRESHNESS_ROLL_UP,
    description="Adds up how long changes took, minute by minute, for `leads metrics`.",
    tags=UPKEEP_TAGS,
)
def freshness_roll_up() -> None:
    """One op; the schedule of this job does the same without a run."""
    roll_up()


@dg.schedule(
    name="freshness_schedule",
    job=freshness_roll_up,
    cron_schedule="* * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Each minute, without a run: adds up how long changes took, and says which stores are up to date.",
)
def freshness_schedule(context: dg.ScheduleEvaluationContext) -> dg.SkipReason:
    """Do the minute's work; that no run follows is how it should be."""
    from leads_dagster.pipeline.vouching import each_minute

    minute = each_minute(load_settings(), now=datetime.now(timezone.utc))
    return dg.SkipReason(said(minute, vouch(context.instance, minute)))


def vouch(instance: dg.DagsterInstance, minute: "Minute") -> list[str]:
    """Say of the stores that are up to date that they are, unless something said so lately; returns which."""
    keys = [dg.AssetKey(asset) for asset, target in STORES.items() if not minute.stale[target]]
    known = instance.get_latest_materialization_events(keys)
    before = datetime.now(timezone.utc).timestamp() - SAID_AGAIN_SECONDS
    due = [key for key in keys if (event := known.get(key)) is not None and event.timestamp < before]
    for key in due:
        numbers = _numbers(minute, STORES[key.to_user_string()])
        instance.report_runless_asset_event(
            dg.AssetMaterialization(key, description="Up to date; nothing changed.", metadata=run_metadata(numbers))
        )
    return [key.to_user_string() for key in due]


def _numbers(minute: "Minute", target: "Target") -> dict[str, Number]:
    hour = minute.last_hour[target]
    found: dict[str, Number] = {"customers": minute.customers, "freshness_rows_last_hour": hour.seen.rows}
    if hour.seen.rows:
        found["freshness_p95_seconds_last_hour"] = round(hour.percentile(0.95) or 0.0, 4)
        found["freshness_worst_seconds_last_hour"] = round(hour.worst, 4)
    return found


def said(minute: "Minute", vouched: list[str]) -> str:
    """The minute in a sentence or two, for the tick."""
    words = [f"Added up {minute.rolled_up.minutes} minutes."]
    words += [f"Up to date: {', '.join(vouched)}."] if vouched else []
    for target, customers in minute.stale.items():
        if customers:
            more = f" and {len(customers) - 3} more" if len(customers) > 3 else ""
            words.append(f"Cannot tell of {target}: {', '.join(customers[:3])}{more}.")
    return " ".join(words)
