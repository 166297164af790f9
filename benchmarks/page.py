"""docs/benchmarks.md: tables, the facts that stand beside them, and putting a section measured anew into the page.

What belongs here: Markdown, and asking the machine what it is. What is measured is not known here.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sqlite3
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cache
from importlib import metadata
from pathlib import Path

from benchmarks.measuring import REPOSITORY, Timing, clean_environment

PAGE = REPOSITORY / "docs" / "benchmarks.md"
NOT_MEASURED = "Not measured yet."

_HEAD = """\
# Benchmarks

Written by `make bench` (long ones by `make bench-long`); do not edit. `make bench SECTIONS="loading one-row"`
measures those again and leaves the others as they stand, each with its own date, commit and machine.

Times move from machine to machine, so every figure of ours stands beside a peer or a floor measured in the same run,
minutes apart. "÷ ours" says how many times our seconds that one takes: above 1 it is slower. Wall seconds are what a
person waits; CPU seconds hardly move when other work shares the machine. Every measurement is a child process. But for
matching, the sheets are made by `benchmarks/sheets.py`: nine columns, 232 bytes a row, one row in fifty a lead again;
none of the peers there normalises, matches or keeps history. `make bench-matching` measures matching beside Splink.
"""
# A host that takes less than this share is not worth a word.
_UNNOTICED = 0.02
_OWN_LIBRARIES = ("dagster", "sqlalchemy", "httpx", "rapidfuzz", "phonenumbers")
_SECTION = re.compile(
    r"^<!-- section (?P<key>[a-z0-9-]+) -->\n(?P<body>.*?)(?=^<!-- section |\Z)", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Table:
    """Figures under a header; cells are text already.

    Attributes:
        header, rows: of equal length.
        words: the cells are to be read, not to be compared: all begin at the left.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: bool = False

    def markdown(self) -> str:
        """As GitHub reads it."""
        rule = ["---", *["---" if self.words else "---:"] * (len(self.header) - 1)]
        return "\n".join(f"| {' | '.join(row)} |" for row in (self.header, rule, *self.rows))


@dataclass(frozen=True)
class Findings:
    """What a section found.

    Attributes:
        tables: in order.
        notes: a paragraph each: how it was measured, what the bar is, what fell short.
    """

    tables: Sequence[Table]
    notes: Sequence[str] = field(default_factory=tuple)

    def markdown(self) -> str:
        """Notes above the tables."""
        return "\n\n".join([*self.notes, *(table.markdown() for table in self.tables)])


@dataclass(frozen=True)
class Bar:
    """What a figure should be at most, and whether it is.

    Attributes:
        figure: measured.
        limit: at most.
        unit: after the limit.
    """

    figure: float
    limit: float
    unit: str = "s"

    def cells(self) -> list[str]:
        """The bar, and the verdict."""
        return [f"≤ {self.limit:g} {self.unit}".rstrip(), "met" if self.figure <= self.limit else "**missed**"]


NO_BAR = ["", ""]


def seconds(value: float) -> str:
    """Three digits that mean something, and no more."""
    return (
        f"{value:.1f}"
        if value >= 10
        else f"{value:.2f}"
        if value >= 1
        else f"{value:.4f}"
        if value < 0.1
        else f"{value:.3f}"
    )


def megabytes(value: float) -> str:
    """Whole MB; empty where it was not asked."""
    return f"{value:,.0f}" if value else ""


def beside(timing: Timing, ours: Timing) -> str:
    """How many times our wall seconds that takes."""
    ratio = timing.wall / ours.wall
    return f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2g}"


def stamp(seconds_taken: float, load_before: float, stolen: float, peers: Mapping[str, str]) -> str:
    """When, where and with what a section was measured.

    Args:
        seconds_taken: by the section, less what an earlier one had measured for it.
        load_before: the machine's load before the whole run.
        stolen: share of the CPU that the machine's host gave to others meanwhile.
        peers: library -> version, of the peers' environment.
    """
    now = datetime.now(timezone.utc)
    own = {name: metadata.version(name) for name in _OWN_LIBRARIES}
    versions = {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version, **own, **peers}
    return (
        f"_{now:%Y-%m-%d %H:%M} UTC, commit {commit()}, in {seconds_taken:.0f} s. {machine()}; "
        f"load {load_before:.1f} when the run began{_noise(load_before)}{_theft(stolen)}. "
        f"{', '.join(f'{name} {version}' for name, version in versions.items())}._"
    )


def _noise(load_before: float) -> str:
    """A machine that was busy before anything was measured gives wall seconds that are too high."""
    return " (**busy with other work: wall seconds are too high**)" if load_before > 0.5 * (os.cpu_count() or 1) else ""


def _theft(stolen: float) -> str:
    """So does a machine of which others take their share."""
    return f"; its host gave {stolen:.0%} of it to others (**seconds are too high**)" if stolen > _UNNOTICED else ""


def machine() -> str:
    """Processor, cores, memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor"
    )


@cache
def commit() -> str:
    """The commit of the checkout, and whether something in it is not committed."""
    changed = _git("status", "--short", "--", ".", f":!{PAGE.relative_to(REPOSITORY)}")
    return (_git("rev-parse", "--short", "HEAD") or "unknown") + (" with changes" if changed else "")


def _git(*arguments: str) -> str:
    ended = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return ended.stdout.strip()


def versions_of(python: Path, libraries: Iterable[str]) -> dict[str, str]:
    """Versions in another environment; empty where there is none."""
    script = (
        "import json, sys; from importlib.metadata import version;"
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    if not python.exists():
        return {}
    ended = subprocess.run(
        [python, "-c", script, *libraries], capture_output=True, text=True, check=True, env=clean_environment()
    )
    found: dict[str, str] = json.loads(ended.stdout)
    return found


def merged(page: str, titles: Mapping[str, str], measured: Mapping[str, str]) -> str:
    """The page with the sections measured now in the place of what it said of them.

    Args:
        page: as it stands; may be empty.
        titles: key -> heading of every section there is, in order; what is not among them is left out.
        measured: key -> Markdown below the heading.
    """
    standing = {match["key"]: _below_heading(match["body"]) for match in _SECTION.finditer(page)}
    bodies = {key: measured.get(key) or standing.get(key) or NOT_MEASURED for key in titles}
    sections = (f"<!-- section {key} -->\n## {titles[key]}\n\n{body.strip()}\n" for key, body in bodies.items())
    return "\n".join([_HEAD, *sections])


def _below_heading(body: str) -> str:
    return body.strip().partition("\n")[2].strip()
