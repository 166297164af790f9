"""Who is who: which records are one lead, and which lead's id lives on.

What belongs here: putting the pure matcher to the store's records, looking only at the candidates of what changed and
at the connected components that it touches. Nothing is written; see `lead_writer`.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from leads_dagster.leads.blocking import blocking_keys
from leads_dagster.leads.clustering import Cluster, cluster
from leads_dagster.leads.fields import NormalizedRow
from leads_dagster.leads.knowledge import Knowledge
from leads_dagster.leads.matching import Edge, MatchRecord, match_all, match_new, match_record
from leads_dagster.store import epochs, lead_rows, learned, match_rows, records
from leads_dagster.store.changes import ROWS_PER_CHUNK, ChangeSet, Gone, RowChange
from leads_dagster.store.disjoint import DisjointSets
from leads_dagster.store.match_rows import KnownEdges, StoredEdge
from leads_dagster.store.pair_decisions import PairDecisions, split_by_verdict
from leads_dagster.store.policy import Policy
from leads_dagster.store.protected import Scene, guarded
from leads_dagster.store.questions import Booking, booked
from leads_dagster.store.records import KnownRecord, Standing
from leads_dagster.store.statements import chunks


@dataclass(slots=True)
class Resolution:
    """Who is who after a change set.

    Attributes:
        assigned: record -> lead, of every record that is new or belongs to another lead than before.
        new_leads: ids of leads that this resolution makes.
        restored: ids of retired leads that it brings back, since the records that founded them stand alone again.
        merged: lead -> the lead that lives on for it.
        touched: new and changed records, whose edges are computed anew.
        rematched: record -> its lead before, of unchanged records whose edges are computed anew because one that they
            are connected to changed or went.
        together: leads of records that are connected so; their edges are replaced in one transaction.
        edges: those edges. keys: record -> its blocking keys, of the touched ones.
        moved_from: record -> the lead it leaves, of known records that get another one.
        bookings: edges between records that are not matched anew, which ask people something else now.
        epoch: of the customer's records when this was found; another one later says that the store has moved on.
    """

    assigned: dict[int, str] = field(default_factory=dict)
    new_leads: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    merged: dict[str, str] = field(default_factory=dict)
    touched: list[int] = field(default_factory=list)
    rematched: dict[int, str | None] = field(default_factory=dict)
    together: list[list[str]] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    keys: dict[int, tuple[str, ...]] = field(default_factory=dict)
    moved_from: dict[int, str] = field(default_factory=dict)
    bookings: list[Booking] = field(default_factory=list)
    epoch: int = 0

    def payloads(self) -> Iterable[Any]:
        """The chunks to stage."""
        yield {
            name: getattr(self, name) for name in ("new_leads", "restored", "merged", "touched", "together", "epoch")
        }
        tables: dict[str, dict[int, Any]] = {
            "assigned": self.assigned,
            "rematched": self.rematched,
            "keys": self.keys,
            "moved_from": self.moved_from,
        }
        for name, items in ((name, list(table.items())) for name, table in tables.items()):
            for part in chunks(items, ROWS_PER_CHUNK):
                yield [name, part]
        for edges in chunks(self.edges, ROWS_PER_CHUNK):
            yield ["edges", [_as_list(edge) for edge in edges]]
        for bookings in chunks(self.bookings, ROWS_PER_CHUNK):
            yield ["bookings", [[one.op, _as_list(one.edge), one.lead] for one in bookings]]

    @classmethod
    def from_payloads(cls, parts: Iterable[Any]) -> Resolution:
        """The reverse of `payloads`."""
        iterator = iter(parts)
        found = cls(**next(iterator))
        for name, items in iterator:
            if name == "edges":
                found.edges += [Edge(*item) for item in items]
            elif name == "bookings":
                found.bookings += [Booking(op, Edge(*edge), lead) for op, edge, lead in items]
            elif name == "keys":
                found.keys.update((record, tuple(keys)) for record, keys in items)
            else:
                getattr(found, name).update(items)
        return found


def resolve_changes(policy: Policy, connection: Connection, change_set: ChangeSet) -> Resolution:
    """Who is who after a change set, as the store stands; writes nothing."""
    return resolve_rows(policy, connection, change_set.gone, change_set.changes)


def resolve_rows(
    policy: Policy, connection: Connection, leaving: Sequence[Gone], changes: Iterable[RowChange]
) -> Resolution:
    """As `resolve_changes`; of each row only what matching needs is kept, so that the rows may be streamed."""
    resolver = _Resolver(policy, connection)
    fresh = [
        match_record(change.record_id, in_force(change.row, change.undone), resolver.knowledge)
        for change in changes
        if _speaks(change)
    ]
    gone = {one.record_id for one in leaving if not one.held}
    return resolver.run(fresh, gone)


def rematch(policy: Policy, connection: Connection, ids: Iterable[int], *, without: set[int]) -> Resolution:
    """Who is who among these stored records and all that they are connected to, as decisions now stand.

    Args:
        ids: records that are matched anew, those of them that count.
        without: records that are about to be taken out; the store still has them with their leads and edges.
    """
    resolver = _Resolver(policy, connection)
    known = records.known_records(connection, sorted(set(ids) - without))
    fresh = [as_matched(one, resolver.knowledge) for one in known if one.counts]
    return resolver.run(fresh, without)


def resolve_all(
    policy: Policy, connection: Connection, ids: Sequence[int], told: Callable[[int], None]
) -> tuple[Resolution, Mapping[int, MatchRecord]]:
    """Who is who among all these records as if they had come together: of the stored keys and edges nothing is taken.

    Args:
        ids: every record that counts.
        told: how many are loaded, now and then.

    Returns:
        What comes out, every record in `rematched` and the edges without both originals; and the records.
    """
    resolver = _Resolver(policy, connection)
    return resolver.run_all(ids, told), resolver.sides


def as_matched(known: KnownRecord, knowledge: Knowledge) -> MatchRecord:
    """A stored record as the matcher takes it, with what counts of it."""
    return match_record(known.id, in_force(said_row(known.said), known.undone), knowledge)


def _speaks(change: RowChange) -> bool:
    """Whether a change has a say in who is who: not parked, not in quarantine, and saying something new."""
    if change.held or change.undone_by is not None or change.row.rejection is not None:
        return False
    return not change.known or bool(change.claims) or change.lead_id is None


class _Resolver:
    """One resolution against one state of the store."""

    def __init__(self, policy: Policy, connection: Connection) -> None:
        self.customer, self.thresholds, self.connection = policy.customer, policy.thresholds, connection
        self.decided = PairDecisions(connection, policy.customer)
        self.knowledge = learned.knowledge(connection, policy.customer)
        self.sides: dict[int, MatchRecord] = {}
        self.compared: dict[int, MatchRecord] = {}
        self.lead_of: dict[int, str | None] = {}
        self.origin_of: dict[int, str] = {}
        self.edges = KnownEdges(connection)
        self.stored = records.has_records(connection, policy.customer)

    def run(self, fresh: Sequence[MatchRecord], gone: set[int]) -> Resolution:
        resolution = Resolution(keys={side.id: tuple(blocking_keys(side)) for side in fresh})
        resolution.epoch = epochs.epoch(self.connection, self.customer)
        resolution.touched = sorted(resolution.keys)
        fresh = [*fresh, *self._connected(resolution, gone)] if self.stored else fresh
        keys = {side.id: resolution.keys.get(side.id) or tuple(blocking_keys(side)) for side in fresh}
        self.sides = {side.id: side for side in fresh}
        edges = self._edges_with_store(fresh, keys, gone) if self.stored else match_all(fresh, self.thresholds)
        old_edges = self._component_edges(fresh, edges, gone) if self.stored else []
        written = self._conclude(resolution, old_edges, edges, {side.id for side in fresh}, gone)
        resolution.edges = [self._with_originals(edge) for edge in written]
        return resolution

    def run_all(self, ids: Sequence[int], told: Callable[[int], None]) -> Resolution:
        resolution = Resolution(epoch=epochs.epoch(self.connection, self.customer))
        for part in chunks(ids, ROWS_PER_CHUNK):
            self.sides.update(self._load(part))
            told(len(self.sides))
        resolution.rematched = {record: self.lead_of[record] for record in self.sides}
        edges = match_all(list(self.sides.values()), self.thresholds)
        resolution.edges = self._conclude(resolution, [], edges, self.sides.keys(), set())
        return resolution

    def _conclude(
        self,
        resolution: Resolution,
        old_edges: Sequence[Edge],
        edges: Sequence[Edge],
        fresh: Set[int],
        gone: Set[int],
    ) -> list[Edge]:
        """Say who is who and what waits for people; returns the edges of the fresh records, as they are written."""
        heirs = self.decided.heirs(self.sides, self.lead_of, gone)
        same, not_same = split_by_verdict(self.decided.verdicts(self.sides, heirs))
        sides = list(self.sides.values())
        clusters = cluster(sides, [*old_edges, *edges], same=same, not_same=not_same, thresholds=self.thresholds)
        scene = Scene(
            self.connection, self.sides, [*old_edges, *edges], self.lead_of, same, not_same, self.decided,
            self.thresholds, gone,
        )  # fmt: skip
        clusters, asked = guarded(scene, clusters) if self.stored else (clusters, [])
        written, bookings = booked(asked, edges, old_edges, self.sides.keys() & fresh)
        self._assign(clusters, resolution)
        resolution.bookings = [self._of_its_lead(one, resolution) for one in bookings]
        return written

    def _of_its_lead(self, booking: Booking, resolution: Resolution) -> Booking:
        """With what was said on both sides, where the edge is a new one, and the lead that it is written with."""
        lead = resolution.assigned.get(booking.edge.a) or self.lead_of.get(booking.edge.a)
        return replace(booking, edge=self._with_originals(booking.edge), lead=lead or "")

    def _with_originals(self, edge: Edge) -> Edge:
        return with_originals(edge, {end: self.sides.get(end) or self.compared.get(end) for end in (edge.a, edge.b)})

    def _connected(self, resolution: Resolution, gone: set[int]) -> list[MatchRecord]:
        """Records that are to be matched anew because one that they are connected to changed or is gone.

        Of records that say the same to a rule one stands for all, and the others are only tied to it (`match_new`):
        when that one goes, what was found of it must be found of another.
        """
        origins = gone | set(resolution.touched)
        written = records.standings(self.connection, sorted(origins))
        self.edges.none_at(origins - written.keys())
        self._note(written)
        found: set[int] = set()
        frontier = set(origins)
        connected: DisjointSets[int] = DisjointSets()
        while frontier:
            found |= frontier
            matches = [one for one in self.edges.at(frontier) if one.outcome == "match"]
            for one in matches:
                connected.link(one.record_a, one.record_b)
            frontier = {end for one in matches for end in (one.record_a, one.record_b)} - found
        mates = self._load(found - origins)
        resolution.rematched = {mate: self.lead_of[mate] for mate in mates}
        resolution.together = [leads for group in connected.groups() if len(leads := self._leads_of(group)) > 1]
        return list(mates.values())

    def _leads_of(self, ids: Iterable[int]) -> list[str]:
        return sorted({lead for one in ids if (lead := self.lead_of.get(one)) is not None})

    def _edges_with_store(
        self, fresh: Sequence[MatchRecord], keys: Mapping[int, Sequence[str]], gone: set[int]
    ) -> list[Edge]:
        wanted = sorted({key for own in keys.values() for key in own})
        ids_by_key = match_rows.records_by_key(self.connection, self.customer, wanted)
        passed_over = gone | keys.keys()
        candidates = {one for ids in ids_by_key.values() for one in ids if one not in passed_over}
        self.compared = sides = self._load(candidates)
        known = {key: [sides[one] for one in ids if one in sides] for key, ids in ids_by_key.items()}
        return list(match_new(fresh, known, self.thresholds))

    def _load(self, ids: Iterable[int]) -> dict[int, MatchRecord]:
        found: dict[int, MatchRecord] = {}
        for known in records.known_records(self.connection, sorted(ids)):
            if not known.counts:  # a decision may name one that stands aside
                continue
            found[known.id] = as_matched(known, self.knowledge)
            self.lead_of[known.id] = known.lead_id
            if (origin := known.origin_lead_id or known.lead_id) is not None:
                self.origin_of[known.id] = origin
        return found

    def _component_edges(self, fresh: Sequence[MatchRecord], edges: Sequence[Edge], gone: set[int]) -> list[Edge]:
        """Everything connected to what changed: its stored edges; fills `sides` with its records."""
        changed = {side.id for side in fresh}
        frontier = changed | gone | {end for edge in edges if edge.outcome == "match" for end in (edge.a, edge.b)}
        frontier |= self._held_with(frontier)
        seen: set[int] = set()
        kept: dict[tuple[int, int], Edge] = {}
        while frontier:
            seen |= frontier
            reached: set[int] = set()
            for one in self.edges.at(frontier):
                ends = {one.record_a, one.record_b}
                reached |= ends if one.outcome == "match" else set()
                if not ends & (changed | gone):
                    kept[one.record_a, one.record_b] = _edge(one)
            frontier = (reached | self._held_with(reached)) - seen
        self.sides.update(self._load(seen - changed - gone))
        return [edge for edge in kept.values() if edge.a in self.sides and edge.b in self.sides]

    def _note(self, standings: Mapping[int, Standing]) -> None:
        self.lead_of.update((record, one.lead_id) for record, one in standings.items())
        self.origin_of.update((record, one.origin) for record, one in standings.items() if one.origin is not None)

    def _held_with(self, ids: set[int]) -> set[int]:
        """Records that belong with these without an edge: by a decision, or as one lead today."""
        partners = self.decided.partners(ids) if self.stored else set[int]()
        unknown = (ids | partners) - self.lead_of.keys() - self.sides.keys()
        self._note(records.standings(self.connection, sorted(unknown)))
        return partners | self._lead_mates(ids | partners)

    def _lead_mates(self, ids: set[int]) -> set[int]:
        """Records that are one lead with these today."""
        leads = {lead for one in ids if (lead := self.lead_of.get(one)) is not None}
        mates = records.mates_of(self.connection, sorted(leads))
        self._note(mates)
        return set(mates)

    def _assign(self, clusters: Sequence[Cluster], resolution: Resolution) -> None:
        """Give every cluster a lead: the one of its earliest record that no earlier cluster has, else a new one."""
        taken: set[str] = set()
        free = self._free_origins(clusters)
        for members in sorted((sorted(one.members) for one in clusters), key=lambda ids: _age(ids, self.lead_of)):
            old = _ordered({lead for one in members if (lead := self.lead_of.get(one))}, members, self.lead_of)
            lead = next((one for one in old if one not in taken), None)
            if lead is None:
                lead = self._brought_back(members, free, taken, resolution)
            taken.add(lead)
            movers = [one for one in members if self.lead_of.get(one) != lead]
            resolution.assigned.update((one, lead) for one in movers)
            resolution.moved_from.update((one, old_lead) for one in movers if (old_lead := self.lead_of.get(one)))
            for other in old:
                if other != lead:
                    resolution.merged.setdefault(other, lead)
        resolution.merged = {lost: kept for lost, kept in resolution.merged.items() if lost not in taken}

    def _free_origins(self, clusters: Sequence[Cluster]) -> dict[int, str]:
        """Record -> the retired lead that it once founded, of clusters that may need a lead."""
        leads = [{lead for one in each.members if (lead := self.lead_of.get(one))} for each in clusters]
        claimed = Counter(lead for own in leads for lead in own)
        served = [any(claimed[lead] == 1 for lead in own) for own in leads]
        members = {one for each, has in zip(clusters, served, strict=True) if not has for one in each.members}
        origins = {one: origin for one in members if (origin := self.origin_of.get(one)) is not None}
        retired = lead_rows.retired(self.connection, sorted(set(origins.values())))
        return {record: lead for record, lead in origins.items() if lead in retired}

    def _brought_back(
        self, members: Sequence[int], free: Mapping[int, str], taken: set[str], resolution: Resolution
    ) -> str:
        """The retired lead that the earliest of these records founded, else a new one."""
        lead = next((free[one] for one in members if one in free and free[one] not in taken), None)
        if lead is not None:
            resolution.restored.append(lead)
            return lead
        resolution.new_leads.append(made := new_lead_id())
        return made


def with_originals(edge: Edge, sides: Mapping[int, MatchRecord | None]) -> Edge:
    """The edge with what both sides said when they were compared, for the person who asks why."""
    ends = ((end, sides.get(end)) for end in (edge.a, edge.b))
    said = {str(end): dict(side.fields) for end, side in ends if side is not None}
    return replace(edge, explanation={**edge.explanation, "originals": said})


def new_lead_id() -> str:
    """A time-ordered UUID (version 7, RFC 9562) as 32 hex digits; leads made together lie together in every index."""
    nanoseconds = time.time_ns()
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    fraction = rest * 4096 // 1_000_000
    number = milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62)
    return f"{number:032x}"


def _age(members: Sequence[int], lead_of: Mapping[int, str | None]) -> int:
    """Clusters with the oldest stored record come first, so that a split leaves the lead with its founder."""
    stored = [one for one in members if lead_of.get(one)]
    return min(stored) if stored else min(members) + 2**62


def _ordered(leads: set[str], members: Sequence[int], lead_of: Mapping[int, str | None]) -> list[str]:
    first_of: dict[str, int] = {}
    for one in members:
        lead = lead_of.get(one)
        if lead in leads and lead is not None:
            first_of.setdefault(lead, one)
    return sorted(first_of, key=lambda lead: first_of[lead])


def _as_list(edge: Edge) -> list[Any]:
    return [edge.a, edge.b, edge.outcome, edge.rule, edge.score, edge.explanation]


def _edge(one: StoredEdge) -> Edge:
    return Edge(one.record_a, one.record_b, one.outcome, one.rule, one.score, one.explanation)  # type: ignore[arg-type]


def in_force(row: NormalizedRow, undone: Mapping[str, str | None] | None) -> NormalizedRow:
    """A row as it counts: what people took back of it is replaced by what held before."""
    if not undone:
        return row
    fields = {**row.fields, **{name: value for name, value in undone.items() if value is not None}}
    fields = {name: value for name, value in fields.items() if undone.get(name, value) is not None}
    emails, phones = (_replaced(row, name, fields, undone) for name in ("email", "phone"))
    return replace(row, fields=fields, emails=emails, phones=phones)


def _replaced(
    row: NormalizedRow, name: str, fields: Mapping[str, str], undone: Mapping[str, str | None]
) -> tuple[str, ...]:
    """All e-mails, or telephones, of a row: the chosen one is another where people took it back."""
    every = row.emails if name == "email" else row.phones
    if name not in undone:
        return every
    others = [value for value in every if value != row.fields.get(name)]
    return tuple(value for value in dict.fromkeys([fields.get(name, ""), *others]) if value)


def said_row(said: Mapping[str, Any]) -> NormalizedRow:
    """What a stored record says, as the matcher takes it."""
    return NormalizedRow(
        fields=dict(said.get("fields", {})),
        emails=tuple(said.get("emails", ())),
        phones=tuple(said.get("phones", ())),
        addresses=tuple(said.get("addresses", ())),
        beside=said.get("beside", ""),
        facts=tuple(said.get("facts", ())),
    )
