"""Completion as shells ask for it: by a process each, told in variables of the environment."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from leads_dagster_tests.conftest import REPOSITORY
from leads_dagster_tests.interfaces.conftest import CommandLine
from leads_dagster_tests.pipeline.conftest import Road
from leads_dagster_tests.test_architecture import HEAVY

CUSTOMERS = '[[customers]]\nname = "acme"\nsheet = "a.csv"\n[[customers]]\nname = "zeta"\nsheet = "z.csv"\n'


def asked(words: str, home: Path, *, shell: str = "fish") -> list[str]:
    """What a shell is told of a line, one completion each."""
    environ = {
        **os.environ, "LEADS_HOME": str(home), "PYTHONPATH": str(REPOSITORY), "_LEADS_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "COMP_WORDS": words, "COMP_CWORD": str(len(shlex.split(words)) - (not words.endswith(" "))),
    }  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-m", "leads_dagster"], env=environ, capture_output=True, text=True, check=False, cwd=home
    )
    assert ended.stderr == ""
    return [line for line in ended.stdout.splitlines() if line]


@pytest.fixture
def two(leads: CommandLine) -> Path:
    """The state folder of two customers that never synced."""
    leads.configure(CUSTOMERS)
    return leads.home


@pytest.fixture
def waiting(tmp_path: Path) -> Road:
    """A customer of whom a hold and a row in quarantine wait."""
    road = Road(tmp_path / "road")
    crowd = [[f"Person N{number}", f"p{number}@firm{number}.example", "", "CTO"] for number in range(40)]
    road.sync([*crowd, ["", "", "=Nobody Ltd", ""]])
    road.sync([*crowd[:4], ["", "", "=Nobody Ltd", ""]])
    return road


def test_commands_are_completed_with_what_they_do(two: Path) -> None:
    (pause,) = asked("leads pau", two)

    assert pause.startswith("pause\tLet the live system leave a customer")


def test_bash_is_told_words_alone_and_zsh_a_line_of_its_own_language(two: Path) -> None:
    assert asked("leads res", two, shell="bash") == ["resume"]
    assert asked("leads res", two, shell="zsh")[0].startswith('_arguments \'*: :(("resume":"Let the live system')


def test_a_group_that_lists_by_itself_names_what_else_it_can_do(two: Path) -> None:
    assert [line.partition("\t")[0] for line in asked("leads holds ", two)] == ["list", "show", "approve", "drop"]


def test_customers_are_those_of_the_file(two: Path) -> None:
    assert asked("leads status --customer ", two) == ["acme", "zeta"]
    assert asked("leads holds show -c ze", two) == ["zeta"]


def test_a_settings_file_that_is_wrong_completes_to_nothing(leads: CommandLine) -> None:
    leads.configure("[[customers]\n")

    assert asked("leads status --customer ", leads.home) == []
    assert asked("leads holds show ", leads.home) == []


def test_ids_of_what_waits_come_with_what_they_are_about(waiting: Road) -> None:
    (hold,) = asked("leads holds approve ", waiting.home)
    (row,) = asked("leads quarantine show --customer acme ", waiting.home)
    runs = asked("leads undo run ", waiting.home)

    assert hold.startswith("1\topen, since 20")
    assert row.endswith("\tno_identity, row 42")
    assert [run.partition("\t")[2].split(",")[0] for run in runs] == ["held", "done"]


def test_what_does_not_wait_any_more_is_not_completed(waiting: Road) -> None:
    assert asked("leads conflicts show ", waiting.home) == []
    assert asked("leads undo decision ", waiting.home) == []
    assert asked("leads holds approve 2", waiting.home) == []


def test_nothing_is_made_for_a_completion(two: Path) -> None:
    asked("leads holds show -c acme ", two)

    assert [path.name for path in two.iterdir()] == ["leads.toml"]


@pytest.mark.parametrize(
    ("words", "found"),
    [("leads override x comp", "company"), ("leads outbox --mirror ", "airtable"), ("leads backup restore ", "one.db")],
)
def test_fields_mirrors_and_backups_are_completed(words: str, found: str, two: Path) -> None:
    (two / "backups").mkdir()
    (two / "backups" / "one.db.json").write_text("{}")

    assert found in asked(words, two)


@pytest.mark.parametrize("words", ["sta", "status --customer ", "holds show -c acme "])
def test_a_completion_imports_nothing_heavy(words: str, two: Path) -> None:
    script = (
        "import sys, atexit; from leads_dagster.interfaces.cli import main;"
        "atexit.register(lambda: print(*(name for name in sys.modules if '.' not in name), file=sys.stderr)); main()"
    )
    environ = {
        **os.environ, "LEADS_HOME": str(two), "_LEADS_COMPLETE": "complete_bash", "COMP_WORDS": f"leads {words}",
        "COMP_CWORD": str(len(words.split()) + words.endswith(" ")), "PYTHONPATH": str(REPOSITORY),
    }  # fmt: skip
    ended = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)

    assert ended.stdout or words.startswith("holds")
    assert set(ended.stderr.split()) & set(HEAVY) == set()


def test_bash_itself_completes_with_the_script_that_is_shown(two: Path, tmp_path: Path) -> None:
    command = tmp_path / "bin" / "leads"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m leads_dagster "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    script = (
        'eval "$(leads --show-completion bash)"; COMP_WORDS=(leads status --customer ze); COMP_CWORD=3;'
        '_leads_completion leads; echo "${COMPREPLY[*]}"'
    )
    environ = {
        **os.environ, "LEADS_HOME": str(two), "PYTHONPATH": str(REPOSITORY),
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    ended = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, check=True)

    assert ended.stdout.splitlines()[-1] == "zeta", ended.stderr


@pytest.mark.parametrize(("shell", "folder"), [("bash", ".bash_completions"), ("zsh", ".zfunc"), ("fish", ".config")])
def test_installing_it_writes_into_the_shells_own_place(shell: str, folder: str, two: Path, tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "HOME": str(tmp_path),
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
        "PYTHONPATH": str(REPOSITORY),
        "LEADS_HOME": str(two),
    }
    command = [sys.executable, "-m", "leads_dagster"]
    ended = subprocess.run(
        [*command, "--install-completion", shell], env=environ, capture_output=True, text=True, check=True
    )

    assert f"{shell} completion installed" in ended.stdout
    written = [path for path in (tmp_path / folder).rglob("*") if path.is_file()]
    assert any("_LEADS_COMPLETE" in path.read_text() for path in written)
