"""The README: one sentence, two commands, and links that lead somewhere."""

from __future__ import annotations

import re
import subprocess

import pytest

from leads_dagster_tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def make_targets() -> set[str]:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def test_the_first_thing_under_the_title_is_one_sentence() -> None:
    sentence = README.split("\n\n")[1]

    assert sentence.endswith(".")
    assert sentence.count(". ") == 0


def test_the_commands_are_make_run_and_make_test() -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)

    assert [line.split("#")[0].strip() for line in block.splitlines()] == ["make run", "make test"]


def test_every_make_target_the_readme_names_is_there() -> None:
    named = {target for command in re.findall(r"make ((?:[a-z]+ ?)+)`", README) for target in command.split()}

    assert {"check", "test"} <= named
    assert named <= make_targets()


def test_make_help_lists_every_target() -> None:
    told = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout

    assert set(re.findall(r"^make ([a-z]+)", told, re.MULTILINE)) == make_targets() - {"help"}


def test_ci_runs_what_the_readme_says_and_nothing_else() -> None:
    lines = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]

    assert commands == ["make check test"]
    assert f"`{commands[0]}`" in README


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?://)([^)#]+)", README))
def test_every_link_leads_somewhere(target: str) -> None:
    assert (REPOSITORY / target).exists()


def test_the_changelog_has_unreleased_on_top() -> None:
    changes = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")

    assert re.findall(r"^## (.*)", changes, re.MULTILINE)[0] == "Unreleased"
