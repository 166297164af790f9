"""Hostile lists: rows that all share what matching looks for, in several sizes: nothing may grow worse than n log n.

What belongs here: the kinds, the time that each takes, and whether it grew too fast. What they are matched to is the
tests' matter.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from math import log
from random import Random

from benchmarks.page import Findings, Table
from benchmarks.workbench import Workbench
from leads_dagster.errors import UnknownHeadersError
from leads_dagster.leads.matching import cluster, match_all, match_record
from leads_dagster.leads.normalization import normalize_fields
from leads_dagster.leads.sheet import read_sheet

_GIVEN = ("Anna", "Bernd", "Clara", "David", "Elena", "Fritz", "Greta", "Hugo", "Ida", "Jonas")
_SWITCHBOARD = "+4930123456"
_SEED = 7
_HOW = (
    "Each list is normalised and matched whole, in one process: features, pairs, clusters, in CPU seconds. All its "
    "rows share what the first column says and differ in names of two to four syllables, unless that says more; names, "
    "where a kind has few, are two hundred. The last columns are the growth from each size to the next, what it would "
    "be at the last if it were n log n, and the bar: that and {noise:.0%} for noise. “Short names” are made of so few "
    "letters that thousands of them are one letter apart. The pairs that are found, joined or asked about, are what "
    "has to be written down: where names are many enough to lie close together they grow faster than the rows, in any "
    "matcher, and the time with them."
)
# What a growth may be above n log n by the machine's own unsteadiness, and seconds below which nothing can be told.
_NOISE, _TOO_SHORT = 0.3, 0.5
# Each list is measured so often, with other names since those of before are remembered; the shortest time counts.
_TIMES = 2


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


def _short(random: Random) -> str:
    """Two or three syllables: of thousands each has dozens that differ in one letter."""
    syllables = (random.choice("bdfgklmnprst") + random.choice("aeiou") for _ in range(random.choice((2, 3))))
    return "".join(syllables).capitalize()


def _of_letters(letters: str, random: Random) -> str:
    return "".join(random.choice(letters) for _ in range(random.choice((3, 4, 5))))


def _semitic(random: Random, number: int) -> dict[str, str]:
    """Names from right to left, every other one in marks that turn the direction."""
    letters = _HEBREW if number % 2 else _ARABIC
    name = f"{_of_letters(letters, random)} {_of_letters(letters, random)}"
    return {"full_name": name if number % 2 else f"\u202e{name}\u202c", "company": "חברה", "location": "تل أبيب"}


Kind = Callable[[Random, int], dict[str, str]]
_ACME = {"company": "Acme GmbH"}
_OFFICE = {"title": "CEO", "location": "Berlin"}
_HEBREW, _ARABIC = "אבגדהוזחטיכלמנסעפצקרשת", "ابتثجحخدذرزسشصضطظعغفقكلمنهوي"
_POSED = str.maketrans("aeopcxyACEHKMOPT", "аеорсхуАСЕНКМОРТ")
KINDS: dict[str, Kind] = {
    "all rows the same": lambda _, __: {"full_name": "John Smith", **_ACME, **_OFFICE},
    "one name, a mailbox each": lambda _, n: {"full_name": "John Smith", **_ACME, "email": f"u{n}@acme.com"},
    "one name, a mailbox each, no company": lambda _, n: {"full_name": "John Smith", "email": f"u{n}@acme.com"},
    "one name, title and place": lambda r, _: {"full_name": "John Smith", "company": _firm(r), **_OFFICE},
    "one name, companies begin alike": lambda r, _: {"full_name": "John Smith", "company": f"Company {_firm(r)}"},
    "no companies": lambda r, n: {"full_name": _name(r), "company": "", "email": f"u{n}@gmail.com", **_OFFICE},
    "one company": lambda r, n: {"full_name": _name(r), **_ACME, "email": f"u{n}@acme.com"},
    "one company, title and place, emoji": lambda r, _: {
        "full_name": f"😀 {_name(r)}", "company": "🚀 Acme", "title": "🔥", "location": "🌍 Berlin",
    },
    "one given name, company, title, place": lambda r, _: {
        "full_name": f"John {_word(r)}{_word(r).lower()}", **_ACME, **_OFFICE,
    },
    "one family name and company": lambda r, _: {"full_name": f"{_word(r)}{_word(r).lower()} Smith", **_ACME},
    "one family name and company, short names": lambda r, _: {"full_name": f"{_short(r)} Smith", **_ACME},
    "one given name and company, short names": lambda r, _: {"full_name": f"John {_short(r)}", **_ACME, **_OFFICE},
    "one switchboard": lambda r, _: {"full_name": _name(r), **_ACME, **_OFFICE, "phone": _SWITCHBOARD},
    "one switchboard, few names": lambda r, _: {
        "full_name": _few(r), **_ACME, "phone": _SWITCHBOARD, "title": _firm(r),
    },
    "one telephone, few names, many companies": lambda r, _: {
        "full_name": _few(r), "company": _firm(r), "phone": _SWITCHBOARD,
    },
    "one mailbox": lambda r, _: {"full_name": _name(r), **_ACME, "email": "boss@acme.com"},
    "one role mailbox": lambda r, _: {"full_name": _name(r), "company": _word(r), "email": "info@acme.com"},
    "companies in one place": lambda r, n: {
        "company": f"Acme {_firm(r)}", "location": "Berlin", "website": f"acme{n}.com",
    },
    "offices of one company": lambda r, _: {
        "company": "Acme", "location": f"Berlin {_firm(r)}", "phone": _SWITCHBOARD, "website": "acme.com",
    },
    "zero-width characters": lambda r, _: {"full_name": "\u200b".join(_name(r)), "company": "A\u200bc\u200bm\u200be"},
    "emoji alone": lambda r, n: {
        "full_name": r.choice("😀🎉🚀🔥") * r.randrange(1, 9), "company": "🚀🚀", "email": f"u{n}@acme.com",
    },
    "right to left": _semitic,
    "letters that pose as others": lambda r, n: {
        "full_name": _name(r).translate(_POSED if n % 2 else {}), "company": "Асме" if n % 3 else "Acme",
    },
    "cells of 100 kB": lambda r, _: {"full_name": _name(r) * 9000, "company": "C" * 100_000, "location": "l" * 100_000},
}  # fmt: skip
# Of the widest cells fewer rows, so that making them is not what is measured.
_ROWS_OF_WIDE = 100


NO_COLUMN = "no usable column"


def hostile(bench: Workbench) -> Findings:
    """Seconds for every kind, and whether they grow too fast."""
    sizes = bench.sizes.hostile
    tried = ((kind, [_shortest(kind, size) for size in sizes]) for kind in (*KINDS, NO_COLUMN))
    lines = [line(kind, sizes, *([*column] for column in zip(*found, strict=True))) for kind, found in tried]
    seconds = (f"{size:,} rows, s" for size in sizes)
    header = ("list", *seconds, "growth", "n log n", "bar", "", f"pairs of {sizes[-1]:,}", "growth")
    return Findings([Table(header, lines)], [_HOW.format(noise=_NOISE)])


def line(kind: str, sizes: tuple[int, ...], seconds: list[float], pairs: list[int]) -> list[str]:
    """A row of the table: seconds at each size, growth, the verdict on the last size; pairs found and their growth."""
    *_, before, last = sizes
    growth = [later / max(earlier, 0.01) for earlier, later in pairwise(seconds)]
    more = [later / max(earlier, 1) for earlier, later in pairwise(pairs)]
    straight = last * log(last) / (before * log(before))
    bar = straight * (1 + _NOISE)
    met = growth[-1] <= bar or seconds[-1] < _TOO_SHORT
    told = (*(f"{one:.1f}" for one in seconds), _growth(growth))
    verdict = "met" if met else "**missed**"
    return [kind, *told, f"{straight:.1f}", f"≤ {bar:.1f}", verdict, f"{pairs[-1]:,}", _growth(more)]


def _growth(factors: list[float]) -> str:
    return ", ".join(f"{one:.1f}" for one in factors)


def _shortest(kind: str, size: int) -> tuple[float, int]:
    """CPU seconds, since other work on the machine would make the growth unreadable, and pairs found."""
    measure = _refusing if kind == NO_COLUMN else _matching
    return min(measure(kind, size, _SEED + more) for more in range(_TIMES))


def _matching(kind: str, size: int, seed: int) -> tuple[float, int]:
    random = Random(seed)
    count = size // _ROWS_OF_WIDE if "kB" in kind else size
    cells = [KINDS[kind](random, number) for number in range(count)]
    start = time.process_time()
    rows = (normalize_fields(row) for row in cells)
    records = [match_record(number, row) for number, row in enumerate(rows) if row.rejection is None]
    assert len(records) == count, f"rows of {kind} were turned away"
    edges = match_all(records)
    cluster(records, edges)
    return time.process_time() - start, len(edges)


def _refusing(_: str, size: int, seed: int) -> tuple[float, int]:
    """Until it is said what is missing."""
    text = io.StringIO()
    csv.writer(text).writerows((("Quux", "Blorp"), *_meaningless(Random(seed), size)))
    start = time.process_time()
    try:
        read_sheet(text.getvalue().encode())
    except UnknownHeadersError:
        return time.process_time() - start, 0
    raise AssertionError("a sheet without a usable column was taken")


def _meaningless(random: Random, size: int) -> Iterator[tuple[str, str]]:
    return ((_word(random), _word(random)) for _ in range(size))
