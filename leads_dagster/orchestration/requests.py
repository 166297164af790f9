"""Which customers' runs are under way, and which were asked for by whom: so that no two sensors ask for the same.

What belongs here: counting and remembering. Why a run is wanted is found by `pipeline.watching`.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg

from leads_dagster.orchestration.jobs import LEADS_SYNC

UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_PARTITION = "dagster/partition"


def under_way(instance: dg.DagsterInstance, job: str = LEADS_SYNC) -> Counter[str]:
    """Customer -> runs of the job, a cycle if no other is named, that are waiting or at work."""
    runs = instance.get_runs(dg.RunsFilter(job_name=job, statuses=UNDER_WAY))
    return Counter(run.tags.get(_PARTITION, "") for run in runs)


class Requests:
    """What each sensor asked for in its last evaluation; thread-safe.

    The daemon makes the runs after an evaluation and before the same sensor's next one. Until then nobody else can see
    them, and so that sensor's customers are left alone by the others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[str, tuple[float, frozenset[str]]] = {}

    @contextmanager
    def evaluation(self, sensor: str) -> Iterator[Evaluation]:
        """One evaluation of a sensor; what it asked for before has become runs by now."""
        with self._lock:
            self._asked.pop(sensor, None)
            taken = frozenset().union(*(customers for _, customers in self._asked.values()))
        yield Evaluation(self, sensor, taken, time.monotonic())

    def ask(self, evaluation: Evaluation, customers: Sequence[str]) -> list[str]:
        """Those of the customers that nobody else asked for since the evaluation began; they are this sensor's now."""
        with self._lock:
            since = [names for at, names in self._asked.values() if at >= evaluation.began]
            taken = evaluation.taken.union(*since)
            free = [name for name in customers if name not in taken]
            self._asked[evaluation.sensor] = time.monotonic(), frozenset(free)
        return free


class Evaluation:
    """One evaluation of a sensor.

    Attributes:
        taken: customers whom another sensor asked for, and whose runs may not be there yet.
        began: seconds, monotonic.
    """

    def __init__(self, requests: Requests, sensor: str, taken: frozenset[str], began: float) -> None:
        self._requests = requests
        self.sensor, self.taken, self.began = sensor, taken, began

    def ask(self, customers: Sequence[str]) -> list[str]:
        """Those of the customers that this sensor may ask for."""
        return self._requests.ask(self, customers)
