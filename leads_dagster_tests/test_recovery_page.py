"""docs/recovery.md, followed word for word: every command block, each on a machine of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from leads_dagster_tests.conftest import REPOSITORY
from leads_dagster_tests.store.backup_cases import flip, spoil_pages

PAGE = (REPOSITORY / "docs" / "recovery.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"(?:<!-- before: (?P<before>[^>]*) -->\n)?```sh\n(?P<commands>.*?)```", re.DOTALL)
_WITHOUT_LEADS = re.compile(r"^(LEADS?_|AIRTABLE_|GOOGLE_|DAGSTER_)")


@dataclass(frozen=True)
class Machine:
    """A folder with a state folder and the command `leads` in it; every block is one shell."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def environ(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not _WITHOUT_LEADS.match(name)}
        path = f"{self.folder / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**plain, "PATH": path, "LEADS_HOME": str(self.home), "PYTHONPATH": str(REPOSITORY)}

    def run(self, commands: str) -> str:
        done = subprocess.run(
            ["sh", "-e", "-c", commands], cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def damage_the_database(machine: Machine) -> None:
    machine.run(
        "python -c \"import sqlite3, os; c = sqlite3.connect(os.environ['LEADS_HOME'] + '/leads.db');"
        "c.execute('PRAGMA wal_checkpoint(TRUNCATE)')\""
    )
    spoil_pages(machine.home / "leads.db")


def delete_the_database(machine: Machine) -> None:
    for path in machine.home.glob("leads.db*"):
        path.unlink()


def damage_the_newest_of_two_backups(machine: Machine) -> None:
    machine.run("sleep 1; leads backup create")
    flip(max((machine.home / "backups").glob("*.db.gz")), 500)


def encrypt_and_lose_the_key(machine: Machine) -> None:
    machine.run("export LEADS_BACKUP_KEY=$(leads backup key); leads backup create")


def sync_rows_that_nobody_wanted(machine: Machine) -> None:
    rows = "Name,Email\n" + "".join(f"Wrong Paste {n},paste{n}@wrong.example\n" for n in range(3))
    (machine.folder / "wrong.csv").write_text(rows, encoding="utf-8")
    machine.run("leads sync --sheet wrong.csv")


BEFORE: Mapping[str | None, Callable[[Machine], None]] = {
    None: lambda machine: None,
    "damage the database": damage_the_database,
    "delete the database": delete_the_database,
    "damage the newest of two backups": damage_the_newest_of_two_backups,
    "encrypt and lose the key": encrypt_and_lose_the_key,
    "sync rows that nobody wanted": sync_rows_that_nobody_wanted,
}


def blocks() -> list[tuple[str, str | None, str]]:
    """Heading, what happened before, commands."""
    found = []
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        heading = section.partition("\n")[0]
        found += [(heading, block["before"], block["commands"]) for block in _BLOCK.finditer(section)]
    return found


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine where leads were synced and backed up, as the page's first block says."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    (machine.folder / "bin").mkdir()
    command = machine.folder / "bin" / "leads"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m leads_dagster "$@"\n')
    command.chmod(0o700)
    machine.run(blocks()[0][2])
    return machine


def test_every_block_of_the_page_is_a_block_of_commands_that_is_run_here() -> None:
    assert len(blocks()) == PAGE.count("```") // 2
    assert {before for _, before, _ in blocks()} <= set(BEFORE)


@pytest.mark.parametrize(
    ("before", "commands"), [block[1:] for block in blocks()[1:]], ids=[block[0] for block in blocks()[1:]]
)
def test_the_commands_of_the_page_do_what_it_says(
    before: str | None, commands: str, prepared: Machine, tmp_path: Path
) -> None:
    machine = Machine(tmp_path / "machine")
    shutil.copytree(prepared.folder, machine.folder)
    BEFORE[before](machine)

    machine.run(commands)
    home = machine.folder / "new-machine" if "new-machine" in commands else machine.home
    counted = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        "print(c.execute('SELECT count(*) FROM leads WHERE archived_at IS NULL AND merged_into IS NULL').fetchone()[0])"
    )
    assert machine.run(f"python -c \"{counted}\" '{home / 'leads.db'}'") == "52\n"
    assert not (home / "damaged.json").exists()
