"""The doctor's look at the capture queue.

What belongs here: findings about where captures wait; nothing is changed, and no file is made.
"""

from __future__ import annotations

from collections.abc import Iterator

from leads_dagster.capture_queue.items import QueueStatus
from leads_dagster.capture_queue.place import open_queue, queue_place
from leads_dagster.pipeline.alert_rules import MISSING_ADVICE, UNNAMED_ADVICE
from leads_dagster.pipeline.finding import Finding
from leads_dagster.pipeline.queue_looking import unnamed_customers
from leads_dagster.settings import Settings

_NEARLY_FULL = 0.9


def check_queue(settings: Settings) -> Iterator[Finding]:
    """The capture queue opens, keeps what it is given, and is neither nearly full nor holding what needs a person.

    Raises:
        StoreError, StoreBusyError: it cannot be used.
        SettingsError: the client of Redis is not installed, or the address is none.
    """
    path = queue_place(settings).path
    if path is not None and not path.exists():
        yield Finding("queue", "ok", f"{path} (made at the first capture)")
        return
    queue = open_queue(settings)
    try:
        status = queue.status()
        unnamed = unnamed_customers(queue, {one.name for one in settings.customers})
        missing = {one.name: gone for one in settings.customers if (gone := queue.books(one.name).missing)}
        yield Finding("queue", "ok", f"{path or 'a Redis'}, {_in_words(status)}")
        for worry in queue.worries():
            yield Finding("queue", "warn", f"The Redis of LEADS_QUEUE_URL may lose captures: {worry}.", _MEND)
    finally:
        queue.close()
    for customer, count in unnamed.items():
        words = f"{count:,} captures wait for {customer!r:.80}, a customer that leads.toml does not name."
        yield Finding("queue", "warn", words, UNNAMED_ADVICE)
    for customer, count in missing.items():
        words = f"{count:,} captures that it took in are neither in it nor settled."
        yield Finding("queue", "warn", words, MISSING_ADVICE, customer)
    if status.dead:
        mend = "leads queue dead says why; leads queue retry-failed tries them again."
        yield Finding("queue", "warn", f"{status.dead:,} captures failed too often.", mend)
    if _waiting(status) >= _NEARLY_FULL * status.limit:
        mend = "Process it, or raise LEADS_QUEUE_LIMIT; a full queue refuses captures."
        yield Finding("queue", "warn", f"{_waiting(status):,} of {status.limit:,} captures wait.", mend)


_MEND = "Set that in the server's configuration, and with CONFIG SET while it runs."


def _waiting(status: QueueStatus) -> int:
    return status.queued + status.leased + status.delayed


def _in_words(status: QueueStatus) -> str:
    return f"{_waiting(status):,} waiting, {status.dead:,} dead, {status.bytes / 1e6:,.1f} MB"
