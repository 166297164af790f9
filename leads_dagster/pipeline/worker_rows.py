"""Normalising the rows of one file in processes of their own, while this one goes on with what came of them.

What belongs here: handing out records and taking back what they say, in order and a few at a time. What rows say does
not depend on it: the same `Normalizer` reads them, there or here.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from itertools import starmap

from leads_dagster.leads.fields import ColumnMapping, Issue, NormalizationRules, NormalizedRow
from leads_dagster.leads.normalization import Normalizer
from leads_dagster.leads.records import parse_records
from leads_dagster.leads.tabular import Table

# Below it a process takes longer to start than it saves.
WORTH_A_PROCESS = 20_000

_ROWS_AT_ONCE = 2_000
# Handed out beyond what the workers have in hand, so that none of them waits; bounds what is held in memory.
_AHEAD = 2
# More would wait for this process, which makes records of the rows.
_MOST_WORKERS = 3

# A `NormalizedRow` without what nobody matches by: tuples cross between processes in a fifth of the time.
_Said = tuple[
    dict[str, str], tuple[str, ...], tuple[str, ...], dict[str, str], tuple[Issue, ...], "Issue | None",
    tuple[str, ...], str, tuple[str, ...],
]  # fmt: skip

_log = logging.getLogger(__name__)


def spare_processors() -> int:
    """How many workers are worth starting beside this process; 0 on a machine of one processor."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable - 1, _MOST_WORKERS)


def normalized_rows(
    table: Table, mapping: ColumnMapping, rules: NormalizationRules, *, workers: int
) -> Iterator[NormalizedRow]:
    """What each row says, in order; `extra` is left out where workers read it.

    Args:
        workers: processes beside this one; with 0, or few rows, none is started. A process is started anew, so the
            program's main module must be importable without running it.
    """
    if workers < 1 or len(table) < WORTH_A_PROCESS:
        return Normalizer(mapping, rules).rows(table.rows())
    return _by_workers(table, mapping, rules, workers)


def _by_workers(
    table: Table, mapping: ColumnMapping, rules: NormalizationRules, workers: int
) -> Iterator[NormalizedRow]:
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _settle)
    done = 0
    try:
        for said in _in_order(pool, table, mapping, rules, ahead=workers + _AHEAD):
            yield from starmap(NormalizedRow, said)
            done += len(said)
    except BrokenProcessPool:
        # Killed, perhaps for want of memory; what they did not finish is done here.
        _log.warning("a worker ended early; going on without")
        yield from Normalizer(mapping, rules).rows(table.rows(range(done, len(table))))
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, table: Table, mapping: ColumnMapping, rules: NormalizationRules, *, ahead: int
) -> Iterator[list[_Said]]:
    """What the workers give back, first come first; at most `ahead` pieces of work are handed out."""
    waiting: deque[Future[list[_Said]]] = deque()
    for start in range(0, len(table), _ROWS_AT_ONCE):
        lines = table.lines[start : start + _ROWS_AT_ONCE]
        waiting.append(pool.submit(_said, lines, table.delimiter, mapping, rules))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _said(
    lines: Sequence[str], delimiter: str, mapping: ColumnMapping, rules: NormalizationRules
) -> list[_Said]:  # runs in a worker
    rows = _normalizer(mapping, rules).rows(parse_records(lines, delimiter))
    return [
        (row.fields, row.emails, row.phones, {}, row.issues, row.rejection, row.addresses, row.beside, row.facts)
        for row in rows
    ]


@lru_cache(maxsize=1)
def _normalizer(mapping: ColumnMapping, rules: NormalizationRules) -> Normalizer:
    return Normalizer(mapping, rules)


def _settle() -> None:
    """Of a worker: Ctrl-C is its parent's to act on, and it must not outlive a parent that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
