"""`kill -9` of those who hand captures over, of those who record them, and of the Redis that keeps them.

    python -m leads_dagster_tests.acceptance.capture_crash --place redis --rounds 200 --seed 7

Each round two producers put items in, one at a time and in batches, and write down what they were told; two consumers
lease, record keys in a database of their own in one transaction, and settle. Some of them are killed at a random
instant, and in Redis's rounds every third time the server, which then starts from its log. Every few rounds the queue
is emptied and reckoned: every key that somebody was told is taken stands in the database, none that nobody sent, none
twice, and the queue's own counts are those of what it settled. With `--road`
the consumers are the pipeline, and each key must be one capture, one source record and one lead.
The first fault ends the run with its seed and folder.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from leads_dagster.capture_queue.file_queue import FileQueue
from leads_dagster.capture_queue.items import NewCapture, Settled
from leads_dagster.capture_queue.protocol import CaptureQueue
from leads_dagster.capture_queue.redis_queue import RedisQueue
from leads_dagster.errors import TransientError
from leads_dagster.pipeline.capture import process_now
from leads_dagster.settings import Settings
from leads_dagster_tests.acceptance import capture_road
from leads_dagster_tests.redis_server import start_redis

ROUNDS_BETWEEN_RECKONINGS = 10
CUSTOMERS = ("acme", "bolt")
_LEASE_SECONDS = 2.0
_LATER_SECONDS = 600.0
_ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")


@dataclass
class Trial:
    """A queue that lives through all kills.

    Attributes:
        home: folder of the queue, the logs of the producers and the database of the consumers.
        place: "file" or "redis".
        road: the consumers are the pipeline, not the stand-in.
    """

    home: Path
    place: str
    chance: random.Random
    road: bool = False
    tally: Counter[str] = field(default_factory=Counter)
    server: subprocess.Popen[bytes] | None = None

    @property
    def stop(self) -> Path:
        return self.home / "stop"

    def queue(self, later: float = 0.0) -> CaptureQueue:
        """The queue, for somebody whose clock is ahead by so much: every lease is over for him."""
        if self.place == "redis":
            clock = (lambda: time.time() + later) if later else None
            return RedisQueue(f"unix://{self.home}/socket", clock=clock)
        return FileQueue(self.home / "captures.db", clock=lambda: time.time() + later)

    def settings(self) -> Settings:
        url = f"unix://{self.home}/socket" if self.place == "redis" else "sqlite"
        return capture_road.road_settings(self.home, url, CUSTOMERS)

    def start_server(self) -> None:
        if self.place == "redis":
            (self.home / "socket").unlink(missing_ok=True)
            self.server = start_redis(self.home / "socket", *_ALWAYS)

    def kill_server(self) -> None:
        if self.server is not None:
            self.server.kill()
            self.server.wait()

    def sink(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.home / "sink.db", timeout=30, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE IF NOT EXISTS recorded (customer TEXT, key TEXT, PRIMARY KEY (customer, key))")
        connection.execute("CREATE TABLE IF NOT EXISTS again (customer TEXT, key TEXT)")
        return connection


def produce(trial: Trial, name: str) -> None:
    """Put items in until told to stop; write down each key before, and again when told that it is taken."""
    queue, number = trial.queue(), 0
    log = os.open(trial.home / f"{name}.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    while not trial.stop.exists():
        keys = [
            f"{name}-{number + step}" for step in range(trial.chance.choice((1, 1, 1, 10, 10 if trial.road else 100)))
        ]
        number += len(keys)
        batch = [NewCapture(trial.chance.choice(CUSTOMERS), key, _body(key), 0) for key in keys]
        _note(log, "sent", batch)
        while not (taken := _taken(queue, batch)) and not trial.stop.exists():
            time.sleep(0.01)
        if taken:
            _note(log, "taken", batch)
        time.sleep(0.02 * trial.road)


def _body(key: str) -> bytes:
    """Of a person of its own."""
    return f'{{"full_name": "Ada Lovelace", "email": "{key}@example.com"}}'.encode()


def _taken(queue: CaptureQueue, batch: list[NewCapture]) -> bool:
    try:
        queue.put(batch)
    except TransientError:
        return False
    return True


def _note(log: int, word: str, batch: list[NewCapture]) -> None:
    os.write(log, "".join(f"{word} {one.customer} {one.key}\n" for one in batch).encode())


def consume(trial: Trial, name: str) -> None:
    """Lease, record in one transaction, settle, until told to stop."""
    queue, sink = trial.queue(), trial.sink()
    while not trial.stop.exists():
        try:
            if not record(trial, queue, sink):
                time.sleep(0.005)
        except TransientError:
            time.sleep(0.01)


def consume_by_the_road(trial: Trial, name: str) -> None:
    """Process as `leads queue process` does, until told to stop."""
    settings = trial.settings()
    while not trial.stop.exists():
        try:
            process_now(settings, limit=trial.chance.randrange(1, 200))
        except TransientError:
            time.sleep(0.01)


def record(trial: Trial, queue: CaptureQueue, sink: sqlite3.Connection, failing: float = 0.03) -> int:
    """Record some items; a few are said to have failed before anything was done."""
    leased = queue.lease(customer=None, limit=trial.chance.randrange(1, 200), seconds=_LEASE_SECONDS)
    failed = {one.id for one in leased if trial.chance.random() < failing}
    sink.execute("BEGIN IMMEDIATE")
    for one in leased:
        row = (one.customer, one.key)
        if one.id not in failed and not sink.execute("INSERT OR IGNORE INTO recorded VALUES (?, ?)", row).rowcount:
            sink.execute("INSERT INTO again VALUES (?, ?)", row)
    sink.execute("COMMIT")
    queue.settle([Settled(one.id, one.lease, "failed" if one.id in failed else "recorded") for one in leased])
    return len(leased)


def one_round(trial: Trial, number: int) -> None:
    """Two of each at work; some are killed on the way, the others stop."""
    trial.stop.unlink(missing_ok=True)
    works: list[tuple[str, Callable[[Trial, str], None]]] = [
        ("producer", produce),
        ("consumer", consume_by_the_road if trial.road else consume),
    ] * 2
    children = [(kind, _started(trial, work, f"{kind}-{number}-{at}")) for at, (kind, work) in enumerate(works)]
    try:
        _let_work(trial, children)
    except BaseException:
        for _, child in children:
            os.kill(child, signal.SIGKILL)
        raise
    trial.stop.touch()
    for kind, child in children:
        _, status = os.waitpid(child, 0)
        if status not in (0, signal.SIGKILL):
            raise AssertionError(f"a {kind} ended with {status}")


def _let_work(trial: Trial, children: Sequence[tuple[str, int]]) -> None:
    """For a while; then the server is killed, or some of the children are, or both."""
    time.sleep(trial.chance.uniform(0.02, 2.0 if trial.road else 0.4))
    if trial.place == "redis" and trial.chance.random() < 1 / 3:
        trial.kill_server()
        trial.tally["killed server"] += 1
        trial.start_server()
        time.sleep(trial.chance.uniform(0.0, 0.1))
    for kind, child in children:
        if trial.chance.random() < 0.6:
            os.kill(child, signal.SIGKILL)
            trial.tally[f"killed {kind}"] += 1


def _started(trial: Trial, work: Callable[[Trial, str], None], name: str) -> int:
    seed = trial.chance.random()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        trial.chance.seed(seed)
        work(trial, name)
        code = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(code)


def reckon(trial: Trial) -> None:
    """Empty the queue as a consumer who comes later, and compare what was told with what is recorded."""
    queue = trial.queue(_LATER_SECONDS)
    recorded, wrong = _emptied(trial, queue)
    told = _told(trial)
    status = queue.status()
    faults = {
        "taken and not recorded": told["taken"] - recorded,
        "recorded and never sent": recorded - told["sent"],
        "left": {name for name in ("queued", "leased", "delayed", "dead") if getattr(status, name)},
        "settled and recorded differ": {(status.recorded, len(recorded))} if status.recorded != len(recorded) else (),
        "not accounted for": {(name, gone) for name in CUSTOMERS if (gone := queue.books(name).missing)},
        "lead database": set(wrong),
        "file": set(_file_faults(trial)),
    }
    queue.close()
    trial.tally["taken"], trial.tally["recorded"] = len(told["taken"]), len(recorded)
    if found := {name: sorted(one)[:5] for name, one in faults.items() if one}:
        raise AssertionError(f"{found}; {trial.home}")


def _emptied(trial: Trial, queue: CaptureQueue) -> tuple[set[tuple[str, str]], list[str]]:
    """Everything that is recorded once the queue is empty, and what is wrong with it."""
    if trial.road:
        capture_road.empty(trial.settings(), queue)
        return capture_road.recorded(trial.home)
    with closing(trial.sink()) as sink:
        while record(trial, queue, sink, failing=0.0) or queue.retry_dead(None, limit=10_000):
            pass
        (trial.tally["came again"],) = sink.execute("SELECT count(*) FROM again").fetchone()
        return set(sink.execute("SELECT customer, key FROM recorded")), []


def _told(trial: Trial) -> dict[str, set[tuple[str, str]]]:
    """What the producers wrote down; a last line that a kill cut off is none."""
    found: dict[str, set[tuple[str, str]]] = {"sent": set(), "taken": set()}
    for log in trial.home.glob("producer-*.log"):
        for line in log.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                word, customer, key = line.split()
                found[word].add((customer, key))
    return found


def _file_faults(trial: Trial) -> Iterator[str]:
    if trial.place == "redis":
        return
    with closing(sqlite3.connect(trial.home / "captures.db")) as file:
        (verdict,) = file.execute("PRAGMA integrity_check").fetchone()
        counted = set(file.execute("SELECT customer, state, count(*) FROM items GROUP BY 1, 2"))
        kept = set(file.execute("SELECT customer, state, items FROM counts WHERE items != 0 AND state < 7"))
        bodies = file.execute("SELECT (SELECT count(*) FROM bodies) - (SELECT count(*) FROM items)").fetchone()[0]
    if verdict != "ok" or counted != kept or bodies:
        yield f"{verdict}, counts {counted ^ kept}, bodies {bodies}"


def run(home: Path, place: str, rounds: int, seed: int, *, road: bool = False) -> dict[str, int | str | float]:
    """So many rounds; what was killed, told, recorded."""
    started = time.monotonic()
    trial = Trial(home, place, random.Random(seed), road)
    trial.start_server()
    try:
        for number in range(rounds):
            one_round(trial, number)
            if number % ROUNDS_BETWEEN_RECKONINGS == ROUNDS_BETWEEN_RECKONINGS - 1 or number == rounds - 1:
                reckon(trial)
    finally:
        trial.kill_server()
    seconds = round(time.monotonic() - started, 1)
    return {"place": place, "road": road, "rounds": rounds, "seed": seed, **trial.tally, "seconds": seconds}


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    """The one given, else one that goes when all went well and stays where something did not."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    home = Path(tempfile.mkdtemp(prefix="leads-capture-crash-"))
    yield home
    subprocess.run(["rm", "-rf", str(home)], check=True)


def main() -> int:
    """One JSON line a place."""
    parser = argparse.ArgumentParser(description="kill -9 around the capture queue")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--place", choices=("file", "redis"), action="append")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--road", action="store_true", help="record by the pipeline, in a lead database")
    options = parser.parse_args()
    for place in options.place or ("file", "redis"):
        with _folder(options.home) as home:
            done = run(home, place, options.rounds, options.seed, road=options.road)
        sys.stdout.write(f"{json.dumps(done)}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
