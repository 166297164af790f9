"""The blast-radius guard: a cycle that would remove, blank or change too much parks those rows, and only those.

What belongs here: the limit and the hash that an approval binds to. Who approves, and where a parked plan is kept,
is the store's and the pipeline's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import xxhash

GuardedKind = Literal["remove", "blank", "change"]


@dataclass(frozen=True, slots=True)
class GuardedRow:
    """One row that a cycle would remove, blank or change.

    Attributes:
        record_id: the known record.
        kind: "remove": the row is gone; "blank": a filled field would be emptied; "change": a value would change.
        row_hash: of the row as it is now; empty for a removal.
    """

    record_id: int
    kind: GuardedKind
    row_hash: bytes = b""


def limit(known: int, *, share: float, minimum: int) -> int:
    """How many of `known` rows a cycle may touch without asking: the customer's share, never below `minimum`."""
    return max(minimum, int(known * share))


def exceeds(rows: Sequence[GuardedRow], known: int, *, share: float, minimum: int) -> bool:
    """Whether the guarded rows of one cycle are more than the customer allows without asking."""
    return len(rows) > limit(known, share=share, minimum=minimum)


def plan_hash(rows: Sequence[GuardedRow]) -> str:
    """What approval binds to: the same rows in the same new state give the same hash, in whatever order."""
    digest = xxhash.xxh3_128()
    for row in sorted(rows, key=lambda one: one.record_id):
        digest.update(f"{row.record_id}\x1f{row.kind}\x1f{row.row_hash.hex()}\x1e".encode())
    return digest.hexdigest()
