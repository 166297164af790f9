"""What holds for this process: the environment and leads.toml, read and checked as a whole.

What belongs here: the frozen values and how they are completed. Each variable is a row of `settings_table`; what is set
per customer is in `customers`, and read from leads.toml by `leads_toml`. Nothing heavy is imported: every command pays
for this module.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from leads_dagster.customers import CustomerSettings, choose_customer, default_customer
from leads_dagster.errors import CredentialsError, SettingsError, StoreError
from leads_dagster.leads_toml import read_customers
from leads_dagster.settings_table import FLAGS, SETTINGS, read_environment
from leads_dagster.spelling import nearest

CONFIG_NAME = "leads.toml"
KEPT_CONFIG = "LEADS_LIVE_CONFIG"
"""Names, in the processes of `leads up`, the last leads.toml that was right: somebody may be editing the real one."""


@dataclass(frozen=True)
class Settings:
    """What holds for this process. Paths are absolute; secrets stay out of its repr.

    Attributes:
        config_path: the leads.toml that was read; None where there is none.
        home: the state folder, perhaps not there yet: see `prepare_home`.
        database_url: SQLAlchemy URL of the lead database.
        crm_url: SQLAlchemy URL of the CRM database.
        budget_url: the Redis that keeps the call budget; None for a file under `home`.
        broker_url: the Celery broker that hands runs to workers; None for a folder under `home`.
        queue_url: "sqlite" for the file under `home`, or where else captures wait; see `capture_queue.place`.
        queue_limit: captures that may wait.
        queue_retry_cron: when dead ones are queued again.
        workers: runs at once in the live system.
        web_host, web_port: where it serves Dagster's interface; no port means 3000 or the next free one.
        api_token: tokens separated by commas, `read:` or `write:` before one limits it; None where none is needed.
        api_host, api_port: where the API serves; no port means 8000 or the next free one.
        api_origins: other sites whose pages may call it, separated by commas.
        public_url: where people reach the dashboard, without a slash at the end; None where that is where it serves.
        api_rate: requests a second that one address may send; 0 for any number.
        api_max_bytes: of one request's body.
        backup_folder: perhaps not there yet.
        backup_key_value: keys separated by commas, newest first; wins over `backup_key_file`.
        pg_bin: folder of PostgreSQL's programs, or None to look for them.
        airtable_endpoint_url: without `/v0` and without a slash at the end.
        google_credentials: the service account file, or None.
        google_sheets_endpoint_url: None means Google itself.
        retry_max: tries of a request after the first.
        store_attempts: tries of an operation on the lead database, the first included.
        customers: never empty.
    """

    home: Path
    config_path: Path | None
    database_url: str = field(repr=False)
    crm_url: str = field(repr=False)
    backup_folder: Path
    customers: tuple[CustomerSettings, ...]
    budget_url: str | None = field(default=None, repr=False)
    broker_url: str | None = field(default=None, repr=False)
    queue_url: str = field(default="sqlite", repr=False)
    queue_limit: int = 2_000_000
    queue_item_bytes: int = 1_000_000
    queue_keep_days: float = 30.0
    queue_attempts: int = 3
    queue_retry_seconds: float = 5.0
    queue_retry_cron: str = "41 */6 * * *"
    workers: int = 2
    web_host: str = "127.0.0.1"
    web_port: int | None = None
    api_token: str | None = field(default=None, repr=False)
    api_host: str = "127.0.0.1"
    api_port: int | None = None
    api_origins: str = ""
    public_url: str | None = None
    api_rate: float = 3000.0
    api_max_bytes: int = 10_000_000
    airtable_api_key_value: str | None = field(default=None, repr=False)
    airtable_api_key_file: Path | None = None
    airtable_endpoint_url: str = "https://api.airtable.com"
    google_credentials: Path | None = None
    google_sheets_endpoint_url: str | None = None
    retry_max: int = 3
    retry_delay_seconds: float = 1.0
    http_timeout_seconds: float = 30.0
    max_sheet_bytes: int = 200_000_000
    batch_size: int = 50
    store_attempts: int = 3
    store_retry_delay_seconds: float = 0.1
    store_deadline_seconds: float = 30.0
    backup_key_value: str | None = field(default=None, repr=False)
    backup_key_file: Path | None = None
    backup_keep: int = 14
    backup_keep_days: float = 30.0
    freshness_keep_days: float = 90.0
    backup_cron: str = "30 2 * * *"
    runs_keep: int = 5_000
    runs_keep_days: float = 14.0
    ticks_keep_hours: float = 6.0
    ledger_keep_days: float = 30.0
    retention_cron: str = "7-59/10 * * * *"
    auto_restore: bool = False
    pg_bin: Path | None = None
    notify_urls: str | None = field(default=None, repr=False)
    notify_urls_file: Path | None = None
    notify_again_hours: float = 24.0
    webhook_urls: str | None = field(default=None, repr=False)
    webhook_secret: str | None = field(default=None, repr=False)
    log_format: str = "text"
    debug: bool = False

    @property
    def has_airtable_token(self) -> bool:
        """Whether a token, or a file of one, is set at all."""
        return bool(self.airtable_api_key_value) or self.airtable_api_key_file is not None

    def airtable_api_key(self) -> str:
        """The Airtable token as it is now; its file is read at every call, so a rotated token is used at once.

        Raises:
            CredentialsError: none is set, or the file cannot be read or is empty.
        """
        if self.airtable_api_key_value:
            return self.airtable_api_key_value
        if self.airtable_api_key_file is None:
            raise CredentialsError(
                "There is no Airtable token.", advice="Set AIRTABLE_API_KEY or AIRTABLE_API_KEY_FILE."
            )
        return _read_token(self.airtable_api_key_file)

    def prepare_home(self) -> Path:
        """Make the state folder (mode 700) where it is not there, and give it back.

        Raises:
            StoreError: it cannot be made or is not a folder.
        """
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The state folder {self.home} cannot be made: {error.strerror}.",
                advice="Set LEADS_HOME to a folder that may be written to.",
            ) from error
        return self.home

    def with_customer(self, customer: CustomerSettings) -> Settings:
        """The same settings with `customer` in the place of the one of its name."""
        return replace(self, customers=tuple(customer if c.name == customer.name else c for c in self.customers))


def load_settings(environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Settings:
    """Settings from the environment and from leads.toml.

    Args:
        environ: defaults to the process's own.
        cwd: what relative paths count from; defaults to the current folder.

    Raises:
        SettingsError: with every fault of the environment and of leads.toml at once.
    """
    environ = os.environ if environ is None else environ
    found, faults = read_environment(environ)
    folder = (cwd or Path.cwd()).absolute()
    home = _absolute(found["home"], folder)
    config, customers = _read_config(found["config"], faults, home=home, folder=folder, kept=environ.get(KEPT_CONFIG))
    if faults:
        raise SettingsError("\n".join(faults), advice="docs/configuration.md lists every setting and key.")
    return Settings(
        home=home,
        config_path=config,
        database_url=_database_url(found, home=home, folder=folder),
        crm_url=_expand(found["crm_url"], home),
        queue_url=_expand(found["queue_url"], home),
        backup_folder=_absolute(_expand(found["backup_folder"], home), folder),
        backup_key_value=found["backup_key"],
        backup_key_file=_optional(found["backup_key_file"], folder),
        pg_bin=_optional(found["pg_bin"], folder),
        notify_urls_file=_optional(found["notify_urls_file"], folder),
        customers=customers,
        airtable_api_key_value=found["airtable_api_key"],
        airtable_api_key_file=_optional(found["airtable_api_key_file"], folder),
        google_credentials=_optional(found["google_credentials"], folder),
        **{name: found[name] for name in _AS_THEY_ARE},
    )


def customer_named(settings: Settings, name: str | None) -> CustomerSettings:
    """The customer a command is for: the named one, else the only one, else `default`.

    Raises:
        SettingsError: there is none of that name, or several and none was named.
    """
    return choose_customer(settings.customers, name)


def unknown_variables(environ: Mapping[str, str]) -> dict[str, str | None]:
    """Variables that look like ours and are not, each with the one probably meant; a warning, never a fault."""
    known = [setting.env for setting in SETTINGS]
    strangers = [name for name in environ if name.startswith(("LEADS_", "LEAD_")) and name not in known]
    return {name: nearest(name, known) for name in strangers}


def debug_wanted(environ: Mapping[str, str]) -> bool:
    """Whether LEADS_DEBUG is on; asked when an error is shown, which may be that the settings cannot be read."""
    return FLAGS.get(environ.get("LEADS_DEBUG", "").strip().lower(), False)


def store_retry_settings(environ: Mapping[str, str] | None = None) -> tuple[int, float, float]:
    """Attempts, delay and deadline of an operation on the lead database; a fault in one of them leaves its default.

    For a caller without `Settings`: a library's function must not fail because some other setting is wrong.
    """
    found, _ = read_environment(os.environ if environ is None else environ)
    return found["store_attempts"], found["store_retry_delay_seconds"], found["store_deadline_seconds"]


_AS_THEY_ARE = (
    "budget_url", "broker_url", "airtable_endpoint_url", "google_sheets_endpoint_url", "retry_max",
    "retry_delay_seconds", "http_timeout_seconds", "max_sheet_bytes", "batch_size", "store_attempts",
    "store_retry_delay_seconds", "store_deadline_seconds", "backup_keep", "backup_keep_days", "backup_cron",
    "freshness_keep_days", "runs_keep", "runs_keep_days", "ticks_keep_hours", "ledger_keep_days", "retention_cron",
    "auto_restore", "debug", "notify_urls", "notify_again_hours", "webhook_urls", "webhook_secret",
    "log_format",
    "workers", "web_host", "web_port", "api_token", "api_host", "api_port", "api_origins", "api_rate", "api_max_bytes",
    "public_url",
    "queue_limit", "queue_item_bytes", "queue_keep_days", "queue_attempts", "queue_retry_seconds", "queue_retry_cron",
)  # fmt: skip


def _read_config(
    text: str, faults: list[str], *, home: Path, folder: Path, kept: str | None
) -> tuple[Path | None, tuple[CustomerSettings, ...]]:
    path = _absolute(_expand(text, home), folder)
    copy = Path(kept) if kept else path
    try:
        if not copy.is_file():
            _check_may_miss(path, named="$LEADS_HOME" not in text and not kept)
            return None, (default_customer(),)
        return path, read_customers(path, copy=copy)
    except SettingsError as error:
        faults.append(error.message)
        return None, ()


def _check_may_miss(path: Path, *, named: bool) -> None:
    """The file in the state folder may; one that LEADS_CONFIG names must be there."""
    if named:
        raise SettingsError(f"LEADS_CONFIG names {path}, which is not a file.", advice="Mend the path or unset it.")


def _absolute(text: str, folder: Path) -> Path:
    return folder / Path(text).expanduser()


def _optional(text: str | None, folder: Path) -> Path | None:
    return None if text is None else _absolute(text, folder)


def _expand(text: str, home: Path) -> str:
    return text.replace("$LEADS_HOME", str(home))


def _database_url(found: Mapping[str, Any], *, home: Path, folder: Path) -> str:
    if found["database_url"] is not None:
        return str(found["database_url"])
    return f"sqlite:///{_absolute(_expand(found['database_path'], home), folder)}"


def _read_token(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError(
            f"The file of the Airtable token, {path}, cannot be read: {type(error).__name__}.",
            advice="AIRTABLE_API_KEY_FILE names it.",
        ) from error
    if not token:
        raise CredentialsError(f"The file of the Airtable token, {path}, is empty.")
    return token
