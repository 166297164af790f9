"""Rows next to each other, for a person to judge: what each cell says, and where they differ.

What belongs here: cutting, comparing and choosing cells of rows that stand side by side. Which rows those are is
`dedupe_report`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from leads_dagster.leads.fields import LEAD_FIELDS, ColumnTarget
from leads_dagster.leads.folding import fold_text
from leads_dagster.leads.matching import Cluster, Edge
from leads_dagster.leads.normalization import Normalizer
from leads_dagster.pipeline.dedupe_rows import SheetRows

# Of a cell beside the first of its column that says something; "alike" is written otherwise and means the same.
CellState = Literal["same", "alike", "differs", "blank"]

MAX_CHARACTERS = 160
_MAX_FIELDS = 12
_ROWS_OF_A_SAMPLE = 4
_ROWS_OF_A_LEAD = 6
_MAX_SHARED = 3


@dataclass(frozen=True, slots=True)
class ShownCell:
    """A cell: its beginning, how many characters more it has, how it stands to the first that says something."""

    text: str
    more: int = 0
    state: CellState = "same"


@dataclass(frozen=True, slots=True)
class ShownField:
    """One column of rows side by side."""

    label: str
    cells: tuple[ShownCell, ...]


@dataclass(frozen=True, slots=True)
class ShownRow:
    """Which row: its number from 0, its row in the sheet from 1, its lead."""

    row_id: int
    sheet_row: int
    lead_id: str


@dataclass(frozen=True, slots=True)
class ShownFeature:
    """One thing that was compared.

    Attributes:
        name: what.
        sides: the texts of both rows, or what they share.
        shared: whether `sides` is what they share.
        score: 0 to 1; None where there is none.
        contribution: what it adds to the evidence, in bits, below zero where it speaks against; None if not known.
    """

    name: str
    sides: tuple[ShownCell, ...]
    shared: bool
    score: float | None
    contribution: float | None


@dataclass(frozen=True, slots=True)
class Card:
    """Rows side by side and what was found out about them.

    Attributes:
        rows: those shown.
        fields: what they say; columns that are blank in all of them are left out.
        more_rows, more_fields: how many are not shown.
        rule, score, why: of the pair that the first two are; "" and None for a lead as a whole.
        features: what was compared of the first two.
    """

    rows: tuple[ShownRow, ...]
    fields: tuple[ShownField, ...]
    more_rows: int = 0
    more_fields: int = 0
    rule: str = ""
    score: float | None = None
    why: str = ""
    features: tuple[ShownFeature, ...] = ()


class CardMaker:
    """Makes cards of the rows of one file.

    Args:
        rows: the file.
        normalizer: the run's own; tells whether two cells mean the same.
        leads: number of each row's lead.
    """

    def __init__(self, rows: SheetRows, normalizer: Normalizer, leads: Sequence[int]) -> None:
        self._table, self._normalizer, self._leads = rows.table, normalizer, leads
        used = [column for column in rows.mapping.columns if column.target]
        self._columns = [*used, *(column for column in rows.mapping.columns if not column.target)]

    def pair(self, edge: Edge) -> Card:
        """Two rows that stayed apart."""
        return self._card([edge.a, edge.b], 0, edge)

    def merged(self, found: Cluster, edge: Edge) -> Card:
        """A lead: the two rows that the edge joined first, then others."""
        others = [member for member in sorted(found.members) if member not in (edge.a, edge.b)]
        shown = [edge.a, edge.b, *others][:_ROWS_OF_A_SAMPLE]
        return self._card(shown, len(found.members) - len(shown), edge)

    def lead(self, found: Cluster) -> Card:
        """A lead as a whole."""
        shown = sorted(found.members)[:_ROWS_OF_A_LEAD]
        return self._card(shown, len(found.members) - len(shown), None)

    def _card(self, row_ids: Sequence[int], more_rows: int, edge: Edge | None) -> Card:
        cells = [self._table.cells(row_id) for row_id in row_ids]
        meant = [self._normalizer.row(row).fields for row in cells]
        fields = [found for column in self._columns if (found := _field(column, cells, meant))]
        rows = tuple(self._row(row_id) for row_id in row_ids)
        card = Card(rows, tuple(fields[:_MAX_FIELDS]), more_rows, max(len(fields) - _MAX_FIELDS, 0))
        return card if edge is None else _with_edge(card, edge)

    def _row(self, row_id: int) -> ShownRow:
        return ShownRow(row_id, self._table.row_numbers[row_id], lead_name(self._leads[row_id]))


def lead_name(number: int) -> str:
    """What a lead is called in the result; "" for number 0, no lead."""
    return f"lead-{number:06d}" if number else ""


def shown(text: str, state: CellState = "same") -> ShownCell:
    """A cell, cut where nobody would read on."""
    text = text.strip()
    return ShownCell(text[:MAX_CHARACTERS], max(len(text) - MAX_CHARACTERS, 0), state)


def _with_edge(card: Card, edge: Edge) -> Card:
    why = str(edge.explanation.get("rule", ""))
    features = tuple(_feature(name, said) for name, said in edge.explanation.get("features", {}).items())
    return Card(
        card.rows, card.fields, card.more_rows, card.more_fields, edge.rule, edge.score, why,
        tuple(feature for feature in features if feature.sides or feature.contribution),
    )  # fmt: skip


def _feature(name: str, said: Mapping[str, Any]) -> ShownFeature:
    shared = said.get("shared")
    texts = shared[:_MAX_SHARED] if shared is not None else [said[side] for side in ("a", "b") if side in said]
    return ShownFeature(
        name, tuple(shown(str(text)) for text in texts), shared is not None, said.get("score"), said.get("contribution")
    )


def _field(
    column: ColumnTarget, cells: Sequence[Sequence[str]], meant: Sequence[Mapping[str, str]]
) -> ShownField | None:
    texts = [row[column.index].strip() if column.index < len(row) else "" for row in cells]
    if not any(texts):
        return None
    target = column.target if column.target in LEAD_FIELDS and column.rank == 0 else ""
    means = [fields.get(target or "") for fields in meant]
    first = next(place for place, text in enumerate(texts) if text)
    states = [_state(texts[first], text, means[first], meaning) for text, meaning in zip(texts, means, strict=True)]
    return ShownField(column.label, tuple(map(shown, texts, states)))


def _state(first: str, text: str, first_means: str | None, means: str | None) -> CellState:
    if not text:
        return "blank"
    if text == first:
        return "same"
    alike = (means and means == first_means) or fold_text(text[:MAX_CHARACTERS]) == fold_text(first[:MAX_CHARACTERS])
    return "alike" if alike else "differs"
