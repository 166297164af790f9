"""How a stage of the pipeline becomes an asset of Dagster's, and how its faults become Dagster's.

What belongs here: the frame around every asset. Which assets there are is `assets`', which checks `checks`'.

An asset and its checks are one step, because each further step costs a run five more events of about 10 ms. It can be
taken apart all the same: Dagster may ask for the asset without its checks, or for a check alone.
"""

# Dagster reads the annotations of an asset's function as objects: no `from __future__ import annotations` here.

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from leads_dagster.errors import LeadsError
from leads_dagster.orchestration.checks import Check
from leads_dagster.orchestration.metadata import asset_metadata, dashboard_link, failure_metadata, run_metadata
from leads_dagster.orchestration.partitions import customer_of
from leads_dagster.orchestration.resources import Workspaces

if TYPE_CHECKING:
    from leads_dagster.pipeline.stages import Outcome
    from leads_dagster.pipeline.workspace import Workspace

GROUP = "leads"
OWNERS = ("team:leads",)
RETRIES = 3

Events = Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]


@dataclass(frozen=True)
class RoadAsset:
    """One asset of the road.

    Attributes:
        key: its name.
        stage: the pipeline function that it is, `(ws, run_id) -> Outcome`.
        description: what it holds, for the person who reads the graph.
        deps: keys of the assets it is made from.
        kinds: what it is made of; Dagster draws an icon for each.
        kept_in: where its content lies, with the setting that says so.
        code_version: changes when the same input would come out differently.
        layer: its tag, for selecting: raw, staged, store or mirror.
        checks: asked after the stage, in this order.
        priority: of steps that may run next, the higher goes first.
        is_gate: whether nothing at all happens, here and downstream, when the stage found nothing changed.
        columns: of the table that it is, where it is one of ours.
        freshness: how lately it must have been written, or said to be up to date.
    """

    key: str
    stage: "Callable[[Workspace, str], Outcome]"
    description: str
    deps: tuple[str, ...]
    kinds: frozenset[str]
    layer: str
    kept_in: str
    code_version: str = "1"
    checks: tuple[Check, ...] = ()
    priority: int = 0
    is_gate: bool = False
    columns: dg.TableSchema | None = None
    freshness: dg.FreshnessPolicy | None = None


def retry_policy(first_delay_seconds: float) -> dg.RetryPolicy:
    """How a step that failed for a passing reason is tried again; requests have their own, shorter, retries."""
    return dg.RetryPolicy(
        max_retries=RETRIES,
        delay=first_delay_seconds,
        backoff=dg.Backoff.EXPONENTIAL,
        jitter=dg.Jitter.PLUS_MINUS,
    )


def build_asset(
    one: RoadAsset, *, partitions: dg.PartitionsDefinition[str], retries: dg.RetryPolicy
) -> dg.AssetsDefinition:
    """The asset, one partition a customer, with its checks."""

    @dg.multi_asset(
        name=one.key,
        specs=[_asset_spec(one, partitions)],
        check_specs=[check.spec(one.key) for check in one.checks],
        op_tags={"dagster/priority": str(one.priority)},
        can_subset=True,
        retry_policy=retries,
    )
    def road_asset(context: dg.AssetExecutionContext, leads: dg.ResourceParam[Workspaces]) -> Events:
        with dagster_failures(leads):
            if leads.stopped:
                raise LeadsError("The run was stopped before this asset.")
            ws = leads.of(customer_of(context))
            yield from _materialize(context, one, ws)

    return road_asset


def _asset_spec(one: RoadAsset, partitions: dg.PartitionsDefinition[str]) -> dg.AssetSpec:
    return dg.AssetSpec(
        one.key,
        deps=one.deps,
        description=one.description,
        owners=OWNERS,
        kinds=set(one.kinds),
        group_name=GROUP,
        tags={"layer": one.layer},
        code_version=one.code_version,
        metadata=asset_metadata(one.kept_in, one.columns),
        partitions_def=partitions,
        freshness_policy=one.freshness,
        skippable=True,
    )


def _materialize(context: dg.AssetExecutionContext, one: RoadAsset, ws: "Workspace") -> Events:
    """Run the stage, then its checks. A stage that had nothing to do yields nothing, and what follows is skipped."""
    if context.selected_asset_keys:
        started = time.monotonic()
        outcome = one.stage(ws, context.run.run_id)
        seconds = round(time.monotonic() - started, 4)
        if not outcome.changed and one.is_gate:
            context.log.info("Nothing changed since the last closed ledger.")
            return
        yield dg.MaterializeResult(
            asset_key=one.key,
            metadata={
                **run_metadata({"seconds": seconds, **outcome.metadata()}),
                **dashboard_link(ws.settings, ws.name),
            },
            data_version=dg.DataVersion(outcome.data_version),
        )
    asked = {key.name for key in context.selected_asset_check_keys}
    for check in one.checks:
        if check.name in asked:
            yield check.result(one.key, ws, context.run.run_id)


@contextmanager
def dagster_failures(leads: Workspaces) -> Iterator[None]:
    """Turn our errors into Dagster's: said in words, and tried again only where that can help.

    Ctrl-C ends the run: Dagster would try the step again after it, as its retry policy says, and then go on with the
    steps that do not need this one.

    Raises:
        dg.Failure: for every LeadsError and for Ctrl-C.
    """
    try:
        yield
    except LeadsError as error:
        raise dg.Failure(
            description=str(error),
            metadata=failure_metadata(error),
            allow_retries=error.transient and not leads.is_watched_for,
        ) from error
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError) as interrupt:
        leads.stopped = True
        raise dg.Failure(description="Stopped before its end.", allow_retries=False) from interrupt
