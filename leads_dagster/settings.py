"""Every setting of the process, in one table that drives docs/configuration.md, `leads doctor` and the help.

What belongs here: environment variables, their defaults and the values they become. What is set per customer is in
`customers`, and read from leads.toml by `leads_toml`. Nothing heavy is imported: every command pays for this module.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from leads_dagster.customers import CustomerSettings, choose_customer, default_customer
from leads_dagster.errors import CredentialsError, SettingsError, StoreError
from leads_dagster.leads_toml import nearest, read_customers

SettingKind = Literal["path", "url", "database", "text", "integer", "number", "flag", "keys", "cron"]

CONFIG_NAME = "leads.toml"


@dataclass(frozen=True)
class Setting:
    """One environment variable.

    Attributes:
        name: what it is called in `Settings` and in messages.
        env: the variable.
        default: what holds without it, as text; None where nothing does. `$LEADS_HOME` in it is the state folder.
        help: one sentence.
        kind: how its text is read.
        secret: whether its value may be shown.
        least: smallest number allowed.
    """

    name: str
    env: str
    default: str | None
    help: str
    kind: SettingKind = "text"
    secret: bool = False
    least: float = 0


SETTINGS: tuple[Setting, ...] = (
    Setting("config", "LEADS_CONFIG", "$LEADS_HOME/leads.toml",
            "The customers. Without a file there is one, `default`: the packaged sample sheet, no Airtable.", "path"),
    Setting("home", "LEADS_HOME", ".leads",
            "Folder for all state; made with mode 700 when first needed.", "path"),
    Setting("database_path", "LEAD_DATABASE_PATH", "$LEADS_HOME/leads.db",
            "The lead database as an SQLite file.", "path"),
    Setting("database_url", "LEADS_DATABASE_URL", None,
            "The lead database as a SQLAlchemy URL; wins over LEAD_DATABASE_PATH.", "database", secret=True),
    Setting("crm_url", "LEADS_CRM_URL", "sqlite:///$LEADS_HOME/crm.db",
            "The CRM database as a SQLAlchemy URL.", "database", secret=True),
    Setting("airtable_api_key", "AIRTABLE_API_KEY", None,
            "Airtable personal access token; wins over the file.", secret=True),
    Setting("airtable_api_key_file", "AIRTABLE_API_KEY_FILE", None,
            "File with the token; read whenever the token is needed, so that a new one needs no restart.", "path"),
    Setting("airtable_endpoint_url", "AIRTABLE_ENDPOINT_URL", "https://api.airtable.com",
            "Where Airtable's Web API is, without `/v0`; the offline twin's address for trials.", "url"),
    Setting("google_credentials", "GOOGLE_APPLICATION_CREDENTIALS", None,
            "Service account file, for sheets shared with it; without it a sheet is read through its link.", "path"),
    Setting("google_sheets_endpoint_url", "GOOGLE_SHEETS_ENDPOINT_URL", None,
            "Where Google's services are, if not at Google; the offline twin's address for trials.", "url"),
    Setting("retry_max", "LEADS_RETRY_MAX", "3",
            "How often a failed request is tried again.", "integer"),
    Setting("retry_delay_seconds", "LEADS_RETRY_DELAY_SECONDS", "1",
            "Wait before the first such try; doubled each time, at most 10 s.", "number"),
    Setting("http_timeout_seconds", "LEADS_HTTP_TIMEOUT_SECONDS", "30",
            "How long a server may keep one request waiting.", "number", least=0.1),
    Setting("max_sheet_bytes", "LEADS_MAX_SHEET_BYTES", "200000000",
            "A larger sheet is refused.", "integer", least=1),
    Setting("batch_size", "LEADS_BATCH_SIZE", "50",
            "Rows written to a database in one transaction.", "integer", least=1),
    Setting("store_attempts", "LEADS_STORE_ATTEMPTS", None,
            "How often an operation on the lead database is tried in all while that is locked or cannot be reached; "
            "unset: LEADS_RETRY_MAX if that is set, else 3.", "integer", least=1),
    Setting("store_retry_delay_seconds", "LEADS_STORE_RETRY_DELAY_SECONDS", None,
            "Wait before the second such try, doubled each time; unset: LEADS_RETRY_DELAY_SECONDS if that is set, "
            "else 0.1.", "number"),
    Setting("store_deadline_seconds", "LEADS_STORE_DEADLINE_SECONDS", "30",
            "For all tries of one such operation, waits for locks included.", "number", least=0.1),
    Setting("backup_folder", "LEADS_BACKUP_FOLDER", "$LEADS_HOME/backups",
            "Folder of the backups of the lead database; another disk is better.", "path"),
    Setting("backup_key", "LEADS_BACKUP_KEY", None,
            "Keys that backups are encrypted with, separated by commas, newest first; `leads backup key` makes one. "
            "Wins over the file; without either, backups are not encrypted.", "keys", secret=True),
    Setting("backup_key_file", "LEADS_BACKUP_KEY_FILE", None,
            "File with those keys, one a line, newest first; read whenever one is needed.", "path"),
    Setting("backup_keep", "LEADS_BACKUP_KEEP", "14",
            "How many backups are kept; the newest good one always is.", "integer", least=1),
    Setting("backup_keep_days", "LEADS_BACKUP_KEEP_DAYS", "30",
            "How many days a backup is kept; the newest good one always is.", "number", least=0.01),
    Setting("backup_cron", "LEADS_BACKUP_CRON", "30 2 * * *",
            "When Dagster's schedule makes a backup, as a cron expression in UTC.", "cron"),
    Setting("auto_restore", "LEADS_AUTO_RESTORE", "0",
            "With 1, a damaged lead database is replaced by its newest good backup without asking.", "flag"),
    Setting("pg_bin", "LEADS_PG_BIN", None,
            "Folder of pg_dump, pg_restore and psql, where they are not on the PATH.", "path"),
    Setting("debug", "LEADS_DEBUG", "0",
            "With 1, errors on the command line come with their traceback.", "flag"),
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """What holds for this process. Paths are absolute; secrets stay out of its repr.

    Attributes:
        config_path: the leads.toml that was read; None where there is none.
        home: the state folder, perhaps not there yet: see `prepare_home`.
        database_url: SQLAlchemy URL of the lead database.
        crm_url: SQLAlchemy URL of the CRM database.
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
    backup_cron: str = "30 2 * * *"
    auto_restore: bool = False
    pg_bin: Path | None = None
    debug: bool = False

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
    found, faults = _read_environment(os.environ if environ is None else environ)
    folder = (cwd or Path.cwd()).absolute()
    home = _absolute(found["home"], folder)
    config, customers = _read_config(found["config"], faults, home=home, folder=folder)
    if faults:
        raise SettingsError("\n".join(faults), advice="docs/configuration.md lists every setting and key.")
    return Settings(
        home=home,
        config_path=config,
        database_url=_database_url(found, home=home, folder=folder),
        crm_url=_expand(found["crm_url"], home),
        backup_folder=_absolute(_expand(found["backup_folder"], home), folder),
        backup_key_value=found["backup_key"],
        backup_key_file=_optional(found["backup_key_file"], folder),
        pg_bin=_optional(found["pg_bin"], folder),
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
    return _FLAGS.get(environ.get("LEADS_DEBUG", "").strip().lower(), False)


def store_retry_settings(environ: Mapping[str, str] | None = None) -> tuple[int, float, float]:
    """Attempts, delay and deadline of an operation on the lead database; a fault in one of them leaves its default.

    For a caller without `Settings`: a library's function must not fail because some other setting is wrong.
    """
    found, _ = _read_environment(os.environ if environ is None else environ)
    return found["store_attempts"], found["store_retry_delay_seconds"], found["store_deadline_seconds"]


_AS_THEY_ARE = (
    "airtable_endpoint_url", "google_sheets_endpoint_url", "retry_max", "retry_delay_seconds", "http_timeout_seconds",
    "max_sheet_bytes", "batch_size", "store_attempts", "store_retry_delay_seconds", "store_deadline_seconds",
    "backup_keep", "backup_keep_days", "backup_cron", "auto_restore", "debug",
)  # fmt: skip


def _read_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Setting name -> its value, defaults where it is not set (an empty variable is not) or wrong; and the faults."""
    values: dict[str, Any] = {}
    faults: list[str] = []
    for setting in SETTINGS:
        read = _READERS[setting.kind]
        values[setting.name] = None if setting.default is None else read(setting, setting.default)
        text = environ.get(setting.env, "").strip()
        if not text:
            continue
        try:
            values[setting.name] = read(setting, text)
        except ValueError as error:
            faults.append(f"{setting.env} {error}" + ("" if setting.secret else f", not {text!r}"))
    _follow(values, environ)
    return values, faults


def _follow(values: dict[str, Any], environ: Mapping[str, str]) -> None:
    """Fill settings that have another one's value where only that one is set."""
    by_name = {setting.name: setting for setting in SETTINGS}
    for name, (other, default) in _FOLLOWS.items():
        if values[name] is None:
            is_set = bool(environ.get(by_name[other].env, "").strip())
            values[name] = max(values[other], by_name[name].least) if is_set else default


# Setting -> the one it follows where only that is set, and what holds where neither is.
_FOLLOWS: dict[str, tuple[str, int | float]] = {
    "store_attempts": ("retry_max", 3),
    "store_retry_delay_seconds": ("retry_delay_seconds", 0.1),
}


def _read_config(
    text: str, faults: list[str], *, home: Path, folder: Path
) -> tuple[Path | None, tuple[CustomerSettings, ...]]:
    try:
        path = _config_path(text, home=home, folder=folder)
        return path, read_customers(path) if path else (default_customer(),)
    except SettingsError as error:
        faults.append(error.message)
        return None, ()


def _text(setting: Setting, text: str) -> str:
    return text


def _path(setting: Setting, text: str) -> str:
    if "?" in text and setting.name in ("home", "database_path"):
        raise ValueError("may hold no question mark, which ends the path in a SQLAlchemy URL")
    return text


def _url(setting: Setting, text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return text.rstrip("/")


def _database(setting: Setting, text: str) -> str:
    if "://" not in text:
        raise ValueError("must be a SQLAlchemy URL such as sqlite:////var/lib/leads.db or postgresql+psycopg://…")
    return text


def _number(setting: Setting, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("must be a number") from None
    if not setting.least <= value < float("inf"):
        raise ValueError(f"must be at least {setting.least:g}")
    return value


def _integer(setting: Setting, text: str) -> int:
    value = _number(setting, text)
    if value != int(value):
        raise ValueError("must be a whole number")
    return int(value)


def _flag(setting: Setting, text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ValueError("must be 1 or 0")
    return _FLAGS[text.lower()]


def _keys(setting: Setting, text: str) -> str:
    if not all(is_backup_key(key) for key in split_keys(text)):
        raise ValueError("must hold keys as `leads backup key` makes them, separated by commas")
    return text


def _cron(setting: Setting, text: str) -> str:
    if not text.startswith("@") and len(text.split()) != 5:
        raise ValueError("must be a cron expression of five fields such as 30 2 * * *")
    return text


def split_keys(text: str) -> tuple[str, ...]:
    """Keys separated by commas or line ends, in their order."""
    return tuple(key.strip() for key in text.replace(",", "\n").splitlines() if key.strip())


def is_backup_key(text: str) -> bool:
    """Whether a text can be a key: 32 bytes in URL-safe base64."""
    try:
        return len(base64.b64decode(text, altchars=b"-_", validate=True)) == 32
    except ValueError:
        return False


_FLAGS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_READERS: dict[SettingKind, Callable[[Setting, str], Any]] = {
    "path": _path, "url": _url, "database": _database, "text": _text, "integer": _integer, "number": _number,
    "flag": _flag, "keys": _keys, "cron": _cron,
}  # fmt: skip


def _absolute(text: str, folder: Path) -> Path:
    return folder / Path(text).expanduser()


def _optional(text: str | None, folder: Path) -> Path | None:
    return None if text is None else _absolute(text, folder)


def _expand(text: str, home: Path) -> str:
    return text.replace("$LEADS_HOME", str(home))


def _config_path(text: str, *, home: Path, folder: Path) -> Path | None:
    """The file that LEADS_CONFIG names, which must be there; else the one in the state folder, which may be."""
    named = "$LEADS_HOME" not in text
    path = _absolute(_expand(text, home), folder)
    if named and not path.is_file():
        raise SettingsError(f"LEADS_CONFIG names {path}, which is not a file.", advice="Mend the path or unset it.")
    return path if path.is_file() else None


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
