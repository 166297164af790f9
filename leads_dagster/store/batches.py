"""Cutting a cycle into batches that can each be committed alone.

What belongs here: which rows must land together. All records of a lead, and all leads of a merge or a split, are in
one batch, so that no commit ever shows half of either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from leads_dagster.leads.match_edges import Edge
from leads_dagster.store.changes import Gone, RowChange
from leads_dagster.store.disjoint import DisjointSets
from leads_dagster.store.questions import Booking
from leads_dagster.store.resolution import Resolution


@dataclass(slots=True)
class Batch:
    """What one transaction writes.

    Attributes:
        changes: rows, new and known.
        gone: records to take out.
        assigned: record -> lead, of the records here that get one or another one.
        new_leads: leads to make. merged: lead -> the one that lives on.
        leads: known leads to fold again.
        edges: edges that become right with this batch. keys: record -> blocking keys.
        rematched: unchanged records whose edges are replaced by those given here.
        restored: retired leads that live again. moved_from: record -> the lead that it leaves.
        bookings: edges between other records that ask people something else now.
    """

    changes: list[RowChange] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    assigned: dict[int, str] = field(default_factory=dict)
    new_leads: set[str] = field(default_factory=set)
    merged: dict[str, str] = field(default_factory=dict)
    leads: set[str] = field(default_factory=set)
    edges: list[Edge] = field(default_factory=list)
    keys: dict[int, tuple[str, ...]] = field(default_factory=dict)
    rematched: list[int] = field(default_factory=list)
    restored: set[str] = field(default_factory=set)
    moved_from: dict[int, str] = field(default_factory=dict)
    bookings: list[Booking] = field(default_factory=list)

    def absorb(self, other: Batch) -> None:
        """Take in another batch."""
        self.changes += other.changes
        self.gone += other.gone
        self.assigned |= other.assigned
        self.new_leads |= other.new_leads
        self.merged |= other.merged
        self.leads |= other.leads
        self.edges += other.edges
        self.keys |= other.keys
        self.rematched += other.rematched
        self.restored |= other.restored
        self.moved_from |= other.moved_from
        self.bookings += other.bookings

    @property
    def rows(self) -> int:
        """How much there is to write, in rows."""
        news = len(self.changes) + len(self.gone) + len(self.assigned)
        return news + len(self.rematched) + len(self.bookings)


def batches(
    changes: Sequence[RowChange], gone: Sequence[Gone], resolution: Resolution, *, size: int
) -> Iterator[Batch]:
    """Batches of about `size` rows; one lead with more rows than that is a batch of its own."""
    batch = Batch()
    for unit in _units(changes, gone, resolution):
        batch.absorb(unit)
        if len(batch.changes) + len(batch.gone) + len(batch.rematched) >= size:
            yield batch
            batch = Batch()
    if batch.rows:
        yield batch


def whole(changes: Sequence[RowChange], gone: Sequence[Gone], resolution: Resolution) -> Batch:
    """All of it in one batch."""
    batch = Batch()
    for unit in _units(changes, gone, resolution):
        batch.absorb(unit)
    return batch


def _units(changes: Sequence[RowChange], gone: Sequence[Gone], resolution: Resolution) -> Iterator[Batch]:
    """What must land together: one unit a group of leads that exchange records."""
    group_of = _groups(changes, resolution)
    units: dict[str, Batch] = {}
    new_leads = set(resolution.new_leads)
    for change in changes:
        lead = resolution.assigned.get(change.record_id) or change.lead_id
        unit = units.setdefault(_unit_name(change.record_id, lead, group_of), Batch())
        unit.changes.append(change)
        if lead is not None and lead not in new_leads and not change.held:
            unit.leads.add(lead)
    for one in gone:
        if one.held:
            continue
        unit = units.setdefault(_unit_name(one.record_id, one.lead_id, group_of), Batch())
        unit.gone.append(one)
        if one.lead_id is not None:
            unit.leads.add(one.lead_id)
    _add_resolution(units, resolution, group_of, new_leads)
    yield from units.values()


def _groups(changes: Sequence[RowChange], resolution: Resolution) -> dict[str, str]:
    """Lead -> name of its group; leads between which records move, or whose records are matched anew, are one."""
    groups: DisjointSets[str] = DisjointSets()
    for lost, kept in resolution.merged.items():
        groups.link(lost, kept)
    before = {change.record_id: change.lead_id for change in changes if change.lead_id}
    before.update(resolution.moved_from)
    for record, lead in resolution.assigned.items():
        old = before.get(record)
        if old is not None:
            groups.link(old, lead)
    for leads in resolution.together:
        groups.link(*leads)
    return groups.names()


def _unit_name(record: int, lead: str | None, group_of: dict[str, str]) -> str:
    return f"record {record}" if lead is None else group_of.get(lead, lead)


def _add_resolution(
    units: dict[str, Batch], resolution: Resolution, group_of: dict[str, str], new_leads: set[str]
) -> None:
    unit_of: dict[int, Batch] = {change.record_id: unit for unit in units.values() for change in unit.changes}
    for record, lead in resolution.assigned.items():
        unit = units.setdefault(group_of.get(lead, lead), Batch())
        unit.assigned[record] = lead
        if lead in new_leads:
            unit.new_leads.add(lead)
        else:
            unit.leads.add(lead)
        old = resolution.moved_from.get(record)
        if old is not None:
            unit.leads.add(old)
            unit.moved_from[record] = old
    for lead in resolution.restored:
        units[group_of.get(lead, lead)].restored.add(lead)
    for lost, kept in resolution.merged.items():
        unit = units.setdefault(group_of.get(kept, kept), Batch())
        unit.merged[lost] = kept
        unit.leads |= {lost, kept} - new_leads
    for record, keys in resolution.keys.items():
        unit_of[record].keys[record] = keys
    for record, old in resolution.rematched.items():
        here = resolution.assigned.get(record) or old
        unit_of[record] = units.setdefault(_unit_name(record, here, group_of), Batch())
        unit_of[record].rematched.append(record)
    _add_edges(units, unit_of, resolution)
    for booking in resolution.bookings:
        units.setdefault(group_of.get(booking.lead, booking.lead), Batch()).bookings.append(booking)


def _add_edges(units: dict[str, Batch], unit_of: dict[int, Batch], resolution: Resolution) -> None:
    """Give every edge to the later of the two units that have its ends: then none deletes what another wrote."""
    order = {id(unit): place for place, unit in enumerate(units.values())}
    for edge in resolution.edges:
        ends = [unit_of[end] for end in (edge.a, edge.b) if end in unit_of]
        max(ends, key=lambda unit: order[id(unit)]).edges.append(edge)
