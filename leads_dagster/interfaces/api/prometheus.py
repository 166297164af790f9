"""`/metrics`: figures of all customers in the text format of Prometheus.

What belongs here: names, units and labels. Labels are names of customers, stores, inboxes and states only, so that
their number is bounded by leads.toml. docs/operations.md lists them; deploy/grafana.json draws them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from leads_dagster.errors import LeadsError
from leads_dagster.interfaces.api.asking import leads_of
from leads_dagster.notifications.memory import read_memory
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import freshness, gauges
from leads_dagster.store.engine import reading
from leads_dagster.store.standing import reviews_waiting

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from leads_dagster.interfaces.api.answering import Answering

router = APIRouter(tags=["health"])

_HOUR = timedelta(hours=1)
_SHARES = (0.5, 0.95, 0.99)
_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# name -> (what it is, labels); seconds and counts, as Prometheus has it.
GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "leads_up": ("1 while the lead database can be read", ()),
    "leads_active": ("Leads that are neither archived nor merged", ("customer",)),
    "leads_sync_paused": ("1 while the customer is paused", ("customer",)),
    "leads_sync_running": ("1 while a cycle is at work", ("customer",)),
    "leads_sync_last_timestamp_seconds": ("When the last cycle succeeded", ("customer",)),
    "leads_sync_last_duration_seconds": ("How long it took", ("customer",)),
    "leads_sync_failures_in_a_row": ("Cycles that failed since the last that did not", ("customer",)),
    "leads_look_interval_seconds": ("How often the live system looks at the sheet", ("customer",)),
    "leads_freshness_seconds": ("From seen to standing, in the last hour", ("customer", "store", "quantile")),
    "leads_outbox": ("Leads a mirror has still to hear of, or would not take", ("customer", "mirror", "status")),
    "leads_waiting_for_people": ("What waits in an inbox", ("customer", "inbox")),
    "leads_queue_items": ("Captures in the queue", ("state",)),
    "leads_queue_oldest_seconds": ("How long the oldest capture that is due has waited", ()),
    "leads_captures": ("Captures that were processed", ("customer", "outcome")),
    "leads_alerts": ("Alerts that stand, as `leads notify` lists them", ("kind",)),
}
COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "leads_sync_errors": ("Cycles that failed", ("customer",)),
    "leads_sync_retries": ("Requests and transactions that were tried again", ("customer",)),
}

Sample = tuple[str, tuple[str, ...], float]


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
async def metrics(request: Request) -> Response:
    """Names and labels are in docs/operations.md; where the database cannot be read, `leads_up` is 0."""
    return Response(await run_in_threadpool(exposition, leads_of(request)), media_type=_MEDIA_TYPE)


def exposition(leads: Answering) -> bytes:
    """All figures as Prometheus reads them."""
    from prometheus_client import CollectorRegistry, generate_latest

    class Now:
        def collect(self) -> Iterable[Metric]:
            return _families(list(_samples(leads)))

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Now())
    return generate_latest(registry)


def _families(samples: list[Sample]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    for known, kind in ((GAUGES, GaugeMetricFamily), (COUNTERS, CounterMetricFamily)):
        for name, (words, labels) in known.items():
            family = kind(name, words, labels=labels)
            for _, values, figure in (one for one in samples if one[0] == name):
                family.add_metric(values, figure)
            yield family


def _samples(leads: Answering) -> Iterator[Sample]:
    try:
        with leads.workspace(leads.customers()[0]) as workspace:
            yield from _of_store(workspace, leads.customers())
        yield "leads_up", (), 1
    except LeadsError:
        yield "leads_up", (), 0
    yield from _of_queue(leads)
    yield from _of_alerts(leads)


def _of_store(workspace: Workspace, customers: list[str]) -> Iterator[Sample]:
    now = workspace.now()
    with reading(workspace.engine) as connection:
        for row in gauges.states(connection):
            who = (row.customer,)
            yield "leads_sync_paused", who, row.paused
            yield "leads_sync_running", who, row.running
            yield "leads_sync_failures_in_a_row", who, row.failures or 0
            yield "leads_sync_errors", who, row.error_count
            yield "leads_sync_retries", who, row.retry_count
            if row.last_synced_at is not None:
                yield "leads_sync_last_timestamp_seconds", who, row.last_synced_at.timestamp()
            if row.last_duration_seconds is not None:
                yield "leads_sync_last_duration_seconds", who, row.last_duration_seconds
            if row.interval_seconds is not None:
                yield "leads_look_interval_seconds", who, row.interval_seconds
        for labels, number in gauges.active_leads(connection):
            yield "leads_active", labels, number
        for labels, number in gauges.outbox(connection):
            yield "leads_outbox", labels, number
        for inbox, counted in gauges.waiting_for_people(connection).items():
            for (customer,), number in counted:
                yield "leads_waiting_for_people", (customer, inbox), number
        for labels, number in gauges.captured(connection):
            yield "leads_captures", labels, number
        reviews = reviews_waiting(connection, customers)
        fresh = freshness.over_each(connection, customers, since=now - _HOUR, until=now + _HOUR)
        for customer in customers:
            yield "leads_waiting_for_people", (customer, "reviews"), reviews.get(customer, 0)
            for store, one in fresh.get(customer, {}).items():
                for share in _SHARES if one.seen.rows else ():
                    yield "leads_freshness_seconds", (customer, store, str(share)), one.percentile(share) or 0.0


def _of_queue(leads: Answering) -> Iterator[Sample]:
    try:
        found = leads.queue.status()
    except LeadsError:
        return
    for state in ("queued", "leased", "delayed", "dead"):
        yield "leads_queue_items", (state,), getattr(found, state)
    oldest = found.oldest_at_ms
    yield "leads_queue_oldest_seconds", (), 0.0 if oldest is None else max(0.0, time.time() - oldest / 1000)


def _of_alerts(leads: Answering) -> Iterator[Sample]:
    standing = [one.kind for one in read_memory(leads.settings.home).alerts.values() if not one.over_at]
    for kind in sorted(set(standing)):
        yield "leads_alerts", (kind,), standing.count(kind)
