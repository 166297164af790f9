"""One customer's sheet under watch: a cheap look, and the full question only where the look gives reason to ask.

What belongs here: what was seen of one customer, and whether a cycle shall be asked for. Whose turn it is, and when, is
`watching`'s business; how long to wait is `pace`'s.

A look asks the sheet whether it changed (file stat, conditional request, Drive's marker, else its bytes) and compares
with the last closed ledger as this process remembers it. The lead database is only asked when that says "another
sheet", or when it was written to.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial

from leads_dagster.budget import budget_place
from leads_dagster.errors import (
    CircuitOpenError,
    CredentialsError,
    LeadsError,
    RateLimitedError,
    SheetNotSharedError,
)
from leads_dagster.pipeline.google_quota import counts_reads
from leads_dagster.pipeline.ingest import CAPTURES_WAIT, what_waits
from leads_dagster.pipeline.pace import (
    AWAY,
    LONGEST_LOOK_WAIT_SECONDS,
    QUICK_LOOK_SECONDS,
    REFUSED,
    Pace,
    look_again_seconds,
    pace_of,
    retry_seconds,
)
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.sources.fetched import Fetched, Moved, NotModified, SheetMarker
from leads_dagster.sources.google_sheets import fetch_sheet, peek_at_sheet
from leads_dagster.store import ledger, watch_rows
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.watch_rows import Standing

CHANGED = "the sheet changed"
ASKED_FOR = "somebody asked for it"
UNREADABLE = AWAY

# Whoever has the sheet must let us in; every other fault is the sheet's own, or its server's.
_REFUSALS = frozenset(one.__name__ for one in (SheetNotSharedError, CredentialsError))
# One lost answer is no outage: a passing failure is worth a run when it comes twice in a row.
_FAULTS_TO_BOOK = 2
# A fault is booked once; should that run have been lost, another is asked for after so long.
_BOOKED_SECONDS = 300.0
# What somebody asked for counts as answered as soon as that is written down.
_ANSWERED_SECONDS = 5.0
# After the first tries, a cycle that ends and leaves everything as it was is asked for this rarely.
_QUICK_TRIES = 20
# Somebody wrote to the database, but nothing of this customer that is easily seen: asked in full this often.
_PERHAPS_SECONDS = 30.0
# Marks that wait for their time, or for a mirror that rests, are asked for so often.
_SOONEST_SECONDS = 0.5
_RESTED_SECONDS = 10.0
_LONGEST_PARKING_SECONDS = 60.0
# A sheet that changed within this time is one of those whose reads fill Google's minute.
_SPENDING_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason for a cycle.

    Attributes:
        why: in words.
        seen_at: when it was first seen.
        without_sheet: the sheet cannot be read: the cycle books that, and Airtable and the mirrors go on.
        captures_only: nothing but captures waits: sheet and Airtable need not be looked at.
    """

    customer: str
    why: str
    seen_at: datetime
    without_sheet: bool = False
    captures_only: bool = False


@dataclass(frozen=True, slots=True)
class _Question:
    """What a cycle is wanted for. The same question is not put again at once; another one is."""

    fault: str | None = None
    fingerprint: str | None = None
    waits: str | None = None
    marks: int = 0
    triggered_at: datetime | None = None

    @property
    def why(self) -> str | None:
        if self.fingerprint is not None:
            return CHANGED
        if self.triggered_at is not None:
            return ASKED_FOR
        words = REFUSED if self.fault in _REFUSALS else UNREADABLE
        return self.waits or (f"{words}: {self.fault}" if self.fault else None)

    @property
    def is_captures_alone(self) -> bool:
        return self == _Question(waits=CAPTURES_WAIT, marks=self.marks)

    @property
    def is_fault_alone(self) -> bool:
        return self == _Question(fault=self.fault)


class WatchedSheet:
    """What is known of one customer; looked at by one thread at a time.

    Args:
        ws: the customer's road.
        standing: what was known of the customer before its settings changed: its failures no longer count.
    """

    def __init__(self, ws: Workspace, standing: Standing | None = None) -> None:
        self.ws = ws
        self.standing = standing or Standing()
        self.quick_seconds = QUICK_LOOK_SECONDS
        self.heard = False  # what the database says of it
        self.error: LeadsError | None = None
        self.may_read: Callable[[], bool] = lambda: True  # in full, though its server says that it is as it was
        self._failures = 0
        self._marker: SheetMarker | None = None
        self._checksum: str | None = None
        self._reads_whole = False  # the next look, whatever the source says
        self._is_unread = False  # the source told of a change, and nobody here read what it is
        self._edited = time.monotonic()
        self._changed_at = -math.inf  # when a change was last seen
        self._closed: str | None = None  # fingerprint of the last closed ledger, as last read
        self._stale = True
        self._ask_at = math.inf
        self._asked: _Question | None = None
        self._tries = 0
        self._open_at = 0.0  # when the question that was put may be put again
        self._retry_at = self.standing.retry_at
        self._inherits = standing is None  # what failed before
        self._first: tuple[_Question, datetime] | None = None

    def hear(self, standing: Standing) -> None:
        """The database was written to, and says this of the customer."""
        now = time.monotonic()
        self.heard = True
        if standing != self.standing:
            self._stale = True
        self.standing = standing
        self._ask_at = min(self._ask_at, self._marks_due_at(), now + _PERHAPS_SECONDS)
        if standing.retry_at is not None and standing.retry_at != self._retry_at:
            self._wait_until(standing.retry_at, longest=retry_seconds(standing.failures, transient=False))
        self._retry_at = standing.retry_at

    def ask_in_full(self) -> None:
        """A cycle ended or settings changed: the next look asks the database whatever the sheet says."""
        self._stale = True

    def look(self) -> Finding | None:
        """Look once.

        Raises:
            StoreError, StoreBusyError: the lead database cannot be asked.
        """
        if self._marker is None or (self._stale and self._is_unread):
            before = self._closed
            self._begin_with_ledger()
            ended_well = self._asked is not None and not self.standing.failures
            self._reads_whole = self._is_unread and ended_well and self._closed == before
        self._probe()
        if not self._has_reason_to_ask():
            return None
        question = self._ask()
        why = question.why
        inherits, self._inherits = self._inherits, False
        if why is None:
            self._asked, self._tries, self._open_at = None, 0, 0.0
            self._forget_failures()
            return None
        if self._first is None or self._first[0] != question:
            self._first = (question, datetime.now(timezone.utc))
        if inherits and time.monotonic() < self._open_at:
            self._asked = question  # what failed before this process began
        if question == self._asked and time.monotonic() < self._open_at:
            return None
        kinds = {"without_sheet": question.fault is not None, "captures_only": question.is_captures_alone}
        return Finding(self.ws.name, why, self._first[1], **kinds)

    def note_asked(self) -> None:
        """The finding of the last look was handed to whoever starts cycles."""
        question = self._first[0] if self._first is not None else _Question()
        self._tries = self._tries + 1 if question == self._asked else 1
        self._asked = question
        wait = retry_seconds(self._tries, transient=self._tries <= _QUICK_TRIES)
        if question.is_fault_alone:
            wait = _BOOKED_SECONDS
        elif question.triggered_at is not None:
            wait = max(wait, _ANSWERED_SECONDS)
        self._open_at = time.monotonic() + wait

    def pace(self, *, late_seconds: float, quota_share: float) -> Pace:
        """How often to look, and why so. Looks read nothing: only sheets that change use up the quota and slow down."""
        customer, now = self.ws.customer, time.monotonic()
        if self.error is not None and self._failures >= _FAULTS_TO_BOOK:
            reason = REFUSED if type(self.error).__name__ in _REFUSALS else AWAY
            return Pace(max(customer.interval_seconds, LONGEST_LOOK_WAIT_SECONDS), reason)
        return pace_of(
            customer.interval_seconds,
            customer.idle_interval_seconds or customer.interval_seconds,
            idle_seconds=now - self._edited,
            late_seconds=late_seconds,
            quota_share=quota_share if now - self._changed_at < _SPENDING_SECONDS else 0.0,
        )

    def next_look_seconds(self, pace: Pace) -> float:
        """From this look's turn to the next one's."""
        if isinstance(self.error, RateLimitedError):
            return min(max(pace.seconds, self.error.retry_after_seconds), _LONGEST_PARKING_SECONDS)
        if self.error is not None:
            return look_again_seconds(self._failures, self.ws.customer.interval_seconds)
        return min(self.quick_seconds, pace.seconds) if pace.seconds <= 1 and self._is_quick else pace.seconds

    @property
    def counts_reads(self) -> bool:
        """Whether its service counts what is read."""
        return counts_reads(self.ws.settings, self.ws.address)

    @property
    def _is_quick(self) -> bool:
        """Whether a look at a sheet that did not change is a file's stat or one small answer."""
        marker = self._marker
        told = marker is not None and (marker.etag or marker.last_modified or marker.drive_version)
        return self.ws.address.path is not None or bool(told)

    def _begin_with_ledger(self) -> None:
        with reading(self.ws.engine) as connection:
            state = ledger.source_state(connection, self.ws.name, self.ws.source, order=False)
        self._closed = state.fingerprint
        self._marker = SheetMarker.from_dict(state.marker) if state.marker else SheetMarker(self.ws.source)

    def _probe(self) -> None:
        try:
            found = self._peek()
        except LeadsError as error:
            self._failures += not isinstance(error, CircuitOpenError)
            self.error = error
            return
        self._failures, self.error = 0, None
        self._is_unread = isinstance(found, Moved)
        checksum = found.state if isinstance(found, Moved) else found.checksum
        if self._checksum not in (None, checksum):
            self._edited = self._changed_at = time.monotonic()
        self._checksum = checksum
        self._marker = self._marker if isinstance(found, Moved) else found.marker

    def _peek(self) -> Fetched | NotModified | Moved:
        """Whether the sheet changed. Where its cycle found that it had not, only its state did, for Drive counts shares
        and comments, too: then it is read once, to know that state for one of the same sheet."""
        settings = self.ws.settings
        reads_whole, self._reads_whole = self._reads_whole, False
        look = fetch_sheet if reads_whole else partial(peek_at_sheet, may_read=self.may_read)
        return look(
            self.ws.address,
            http=self.ws.http,
            credentials=settings.google_credentials,
            previous=self._marker if self._marker and self._marker.checksum else None,
            max_bytes=settings.max_sheet_bytes,
            sheets_endpoint=settings.google_sheets_endpoint_url,
            budget=budget_place(settings),
        )

    def _has_reason_to_ask(self) -> bool:
        if self._stale or time.monotonic() >= self._ask_at:
            return True
        if self._asked is not None:  # what was found is being seen to; until then nothing new is to be found
            return time.monotonic() >= self._open_at or self._seen() != (self._asked.fault, self._asked.fingerprint)
        return self._seen() != (None, None)

    def _seen(self) -> tuple[str | None, str | None]:
        """The fault worth booking, and the fingerprint where it is not that of the last closed ledger."""
        if self.error is not None:
            enough = self._failures >= _FAULTS_TO_BOOK or not self.error.transient
            return (type(self.error).__name__ if enough else None), None
        fingerprint = None if self._checksum is None else self.ws.fingerprint(self._checksum)
        return None, fingerprint if fingerprint != self._closed else None

    def _ask(self) -> _Question:
        self._stale, self._ask_at = False, self._marks_due_at()
        ws = self.ws
        ws.forget_what_was_learned()
        with reading(ws.engine) as connection:
            state = ledger.source_state(connection, ws.name, ws.source, order=False)
            waits = what_waits(ws, connection, state)
        self._closed = state.fingerprint
        fault, fingerprint = self._seen()
        marks = self.standing.marks if waits else 0
        return _Question(fault, fingerprint, waits, marks, self.standing.triggered_at)

    def _marks_due_at(self) -> float:
        """When marks of the outbox may be worth a question though nobody wrote anything: their time comes, or a mirror
        has rested."""
        if not self.standing.marks:
            return math.inf
        following = self.standing.next_mark_at
        wait = math.inf if following is None else (following - self.ws.now()).total_seconds()
        return time.monotonic() + min(max(_SOONEST_SECONDS, wait), _RESTED_SECONDS)

    def _forget_failures(self) -> None:
        """A failure was booked, and now there is nothing to do: the sheet is back as it was, or somebody else did it.

        Where marks wait for a mirror, that mirror's failure stands.
        """
        if self.error is not None or not self.standing.failures or self.standing.marks:
            return
        with writing(self.ws.engine, self.ws.name) as connection:
            ledger.forget_error(connection, self.ws.name)
            watch_rows.forget_failures(connection, self.ws.name)

    def _wait_until(self, moment: datetime, *, longest: float) -> None:
        """A failure was booked; by whom, and what the clock did since, is not known: no wait is longer than it may."""
        wait = min((moment - self.ws.now()).total_seconds(), longest)
        self._open_at = max(self._open_at, time.monotonic() + wait)
