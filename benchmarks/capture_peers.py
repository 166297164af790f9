"""Other queues in SQLite files: what putting one item in costs. Runs in the peers' environment.

What belongs here: a few lines a peer, with the settings that make it keep what it took when the power goes, where it
has any. The standard library and the peers only.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

_BODY = {"Full Name": "Ada Lovelace", "Email": "ada.lovelace@example.com", "About": "x" * 220}


def main() -> None:
    """argv: a folder, and how often."""
    folder, times = Path(sys.argv[1]), int(sys.argv[2])
    rows = []
    for name, opened in {"litequeue": _litequeue, "persist-queue": _persist_queue}.items():
        try:
            put = opened(folder)
        except ImportError:
            continue
        rows.append({"name": name, **_spread(put, times)})
    print(json.dumps(rows))


def _litequeue(folder: Path) -> Callable[[], object]:
    from litequeue import LiteQueue

    queue = LiteQueue(str(folder / "litequeue.db"))
    queue.conn.execute("PRAGMA synchronous=FULL")
    return lambda: queue.put(json.dumps(_BODY))


def _persist_queue(folder: Path) -> Callable[[], object]:
    from persistqueue import SQLiteAckQueue

    queue = SQLiteAckQueue(str(folder / "persist-queue"), auto_commit=True)
    return lambda: queue.put(_BODY)


def _spread(put: Callable[[], object], times: int) -> dict[str, float]:
    found = []
    for _ in range(times):
        started = time.perf_counter()
        put()
        found.append(time.perf_counter() - started)
    found.sort()
    return {"p50": found[times // 2] * 1000, "p99": found[int(times * 0.99)] * 1000}


if __name__ == "__main__":
    main()
