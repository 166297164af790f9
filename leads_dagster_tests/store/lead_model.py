"""A plain model of the store: records with what they claimed in order, what people decided, and the fold over both.

What belongs here: own small code for the rules that `leads.survivorship`, `store.undo` and `store.undo_run` describe in
words, to be held against what they do. Who is one lead with whom is left to the caller; times are numbers of steps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

Row = dict[str, str]


@dataclass(slots=True)
class Said:
    """What a record said of a field; `voided` names the decision that took it back."""

    record: int
    field: str
    value: str | None
    step: int
    order: int
    run: str
    voided: int | None = None


@dataclass(slots=True)
class Record:
    """A row of the sheet, a record of the public database, or an edit of a lead (`lead`)."""

    id: int
    kind: Literal["sheet", "api", "edit"]
    key: str
    base: Row
    run: str
    lead: str | None = None
    gone: bool = False
    in_sheet: bool = True
    bad: bool = False
    aside: int | None = None
    ever_good: bool = True


@dataclass(slots=True)
class Decision:
    """What somebody decided."""

    id: int
    kind: str
    lead: str | None = None
    field: str = ""
    value: str | None = None
    claims: tuple[int, ...] = ()
    apart: tuple[frozenset[int], frozenset[int]] = (frozenset(), frozenset())
    run: str = ""
    removed: frozenset[int] = frozenset()
    undoes: int | None = None
    undone_by: int | None = None


@dataclass
class Model:
    """All of it; claims are kept in the order in which they were said. `longest`: fields of which the longest wins."""

    records: dict[int, Record] = field(default_factory=dict)
    claims: list[Said] = field(default_factory=list)
    decisions: dict[int, Decision] = field(default_factory=dict)
    step: int = 0
    longest: frozenset[str] = frozenset()

    def say(self, record: int, run: str, values: dict[str, str | None]) -> None:
        """A record claims values."""
        for name in sorted(values):
            self.claims.append(Said(record, name, values[name], self.step, len(self.claims), run))

    def counting(self, record: int | None = None, name: str | None = None) -> list[Said]:
        """Claims that nobody took back."""
        return [
            one
            for one in self.claims
            if one.voided is None and record in (None, one.record) and name in (None, one.field)
        ]

    def live(self) -> list[Record]:
        """Records that make leads."""
        rows = (one for one in self.records.values() if one.kind != "edit" and not one.gone and one.aside is None)
        return [one for one in rows if one.ever_good]

    def in_force(self, record: int, name: str) -> str | None:
        """What counts of what a record says of a field."""
        said = self.counting(record, name)
        return said[-1].value if said else None

    def sources(self, members: Iterable[int], family: Collection[str]) -> set[int]:
        """Records that a lead is folded from, edits included."""
        edits = (one for one in self.records.values() if one.kind == "edit" and one.aside is None)
        return {*members, *(one.id for one in edits if one.lead in family)}

    def override(self, family: Collection[str], name: str) -> Decision | None:
        """The newest standing override of a field."""
        found = [one for one in self.decisions.values() if one.kind == "override" and one.undone_by is None]
        mine = [one for one in found if one.lead in family and one.field == name]
        return max(mine, key=lambda one: one.id, default=None)

    def value(self, members: Iterable[int], family: Collection[str], name: str) -> str | None:
        """What a field of a lead is."""
        held = self.override(family, name)
        sources = self.sources(members, family)
        return held.value if held else self.chosen([one for one in self.counting(name=name) if one.record in sources])

    def chosen(self, said: list[Said]) -> str | None:
        """The value that wins."""
        best = self.best(said)
        return best.value if best else None

    def best(self, said: list[Said]) -> Said | None:
        """The newest; of one moment a value before a blank, and the longest.

        Where the longest wins: of what the last edit of the lead says and what was said since, the longest, then the
        newest.
        """
        newest = list({one.record: one for one in said}.values())
        if any(one.field in self.longest for one in newest):
            edited = max((one.step for one in newest if self.records[one.record].kind == "edit"), default=0)
            newest = [one for one in newest if one.step >= edited]
            ranked = [(one.value is not None, len(one.value or ""), one.step) for one in newest]
        else:
            ranked = [(one.step, one.value is not None, len(one.value or "")) for one in newest]  # type: ignore[misc]
        alike = [one for one, rank in zip(newest, ranked, strict=True) if rank == max(ranked)]
        assert len({one.value for one in alike}) < 2, "values of one length say nothing of who wins"
        return alike[-1] if alike else None

    def to_void(
        self, members: Iterable[int], family: Collection[str], name: str, *, was_blank: bool
    ) -> list[Said] | None:
        """The claims that give a field its value, as few as make it another; None where it never had another one."""
        sources = self.sources(members, family)
        left = [one for one in self.counting(name=name) if one.record in sources]
        present, voided = self.chosen(left), []
        while left:
            voided.append(left.pop() if name not in self.longest else self._taken(left))
            if left and self.chosen(left) != present:
                return voided
        return voided if was_blank and present is not None else None

    def _taken(self, left: list[Said]) -> Said:
        taken = self.best(left)
        assert taken is not None
        left.remove(taken)
        return taken

    def roll_back(self, run: str, decision: int, edited: Collection[int]) -> bool:
        """Take back what is still current of a run; whether anything was. `edited`: records of leads edited since."""
        removed = {one.id for one in self.records.values() if one.run == run and one.gone and one.aside is None}
        brought, current = self._of_run(run)
        brought -= set(edited)
        for one in self.claims:
            if one.voided is None and (one.record in brought or one.order in current):
                one.voided = decision
        for each in brought:
            self.records[each].aside = decision
        for each in removed:
            self.records[each].gone = False
        self.decisions[decision].removed = frozenset(removed)
        return bool(brought or current or removed)

    def brought_by(self, run: str) -> set[int]:
        """Records that a run brought and that said nothing since."""
        return self._of_run(run)[0]

    def _of_run(self, run: str) -> tuple[set[int], set[int]]:
        brought: set[int] = set()
        current: set[int] = set()
        for each in {one.record for one in self.counting() if one.run == run}:
            record, said = self.records[each], self.counting(each)
            mine = [one for one in said if one.run == run]
            if record.gone or record.aside is not None:
                continue
            if said[0].run == run:
                brought |= {each} if said[-1].run == run else set()
            else:
                current |= {one.order for one in mine if self.counting(each, one.field)[-1] is one}
        return brought, current

    def taken_back(self, decision: Decision, by: int) -> Decision:
        """Mark a decision as taken back, and what that means for those it took back; returns what it is about."""
        stands = False
        decision.undone_by = by
        while decision.undoes is not None:
            taken = self.decisions[decision.undoes]
            stands = not stands
            taken.undone_by = None if stands else decision.id
            decision = taken
        return decision

    def void(self, orders: Collection[int], decision: int) -> None:
        """Claims do not count."""
        for order in orders:
            self.claims[order].voided = decision

    def revive(self, decision: int) -> None:
        """What a decision took back counts again."""
        for one in self.claims:
            one.voided = None if one.voided == decision else one.voided
        for record in self.records.values():
            record.aside = None if record.aside == decision else record.aside
        for each in self.decisions[decision].removed:
            self.records[each].gone |= not self.records[each].in_sheet

    def forbidden(self) -> set[frozenset[int]]:
        """Pairs of records that somebody said are not the same."""
        standing = [one for one in self.decisions.values() if one.kind == "not_same" and one.undone_by is None]
        return {frozenset((a, b)) for one in standing for a in one.apart[0] for b in one.apart[1]}
