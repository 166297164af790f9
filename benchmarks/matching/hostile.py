"""Hostile lists: rows that all share what matching looks for, in three sizes: nothing may grow with the square.

What belongs here: the kinds and the time that each takes. What they are matched to is the tests' matter.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from random import Random

from benchmarks.page import Findings, Table
from benchmarks.workbench import Workbench
from leads_dagster.leads.fields import NormalizedRow
from leads_dagster.leads.matching import cluster, match_all, match_record

_GIVEN = ("Anna", "Bernd", "Clara", "David", "Elena", "Fritz", "Greta", "Hugo", "Ida", "Jonas")
_SWITCHBOARD = "+4930123456"
_SEED = 7
_HOW = (
    "Each list is matched whole, in one process: features, pairs, clusters. All its rows share what the first column "
    "says and differ in names of two to four syllables; the last column is the growth from one size to the next, "
    "where 2 is linear. Names, where a kind has few, are two hundred."
)


def _word(random: Random) -> str:
    """Two to four syllables, like a surname."""
    syllables = (random.choice("bcdfghjklmnprstvwxz") + random.choice("aeiou") for _ in range(random.choice((2, 3, 4))))
    return "".join(syllables).capitalize()


def _name(random: Random) -> str:
    return f"{random.choice(_GIVEN)} {_word(random)}"


def _few(random: Random) -> str:
    return _name(Random(random.randrange(200)))


def _firm(random: Random) -> str:
    return f"{_word(random)} {_word(random)}"


Kind = Callable[[Random, int], dict[str, str]]
_ACME = {"company": "Acme GmbH"}
_OFFICE = {"title": "CEO", "location": "Berlin"}
KINDS: dict[str, Kind] = {
    "all rows the same": lambda _, __: {"full_name": "John Smith", **_ACME, **_OFFICE},
    "one name, a mailbox each": lambda _, n: {"full_name": "John Smith", **_ACME, "email": f"u{n}@acme.com"},
    "one name, a mailbox each, no company": lambda _, n: {"full_name": "John Smith", "email": f"u{n}@acme.com"},
    "one name, title and place": lambda r, _: {"full_name": "John Smith", "company": _firm(r), **_OFFICE},
    "one name, companies begin alike": lambda r, _: {"full_name": "John Smith", "company": f"Company {_firm(r)}"},
    "one company": lambda r, n: {"full_name": _name(r), **_ACME, "email": f"u{n}@acme.com"},
    "one company, title and place, emoji": lambda r, _: {
        "full_name": f"😀 {_name(r)}", "company": "🚀 Acme", "title": "🔥", "location": "🌍 Berlin",
    },
    "one given name, company, title, place": lambda r, _: {
        "full_name": f"John {_word(r)}{_word(r).lower()}", **_ACME, **_OFFICE,
    },
    "one family name and company": lambda r, _: {"full_name": f"{_word(r)}{_word(r).lower()} Smith", **_ACME},
    "one switchboard": lambda r, _: {"full_name": _name(r), **_ACME, **_OFFICE, "phone": _SWITCHBOARD},
    "one switchboard, few names": lambda r, _: {
        "full_name": _few(r), **_ACME, "phone": _SWITCHBOARD, "title": _firm(r),
    },
    "one telephone, few names, many companies": lambda r, _: {
        "full_name": _few(r), "company": _firm(r), "phone": _SWITCHBOARD,
    },
    "one mailbox": lambda r, _: {"full_name": _name(r), **_ACME, "email": "boss@acme.com"},
    "one role mailbox": lambda r, _: {"full_name": _name(r), "company": _word(r), "email": "info@acme.com"},
    "companies in one place": lambda r, _: {"company": f"Acme {_firm(r)}", "location": "Berlin"},
    "offices of one company": lambda r, _: {
        "company": "Acme", "location": f"Berlin {_firm(r)}", "phone": _SWITCHBOARD, "website": "acme.com",
    },
    "zero-width characters": lambda r, _: {"full_name": "\u200b".join(_name(r)), "company": "A\u200bc\u200bm\u200be"},
    "cells of 100 kB": lambda r, _: {"full_name": _name(r) * 9000, "company": "C" * 100_000, "location": "l" * 100_000},
}  # fmt: skip
# Of the widest cells fewer rows, so that making them is not what is measured.
_ROWS_OF_WIDE = 100


def hostile(bench: Workbench) -> Findings:
    """Seconds for every kind, and how they grow."""
    sizes = bench.sizes.hostile
    rows = [[kind, *_figures([_seconds(kind, size) for size in sizes])] for kind in KINDS]
    return Findings([Table(("list", *(f"{size:,} rows, s" for size in sizes), "growth"), rows)], [_HOW])


def _figures(seconds: list[float]) -> list[str]:
    growth = (later / max(earlier, 0.01) for earlier, later in pairwise(seconds))
    return [*(f"{one:.1f}" for one in seconds), ", ".join(f"{one:.1f}" for one in growth)]


def _seconds(kind: str, size: int) -> float:
    """CPU seconds, since other work on the machine would make the growth unreadable."""
    random = Random(_SEED)
    count = size // _ROWS_OF_WIDE if "kB" in kind else size
    rows = [_row(KINDS[kind](random, number)) for number in range(count)]
    start = time.process_time()
    records = [match_record(number, row) for number, row in enumerate(rows)]
    cluster(records, match_all(records))
    return time.process_time() - start


def _row(cells: dict[str, str]) -> NormalizedRow:
    emails, phones = ((cells[field],) if field in cells else () for field in ("email", "phone"))
    return NormalizedRow(cells, emails=emails, phones=phones)
