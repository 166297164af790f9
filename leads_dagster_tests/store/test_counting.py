"""Numbers with a name are added to by one writer at a time."""

from __future__ import annotations

import threading

from sqlalchemy import Engine

from leads_dagster.store import counting, records
from leads_dagster.store.engine import (
    reading,
    writing,
)


def test_writers_at_once_never_get_the_same_ids(engine: Engine) -> None:
    given: list[int] = []

    def take() -> None:
        for _ in range(10):
            with writing(engine) as connection:
                first = records.allocate_ids(connection, 3)
            given.extend(range(first, first + 3))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given) == list(range(1, 121))


def test_counters_are_found_by_what_their_names_begin_with(engine: Engine) -> None:
    with writing(engine) as connection:
        counting.add_all(connection, {"a_b: x": 2, "a_b: y": 1, "acb: z": 9})
        assert counting.add(connection, "a_b: x", 3) == 5
    with reading(engine) as connection:
        assert counting.named(connection, "a_b: ") == {"x": 5, "y": 1}
