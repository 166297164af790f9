"""Every second: how long edits take through the whole live system, beside stock Dagster; what it costs to wait.

What belongs here: the figures and their bars. How a system is tried is `leads_dagster.interfaces.freshness_trial`'s.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.measuring import BenchmarkError
from benchmarks.page import Findings, Table
from benchmarks.workbench import Workbench
from leads_dagster.errors import LeadsError
from leads_dagster.interfaces.freshness_trial import Trial, TrialPlan, percentile, run_trial, trial, until_all_hold

_NAMES = {"store": "lead database", "crm": "CRM", "airtable": "Airtable"}
_BARS = {"store": {0.50: 0.7, 0.95: 1.2}, "airtable": {0.95: 2.0}}
_BURST, _BURST_SECONDS = 30, 10.0
_TIMES_FRESHER = 8


def live(bench: Workbench) -> Findings:
    """Edits of one sheet through `leads up`, then through `dagster dev`."""
    plan = TrialPlan(edits=bench.sizes.live_edits, rows=bench.sizes.live_rows)
    try:
        with trial(plan, _folder(bench, "live"), say=print) as running:
            ours = running.time_edits(say=_now_and_then)
            burst = _burst(running)
        stock = run_trial(
            replace(plan, system="stock", edits=bench.sizes.stock_edits, airtable=False), _folder(bench, "stock")
        )
    except LeadsError as error:
        raise BenchmarkError(str(error)) from error
    note = (
        f"A Google Sheet of {plan.rows:,} rows on the offline twin, read with a service account; `leads up` with two "
        "workers, every cycle a run in Dagster's UI. Edits of single cells at random instants; the clock starts before "
        "an edit is sent and stops when a reader of the store sees it. Stock is `dagster dev` with the same assets and "
        f"sensor, its own launcher and loop. Burst: {_BURST} edits in {_BURST_SECONDS:g} s, to the last one everywhere."
    )
    rows = [_line(name, seconds, _BARS.get(name, {})) for name, seconds in ours.items()]
    rows += [_line(f"{name}, stock", seconds, {}) for name, seconds in stock.items()]
    header = ("edit to", "edits", "p50 s", "p95 s", "p99 s", "worst s", "bar", "")
    times = percentile(stock["store"], 0.5) / percentile(ours["store"], 0.5)
    fresher = [f"**{times:.1f} times**", f"≥ {_TIMES_FRESHER} times", _verdict(times >= _TIMES_FRESHER)]
    return Findings(
        [
            Table(header, rows),
            Table(("fresher than stock, p50 to the store", "bar", ""), [fresher]),
            Table(("burst", "last edit everywhere after s", "runs it took"), [burst]),
        ],
        [note],
    )


def _burst(running: Trial) -> list[str]:
    """Edits faster than cycles: the last one of each row must stand everywhere in the end."""
    chance = random.Random(1)
    titles: dict[int, str] = {}
    ended = time.monotonic()
    for number in range(_BURST):
        row = chance.randrange(5)
        titles[row] = f"Burst {number} at {time.time_ns()}"
        ended = time.monotonic()
        running.edit(row, titles[row])
        if number < _BURST - 1:
            time.sleep(_BURST_SECONDS / _BURST)
    asks = {
        f"{name} {row}": ask for row, title in titles.items() for name, ask in running.stores.asks(row, title).items()
    }
    seconds = max(until_all_hold(asks, ended).values())
    return [f"{_BURST} edits in {_BURST_SECONDS:g} s", f"{seconds:.2f}", "coalesced"]


def _line(name: str, seconds: Sequence[float], bars: dict[float, float]) -> list[str]:
    shown = [f"{percentile(seconds, share):.2f}" for share in (0.50, 0.95, 0.99, 1.0)]
    met = all(percentile(seconds, share) <= most for share, most in bars.items())
    said = ", ".join(f"p{share * 100:.0f} ≤ {most:g} s" for share, most in bars.items())
    return [f"**{_NAMES.get(name, name)}**", str(len(seconds)), *shown, said, _verdict(met) if bars else ""]


def _verdict(met: bool) -> str:
    return "met" if met else "**missed**"


def _now_and_then(words: str) -> None:
    if words.split(maxsplit=1)[0].endswith("0"):
        print(words, flush=True)


def _folder(bench: Workbench, name: str) -> Path:
    folder = bench.folder / name
    folder.mkdir()
    return folder
