"""The house: imports point one way, and light commands stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from leads_dagster_tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "leads_dagster"
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = ("dagster", "numpy", "pandas", "polars", "pyairtable", "gspread", "sqlalchemy", "httpx", "starlette", "uvicorn")


def imported_after(*arguments: str) -> set[str]:
    """Which heavy libraries a command has imported when it ends."""
    script = (
        "import sys; from leads_dagster.interfaces.cli.edge import run; code = run(sys.argv[1:]);"
        "print('imported', *(name for name in sys.modules if '.' not in name)); sys.exit(code)"
    )
    ended = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    return set(ended.stdout.splitlines()[-1].split()) & set(HEAVY)


def test_imports_point_one_way() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run(
        [lint, "--no-logo", "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("sync", "--help"), ("holds", "--help")])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert imported_after(*arguments) == set()


def test_the_command_line_imports_without_dagster() -> None:
    script = "import sys, leads_dagster.interfaces.cli.app; print('dagster' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "False"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_says_what_belongs_in_it(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert not tree.body or ast.get_docstring(tree)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_state_is_rebound_from_inside_a_function(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Global)] == []
