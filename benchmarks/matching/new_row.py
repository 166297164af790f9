"""One new row against many leads that are known: it must look at its candidates only.

    python -m benchmarks.matching.new_row leads.csv

What belongs here: milliseconds and candidates of single rows, the known ones given by blocking key as a store gives
them.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.matching.rules import read_rows
from leads_dagster.leads.matching import MatchRecord, blocking_keys, match_new, match_record

_NEW_ROWS = 200


def one_new_row(sheet: Path) -> dict[str, Any]:
    """Figures over the first rows of the sheet, each matched against all others."""
    records = [match_record(number, row) for number, row in enumerate(read_rows(sheet))]
    known: dict[str, list[MatchRecord]] = defaultdict(list)
    for record in records[_NEW_ROWS:]:
        for key in blocking_keys(record):
            known[key].append(record)
    asked = [_asked(record, known) for record in records[:_NEW_ROWS]]
    times, candidates = zip(*asked, strict=True)
    return {
        "rows": len(records),
        "milliseconds": statistics.median(times),
        "worst_milliseconds": max(times),
        "candidates": statistics.median(candidates),
        "most_candidates": max(candidates),
    }


def _asked(record: MatchRecord, known: dict[str, list[MatchRecord]]) -> tuple[float, int]:
    started = time.perf_counter()
    found = {key: known[key] for key in blocking_keys(record) if key in known}
    match_new([record], found)
    milliseconds = (time.perf_counter() - started) * 1000
    return milliseconds, len({other.id for others in found.values() for other in others})


def main(arguments: Sequence[str]) -> int:
    """Print the figures as JSON, a list of one row."""
    print(json.dumps([one_new_row(Path(arguments[0]))]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
