"""Reviews as a spreadsheet: written with both sides, decided in the column "decision", and taken in again.

What belongs here: the shape of that sheet, and what is reported of its lines. An answer is that of `reviews`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leads_dagster.errors import ConflictError, ContentError, LeadsError, SettingsError, SheetFormatError, StoreError
from leads_dagster.leads.csv_writing import write_csv
from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster.leads.tabular import read_table
from leads_dagster.pipeline import reviews
from leads_dagster.pipeline.deciding import tell_mirrors
from leads_dagster.pipeline.review_facts import facts_of
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import review_rows
from leads_dagster.store.engine import reading
from leads_dagster.store.pair_decisions import Verdict

_ASKED = ("id", "decision", "reason", "score", "why")
_NEEDED = ("id", "decision")
_AT_ONCE = 500
_WORDS: dict[str, Verdict] = {"same": "same", "notsame": "not_same", "notthesame": "not_same"}


def export(ws: Workspace, path: Path) -> dict[str, Any]:
    """Write all reviews that wait, the strongest first; cells that a spreadsheet would run are made plain text.

    Returns:
        file, reviews: how many, next: what to do with it.

    Raises:
        SettingsError, StoreError: the file cannot be written.
    """
    try:
        with reading(ws.engine) as connection:
            found = list(review_rows.waiting(connection, ws.name))
            parts = (found[start : start + _AT_ONCE] for start in range(0, len(found), _AT_ONCE))
            lines = (_line(one) for part in parts for one in facts_of(connection, part))
            count = write_csv(path, _header(), lines)
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}.", advice="Name another file.") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}.", advice="Make room, and try again.") from error
    then = "Write same or not same into the column decision, then: leads reviews import"
    return {"file": str(path), "reviews": count, "next": f"{then} {path.name}" if count else "No review waits."}


def _header() -> list[str]:
    return [*_ASKED, *(f"{side} {name}" for name in ("lead", *LEAD_FIELDS) for side in ("left", "right"))]


def _line(one: Mapping[str, Any]) -> list[str]:
    said = {row["field"]: row for row in one["fields"]}
    said["lead"] = {side: one[side]["lead_id"] for side in ("left", "right")}
    sides = (said.get(name, {}).get(side) or "" for name in ("lead", *LEAD_FIELDS) for side in ("left", "right"))
    return [one["id"], "", "", "" if one["score"] is None else f"{one['score']:.4f}", one["why"] or "", *sides]


@dataclass(slots=True)
class _Report:
    """What became of the lines of a sheet."""

    read: int = 0
    same: int = 0
    not_same: int = 0
    blank: int = 0
    already: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)

    def count(self, name: str) -> None:
        setattr(self, name, getattr(self, name) + 1)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a sheet; `number`: 1-based, as a spreadsheet shows it."""

    number: int
    id: str
    decision: str
    reason: str | None


def import_(ws: Workspace, path: Path, *, who: str | None = None) -> dict[str, Any]:
    """Take in the decisions of a sheet that `export` wrote; its other columns are not looked at.

    Each line stands for itself: one that is wrong is reported, and stops no other. A line that says what holds already
    changes nothing, so that a sheet may be taken in twice. What is not the same is said first: what the others teach
    then joins none of it.

    Returns:
        read, same, not_same, blank, already (how many lines), faults (line, id, error of each), mirrors, next.

    Raises:
        SheetFormatError: that is no CSV, or has no columns "id" and "decision".
        StoreBusyError: the database was busy; the lines before that are taken in.
    """
    report = _Report()
    for line in sorted(_lines(_read(path)), key=lambda line: _word(line) != "not_same"):
        report.read += 1
        try:
            report.count(_taken_in(ws, line, who))
        except ContentError as error:
            report.faults.append({"line": line.number, "id": line.id, "error": str(error)})
    decided = report.same + report.not_same
    report.faults.sort(key=lambda fault: int(fault["line"]))
    facts = {name: getattr(report, name) for name in _Report.__dataclass_fields__}
    again = "`leads undo` lists the decisions, and takes each back." if decided else "Nothing was decided."
    return {**facts, "mirrors": tell_mirrors(ws) if report.same else {}, "next": again}


def _taken_in(ws: Workspace, line: _Line, who: str | None) -> str:
    """Which count a line belongs to.

    Raises:
        ContentError: what is wrong with it.
    """
    verdict = _word(line)
    if not line.decision:
        return "blank"
    if verdict is None:
        raise ContentError("The decision is none.", advice="Write same, not same, or nothing.")
    try:
        reviews.settle_one(ws, line.id, verdict, reason=line.reason, who=who)
    except ConflictError as error:
        if reviews.how_it_stands(ws, line.id) == verdict:
            return "already"
        raise _at_fault(error) from error
    except LeadsError as error:
        if error.transient or isinstance(error, StoreError):
            raise
        raise _at_fault(error) from error
    return verdict


def _word(line: _Line) -> Verdict | None:
    return _WORDS.get("".join(char for char in line.decision.casefold() if char.isalpha()))


def _at_fault(error: LeadsError) -> ContentError:
    return ContentError(error.message, advice=error.advice)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", advice="Check the path.") from error


def _lines(data: bytes) -> Iterator[_Line]:
    table = read_table(data, score_header=_looks_like_ours)
    header = [label.strip().casefold() for label in table.header]
    if not set(_NEEDED) <= set(header):
        raise SheetFormatError(
            "The sheet has no columns id and decision.", advice="Take one that `leads reviews export` wrote."
        )
    place = {name: header.index(name) for name in (*_NEEDED, "reason") if name in header}
    for number, cells in zip(table.row_numbers, table.rows(), strict=True):
        said = {name: cells[at].strip() if at < len(cells) else "" for name, at in place.items()}
        if any(said.values()):
            yield _Line(number, said["id"], said["decision"], said.get("reason") or None)


def _looks_like_ours(cells: Sequence[str]) -> int:
    return len({cell.strip().casefold() for cell in cells} & set(_ASKED))
