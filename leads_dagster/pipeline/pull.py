"""Reads what is new in Airtable into the store's payload log; decides nothing.

What belongs here: reading on from where the last reader was, for all tables of the base at once. What is an edit is
told by `mirrors.airtable_payloads`, what becomes of it is decided by whoever takes it in.

May run at any time, also beside a cycle: how far a hook was read is moved on in the transaction in which its payloads
are noted, and only from where it was, so that nothing is noted twice, skipped, or lost with a process that dies.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from leads_dagster.budget import airtable_budget
from leads_dagster.customers import AirtableSettings
from leads_dagster.errors import LeadsError, QuotaSpentError, SettingsError, StoreError
from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.mirrors.airtable_hooks import HookLostError, PayloadPage
from leads_dagster.mirrors.airtable_payloads import Window
from leads_dagster.mirrors.airtable_watched import Cells
from leads_dagster.pipeline.airtable_hook import booked_hook, give_up, listening_hook, lose_hook
from leads_dagster.pipeline.airtable_noting import Page, note_page, strangers_in
from leads_dagster.pipeline.airtable_refused import REFUSALS, keep_to_rest, refusals_noted
from leads_dagster.pipeline.airtable_table import known_table, look, open_table
from leads_dagster.pipeline.mirror_targets import meet
from leads_dagster.pipeline.sweep import Sweep, sweep_is_due
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import airtable_changes, airtable_state
from leads_dagster.store.airtable_state import NEVER, HookState, TableState
from leads_dagster.store.engine import reading, writing

logger = logging.getLogger(__name__)

PullStatus = Literal["none", "unset", "read", "swept", "waiting", "refused", "parked", "failed"]

_HOOKS_A_PULL = 2  # one that turns out to be lost, and the one made in its place
_KEPT = timedelta(days=7)  # Airtable drops payloads that are older


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a look at Airtable came to.

    Attributes:
        status: "none": the customer has no Airtable; "unset": no token is set, of which only a push complains; "read":
            payloads were read to the end; "swept": all records were compared as well; "waiting": the call budget
            allows no look yet; "refused": Airtable refused token, base or table just now, and is not asked yet;
            "parked": the plan's calls of this month are used up; "failed": see `error`.
        changes: edits in the customer's table that were noted now.
        waiting: edits of it that nobody took in yet, those just noted among them.
        calls: requests sent.
        error: why nothing, or not all, could be read.
    """

    status: PullStatus
    changes: int = 0
    waiting: int = 0
    calls: int = 0
    seconds: float = 0.0
    error: LeadsError | None = None


def pull(
    ws: Workspace,
    mirror: AirtableMirror | None = None,
    *,
    audit: bool = True,
    whole: bool = False,
    records: Sequence[str] | None = None,
) -> Pulled:
    """Read what is new in the customer's Airtable base into `airtable_changes`.

    Args:
        ws: the customer's road; with or without its lock.
        mirror: the customer's table, where it is open already.
        audit: compare all records when that is due by age alone; where payloads may be missing that is done anyway.
        whole: compare all records now, due or not.
        records: those about to be written: where no webhook tells of edits, and all records were compared before, only
            these are compared.

    Raises:
        SettingsError: Airtable is set up wrongly.
        StoreError: our own database cannot be written.
    """
    airtable = ws.customer.airtable
    if airtable is None:
        return Pulled("none")
    if not ws.settings.has_airtable_token:
        logger.info("Airtable is not read: no token is set")
        return Pulled("unset", waiting=count_waiting(ws, airtable))
    began = time.monotonic()
    reader: _Pull | None = None
    error: LeadsError | None = None
    try:
        if mirror is None and (refused := _refused(ws)) is not None:
            return Pulled("refused", waiting=count_waiting(ws, airtable), error=refused)
        if mirror is None and not pull_due(ws, airtable):
            return Pulled("waiting", waiting=count_waiting(ws, airtable))
        with nullcontext(mirror) if mirror is not None else _opened(ws, airtable) as table:
            reader = _Pull(ws, airtable, table, audit=audit, whole=whole, records=records)
            reader.run()
            if mirror is not None:  # before a write: that was a look as good as any
                table.budget.note_pull()
    except (SettingsError, StoreError):
        raise
    except LeadsError as failure:
        error = failure
    _note_error(ws, airtable, error)
    status = (reader.status if reader else "read") if error is None else _failed(error)
    changes, calls = (reader.changes, reader.calls) if reader else (0, 0)
    return Pulled(status, changes, count_waiting(ws, airtable), calls, time.monotonic() - began, error)


def _refused(ws: Workspace) -> LeadsError | None:
    """Why Airtable is not asked now."""
    try:
        keep_to_rest(ws, ["reading"])
    except REFUSALS as error:
        return error
    return None


@contextmanager
def _opened(ws: Workspace, airtable: AirtableSettings) -> Iterator[AirtableMirror]:
    with refusals_noted(ws, airtable, "reading"), open_table(ws, airtable) as table:
        yield table


def pull_for_cycle(ws: Workspace) -> Pulled:
    """`pull`, as far as the workspace's cycle audits Airtable itself."""
    return pull(ws, audit=ws.audit != "left", whole=ws.audit == "now")


def pull_due(ws: Workspace, airtable: AirtableSettings) -> bool:
    """Whether it is this look's turn: always where somebody asked for it; what runs by itself keeps to the month's
    budget, and of several customers in one base one reads for all.

    Raises:
        CredentialsError: there is no token.
        StoreError, StoreBusyError: the books of the budget cannot be used.
    """
    if not ws.paced:
        return True
    with airtable_budget(ws.settings, airtable) as budget:
        return budget.pull_due(interval_seconds=ws.customer.interval_seconds)


def _failed(error: LeadsError) -> PullStatus:
    return "parked" if isinstance(error, QuotaSpentError) else "failed"


def count_waiting(ws: Workspace, airtable: AirtableSettings) -> int:
    """Edits of the customer's table that nobody took in yet."""
    known = known_table(ws, airtable)
    if known is None:
        return 0
    with reading(ws.engine) as connection:
        return airtable_changes.count(connection, known.base_id, known.table_id)


def _note_error(ws: Workspace, airtable: AirtableSettings, error: LeadsError | None) -> None:
    """Keep why the last look failed, or that it did not; written and said only when it is another than before."""
    known = known_table(ws, airtable)
    said = None if error is None else error.message
    if known is not None and known.error == said:
        return
    if said is not None:
        logger.warning("Airtable could not be read: %s", said)
    if known is not None:
        with writing(ws.engine) as connection:
            airtable_state.note_table(connection, ws.name, error=said)


class _Pull:
    """One look at Airtable."""

    def __init__(
        self,
        ws: Workspace,
        airtable: AirtableSettings,
        mirror: AirtableMirror,
        *,
        audit: bool,
        whole: bool,
        records: Sequence[str] | None,
    ) -> None:
        self.ws, self.airtable, self.mirror, self.records = ws, airtable, mirror, records
        self.audit, self.whole = audit and records is None, whole
        self.status: PullStatus = "read"
        self.changes = 0
        self._before = mirror.traffic

    @property
    def calls(self) -> int:
        """Requests sent by this look so far."""
        return self.mirror.traffic.since(self._before).calls

    def run(self) -> None:
        meet(self.ws, "airtable")  # of another table than before none of the records is known
        self._look_if_changed()
        self.read_on()
        self._look_if_changed()
        table = known_table(self.ws, self.airtable)
        hook = booked_hook(self.ws, self.airtable.base_id)
        if table is None:
            return
        if self.whole or sweep_is_due(table, hook, self.airtable, now=self.ws.now(), audit=self.audit):
            self._sweep(table)

    def _sweep(self, table: TableState) -> None:
        sweep = Sweep(self.ws, self.airtable, self.mirror, read_on=self.read_on)
        if self.records is not None and not table.sweep_due and table.swept_at is not None:
            self.changes += sweep.run_over(self.records)
            return
        self.changes += sweep.run()
        self.status = "swept"
        self._forget_what_nobody_takes()

    def _forget_what_nobody_takes(self) -> None:
        """A customer who left leads.toml may come back, or be another process's: its edits are kept for as long as
        Airtable would. Whoever takes the table up again compares all records."""
        mine = {customer.name for customer in self.ws.settings.customers}
        with writing(self.ws.engine) as connection:
            for table in airtable_state.tables_of_base(connection, self.airtable.base_id).values():
                where = (table.base_id, table.table_id)
                before = self.ws.now() - _KEPT
                if table.customer not in mine and airtable_changes.forget_old(connection, *where, before=before):
                    airtable_state.ask_for_sweep(connection, table.base_id, [table.table_id])

    def _look_if_changed(self) -> None:
        before = known_table(self.ws, self.airtable)
        if before is None or before.seen_at == NEVER:
            look(self.ws, self.airtable, self.mirror, again=before is not None)
            self._compare_new_columns(before)

    def _compare_new_columns(self, before: TableState | None) -> None:
        """What was typed into a column while it was not kept in step, nobody told us."""
        now = known_table(self.ws, self.airtable)
        if before is None or now is None or set(now.field_ids.values()) <= set(before.field_ids.values()):
            return
        with writing(self.ws.engine) as connection:
            airtable_state.ask_for_sweep(connection, now.base_id, [now.table_id])

    def read_on(self) -> None:
        """Read the payloads to their end, as far as there is a hook."""
        hooks = self.mirror.hooks
        for _ in range(_HOOKS_A_PULL):
            hook = booked_hook(self.ws, self.airtable.base_id)
            try:
                hook = listening_hook(self.ws, self.airtable.base_id, hooks)
                self._read_to_end(hook)
                return
            except HookLostError as lost:
                lose_hook(self.ws, hook, lost, hooks)

    def _read_to_end(self, hook: HookState) -> None:
        more = True
        while more and hook.status == "active" and hook.hook_id is not None:
            began = self.ws.now()
            page = self.mirror.hooks.payloads(hook.hook_id, hook.cursor)
            noted = self._note(hook, page, began)
            more = page.more or not noted
            if noted and page.ill is not None:
                raise HookLostError(f"Airtable's webhook {hook.hook_id} hears no more: {page.ill}.", code=page.ill)
            hook = booked_hook(self.ws, hook.base_id)

    def _note(self, hook: HookState, page: PayloadPage, began: datetime) -> bool:
        """Note what a page says and that it was read; False where another reader was faster."""
        whole = self._whole_strangers(page)
        with writing(self.ws.engine) as connection:
            # What is left to read may have happened before this page was asked for.
            read_at = (hook.read_at or began) if page.more else began
            if not airtable_state.advance_hook(connection, hook, cursor=page.cursor, read_at=read_at):
                return False
            if page.ill is not None:
                give_up(connection, hook, f"Its webhook hears no more: {page.ill}.", at=began)
            elif hook.read_at is not None and began - hook.read_at > _KEPT:
                airtable_state.ask_for_sweeps(connection, hook.base_id)
            if page.payloads:
                self._note_payloads(connection, hook, page, whole)
        return True

    def _note_payloads(
        self, connection: Connection, hook: HookState, page: PayloadPage, whole: Mapping[str, Cells]
    ) -> None:
        window = Window(hook.read_at or hook.made_at, self.ws.now())
        noted = note_page(connection, hook.base_id, Page(page.payloads, window, whole))
        mine = airtable_state.table_of(connection, self.ws.name)
        self.changes += noted.get(mine.table_id, 0) if mine is not None else 0

    def _whole_strangers(self, page: PayloadPage) -> dict[str, Cells]:
        """All cells of the records that a page tells of in part and that nobody knows."""
        table = known_table(self.ws, self.airtable)
        if table is None or not table.field_ids or not page.payloads:
            return {}
        with reading(self.ws.engine) as connection:
            strangers = strangers_in(connection, table, page.payloads)
        return {name: record["fields"] for name, record in self.mirror.some(strangers).items()} if strangers else {}
