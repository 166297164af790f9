"""The sheet, the lead database and the CRM compared as a whole, whatever any shortcut says.

What belongs here: finding what differs, and marking it, so that the next cycle of the ordinary road mends it: a sheet
whose server says "not modified" of other bytes, rows that the ledger has otherwise, rows of the CRM that somebody
changed (conflicts, by the push that comes) or deleted (written again), leads of which a mirror was never told. Where
nothing differs nothing is written. Airtable's whole comparison is `sweep`'s.

It runs beside cycles: what is found is looked at once more under the customer's lock before it counts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from leads_dagster.errors import LeadsError
from leads_dagster.mirrors.crm import CrmStore
from leads_dagster.mirrors.crm_plan import RowDifference
from leads_dagster.pipeline.ingest import fetch, find_changes
from leads_dagster.pipeline.mirror_targets import moved
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.sources.fetched import Fetched
from leads_dagster.store import conflict_rows, ledger, outbox, outbox_audit
from leads_dagster.store.engine import reading, writing
from leads_dagster.store.ledger import SourceState
from leads_dagster.store.statements import chunks


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a comparison found.

    Attributes:
        rows: of the sheet.
        sheet_changed: its bytes, or the rules, are not those of the last closed ledger.
        rows_differing: rows of the same bytes that the ledger has otherwise.
        records_unaccounted: records that are in no lead, quarantine or hold; `ledger_adds_up` fails on them.
        crm_rows: leads that the CRM should hold as they were sent.
        crm_missing, crm_differing: of these, rows that are gone, and rows that say something else.
        never_told: leads of which a mirror had never heard.
        seconds: wall time.
    """

    rows: int = 0
    sheet_changed: bool = False
    rows_differing: int = 0
    records_unaccounted: int = 0
    crm_rows: int = 0
    crm_missing: int = 0
    crm_differing: int = 0
    never_told: int = 0
    seconds: float = 0.0

    @property
    def differs(self) -> bool:
        """Whether a cycle has something to mend."""
        found = (self.sheet_changed, self.rows_differing, self.crm_missing, self.crm_differing, self.never_told)
        return any(found)

    def numbers(self) -> dict[str, int | float]:
        """For metadata."""
        return asdict(self)


def reconcile(ws: Workspace) -> Reconciled:
    """Compare, and mark what differs for the next cycle.

    Raises:
        LeadsError: the sheet or the CRM could not be read; the other was compared all the same.
    """
    started = time.monotonic()
    found, trouble = Reconciled(), None
    for compare in (_compare_sheet, _compare_crm, _tell_of_all):
        try:
            found = compare(ws, found)
        except LeadsError as error:
            trouble = trouble or error
    if trouble is not None:
        raise trouble
    return replace(found, seconds=round(time.monotonic() - started, 4))


def _compare_sheet(ws: Workspace, found: Reconciled) -> Reconciled:
    """The sheet read in full against the last closed ledger."""
    with reading(ws.engine) as connection:
        state = ledger.source_state(connection, ws.name, ws.source)
        lost, _ = ledger.unaccounted_records(connection, ws.name, ws.source)
    if state.version == 0 or state.open_run_id is not None:  # the next cycle reads all of it anyway
        return found
    found = replace(found, rows=state.read_rows, records_unaccounted=lost)
    fetched = fetch(ws, replace(state, marker=None))
    if ws.fingerprint(fetched.checksum) != state.fingerprint:
        return replace(found, sheet_changed=_forget_seen(ws, state))
    differing = _rows_differing(ws, fetched) if isinstance(fetched, Fetched) else 0
    if differing:
        _forget_seen(ws, state)
    return replace(found, rows_differing=differing)


def _rows_differing(ws: Workspace, fetched: Fetched) -> int:
    """Rows that are not as the ledger has them; what the guard parked is no news."""
    changes = find_changes(
        ws, fetched.data, checksum=fetched.checksum, marker=fetched.marker.as_dict(), observed_at=ws.now()
    )
    return sum(not one.held for one in changes.changes) + sum(not one.held for one in changes.gone)


def _forget_seen(ws: Workspace, state: SourceState) -> bool:
    """Have the next look take the sheet for one that it never saw; False where a cycle closed meanwhile."""
    with writing(ws.engine, ws.name) as connection:
        return ledger.forget_seen(connection, state)


def _compare_crm(ws: Workspace, found: Reconciled) -> Reconciled:
    """Every row that was written, as it is now."""
    with reading(ws.engine) as connection:
        if moved(ws, connection):  # another CRM than at the last cycle, which is then filled as a whole
            return found
        known = {lead for lead, _ in conflict_rows.open_of_mirror(connection, ws.name, "crm")}
    with _crm(ws) as store:
        rows, suspects = 0, list[str]()
        for bases in _pages(ws):
            rows += len(bases)
            suspects += store.compare(bases).keys() | known & bases.keys()
        found = replace(found, crm_rows=rows)
        for part in chunks(suspects):
            found = _settle_crm(ws, store, part, found)
    return found


def _pages(ws: Workspace) -> Iterator[dict[str, dict[str, Any]]]:
    with reading(ws.engine) as connection:
        yield from outbox_audit.settled(connection, ws.name, "crm")


def _settle_crm(ws: Workspace, store: CrmStore, suspects: Sequence[str], found: Reconciled) -> Reconciled:
    """Look at these again while no cycle writes, and mark those that still differ."""
    with ws.locked():
        with reading(ws.engine) as connection:
            bases = next(outbox_audit.settled(connection, ws.name, "crm", suspects), {})
            known = conflict_rows.open_of_mirror(connection, ws.name, "crm")
        differing = store.compare(bases)
        missing = [lead for lead, difference in differing.items() if difference.is_missing]
        doubtful = _doubtful(bases, differing, known)
        agreed = _agreed(bases, differing, known)
        if missing or doubtful or agreed:
            with writing(ws.engine, ws.name) as connection:
                outbox_audit.forget(connection, "crm", missing)
                outbox_audit.doubt(connection, ws.name, "crm", doubtful)
                conflict_rows.settle_of_mirror(connection, ws.name, "crm", agreed, at=ws.now())
    return replace(
        found, crm_missing=found.crm_missing + len(missing), crm_differing=found.crm_differing + len(doubtful)
    )


def _doubtful(
    bases: Mapping[str, Mapping[str, Any]],
    differing: Mapping[str, RowDifference],
    known: Mapping[tuple[str, str], str | None],
) -> dict[str, list[str]]:
    """Lead -> fields to send again; not those of which somebody was told already that they differ so."""
    found: dict[str, list[str]] = {}
    for lead, difference in differing.items():
        news = [
            name
            for name, theirs in difference.fields.items()
            if known.get((lead, name), ...) != conflict_rows.as_text(theirs)
        ]
        if difference.is_archived and not news:  # any push brings the row back
            news = list(bases[lead])[:1]
        if news:
            found[lead] = news
    return found


def _agreed(
    bases: Mapping[str, Any], differing: Mapping[str, RowDifference], known: Mapping[tuple[str, str], Any]
) -> dict[str, list[str]]:
    """Lead -> fields that are in conflict no more: somebody put them right there."""
    found: dict[str, list[str]] = {}
    for lead, name in known:
        difference = differing.get(lead, RowDifference())
        if lead in bases and not difference.is_missing and name not in difference.fields:
            found.setdefault(lead, []).append(name)
    return found


def _tell_of_all(ws: Workspace, found: Reconciled) -> Reconciled:
    """Leads without a mark get one."""
    with reading(ws.engine) as connection:
        untold = sum(len(outbox.never_told(connection, ws.name, mirror)) for mirror in ws.mirrors)
    if untold:
        with writing(ws.engine, ws.name) as connection:
            untold = sum(outbox.backfill(connection, ws.name, mirror) for mirror in ws.mirrors)
    return replace(found, never_told=untold)


def _crm(ws: Workspace) -> CrmStore:
    return CrmStore(ws.crm_url, ws.customer.crm.table, dict(ws.customer.crm.columns))
