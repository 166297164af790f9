"""`make bench`: measure, print, and put what was measured into docs/benchmarks.md.

    python -m benchmarks.run [--quick | --long] [SECTION ...]

What belongs here: the list of sections, the command line, and the order of work. A section that cannot be measured says
why, leaves the page's old figures, and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import (
    airtable,
    api,
    capture,
    changes,
    dashboard,
    live,
    live_hour,
    loading,
    many_customers,
    parts,
    store_speed,
)
from benchmarks.matching import section as matching
from benchmarks.matching.hostile import hostile
from benchmarks.measuring import REPOSITORY, BenchmarkError, NotHereError
from benchmarks.page import PAGE, Findings, merged, stamp, versions_of
from benchmarks.processes import stolen_seconds
from benchmarks.workbench import FULL, LONG, QUICK, Sizes, Workbench

PEERS_PYTHON = REPOSITORY / ".venv-bench" / "bin" / "python"
PEER_LIBRARIES = ("dlt", "pandas", "sqlite-utils", "splink", "duckdb", "recordlinkage", "litequeue", "persist-queue")


@dataclass(frozen=True)
class Section:
    """One heading of the page.

    Attributes:
        title: the heading.
        measure: makes its findings.
        long: measured by `make bench-long` only.
        named: measured where it is named only; there is no room for it in a quarter of an hour.
    """

    title: str
    measure: Callable[[Workbench], Findings]
    long: bool = False
    named: bool = False


# In an order in which a later section finds loaded what an earlier one measured.
SECTIONS: dict[str, Section] = {
    "start": Section("Starting a command", parts.start),
    "us-500": Section("us-500.csv to store, CRM and Airtable", loading.us_500),
    "airtable": Section("Airtable at its limits", airtable.throughput, named=True),
    "airtable-latency": Section("An edit on its way to and from Airtable", airtable.latency, named=True),
    "live": Section("Every second", live.live, named=True),
    "live-many": Section("Many customers", many_customers.many, named=True),
    "loading": Section("Loading", loading.loading),
    "growth": Section("Growth", loading.growth),
    "unchanged": Section("Knowing that nothing changed", changes.unchanged),
    "one-row": Section("One changed row", changes.one_row),
    "every-row": Section("Every row changed", changes.every_row),
    "store": Section("Saving leads", store_speed.store),
    "capture": Section("Handing captures over", capture.capture),
    "normalizing": Section("Normalising", parts.normalizing),
    "matching": Section("Matching", matching.matching),
    "matching-hostile": Section("Hostile lists", hostile, named=True),
    "matching-peers": Section("Matching beside Splink", matching.beside_peers, named=True),
    "matching-febrl": Section("FEBRL data sets beside Splink", matching.febrl, named=True),
    "search": Section("Searching", parts.searching),
    "api": Section("The HTTP API", api.api),
    "dashboard": Section("The dashboard", dashboard.dashboard),
    "live-hour": Section("An edit a second for an hour", live_hour.hour, long=True),
    "million-matching": Section("Matching a million rows", matching.million, long=True),
    "million-growth": Section("Growth to a million rows", loading.growth, long=True),
    "million-unchanged": Section("Knowing that nothing changed in a million rows", changes.unchanged, long=True),
    "million-one-row": Section("One changed row in a million", changes.one_row, long=True),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the sections asked for; 1 where one could not be."""
    options = _options(arguments)
    sizes = QUICK if options.quick else LONG if options.long else FULL
    chosen = options.sections or [key for key, one in SECTIONS.items() if one.long == options.long and not one.named]
    measured, failed = _measure_all(chosen, sizes, options.peers)
    if options.quick:
        print("Tiny sizes: these figures mean nothing, the bars neither; the page stays as it is.")
    else:
        _write_page(measured)
    for key, reason in failed.items():
        print(f"{key} could not be measured: {reason}", file=sys.stderr)
    return 1 if failed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.run", description="Measure, and write docs/benchmarks.md.")
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; all if none is named"
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="tiny sizes, to see that all runs; writes no page")
    size.add_argument("--long", action="store_true", help="the sections that take long")
    parser.add_argument("--peers", type=Path, default=PEERS_PYTHON, metavar="PYTHON", help="of the peers' environment")
    options = parser.parse_args(arguments)
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    if not options.quick:
        _check_sizes(parser, options)
    return options


def _check_sizes(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """A section measured at the other size would stand on the page under a wrong heading."""
    wrong = [key for key in options.sections if SECTIONS[key].long != options.long]
    if wrong:
        parser.error(f"{', '.join(wrong)}: measured {'without' if options.long else 'with'} --long only")


def _measure_all(chosen: Sequence[str], sizes: Sizes, peers: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Key -> Markdown of what was measured, and key -> reason of what was not."""
    measured, failed = {}, {}
    with TemporaryDirectory(prefix="leads-bench-") as folder:
        bench = Workbench(Path(folder), peers, sizes)
        versions, load = versions_of(peers, PEER_LIBRARIES), os.getloadavg()[0]
        for key in chosen:
            try:
                measured[key] = _measure(bench, SECTIONS[key], versions, load)
            except NotHereError as reason:
                print(f"Left out: {reason}.")
            except BenchmarkError as error:
                failed[key] = str(error)
    return measured, failed


def _measure(bench: Workbench, section: Section, peers: Mapping[str, str], load: float) -> str:
    print(f"## {section.title} …", flush=True)
    started, stolen = time.monotonic(), stolen_seconds()
    findings = section.measure(bench)
    seconds = time.monotonic() - started
    share = (stolen_seconds() - stolen) / seconds / (os.cpu_count() or 1)
    text = f"{stamp(seconds, load, share, peers)}\n\n{findings.markdown()}"
    print(f"\n{text}\n", flush=True)
    return text


def _write_page(measured: Mapping[str, str]) -> None:
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    titles = {key: section.title for key, section in SECTIONS.items()}
    PAGE.write_text(merged(before, titles, measured), encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(REPOSITORY)}: {', '.join(measured) or 'nothing new'}")


if __name__ == "__main__":
    sys.exit(main())
