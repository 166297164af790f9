"""Row identity: which row of a new fetch is which known record, and what it says that it did not say before.

What belongs here: pairing rows with records (rule 4 of the design) and the difference of two sayings (rule 3).
Rows have no number that could be trusted: people sort, insert and delete. So rows are paired, in this order, by
exact content as a multiset, by an id column if there is one, by the same cells under moved columns, and then by name
or e-mail where the neighbourhood or the rest of the row agrees. A row whose name and e-mail are both new is new.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xxhash

DIGEST_BYTES = 16
# Of a source key, in characters: PostgreSQL's indexes take 2,700 bytes, four to a character at most.
LONGEST_KEY = 400
UNPAIRED = -1
# Rows that share a name or an e-mail are one record if at least this share of their other cells agrees too.
SIMILAR_SHARE = 0.5

Indexes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RowView:
    """What pairing looks at.

    Attributes:
        index: position in its own list (new sheet, or last closed ledger).
        source_key: the row's own id, where the sheet has an id column; "" otherwise.
        row_hash: over labels and cells, so that moved columns do not matter.
        name, email: normalised, "" where blank.
        cells: label -> cell as it is.
        leadless: True for a known record in quarantine: it has no identity to lose.
    """

    index: int
    source_key: str
    row_hash: bytes
    name: str
    email: str
    cells: Mapping[str, str]
    leadless: bool = False


def row_hash(cells: Mapping[str, str]) -> bytes:
    """16 bytes over labels and cells, whatever their order; blank cells do not count."""
    parts = sorted(f"{label}\x1f{cell}" for label, cell in cells.items() if cell)
    return xxhash.xxh3_128_digest("\x1e".join(parts).encode("utf-8", "surrogatepass"))


def short_key(key: str) -> str:
    """A key that any index can hold: of one beyond `LONGEST_KEY` characters, the beginning and a hash of the whole."""
    if len(key) <= LONGEST_KEY:
        return key
    digest = xxhash.xxh3_128_hexdigest(key.encode("utf-8", "surrogatepass"))
    return f"{key[: LONGEST_KEY - len(digest) - 1]}…{digest}"


def pair_digests(old: bytes, new: bytes) -> Indexes:
    """Pair rows of equal digest, as a multiset.

    Args:
        old: 16 bytes a row of the last closed ledger, in its order; zero bytes never pair.
        new: 16 bytes a row of the fetch, in sheet order.

    Returns:
        For each new row the index of its old row, or `UNPAIRED`. Costs one pass over what is common at both ends
        and a dictionary over the rest.
    """
    before, after = _words(old), _words(new)
    paired = np.full(len(after), UNPAIRED, dtype=np.int64)
    shared = min(len(before), len(after))
    if shared == 0:
        return paired
    head = _common(before[:shared], after[:shared])
    tail = _common(before[len(before) - shared + head :][::-1], after[len(after) - shared + head :][::-1])
    paired[:head] = np.arange(head)
    if tail:
        paired[len(after) - tail :] = np.arange(len(before) - tail, len(before))
    _pair_middle(old, new, paired, (head, len(before) - tail), (head, len(after) - tail))
    return paired


def _words(digests: bytes) -> npt.NDArray[np.uint64]:
    return np.frombuffer(digests, dtype="<u8").reshape(-1, 2)


def _common(before: npt.NDArray[np.uint64], after: npt.NDArray[np.uint64]) -> int:
    equal = (before == after).all(axis=1) & before.any(axis=1)
    return int(len(equal) if equal.all() else equal.argmin())


def _pair_middle(old: bytes, new: bytes, paired: Indexes, before: tuple[int, int], after: tuple[int, int]) -> None:
    waiting: dict[bytes, list[int]] = defaultdict(list)
    for index in reversed(range(*before)):
        waiting[old[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES]].append(index)
    waiting.pop(bytes(DIGEST_BYTES), None)
    for index in range(*after):
        candidates = waiting.get(new[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES])
        if candidates:
            paired[index] = candidates.pop()


def pair_changed(new: Sequence[RowView], old: Sequence[RowView], paired: Indexes) -> dict[int, int]:
    """Pair the rows that no digest paired.

    Args:
        new: rows of the fetch without a partner, in sheet order.
        old: records of the last closed ledger (and of a cycle that died) without a partner.
        paired: what `pair_digests` gave; tells which old rows the neighbours of a new row are.

    Returns:
        new index -> old index. A new row that is not in it is a new record, an old one that is not was removed.
    """
    return _Pairing(new, old, paired).run()


class _Pairing:
    """One pass of rules over rows that still have no partner, strongest rule first."""

    def __init__(self, new: Sequence[RowView], old: Sequence[RowView], paired: Indexes) -> None:
        self.new = {row.index: row for row in new}
        self.old = {row.index: row for row in old}
        self.paired = paired
        self.result: dict[int, int] = {}

    def run(self) -> dict[int, int]:
        self._take("source_key", guarded=False)
        self._take("row_hash", guarded=False)
        self._take("name", "email", guarded=False)
        self._take("email", guarded=True)
        self._take("name", guarded=True)
        self._take_in_place()
        return self.result

    def _take(self, *attributes: str, guarded: bool) -> None:
        waiting: dict[tuple[object, ...], list[RowView]] = defaultdict(list)
        for row in self.old.values():
            key = tuple(getattr(row, name) for name in attributes)
            if all(key):
                waiting[key].append(row)
        for row in list(self.new.values()):
            candidates = waiting.get(tuple(getattr(row, name) for name in attributes), [])
            open_ones = [one for one in candidates if one.index in self.old and self._may_pair(row, one, guarded)]
            if open_ones:
                self._book(row, max(open_ones, key=lambda one: self._closeness(row, one)))

    def _take_in_place(self) -> None:
        """A row with no name or e-mail of its own to go by is the record that stood in its place.

        So is one that is half emptied or half retyped: taking it for a new record would archive a lead for as long
        as somebody types.
        """
        for row in list(self.new.values()):
            for index in self._places(row.index):
                known = self.old.get(index)
                if known is None or _ids_differ(row, known):
                    continue
                same_identity = not (row.email and known.email) and similarity(row, known) >= SIMILAR_SHARE
                if known.leadless or same_identity or _only_blanked_or_filled(row, known):
                    self._book(row, known)
                    break

    def _may_pair(self, row: RowView, known: RowView, guarded: bool) -> bool:
        if _ids_differ(row, known):
            return False
        return not guarded or known.index in self._places(row.index) or similarity(row, known) >= SIMILAR_SHARE

    def _closeness(self, row: RowView, known: RowView) -> tuple[bool, float, int]:
        return known.index in self._places(row.index), similarity(row, known), -known.index

    def _places(self, index: int) -> tuple[int, ...]:
        """Old indexes that the neighbours of a new row point at: one after the one above, one before the one below."""
        above = self._partner(index - 1)
        below = self._partner(index + 1)
        first = index == 0
        places = [0] if first else [] if above is None else [above + 1]
        return tuple(places) if below is None else (*places, below - 1)

    def _partner(self, index: int) -> int | None:
        if index < 0 or index >= len(self.paired):
            return None
        if index in self.result:
            return self.result[index]
        partner = int(self.paired[index])
        return None if partner == UNPAIRED else partner

    def _book(self, row: RowView, known: RowView) -> None:
        self.result[row.index] = known.index
        del self.new[row.index]
        del self.old[known.index]


def _ids_differ(row: RowView, known: RowView) -> bool:
    return bool(row.source_key and known.source_key and row.source_key != known.source_key)


def _only_blanked_or_filled(row: RowView, known: RowView) -> bool:
    """Whether no cell says another thing: some were emptied, or filled in, as when a person retypes a row."""
    both = {*row.cells, *known.cells}
    new, old = ({label for label in both if one.cells.get(label)} for one in (row, known))
    return (
        bool(new and old)
        and (new <= old or old <= new)
        and all(row.cells[label] == known.cells[label] for label in new & old)
    )


def similarity(row: RowView, known: RowView) -> float:
    """Share of the cells filled in either row that are equal in both, 0 to 1; 0 where nothing is filled."""
    labels = [label for label in {*row.cells, *known.cells} if row.cells.get(label) or known.cells.get(label)]
    if not labels:
        return 0.0
    return sum(row.cells.get(label) == known.cells.get(label) for label in labels) / len(labels)


def changed_fields(
    before: Mapping[str, str], after: Mapping[str, str], *, covered: frozenset[str], never_said: frozenset[str]
) -> dict[str, str | None]:
    """What a source now says differently, both sides normalised by today's rules.

    Args:
        before: field -> value of the base. after: field -> value of the fetch.
        covered: fields that a column of today's sheet speaks of; a column that is gone says nothing, not "blank".
        never_said: fields that this record never claimed though a column may speak of them (a new mapping).

    Returns:
        field -> new value; None where the cell was blanked.
    """
    changed: dict[str, str | None] = {}
    for name in sorted({*before, *after} & covered):
        value = after.get(name)
        if value != before.get(name) or (value is not None and name in never_said):
            changed[name] = value
    return changed
