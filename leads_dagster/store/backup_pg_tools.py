"""PostgreSQL's own programs: finding those that fit the server, and running them without a secret in their arguments.

What belongs here: processes and their environment. What they are run for is `backup_postgres`'.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, BinaryIO, cast

from sqlalchemy.engine import URL

from leads_dagster.errors import StoreError
from leads_dagster.store.backup_frames import copy_stream

_DEBIAN = Path("/usr/lib/postgresql")
_NEEDED = ("pg_dump", "pg_restore", "psql")
_LOCK_WAIT_MS = 60_000
_LONGEST_WORDS = 500
# What a SQLAlchemy URL may say after its question mark, and the variable of libpq that means the same.
_OPTIONS = {
    "host": "PGHOST", "port": "PGPORT", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY", "passfile": "PGPASSFILE", "service": "PGSERVICE",
}  # fmt: skip


@dataclass(frozen=True)
class PgTools:
    """Programs that fit a server, and how they reach it.

    Attributes:
        folder: where the programs are.
        environ: for their processes; holds the password, so it stays out of the repr.
    """

    folder: Path
    environ: Mapping[str, str]

    def __repr__(self) -> str:
        return f"PgTools({self.folder})"

    @contextmanager
    def output_of(self, program: str, *arguments: str) -> Iterator[BinaryIO]:
        """What a program writes; its end is only told once the program has ended well.

        Raises (on reading the end, and where the block ends):
            StoreError: it failed.
        """
        with tempfile.TemporaryFile() as said, self._start(program, arguments, said, stdout=subprocess.PIPE) as process:
            output = _Output(program, process, said)
            yield cast("BinaryIO", output)
            output.see_that_it_worked()

    def feed(self, source: BinaryIO, program: str, *arguments: str) -> None:
        """Run a program on an input; where reading the input fails, the program is killed and sees no end of it.

        Raises:
            StoreError: it failed.
        """
        with (
            tempfile.TemporaryFile() as said,
            self._start(program, arguments, said, stdin=subprocess.PIPE) as process,
        ):
            assert process.stdin is not None
            try:
                copy_stream(source, cast("BinaryIO", process.stdin))
                process.stdin.close()
            except BrokenPipeError:
                pass  # it ended early: its own words say why
            except BaseException:
                process.kill()
                raise
            _see_that_it_worked(program, process, said)

    def _start(
        self,
        program: str,
        arguments: tuple[str, ...],
        said: IO[bytes],
        *,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        command = [str(self.folder / program), *arguments]
        environ = dict(self.environ)
        return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=said, env=environ)  # noqa: S603


class _Output:
    """A program's output, to be read to its end: psql, say, commits when it sees the end of its input."""

    def __init__(self, program: str, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        self._program, self._process, self._said = program, process, said

    def read(self, count: int) -> bytes:
        assert self._process.stdout is not None
        piece = self._process.stdout.read(count)
        if not piece:
            self.see_that_it_worked()
        return piece

    def see_that_it_worked(self) -> None:
        _see_that_it_worked(self._program, self._process, self._said)


def pg_tools(url: URL, server_major: int, named: Path | None) -> PgTools:
    """The programs for a server.

    Args:
        url: of the database.
        server_major: the server's version; an older pg_dump refuses it.
        named: the folder that LEADS_PG_BIN names, or None to look.

    Raises:
        StoreError: there are none, or they are too old.
    """
    seen: list[str] = []
    for folder in [named] if named else _folders():
        version = _major(folder)
        if version is not None and version >= server_major:
            return PgTools(folder, connection_environ(url))
        seen.append(f"{folder} ({'incomplete' if version is None else version})")
    raise StoreError(
        f"The programs pg_dump, pg_restore and psql of PostgreSQL {server_major} or newer were not found"
        + (f"; seen: {', '.join(seen)}." if seen else "."),
        advice=f"Install them (Debian: apt install postgresql-client-{server_major}), or set LEADS_PG_BIN.",
    )


def _folders() -> Iterator[Path]:
    """Where they may be: the PATH, Debian's folders (newest first), beside pip's pgserver."""
    if found := shutil.which("pg_dump"):
        yield Path(found).parent
    yield from sorted(_DEBIAN.glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True)
    beside = find_spec("pgserver")
    if beside is not None and beside.origin:
        yield Path(beside.origin).parent / "pginstall" / "bin"


def _major(folder: Path) -> int | None:
    """The version of the programs in a folder; None where one is missing."""
    if not all(os.access(folder / program, os.X_OK) for program in _NEEDED):
        return None
    asked = [str(folder / "pg_dump"), "--version"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout  # noqa: S603  # as above
    found = re.search(r"\) (\d+)", said)
    return int(found[1]) if found else None


def connection_environ(url: URL) -> dict[str, str]:
    """This process's environment with the variables of libpq that say what the URL says."""
    said = {
        "PGHOST": url.host,
        "PGPORT": str(url.port) if url.port else None,
        "PGUSER": url.username,
        "PGPASSWORD": None if url.password is None else str(url.password),
        "PGDATABASE": url.database,
        "PGOPTIONS": f"-c lock_timeout={_LOCK_WAIT_MS} -c client_min_messages=warning -c timezone=UTC",
        **{variable: url.query[name] for name, variable in _OPTIONS.items() if name in url.query},
    }
    return {**os.environ, **{name: str(value) for name, value in said.items() if value}}


def _see_that_it_worked(program: str, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
    code = process.wait()
    if code == 0:
        return
    said.seek(0)
    words = said.read(4 * _LONGEST_WORDS).decode(errors="replace").strip()
    raise StoreError(f"{program} failed with {code}: {_without_rows(words)[:_LONGEST_WORDS]}")


def _without_rows(words: str) -> str:
    """What a program says, without the lines that quote rows, which are people's data."""
    quoting = ("DETAIL:", "CONTEXT:", "LINE ", "COPY ")
    return " ".join(line for line in words.splitlines() if not line.strip().startswith(quoting))
