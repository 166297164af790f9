"""`kill -9` at random instants, round after round, on one database that lives through all of them.

    python -m leads_dagster_tests.acceptance.crash_loop --rounds 300 --seed 7

Each round a child process syncs an edited sheet, saves leads from Python, migrates a JSON file, takes things back or
makes a backup, and is killed on the way. The parent then looks at everything (`crash_checks.faults_after_a_kill`), does
to the end what the child was at, and compares sheet, store and CRM. Now and then all decisions are taken back, and the
store must be what a fresh one makes of the same sheet. The first fault ends the run with the seed, the round and the
folder, which is kept.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leads_dagster.mirrors import crm  # noqa: F401  # imported late by the road; here before a child's clock runs
from leads_dagster.pipeline import backup
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster.settings import Settings, load_settings
from leads_dagster_tests.acceptance import crash_actions as actions
from leads_dagster_tests.acceptance import crash_checks as checks
from leads_dagster_tests.acceptance.crash_actions import CUSTOMER, Save
from leads_dagster_tests.acceptance.crash_child import Children, Death, Kill
from leads_dagster_tests.acceptance.crash_world import World

ROUNDS_BETWEEN_RECKONINGS = 12
_LEARNING = 0.4  # how much the newest measurement of an action counts


class CrashError(AssertionError):
    """A fault, with what is needed to see it again."""


@dataclass(slots=True)
class Usual:
    """How long an action takes when nobody kills it, and how many write transactions it begins."""

    seconds: float = 0.0
    writes: float = 0.0

    def note(self, death: Death) -> None:
        """Learn from a child that came to its end; one that was killed says only that it takes as long at least."""
        if not death.killed and self.seconds:
            self.seconds += _LEARNING * (death.seconds - self.seconds)
            self.writes += _LEARNING * (death.writes - self.writes)
        else:
            self.seconds, self.writes = max(self.seconds, death.seconds), max(self.writes, death.writes)


@dataclass(slots=True)
class Tally:
    """What the rounds came to."""

    rounds: int = 0
    killed: int = 0
    writing: int = 0
    writing_crm: int = 0
    by_action: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def note(self, action: str, death: Death) -> None:
        self.rounds += 1
        self.killed += death.killed
        self.writing += death.killed and death.writing
        self.writing_crm += death.killed and death.writing_crm
        self.by_action[action] += death.killed

    def facts(self) -> dict[str, Any]:
        told = {"rounds": self.rounds, "killed_at_work": self.killed, "inside_a_write": self.writing}
        return {**told, "inside_a_crm_write": self.writing_crm, **self.by_action, "seconds": round(self.seconds, 1)}


class CrashLoop:
    """One run: a customer in a folder of its own, and its database."""

    def __init__(self, home: Path, seed: int, environ: dict[str, str]) -> None:
        self.home, self.seed, self.chance = home, seed, random.Random(seed)
        self.settings = _settings(home, environ)
        self.world = World(home, seed)
        self.children = Children(home / "child.log")
        self.tally, self.usual = Tally(), {name: Usual() for name in _ACTIONS}
        self.known_leads: set[str] = set()
        self.files = 0

    def run(self, rounds: int) -> Tally:
        """As many rounds, each with another action.

        Raises:
            CrashError: something was lost, doubled or left half done.
        """
        started = time.monotonic()
        self.world.write()
        actions.sync(self.settings)
        for name in _ACTIONS:  # once to its end, so that kills can be timed
            self._told(0, name, lambda name=name: self._round(name, to_its_end=True))
        for number in range(1, rounds + 1):
            name = self.chance.choices(list(_ACTIONS), weights=[weight for _, weight in _ACTIONS.values()])[0]
            self._told(number, name, lambda name=name: self._round(name))
            if number % ROUNDS_BETWEEN_RECKONINGS == 0 or number == rounds:
                self._told(number, "reckoning", lambda number=number: self._reckon(number))
        self.tally.seconds = time.monotonic() - started
        return self.tally

    def _told(self, number: int, name: str, what: Callable[[], None]) -> None:
        try:
            what()
        except Exception as error:
            where = f"round {number} ({name}) of seed {self.seed}; the folder is {self.home}"
            raise CrashError(f"{where}\n{type(error).__name__}: {error}") from error

    def _round(self, name: str, *, to_its_end: bool = False) -> None:
        prepare, _ = _ACTIONS[name]
        work, finish = prepare(self)
        death = self.children.run(work, None if to_its_end else self._kill(self.usual[name]))
        self.usual[name].note(death)
        if not to_its_end:
            self.tally.note(name, death)
        _demand("after the kill", checks.faults_after_a_kill(self.settings, self.known_leads))
        finish()
        actions.sync_and_approve(self.settings)
        _demand("after the next sync", checks.faults_after_a_sync(self.settings, self.world.expected_raw()))

    def _kill(self, usual: Usual) -> Kill:
        """Half of the time anywhere in the work, else just after one of its write transactions began."""
        if self.chance.random() < 0.5:
            return Kill(self.chance.uniform(0.02, 0.95) * usual.seconds)
        return Kill(self.chance.uniform(0, 0.004), after_writes=self.chance.randint(1, max(1, round(usual.writes))))

    def _reckon(self, number: int) -> None:
        """Without any decision, but for those that editing a lead asks for, the store is what a fresh one makes."""
        actions.take_back_everything(self.settings)
        actions.sync_and_approve(self.settings)
        actions.answer_as_the_rows_say(self.settings)
        actions.sync_and_approve(self.settings)
        _demand("after taking all back", checks.faults_after_a_kill(self.settings, self.known_leads))
        _demand("after taking all back", checks.faults_after_a_sync(self.settings, self.world.expected_raw()))
        fresh = _settings(self.home / f"fresh{number}", {}, sheet=self.world.sheet)
        actions.sync(fresh)
        _demand("beside a fresh store", checks.faults_beside_a_fresh_run(self.settings, fresh))


Plan = tuple[Callable[[], Any], Callable[[], Any]]


def _sync(loop: CrashLoop) -> Plan:
    loop.world.edit()
    return lambda: actions.sync(loop.settings), lambda: None


def _sync_and_save(loop: CrashLoop) -> Plan:
    """A cycle, and another thread that saves meanwhile."""
    loop.world.edit()
    work, finish = _save(loop)

    def both() -> None:
        with ThreadPoolExecutor(1) as beside:
            saving = beside.submit(work)
            actions.sync(loop.settings)
            saving.result()

    return both, finish


def _sync_beyond_the_guard(loop: CrashLoop) -> Plan:
    loop.world.edit_beyond_the_guard()
    return lambda: actions.sync_and_approve(loop.settings), lambda: None


def _save(loop: CrashLoop) -> Plan:
    calls = _calls(loop)
    answers = loop.home / "answered"
    answers.unlink(missing_ok=True)

    def finish() -> None:
        """What was answered is there; all of it again, and nothing is there twice."""
        answered = {one["key"]: one for call in calls[: actions.noted(answers)] for one in call.records if "key" in one}
        later = {one["key"] for call in calls[actions.noted(answers) :] for one in call.records if "key" in one}
        with open_workspace(loop.settings, CUSTOMER) as ws:
            sure = {key: one for key, one in answered.items() if key not in later}
            _demand("of what was answered", checks.saved_faults(ws, sure))
            actions.save(loop.settings, calls)
            _demand("of what was saved again", checks.saved_faults(ws, loop.world.saved))

    return lambda: actions.save(loop.settings, calls, answers), finish


def _calls(loop: CrashLoop) -> list[Save]:
    leads = actions.active_leads(loop.settings)
    calls = []
    for number in range(12):
        if number % 4 == 1:
            lead = loop.chance.choice(leads)
            calls.append(Save(({"notes": f"Spoke in round {loop.tally.rounds}"},), lead))
        else:
            size = 1 if loop.chance.random() < 0.7 else loop.chance.randrange(2, 8)
            calls.append(Save(tuple(loop.world.someone_to_save() for _ in range(size))))
    return calls


def _undo(loop: CrashLoop) -> Plan:
    seed = loop.chance.randrange(2**32)
    return lambda: actions.take_back_something(loop.settings, seed), lambda: None


def _migrate(loop: CrashLoop) -> Plan:
    loop.files += 1
    file = loop.world.file_of_json(loop.files)

    def finish() -> None:
        """The same command goes on where it was killed; once more, and nothing is written."""
        first, second = (actions.bring_in(loop.settings, file) for _ in range(2))
        for result, statuses in ((first, {"done", "unchanged"}), (second, {"unchanged"})):
            found = {one.status for one in result.files}
            _demand("of the migration", [] if found <= statuses else [f"{found}: {result}"])
        _demand("of the file", checks.file_faults(loop.settings, file))

    return lambda: actions.bring_in(loop.settings, file), finish


def _roll_back(loop: CrashLoop) -> Plan:
    return lambda: actions.roll_back_a_migration(loop.settings), lambda: None


def _back_up(loop: CrashLoop) -> Plan:
    def finish() -> None:
        """What is in the list is whole; what was begun is not in it."""
        listed = backup.list_(loop.settings)
        _demand("of the backups", [f"{listed['faults']}"] if listed["faults"] else [])
        if listed["backups"]:
            backup.verify(loop.settings)

    return lambda: backup.create(loop.settings), finish


# What a round may be, and how often.
_ACTIONS: dict[str, tuple[Callable[[CrashLoop], Plan], int]] = {
    "sync": (_sync, 5),
    "sync beyond the guard": (_sync_beyond_the_guard, 1),
    "save": (_save, 3),
    "sync and save": (_sync_and_save, 2),
    "undo": (_undo, 4),
    "migrate": (_migrate, 2),
    "roll a migration back": (_roll_back, 1),
    "back up": (_back_up, 1),
}


def _demand(when: str, faults: list[str]) -> None:
    if faults:
        raise CrashError(f"{when}:\n" + "\n".join(faults[:20]))


def _settings(home: Path, environ: dict[str, str], sheet: Path | None = None) -> Settings:
    home.mkdir(parents=True, exist_ok=True)
    (home / "leads.toml").write_text(f'[[customers]]\nname = "{CUSTOMER}"\nsheet = "{sheet or home / "sheet.csv"}"\n')
    return load_settings({"LEADS_HOME": str(home), "LEADS_BATCH_SIZE": "4", **environ}, cwd=home)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--home", type=Path, help="an empty folder; a new temporary one without it")
    parser.add_argument("--database-url", help="of an empty database; a SQLite file in the folder without it")
    parser.add_argument("--crm-url", help="likewise, of the CRM")
    asked = parser.parse_args(argv)
    home = asked.home or Path(tempfile.mkdtemp(prefix="crash-"))
    urls = {"LEADS_DATABASE_URL": asked.database_url, "LEADS_CRM_URL": asked.crm_url}
    loop = CrashLoop(home, asked.seed, {name: url for name, url in urls.items() if url})
    gc.freeze()
    try:
        tally = loop.run(asked.rounds)
    except CrashError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps({"seed": asked.seed, **tally.facts()}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
