"""What a person should be told of: one rule a kind of alert, from what `leads status` and `leads metrics` know.

What belongs here: rules, pure. Who is told, and when again, is `alerting`'s. A message holds counts, names of customers
and our own words for errors; never a cell of a lead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

AlertKind = Literal[
    "sync_failed", "error_rate", "hold", "dead_letters", "freshness", "budget", "hook_lost", "airtable_refused",
    "backup", "database", "out_of_step", "slow", "ledger", "queue",
]  # fmt: skip

# One failed cycle is tried again within seconds.
FAILED_IN_A_ROW = 2
ERROR_RATE = 0.05
FRESHNESS_SECONDS = 60.0
BUDGET_SHARE_LEFT = 0.10
# So many times the usual, and more than this many ms.
SLOW_TIMES, SLOW_MS = 3.0, 2_000.0
# A capture that is due is taken in within a second while somebody is at it.
QUEUE_SECONDS = 60.0
_ROWS_THAT_TELL = 5
_HOURS_THAT_TELL = 3
# Whoever enqueues may name anybody: a few are enough to look after it.
_UNNAMED_SAID = 5
UNNAMED_ADVICE = (
    "Name it there; or `leads queue clear --customer NAME --export FILE`, and `leads queue add FILE --customer` of the "
    "right one."
)
MISSING_ADVICE = (
    "`leads queue status` has the sum. Somebody changed the queue's file or keys, or its Redis lost them: let their "
    "sources hand those captures over again; what has a key is not taken in twice."
)


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to tell.

    Attributes:
        kind: of what.
        message: what is the matter, without what changes every minute.
        advice: what to do.
        subject: tells alerts of one kind and customer apart: a mirror, a limit.
        customer: None for what all share.
        severity: "error" where data waits or is in danger.
    """

    kind: AlertKind
    message: str
    advice: str
    subject: str = ""
    customer: str | None = None
    severity: Literal["warning", "error"] = "warning"

    @property
    def key(self) -> str:
        """What stays the same as long as it is the same alert."""
        return f"{self.customer or ''}/{self.kind}/{self.subject}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at.

    Attributes:
        status: as `pipeline.status` gives it.
        metrics: as `pipeline.metrics` gives it, with its hours.
        late: mirrors that wait for a change for longer than they should.
        queue: of the capture queue, as `queue_looking.QueueLook.of` gives it; empty where there is none.
        captures_on: whether the customer's captures are processed at all.
    """

    status: Mapping[str, Any]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    late: tuple[str, ...] = ()
    queue: Mapping[str, Any] = field(default_factory=dict)
    captures_on: bool = True


def alerts_in(facts: Facts) -> list[Alert]:
    """All alerts of one customer. A paused one has none of syncs that do not come."""
    return [alert for rule in _RULES for alert in rule(facts)]


def _sync_failed(facts: Facts) -> Iterator[Alert]:
    status = facts.status
    failures = (status.get("watching") or {}).get("failures") or 0
    last = status.get("last_run") or {}
    if last.get("status") == "failed" and (failures >= FAILED_IN_A_ROW or not status.get("watching")):
        yield _of(facts, "sync_failed", f"Syncs fail: {status.get('last_error') or last.get('error')}",
                  "`leads status` and `leads doctor` say more.", severity="error")  # fmt: skip


def _error_rate(facts: Facts) -> Iterator[Alert]:
    rate = (facts.status.get("last_run") or {}).get("error_rate") or 0.0
    if rate > ERROR_RATE:
        yield _of(facts, "error_rate", f"More than {ERROR_RATE:.0%} of the sheet's rows cannot be used.",
                  "`leads quarantine` names rows, cells and what to write instead.")  # fmt: skip


def _hold(facts: Facts) -> Iterator[Alert]:
    if facts.status.get("holds"):
        yield _of(facts, "hold", "A sync would remove, blank or change many leads and waits for a person.",
                  "`leads holds` shows the plan; approve or drop it.")  # fmt: skip


def _dead_letters(facts: Facts) -> Iterator[Alert]:
    for mirror, counts in (facts.status.get("outbox") or {}).items():
        if counts.get("dead"):
            yield _of(facts, "dead_letters", f"{_name(mirror)} will not take some leads.",
                      f"`leads outbox list --mirror {mirror}` says why; mend, then `leads outbox retry`.",
                      subject=mirror, severity="error")  # fmt: skip
    if facts.queue.get("dead"):
        yield _of(facts, "dead_letters", "Captures in the queue failed for good.",
                  "`leads queue dead` says why; `leads queue retry-failed` tries again.",
                  subject="queue", severity="error")  # fmt: skip


def _queue(facts: Facts) -> Iterator[Alert]:
    waits = facts.captures_on and not facts.status.get("paused")
    if waits and (facts.queue.get("oldest_seconds") or 0.0) > QUEUE_SECONDS:
        yield _of(facts, "queue", "Captures have waited in the queue for more than a minute.",
                  "Is `leads up` running? `leads status` and `leads queue status` say more.",
                  subject="waits", severity="error")  # fmt: skip
    if facts.queue.get("missing"):
        yield _of(facts, "queue", "Captures that the queue took in are neither in it nor settled.", MISSING_ADVICE,
                  subject="missing", severity="error")  # fmt: skip


def _freshness(facts: Facts) -> Iterator[Alert]:
    for target, one in (facts.status.get("freshness") or {}).items():
        if (one.get("p95_seconds") or 0.0) > FRESHNESS_SECONDS:
            yield _of(facts, "freshness", f"Edits take longer than {FRESHNESS_SECONDS:g} s to reach {_name(target)}.",
                      "`leads metrics` has the figures, `leads status` what waits.", subject=target)  # fmt: skip


def _budget(facts: Facts) -> Iterator[Alert]:
    for limit in facts.status.get("budget") or ():
        if not limit.get("month_limit"):
            continue
        if limit.get("parked_until") is not None:
            words = f"The calls of {limit['name']} are spent: nothing is sent until the month is over."
            yield _of(facts, "budget", words, "A larger plan, or `leads budget unpark` once there is room.",
                      subject=limit["name"], severity="error")  # fmt: skip
        elif limit["month_left"] < BUDGET_SHARE_LEFT * limit["month_limit"]:
            words = f"Less than {BUDGET_SHARE_LEFT:.0%} of this month's calls of {limit['name']} are left."
            yield _of(facts, "budget", words, "`leads budget` says how long they last.",
                      subject=limit["name"])  # fmt: skip


def _airtable(facts: Facts) -> Iterator[Alert]:
    airtable = facts.status.get("airtable") or {}
    if airtable.get("hook") == "lost":
        yield _of(facts, "hook_lost", "The webhook in Airtable is gone; edits are found by comparing all records.",
                  "It is made anew by itself; see the token's scope webhook:manage if this stays.")  # fmt: skip
    if airtable.get("state") == "unreachable":
        yield _of(facts, "airtable_refused", f"Airtable cannot be used: {airtable.get('error')}",
                  "docs/airtable.md says what each refusal means.", severity="error")  # fmt: skip


def _out_of_step(facts: Facts) -> Iterator[Alert]:
    for mirror in facts.late:
        yield _of(facts, "out_of_step", f"{_name(mirror)} has waited for changes for more than ten minutes.",
                  "`leads outbox` names the leads and the reason.", subject=mirror, severity="error")  # fmt: skip


def _ledger(facts: Facts) -> Iterator[Alert]:
    if facts.status.get("ledger_adds_up") is False:
        yield _of(facts, "ledger", "Not every row of the sheet is accounted for.",
                  "Keep a copy of the state folder, and report this.", severity="error")  # fmt: skip


def _slow(facts: Facts) -> Iterator[Alert]:
    hours = [one["p95"] for one in facts.metrics.get("hours") or () if one["rows"] >= _ROWS_THAT_TELL]
    if len(hours) <= _HOURS_THAT_TELL:
        return
    *before, last = hours
    if last > SLOW_MS and last > SLOW_TIMES * median(before):
        yield _of(facts, "slow", "Edits take several times as long as in the hours before.",
                  "`leads metrics` shows since when; look at the load of the machine.")  # fmt: skip


_RULES: tuple[Callable[[Facts], Iterator[Alert]], ...] = (
    _sync_failed, _error_rate, _hold, _dead_letters, _queue, _freshness, _budget, _airtable, _out_of_step,
    _ledger, _slow,
)  # fmt: skip


def unnamed_alerts(waiting: Mapping[str, int]) -> list[Alert]:
    """Of captures that nobody will process: customer -> how many wait, of customers that leads.toml does not name."""
    return [
        Alert("queue", f"Captures wait for {customer!r:.80}, a customer that leads.toml does not name.",
              UNNAMED_ADVICE, subject=f"unnamed {customer:.80}", severity="error")
        for customer in list(waiting)[:_UNNAMED_SAID]
    ]  # fmt: skip


def _of(
    facts: Facts,
    kind: AlertKind,
    message: str,
    advice: str,
    *,
    subject: str = "",
    severity: Literal["warning", "error"] = "warning",
) -> Alert:
    return Alert(kind, message, advice, subject, facts.status["customer"], severity)


def _name(target: str) -> str:
    return {"airtable": "Airtable", "crm": "the CRM", "store": "the store"}.get(target, target)
