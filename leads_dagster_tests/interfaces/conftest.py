"""The command line, run in this process, in a folder and an environment of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from leads_dagster.interfaces.cli.edge import run
from leads_dagster_tests.conftest import REPOSITORY


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as the one JSON document that it must be."""
        return json.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """`leads`, started in `folder` with the state folder `folder`/.leads."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / ".leads"

    def __call__(self, *arguments: str) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(arguments)
        return Ended(code, out.getvalue(), err.getvalue())

    @contextlib.contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """The command in a process of its own, ended at the latest with the block."""
        process = subprocess.Popen(
            [sys.executable, "-m", "leads_dagster", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def configure(self, text: str) -> None:
        """Write leads.toml."""
        self.home.mkdir(mode=0o700, exist_ok=True)
        (self.home / "leads.toml").write_text(text, encoding="utf-8")


@pytest.fixture
def leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    for name in list(os.environ):
        if name.startswith(("LEADS_", "LEAD_", "AIRTABLE_", "GOOGLE_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return CommandLine(tmp_path)
