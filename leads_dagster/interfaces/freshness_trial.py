"""How fresh the stores are: edits of a sheet at random instants, timed until store, CRM and Airtable hold them.

What belongs here: a trial of the live system as a whole, in processes and in a folder of its own, on the offline twin.
The clock starts before the edit is sent; each store is asked in turn until it holds the new value.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import httpx
from sqlalchemy import Engine, bindparam, text

from leads_dagster.errors import ServiceUnavailableError

System = Literal["live", "stock"]
Say = Callable[[str], None]

TARGETS = ("store", "crm", "airtable")
_TITLE_COLUMN = "D"
_LONGEST_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.01
_READY_SECONDS = 600.0
_BASE, _TABLE = "appLeadsSandbox01", "Leads"


@dataclass(frozen=True)
class TrialPlan:
    """What is tried.

    Attributes:
        system: "live" for `leads up`, "stock" for `dagster dev` with the same assets.
        edits: how many.
        rows: of each sheet.
        customers: how many, a sheet each; the first one's is edited.
        interval_seconds: between two looks at a sheet.
        airtable: whether the first has a table to mirror to; 10,000 records take Airtable's limit 200 s at first.
        shortest, longest: seconds between an edit's arrival and the next edit, any instant between them alike.
    """

    system: System = "live"
    edits: int = 100
    rows: int = 10_000
    customers: int = 1
    interval_seconds: float = 1.0
    airtable: bool = True
    shortest: float = 0.5
    longest: float = 2.5


@dataclass(frozen=True)
class Trial:
    """A system that runs, all sheets loaded.

    Attributes:
        plan: what was asked for.
        url: of the twin.
        system: may be stopped and started again. twin_pid: of the twin's process.
        stores: what its readers see.
    """

    plan: TrialPlan
    url: str
    system: Program
    twin_pid: int
    stores: Stores

    @property
    def pid(self) -> int:
        """Of the system's first process."""
        return self.system.pid

    def edit(self, row: int, title: str, *, customer: int = 0) -> None:
        """A person types a title into a customer's sheet."""
        body = {"range": f"{_TITLE_COLUMN}{row + 2}", "values": [[title]]}
        httpx.post(f"{self.url}/sandbox/sheets/{_sheet_id(customer)}/edit", json=body, timeout=30).raise_for_status()

    def time_edits(self, *, say: Say = lambda _: None) -> dict[str, list[float]]:
        """Seconds from each edit to each store.

        Raises:
            ServiceUnavailableError: an edit did not arrive within a minute.
        """
        found: dict[str, list[float]] = {name: [] for name in self.stores.targets}
        chance = random.Random(self.plan.edits)  # noqa: S311  not a secret: the instants of edits
        for number in range(self.plan.edits):
            time.sleep(chance.uniform(self.plan.shortest, self.plan.longest))
            row, title = chance.randrange(self.plan.rows), f"Title {number} at {time.time_ns()}"
            asks = self.stores.asks(row, title)
            sent = time.monotonic()
            self.edit(row, title)
            for name, seconds in until_all_hold(asks, sent).items():
                found[name].append(seconds)
            say(f"{number + 1} of {self.plan.edits} edits")
        return found


@contextlib.contextmanager
def trial(
    plan: TrialPlan,
    folder: Path,
    *,
    say: Say = lambda _: None,
    environ: Mapping[str, str] | None = None,
    load: Callable[[Mapping[str, str]], object] | None = None,
) -> Iterator[Trial]:
    """The system and the twin, started in an empty folder and loaded; ended with the block.

    Args:
        plan: what is tried.
        folder: empty; all state of the trial.
        say: told how far it is.
        environ: for the system, beside what it needs.
        load: fills the stores before the system starts, in the environment that it is given; else the system does.

    Raises:
        ServiceUnavailableError: the system did not come up.
    """
    with _twin(folder, plan) as (url, twin_pid):
        told = {**_environment(folder, url, plan), **(environ or {})}
        rows = f"{plan.customers * plan.rows:,} rows"
        say(f"Starting {'leads up' if plan.system == 'live' else 'dagster dev'}, and loading {rows}")
        if load is not None:
            load(told)
        with _system(plan.system, folder, told) as system, contextlib.closing(Stores(folder, url, plan)) as stores:
            _wait_for(stores.are_loaded, _READY_SECONDS, "the first load")
            if load is not None:
                _wait_for(lambda: _is_ready(folder / f"{plan.system}.log"), _READY_SECONDS, "the system")
            yield Trial(plan, url, system, twin_pid, stores)


def run_trial(plan: TrialPlan, folder: Path, *, say: Say = lambda _: None) -> dict[str, list[float]]:
    """Seconds from each edit to each store.

    Args:
        plan: what is tried.
        folder: empty; all state of the trial.
        say: told how far it is.

    Raises:
        ServiceUnavailableError: the system did not come up, or an edit did not arrive within a minute.
    """
    with trial(plan, folder, say=say) as running:
        return running.time_edits(say=say)


def percentile(seconds: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed (nearest rank)."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def until_all_hold(asks: Mapping[str, Callable[[], bool]], sent: float) -> dict[str, float]:
    """Seconds from `sent` (monotonic) until each of them says yes.

    Raises:
        ServiceUnavailableError: not within a minute.
    """
    found: dict[str, float] = {}
    while len(found) < len(asks):
        for name, holds in asks.items():
            if name not in found and holds():
                found[name] = time.monotonic() - sent
        if time.monotonic() - sent > _LONGEST_WAIT_SECONDS:
            missing = ", ".join(sorted(set(asks) - set(found)))
            raise ServiceUnavailableError(f"An edit did not arrive within a minute: {missing}.")
        time.sleep(_POLL_SECONDS)
    return found


class Stores:
    """The stores as their readers see them."""

    def __init__(self, folder: Path, url: str, plan: TrialPlan) -> None:
        from sqlalchemy import create_engine

        self._all_rows, self._url = plan.rows * plan.customers, url
        self._store = create_engine(f"sqlite:///{folder / 'state' / 'leads.db'}")
        self._crm = create_engine(f"sqlite:///{folder / 'state' / 'crm.db'}")
        self._http = httpx.Client(timeout=30)
        self.targets = TARGETS if plan.airtable else TARGETS[:2]

    def close(self) -> None:
        """Let go of all connections."""
        self._store.dispose()
        self._crm.dispose()
        self._http.close()

    def are_loaded(self) -> bool:
        """Whether the first load stands everywhere."""
        waiting = "SELECT count(*) FROM sync_status WHERE status = 'pending'"
        with contextlib.suppress(Exception):  # no table yet
            return (
                self._count(self._store, "SELECT count(*) FROM leads") >= self._all_rows
                and self._count(self._crm, "SELECT count(*) FROM leads_lead") >= self._all_rows
                and self._count(self._store, waiting) == 0
            )
        return False

    def asks(self, row: int, title: str, *, customer: int = 0) -> dict[str, Callable[[], bool]]:
        """For each store whether it holds the title: by its key, since asking shall cost the system nothing."""
        lead, record = self._ids(row, customer)
        found = {
            "store": lambda: self._title(self._store, "leads", lead) == title,
            "crm": lambda: self._title(self._crm, "leads_lead", lead) == title,
            "airtable": self._airtable_asks(record, title),
        }
        return {name: found[name] for name in self.targets}

    def lead_of(self, row: int, *, customer: int = 0) -> str:
        """The lead of a row."""
        return self._ids(row, customer)[0]

    def titles_of(self, leads: Sequence[str]) -> dict[str, str | None]:
        """Lead -> its title in the lead database."""
        asked = text("SELECT id, title FROM leads WHERE id IN :leads").bindparams(bindparam("leads", expanding=True))
        with self._store.connect() as connection:
            return {one.id: one.title for one in connection.execute(asked, {"leads": list(leads)})}

    def _ids(self, row: int, customer: int) -> tuple[str, str | None]:
        asked = text("SELECT id, airtable_id FROM leads WHERE customer = :customer AND email = :email")
        with self._store.connect() as connection:
            lead, record = connection.execute(asked, {"customer": _name(customer), "email": _email(row)}).one()
            return lead, record

    def _airtable_asks(self, record: str | None, title: str) -> Callable[[], bool]:
        address = f"{self._url}/v0/{_BASE}/{_TABLE}/{record}"

        def holds() -> bool:
            answer = self._http.get(address, headers={"Authorization": "Bearer any"})
            return bool(answer.json()["fields"].get("Title") == title)

        return holds

    @staticmethod
    def _title(engine: Engine, table: str, lead: str) -> str | None:
        with engine.connect() as connection:
            asked = text(f"SELECT title FROM {table} WHERE id = :id")  # noqa: S608  one of two names of ours
            found: str | None = connection.execute(asked, {"id": lead}).scalar()
            return found

    @staticmethod
    def _count(engine: Engine, statement: str) -> int:
        with engine.connect() as connection:
            return int(connection.execute(text(statement)).scalar_one())


def _email(row: int) -> str:
    return f"person{row}@company{row % 997}.example"


def _name(customer: int) -> str:
    return f"customer-{customer:04d}"


def _sheet_id(customer: int) -> str:
    return f"sheet-{customer:04d}"


@contextlib.contextmanager
def _twin(folder: Path, plan: TrialPlan) -> Iterator[tuple[str, int]]:
    """Address and process of the offline twin, with a sheet for each customer."""
    sheets = folder / "sheets"
    sheets.mkdir(parents=True)
    for customer in range(plan.customers):
        _write_sheet(sheets / f"{_sheet_id(customer)}.csv", plan.rows)
    environ = {**os.environ, "LEADS_HOME": str(folder / "twin")}
    command = [sys.executable, "-m", "leads_dagster", "sandbox", "--sheets", str(sheets), "--port", "0", "--json"]
    with _process(command, environ, folder / "twin.log", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise ServiceUnavailableError("The offline twin did not start.", advice=_last_lines(folder / "twin.log"))
        yield json.loads(line)["url"], process.pid


def _write_sheet(path: Path, rows: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["Name", "Email", "Company", "Title", "Phone"])
        for row in range(rows):
            name = f"{_NAMES[row % len(_NAMES)]} {_NAMES[row // len(_NAMES) % len(_NAMES)]}son{row}"
            lines.writerow([name, _email(row), f"Company {row % 997} Ltd", "Sales", f"+1212555{row:04d}"[:12]])


# Names enough that no two rows are taken for one person.
_NAMES = ("Alma", "Boris", "Clara", "Dario", "Edda", "Faro", "Greta", "Hugo", "Irma", "Jonas", "Kira", "Lasse", "Mona")


def _environment(folder: Path, url: str, plan: TrialPlan) -> dict[str, str]:
    """What the system is told, and its leads.toml and key file."""
    state = folder / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    key = state / "key.json"
    key.write_text(json.dumps(_service_account(url)), encoding="utf-8")
    (state / "leads.toml").write_text("\n".join(_customers(plan)), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LEADS_", "DAGSTER_"))}
    return {
        **kept,
        "LEADS_HOME": str(state),
        "AIRTABLE_ENDPOINT_URL": url,
        "AIRTABLE_API_KEY": "any",
        "GOOGLE_SHEETS_ENDPOINT_URL": url,
        "GOOGLE_APPLICATION_CREDENTIALS": str(key),
    }


def _customers(plan: TrialPlan) -> Iterator[str]:
    for customer in range(plan.customers):
        sheet = f"https://docs.google.com/spreadsheets/d/{_sheet_id(customer)}/edit#gid=0"
        yield f'[[customers]]\nname = "{_name(customer)}"\nsheet = "{sheet}"'
        yield f"interval_seconds = {plan.interval_seconds}"
        if plan.airtable and customer == 0:
            yield f'[customers.airtable]\nbase_id = "{_BASE}"\ntable = "{_TABLE}"\nplan = "business"'


def _service_account(url: str) -> dict[str, str]:
    """A throw-away key; the twin asks for one and takes any."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {
        "type": "service_account",
        "client_email": "trial@project.example",
        "private_key": pem,
        "token_uri": f"{url}/oauth2/token",
    }


@contextlib.contextmanager
def _system(system: System, folder: Path, environ: dict[str, str]) -> Iterator[Program]:
    port = str(_free_port())
    if system == "live":
        command = [sys.executable, "-m", "leads_dagster", "up", "--port", port, "--api-port", "0"]
    else:
        home = folder / "stock"
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
        environ = {**environ, "DAGSTER_HOME": str(home)}
        module = ("-m", "leads_dagster.definitions")
        command = [sys.executable, "-m", "dagster", "dev", *module, "-h", "127.0.0.1", "-p", port]
    program = Program(command, environ, folder / f"{system}.log")
    program.start()
    try:
        yield program
        if program.has_ended:
            raise ServiceUnavailableError("The system ended by itself.", advice=_last_lines(folder / f"{system}.log"))
    finally:
        program.stop()


class Program:
    """A program whose words go to a file, and that may live several times.

    Args:
        command, environ: what it is.
        log: added to by each life.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self._command, self._environ, self._log = list(command), dict(environ), log
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """Its process; 0 where it was never started."""
        return self._process.pid if self._process is not None else 0

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self._process is None or self._process.poll() is not None

    def start(self) -> None:
        """Begin a life."""
        with self._log.open("a", encoding="utf-8") as words:
            self._process = _begin(self._command, self._environ, words, words)

    def stop(self, number: signal.Signals = signal.SIGINT) -> float:
        """End it with all that it started; how many seconds it took."""
        began = time.monotonic()
        if self._process is not None:
            _end(self._process, number)
        return time.monotonic() - began


@contextlib.contextmanager
def _process(
    command: Sequence[str], environ: dict[str, str], log: Path, stdout: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A program whose words go to a file; ended, with all it started, when the block ends."""
    with log.open("w", encoding="utf-8") as words:
        process = _begin(command, environ, words if stdout is None else stdout, words)
        try:
            yield process
        finally:
            _end(process)


def _begin(
    command: Sequence[str], environ: Mapping[str, str], stdout: IO[str] | int, stderr: IO[str]
) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  our own programs
        list(command), env=environ, stdout=stdout, stderr=stderr, text=True, start_new_session=True
    )


def _end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> None:
    stream: IO[Any] | None = process.stdout
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(40)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # stock Dagster leaves some of its own behind
    process.wait()
    if stream is not None:
        stream.close()


def _wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            raise ServiceUnavailableError(f"Waited {seconds:.0f} s for {what} in vain.")
        time.sleep(0.5)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _is_ready(log: Path) -> bool:
    return "Ready in" in log.read_text(encoding="utf-8")


def _last_lines(log: Path) -> str:
    with contextlib.suppress(OSError):
        return " ".join(log.read_text(encoding="utf-8").splitlines()[-5:])
    return ""
