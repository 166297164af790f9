"""What a use case works with: settings, one customer, the lead database, HTTP, and where to report progress.

What belongs here: opening and closing these, the lock that keeps two cycles of one customer apart, the clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import xxhash
from filelock import FileLock
from sqlalchemy import Engine

from leads_dagster.customers import CustomerSettings
from leads_dagster.errors import LeadsError, StoreBusyError, StoreError
from leads_dagster.leads.fields import NormalizationRules
from leads_dagster.pipeline.recovery import see_that_sound
from leads_dagster.settings import Settings, customer_named
from leads_dagster.sources.http import LeadsHttp, Retries, Timeouts, shared_http
from leads_dagster.sources.sheet_address import SheetAddress, parse_sheet
from leads_dagster.sources.snapshots import SnapshotStore
from leads_dagster.store import ledger
from leads_dagster.store.advisory import cycle_lock
from leads_dagster.store.damage import watch_for_damage
from leads_dagster.store.engine import open_engine, reading, writing
from leads_dagster.store.outbox import MirrorName
from leads_dagster.store.schema import ensure_schema

if TYPE_CHECKING:
    from leads_dagster.pipeline.look import Look
    from leads_dagster.pipeline.pull import Pulled
    from leads_dagster.pipeline.rehearsal import Rehearsal
    from leads_dagster.store.policy import Policy

Progress = Callable[[int, str], None]
LOCK_WAIT_SECONDS = 60.0
# Progress is written to the database at most this often inside one stage; a stage's first word always is.
_PROGRESS_SECONDS = 0.5


@dataclass
class Workspace:
    """One customer's road, open for work.

    Attributes:
        settings: of the process.
        customer: whose road.
        engine: the lead database, upgraded.
        progress: told percent (0 to 100) and words at every stage.
        books_progress: whether the database is told too; not by those who promise to write nothing.
        looked: what a look at the sheet saw, until a cycle takes it over.
        pulled: what a look at Airtable saw, likewise. airtable_failure: why it could not be read in this cycle.
        rehearsal: where nothing may be kept: what a cycle would write is looked at, and goes into a scratch folder.
        airtable_parked: why nothing may be written there for longer; the plan's calls are spent.
        paced: whether looks at Airtable come as the month's budget allows; not where a person asks for one.
        audit: whether a cycle compares all records of Airtable "when_due", "now", or leaves that to others: "left".
        seen_at: when a watcher first saw what the cycle is for; None where none did.
        sheet_made_at: when the sheet was last edited, as its source tells of what was fetched.
        made_at: when changes were made, by when they were first seen; those of which it is known.
    """

    settings: Settings
    customer: CustomerSettings
    engine: Engine
    progress: Progress | None = None
    books_progress: bool = True
    looked: Look | LeadsError | None = field(default=None, repr=False)
    pulled: Pulled | None = field(default=None, repr=False)
    airtable_failure: LeadsError | None = field(default=None, repr=False)
    airtable_parked: str | None = field(default=None, repr=False)
    paced: bool = False
    audit: Literal["when_due", "now", "left"] = "when_due"
    seen_at: datetime | None = None
    sheet_made_at: datetime | None = None
    made_at: dict[datetime, datetime] = field(default_factory=dict, repr=False)
    rehearsal: Rehearsal | None = field(default=None, repr=False)
    _reported: float = field(default=0.0, repr=False)

    @property
    def name(self) -> str:
        """The customer's name, the partition key."""
        return self.customer.name

    @cached_property
    def address(self) -> SheetAddress:
        """Where the customer's sheet is."""
        return parse_sheet(self.customer.sheet, folder=Path.cwd())

    @property
    def source(self) -> str:
        """The canonical address: what names the source in every table."""
        return self.address.canonical

    @cached_property
    def http(self) -> LeadsHttp:
        """The process's one HTTP client."""
        return shared_http(
            Timeouts(read=self.settings.http_timeout_seconds),
            Retries(count=self._retries, delay_seconds=self.settings.retry_delay_seconds),
        )

    @property
    def _retries(self) -> int:
        """A cycle that a watcher asked for keeps no worker waiting: it fails at once, and is asked for again."""
        return self.settings.retry_max if self.seen_at is None else 0

    @cached_property
    def snapshots(self) -> SnapshotStore:
        """Raw sheets as fetched, by checksum."""
        folder = self.rehearsal.folder if self.rehearsal is not None else _folder(self.settings, "raw")
        return SnapshotStore(folder / self.name)

    @property
    def crm_url(self) -> str:
        """The CRM to write to."""
        return self.rehearsal.crm_url if self.rehearsal is not None else self.settings.crm_url

    @property
    def mirrors(self) -> list[MirrorName]:
        """The mirrors this customer has."""
        return ["crm", "airtable"] if self.customer.airtable else ["crm"]

    @cached_property
    def policy(self) -> Policy:
        """What decides, beside claims and decisions, how this customer's records become leads."""
        from leads_dagster.store.policy import policy_of

        return policy_of(self.customer, batch_size=self.settings.batch_size)

    @property
    def rules(self) -> NormalizationRules:
        """How this customer's cells are normalised."""
        return NormalizationRules(phone_region=self.customer.phone_region, date_order=self.customer.date_order)

    @cached_property
    def rules_fingerprint(self) -> str:
        """What, beside the sheet's bytes, decides what comes out: mapping, rules, and their versions."""
        from leads_dagster.leads.headers import HEADERS_VERSION
        from leads_dagster.leads.normalization import NORMALIZATION_VERSION

        parts = [HEADERS_VERSION, NORMALIZATION_VERSION, repr(sorted(self.customer.columns.items())), repr(self.rules)]
        if self.learned_headers:
            parts.append(repr(sorted(self.learned_headers.items())))
        return xxhash.xxh3_128_hexdigest("\x1f".join(parts).encode())

    @cached_property
    def learned_headers(self) -> Mapping[str, str]:
        """Folded header -> field, as this customer's people confirmed it."""
        from leads_dagster.store.learned import headers

        with reading(self.engine) as connection:
            return headers(connection, self.name)

    def forget_what_was_learned(self) -> None:
        """Somebody taught something: ask again."""
        for name in ("learned_headers", "rules_fingerprint"):
            self.__dict__.pop(name, None)

    def fingerprint(self, checksum: str) -> str:
        """What tells that a sheet changed: its bytes, the mapping and the rules."""
        return f"{checksum}-{self.rules_fingerprint}"

    def now(self) -> datetime:
        """The time, aware UTC."""
        return datetime.now(timezone.utc)

    def report(self, percent: int, message: str, *, stage_start: bool = False) -> None:
        """Say how far the cycle is; to the caller at once, to `sync_states` now and then."""
        if self.progress is not None:
            self.progress(percent, message)
        if not self.books_progress:
            return
        if not stage_start and time.monotonic() - self._reported < _PROGRESS_SECONDS:
            return
        with writing(self.engine) as connection:
            ledger.save_progress(connection, self.name, percent, message, running=percent < 100)
        self._reported = time.monotonic()

    @contextmanager
    def locked(self, *, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
        """Keep other cycles of this customer out; may be entered again within.

        They are kept out over all processes of this machine, and on PostgreSQL over all machines.

        Raises:
            StoreBusyError: another cycle kept it longer than `wait_seconds`.
            StoreError: the state folder cannot be written.
        """
        with ExitStack() as held:
            within = self._lock.is_locked
            try:
                held.enter_context(self._lock.acquire(timeout=wait_seconds))
                if not within:
                    held.enter_context(cycle_lock(self.engine, self.name, wait_seconds=wait_seconds))
            except TimeoutError as error:  # filelock's own is one
                raise StoreBusyError(
                    f"Another sync of customer {self.name} is still running.",
                    advice="Wait for it, or see `leads status`.",
                ) from error
            except OSError as error:
                raise _cannot_be_written(self.settings.home / "locks", error) from error
            yield

    @cached_property
    def _lock(self) -> FileLock:
        if self.rehearsal is not None:  # nobody has to wait for one who changes nothing
            return FileLock(self.rehearsal.folder / "rehearsal.lock", thread_local=False)
        return customer_lock(self.settings, self.name)


def customer_lock(settings: Settings, customer: str) -> FileLock:
    """The lock that keeps cycles of a customer apart, not yet taken.

    Raises:
        StoreError: the state folder cannot be written.
    """
    path = _folder(settings, "locks") / f"{_file_name(customer)}.lock"
    return FileLock(path, timeout=LOCK_WAIT_SECONDS, thread_local=False)


def _folder(settings: Settings, name: str) -> Path:
    folder = settings.prepare_home() / name
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _cannot_be_written(folder, error) from error
    return folder


def _cannot_be_written(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"The folder {folder} cannot be written: {error.strerror}.", advice="Check its owner, mode and space."
    )


def _file_name(customer: str) -> str:
    """A customer's name as a file's; names may hold slashes."""
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in customer)
    return plain if plain == customer else f"{plain}-{xxhash.xxh3_64_hexdigest(customer.encode())}"


@contextmanager
def open_workspace(
    settings: Settings, customer: str | None = None, *, sheet: str | None = None, progress: Progress | None = None
) -> Iterator[Workspace]:
    """Open a customer's road; the database is made or upgraded when it must be.

    Args:
        settings: of the process.
        customer: a name, or None for the only configured one.
        sheet: another sheet in place of the configured one; a relative path counts from the current folder.
        progress: told percent and words.

    Raises:
        SettingsError: no such customer, or the database URL or the sheet's address cannot be read.
        StoreDamagedError: the database is damaged or gone, and LEADS_AUTO_RESTORE is off.
        StoreError, StoreBusyError: the database cannot be opened.
    """
    chosen = customer_named(settings, customer)
    if sheet is not None:
        chosen = chosen.with_sheet(sheet, folder=Path.cwd())
    settings.prepare_home()
    see_that_sound(settings)
    engine = open_engine(settings.database_url)
    watch_for_damage(engine, settings)
    try:
        ensure_schema(engine)
        yield Workspace(settings, chosen, engine, progress)
    finally:
        engine.dispose()
