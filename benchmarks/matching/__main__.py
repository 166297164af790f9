"""Figures while working: nothing is written.

    python -m benchmarks.matching [--dev | --seeds N ...] [--rows N ...] [--peers PYTHON] [--cases]

`--dev` is for tuning: seeds 1 to 5 instead of those that are reported.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.matching import section
from benchmarks.matching.rules import RULES
from benchmarks.matching.tables import kinds_table, negatives_table, results_table
from benchmarks.matching.trials import OURS, SPLINK, run_splink
from benchmarks.page import Table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ours, and with --peers the others, and print the tables."""
    options = _options(arguments)
    matchers = section.rules(*(RULES if options.peers else (OURS,)))
    if options.peers:
        matchers[SPLINK] = partial(run_splink, "leads", python=options.peers)
    with TemporaryDirectory(prefix="leads-bench-") as name:
        folder = Path(name)
        for rows in options.rows:
            seeds = options.seeds or section.seeds_of(rows)
            found = section.run_matchers(folder, rows, seeds, matchers)
            _print(results_table(rows, found), kinds_table(found), negatives_table(found))
        if options.cases:
            table, note = section.cases(folder, min(options.rows))
            print(note)
            _print(table)
    return 0


def _print(*tables: Table) -> None:
    for table in tables:
        print(f"\n{table.markdown()}", flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.matching", description="Measure matching; nothing is written.")
    seeds = parser.add_mutually_exclusive_group()
    seeds.add_argument(
        "--dev", dest="seeds", action="store_const", const=section.DEVELOPMENT_SEEDS, help="seeds 1 to 5, for tuning"
    )
    seeds.add_argument("--seeds", type=int, nargs="+", metavar="N", help="any others than those that are reported")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000], metavar="N")
    parser.add_argument("--peers", type=Path, metavar="PYTHON", help="of the peers' environment; without, ours alone")
    parser.add_argument("--cases", action="store_true", help="also the ceiling and cases that remain, of seed 1")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
