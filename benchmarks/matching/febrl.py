"""The FEBRL data sets through our ordinary road, `leads dedupe`, in a process of its own.

    python -m benchmarks.matching.febrl SHEET.csv RESULT.json

What belongs here: nothing that knows FEBRL: the sheet goes in with its own headers, and what `leads dedupe` writes is
read back. Timed is from the file to the file.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measuring import timed
from leads_dagster.pipeline.dedupe import dedupe

_ROWS_BEFORE = 20


@dataclass(frozen=True)
class Known:
    """Of a row only the person is known; see `scores.Truth`."""

    person: int
    corruptions: frozenset[str] = frozenset()
    hard_negative: str = ""
    looks_like: int = 0


def read_truth(sheet: Path) -> list[Known]:
    """What lies beside a sheet."""
    with sheet.with_name(f"{sheet.stem}.truth.csv").open(encoding="utf-8", newline="") as file:
        return [Known(int(row["person"])) for row in csv.DictReader(file)]


def deduped(sheet: Path) -> dict[str, Any]:
    """What it found, and what it cost."""
    with TemporaryDirectory(prefix="leads-bench-") as folder:
        out, beginning = Path(folder, "out.csv"), Path(folder, "beginning.csv")
        with sheet.open(encoding="utf-8", newline="") as file:
            beginning.write_text(
                "".join(line for line, _ in zip(file, range(_ROWS_BEFORE), strict=False)), encoding="utf-8"
            )
        dedupe(beginning, out)  # loads tables and libraries
        timing = timed(lambda: dedupe(sheet, out))
        return {
            "seconds": timing.wall, "cpu": timing.cpu, "peak_mb": timing.peak_mb,
            "clusters": _clusters(out), "reviews": [],
        }  # fmt: skip


def _clusters(out: Path) -> list[int]:
    """Rows without a lead (quarantined) are alone."""
    numbers: dict[str, int] = {}
    with out.open(encoding="utf-8", newline="") as file:
        return [
            numbers.setdefault(row["lead_id"] or f"row {row['row_id']}", len(numbers)) for row in csv.DictReader(file)
        ]


def main(arguments: Sequence[str]) -> int:
    """Run the road over a sheet and write what came of it."""
    sheet, result = map(Path, arguments)
    result.write_text(json.dumps(deduped(sheet)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
