"""Telling people what needs them: once when it begins, again while it stands, and once when it is over.

What belongs here: one round of looking and telling. What is worth telling is `alert_rules`', the ways out and the
memory are `notifications`'.

All news of a round is one message. What comes and goes is told once: an alert counts as over when it stayed away for a
while.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from leads_dagster.customers import CustomerSettings
from leads_dagster.errors import LeadsError
from leads_dagster.notifications.memory import Memory, Told, read_memory, remembering
from leads_dagster.notifications.people import Sent, Severity, addresses, tell
from leads_dagster.pipeline.alert_rules import Alert, Facts, alerts_in, unnamed_alerts
from leads_dagster.pipeline.doctor_backups import check_backups
from leads_dagster.pipeline.metrics import metrics
from leads_dagster.pipeline.queue_looking import QueueLook
from leads_dagster.pipeline.status import status
from leads_dagster.pipeline.workspace import Workspace, open_workspace
from leads_dagster.settings import Settings
from leads_dagster.store import outbox
from leads_dagster.store.engine import reading

logger = logging.getLogger(__name__)

# An alert that stayed away for so long is over.
OVER_AFTER_SECONDS = 300.0
# A mirror that waits for a change for so long is out of step.
LATE = timedelta(minutes=10)
_ROUND_SECONDS = 5.0
_HOURS = timedelta(hours=12)
_MOST_LINES = 30


@dataclass(frozen=True)
class Round:
    """What a round came to.

    Attributes:
        new, again, over: alerts of which people are told, or would be if anybody were set.
        standing: how many stand in all.
        sent: how each address took it; empty where there was nothing to tell, or nobody.
    """

    new: tuple[Told, ...] = ()
    again: tuple[Told, ...] = ()
    over: tuple[Told, ...] = ()
    standing: int = 0
    sent: tuple[Sent, ...] = ()

    def words(self) -> str:
        """The round in a sentence, for a tick."""
        said = f"{self.standing} alerts stand; {len(self.new)} new, {len(self.over)} over."
        refused = [one.name for one in self.sent if not one.ok]
        return said + (f" Not taken by {', '.join(refused)}." if refused else "")


def alert_round(
    settings: Settings,
    *,
    first: Iterable[str] = (),
    clock: Callable[[], float] = time.time,
) -> Round | None:
    """Look at the customers, tell what is new, and remember it; None while another process is at it.

    Of many customers those are looked at first that were not for longest, as many as five seconds allow.

    Args:
        settings: of the process.
        first: customers to look at before all others.
        clock: seconds since the epoch.

    Raises:
        CredentialsError: the file of the addresses cannot be read.
    """
    urls = addresses(settings)
    with remembering(settings.prepare_home(), "alerts") as memory:
        if memory is None:
            return None
        found, examined = _find(settings, memory, set(first), clock)
        now = clock()
        _note(memory, found, examined, now)
        return _tell(settings, memory, urls, now)


def standing(settings: Settings) -> list[dict[str, Any]]:
    """The alerts that stand, as the last round saw them, the worst and the newest first."""
    found = [one for one in read_memory(settings.home).alerts.values() if not one.over_at]
    found.sort(key=lambda one: (one.severity != "error", -one.opened_at))
    return [{**asdict(one), **_moments(one)} for one in found]


def _moments(one: Told) -> dict[str, datetime | None]:
    moments = {"opened_at": one.opened_at, "told_at": one.told_at, "over_at": one.over_at}
    return {name: datetime.fromtimestamp(at, timezone.utc) if at else None for name, at in moments.items()}


def _find(
    settings: Settings, memory: Memory, first: set[str], clock: Callable[[], float]
) -> tuple[list[Alert], set[str | None]]:
    """The alerts of as many customers as there is time for, and whose they would be; None for what all share."""
    until = time.monotonic() + _ROUND_SECONDS
    order = sorted(settings.customers, key=lambda one: (one.name not in first, memory.examined.get(one.name, 0.0)))
    found: list[Alert] = []
    examined: set[str | None] = set()
    try:
        with open_workspace(settings, order[0].name) as opened, QueueLook(settings, clock) as queue:
            for customer in order:
                if examined and time.monotonic() > until:
                    break
                found += _alerts_of(opened, customer, queue)
                examined.add(customer.name)
                memory.examined[customer.name] = clock()
            found += _queue_alerts(queue)
        found += _backup_alerts(settings)
    except LeadsError as error:
        found.append(
            Alert("database", f"The lead database cannot be used: {error.message}", error.advice, severity="error")
        )
    known = {one.name for one in settings.customers}
    gone = {told.customer for told in memory.alerts.values() if told.customer} - known
    return found, {*examined, *gone, None}


def _alerts_of(opened: Workspace, customer: CustomerSettings, queue: QueueLook) -> list[Alert]:
    ws = Workspace(opened.settings, customer, opened.engine)
    with reading(ws.engine) as connection:
        late = [name for name in ws.mirrors if outbox.waits_since(connection, ws.name, name, before=ws.now() - LATE)]
    known = metrics(ws, since=_HOURS)
    on = customer.capture.enabled
    return alerts_in(Facts(status(ws), known, tuple(late), queue.of(customer.name), captures_on=on))


def _queue_alerts(queue: QueueLook) -> list[Alert]:
    """A queue that cannot be asked, and captures that are nobody's."""
    found = unnamed_alerts(queue.unnamed())
    if (error := queue.error) is not None:
        words = f"The capture queue cannot be used: {error.message}"
        found.append(Alert("queue", words, error.advice, subject="cannot be used", severity="error"))
    return found


def _backup_alerts(settings: Settings) -> list[Alert]:
    """A backup that is missing or old; not before there is a database."""
    return [
        Alert("backup", f"Backups: {finding.message}", finding.mend)
        for finding in check_backups(settings)
        if finding.verdict != "ok" and "not verified" not in finding.message
    ][:1]


def _note(memory: Memory, found: Sequence[Alert], examined: set[str | None], now: float) -> None:
    keys = {alert.key for alert in found}
    for alert in found:
        told = memory.alerts.setdefault(alert.key, Told(alert.customer, alert.kind, "", "", "", opened_at=now))
        told.message, told.advice, told.severity, told.over_at = alert.message, alert.advice, alert.severity, 0.0
    for key, told in memory.alerts.items():
        if key not in keys and told.customer in examined and not told.over_at:
            told.over_at = now


def _tell(settings: Settings, memory: Memory, urls: Sequence[str], now: float) -> Round:
    again_before = now - settings.notify_again_hours * 3600
    stands = [one for one in memory.alerts.values() if not one.over_at]
    new = tuple(one for one in stands if not one.told_at)
    again = tuple(one for one in stands if one.told_at and one.told_at < again_before)
    ended = {key: one for key, one in memory.alerts.items() if one.over_at and one.over_at <= now - OVER_AFTER_SECONDS}
    over = tuple(one for one in ended.values() if one.told_at)
    sent = _send(settings, urls, new, again, over) if new or again or over else ()
    if any(one.ok for one in sent):
        for one in (*new, *again):
            one.told_at = now
    kept = set() if any(one.ok for one in sent) else {key for key, one in ended.items() if one.told_at}
    memory.alerts = {key: one for key, one in memory.alerts.items() if key not in ended or key in kept}
    return Round(new, again, over, len(stands), tuple(sent))


def _send(
    settings: Settings, urls: Sequence[str], new: Sequence[Told], again: Sequence[Told], over: Sequence[Told]
) -> Sequence[Sent]:
    worst: Severity = "error" if any(one.severity == "error" for one in (*new, *again)) else "warning"
    title, body = message_of(new, again, over)
    body += f"\n{settings.public_url}" if settings.public_url else ""
    sent = tell(urls, title=title, body=body, severity=worst if new or again else "info")
    for one in sent:
        if not one.ok:
            logger.warning("Notification %s: %s", one.name, one.why)
    return sent


def message_of(new: Sequence[Told], again: Sequence[Told], over: Sequence[Told]) -> tuple[str, str]:
    """Title and text of a round's message, by customer."""
    counts = {"new": len(new), "still standing": len(again), "over": len(over)}
    title = "leads: " + ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    lines = [_line(one, mark) for mark, group in (("", new), ("still: ", again), ("over: ", over)) for one in group]
    more = [f"… and {len(lines) - _MOST_LINES} more; `leads notify list` has all."] if len(lines) > _MOST_LINES else []
    return title, "\n".join([*lines[:_MOST_LINES], *more])


def _line(one: Told, mark: str) -> str:
    advice = f" {one.advice}" if one.advice and not mark.startswith("over") else ""
    return f"{mark}{one.customer or 'all customers'}: {one.message}{advice}"


def told_of_test(settings: Settings) -> Mapping[str, Any]:
    """Send a test message to every address.

    Raises:
        CredentialsError: the file of the addresses cannot be read.
    """
    urls = addresses(settings)
    body = "This is a test of leads. Alerts will look like this: what is the matter, and what to do about it."
    sent = tell(urls, title="leads: test", body=body, severity="info")
    return {"addresses": len(urls), "sent": [asdict(one) for one in sent]}
