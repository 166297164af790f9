"""The table of every environment variable, and how each one's text is read.

What belongs here: names, defaults, help, kinds. What they become for the process is `settings`; what is set for one
customer is in `customers`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from leads_dagster.cron import read_cron

SettingKind = Literal[
    "path",
    "url",
    "database",
    "redis",
    "queue",
    "broker",
    "text",
    "integer",
    "number",
    "flag",
    "keys",
    "tokens",
    "cron",
    "port",
]


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
    Setting("budget_url", "LEADS_BUDGET_URL", None,
            "A Redis such as `redis://host:6379/0`, in which processes on several hosts keep one call budget; without "
            "it those of one host keep it in a file under LEADS_HOME.", "redis", secret=True),
    Setting("broker_url", "LEADS_BROKER_URL", None,
            "Where the live system hands runs to its workers: a Celery broker such as `redis://host:6379/1` or "
            "`amqp://…`, for workers on several hosts; without it a folder under LEADS_HOME.", "broker", secret=True),
    Setting("queue_url", "LEADS_QUEUE_URL", "sqlite",
            "Where captures wait: `sqlite` (the file captures.db under LEADS_HOME), `sqlite:///path`, or a Redis such "
            "as `redis://host:6379/2` for several hosts, which must keep what it is given (`appendonly yes`).",
            "queue", secret=True),
    Setting("queue_limit", "LEADS_QUEUE_LIMIT", "2000000",
            "How many captures may wait, of all customers together; more are refused until some are processed.",
            "integer", least=1),
    Setting("queue_item_bytes", "LEADS_QUEUE_ITEM_BYTES", "1000000",
            "A larger capture is refused.", "integer", least=100),
    Setting("queue_keep_days", "LEADS_QUEUE_KEEP_DAYS", "30",
            "How many days the queue keeps a capture that is processed: so long it can be replayed, and its key is "
            "known.", "number", least=0.01),
    Setting("queue_attempts", "LEADS_QUEUE_ATTEMPTS", "3",
            "After how many failures a capture is put among the dead letters.", "integer", least=1),
    Setting("queue_retry_seconds", "LEADS_QUEUE_RETRY_SECONDS", "5",
            "How long a capture waits after its first failure; six times as long after each further one, at most an "
            "hour.", "number"),
    Setting("queue_retry_cron", "LEADS_QUEUE_RETRY_CRON", "41 */6 * * *",
            "When Dagster's schedule queues dead captures again, a hundred of each customer, as a cron expression in "
            "UTC.", "cron"),
    Setting("workers", "LEADS_WORKERS", "2",
            "How many runs `leads up` works at at once, each in a process that stays warm (150 to 300 MB).", "integer",
            least=1),
    Setting("web_host", "LEADS_WEB_HOST", "127.0.0.1",
            "Address at which `leads up` serves Dagster's interface, which asks nobody who they are: another one than "
            "this machine's own belongs behind a proxy that does."),
    Setting("web_port", "LEADS_WEB_PORT", None,
            "Port of it, which must be free; unset: 3000, or the next free one.", "port"),
    Setting("api_token", "LEADS_API_TOKEN", None,
            "Tokens of the API and the dashboard, separated by commas, the first the newest; `read:` before one lets "
            "it look only. Needed where LEADS_API_HOST is not this machine's own.", "tokens",
            secret=True),
    Setting("api_host", "LEADS_API_HOST", "127.0.0.1",
            "Address at which the API and the dashboard are served; any but this machine's own needs LEADS_API_TOKEN."),
    Setting("api_port", "LEADS_API_PORT", None,
            "Port of them, which must be free; unset: 8000, or the next free one.", "port"),
    Setting("api_origins", "LEADS_API_ORIGINS", "",
            "Other sites whose pages may call the API from a browser, such as `https://crm.example`, separated by "
            "commas; unset: none."),
    Setting("public_url", "LEADS_PUBLIC_URL", None,
            "Where people reach the dashboard, such as `https://leads.example`, where a proxy stands before it: alerts "
            "and Dagster's pages link there, and its sign-in goes over TLS alone.", "url"),
    Setting("api_rate", "LEADS_API_RATE", "3000",
            "Requests a second that one address may send to the API, a tenth of them writing; 0 for any number.",
            "number"),
    Setting("api_max_bytes", "LEADS_API_MAX_BYTES", "10000000",
            "A larger body of a request is refused.", "integer", least=1),
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
    Setting("freshness_keep_days", "LEADS_FRESHNESS_KEEP_DAYS", "90",
            "How many days the minutes of `leads metrics` are kept.", "number", least=1),
    Setting("runs_keep", "LEADS_RUNS_KEEP", "5000",
            "How many finished runs Dagster's history keeps, with their events, some 180 KB each; more are kept where "
            "an asset's last state is theirs.", "integer", least=100),
    Setting("runs_keep_days", "LEADS_RUNS_KEEP_DAYS", "14",
            "How many days a finished run is kept there.", "number", least=0.01),
    Setting("ticks_keep_hours", "LEADS_TICKS_KEEP_HOURS", "6",
            "How many hours Dagster's history keeps evaluations of sensors and schedules that asked for nothing, "
            "some 110 MB a day and sensor.", "number", least=0.1),
    Setting("ledger_keep_days", "LEADS_LEDGER_KEEP_DAYS", "30",
            "How many days the ledger keeps the line of a cycle; history, claims and decisions stay for ever.",
            "number", least=1),
    Setting("retention_cron", "LEADS_RETENTION_CRON", "7-59/10 * * * *",
            "When Dagster's schedule clears away what had its time, as a cron expression in UTC.", "cron"),
    Setting("auto_restore", "LEADS_AUTO_RESTORE", "0",
            "With 1, a damaged lead database is replaced by its newest good backup without asking.", "flag"),
    Setting("pg_bin", "LEADS_PG_BIN", None,
            "Folder of pg_dump, pg_restore and psql, where they are not on the PATH.", "path"),
    Setting("notify_urls", "LEADS_NOTIFY_URLS", None,
            "Whom to tell when something needs a person: addresses as Apprise reads them (`slack://…`, `mailtos://…`), "
            "separated by blanks. Wins over the file; without either nobody is told.", secret=True),
    Setting("notify_urls_file", "LEADS_NOTIFY_URLS_FILE", None,
            "File with those addresses, one a line; read whenever somebody is told.", "path"),
    Setting("notify_again_hours", "LEADS_NOTIFY_AGAIN_HOURS", "24",
            "How long until people are told again of what still stands.", "number", least=0.1),
    Setting("webhook_urls", "LEADS_WEBHOOK_URLS", None,
            "Addresses that are told of each cycle that did something or failed, separated by blanks.", secret=True),
    Setting("webhook_secret", "LEADS_WEBHOOK_SECRET", None,
            "What those messages are signed with, as Standard Webhooks says: `whsec_…`, or any text.", secret=True),
    Setting("log_format", "LEADS_LOG_FORMAT", "text",
            "With `json`, log lines are JSON objects with the customer and the run they are about."),
    Setting("debug", "LEADS_DEBUG", "0",
            "With 1, errors on the command line come with their traceback.", "flag"),
)  # fmt: skip


def read_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
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


def _redis(setting: Setting, text: str) -> str:
    if not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must begin with redis://, rediss:// or unix://")
    return text


def _queue(setting: Setting, text: str) -> str:
    if text != "sqlite" and not text.startswith(("sqlite:///", "redis://", "rediss://", "unix://")):
        raise ValueError("must be sqlite, or begin with sqlite:///, redis://, rediss:// or unix://")
    return text


def _broker(setting: Setting, text: str) -> str:
    if not text.startswith(("redis://", "rediss://", "amqp://", "amqps://", "pyamqp://")):
        raise ValueError("must be the URL of a Celery broker, redis://… or amqp://…")
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


def _port(setting: Setting, text: str) -> int:
    value = _integer(setting, text)
    if not 1 <= value <= 65535:
        raise ValueError("must be a port from 1 to 65535")
    return value


def _flag(setting: Setting, text: str) -> bool:
    if text.lower() not in FLAGS:
        raise ValueError("must be 1 or 0")
    return FLAGS[text.lower()]


def _keys(setting: Setting, text: str) -> str:
    if not all(is_backup_key(key) for key in split_keys(text)):
        raise ValueError("must hold keys as `leads backup key` makes them, separated by commas")
    return text


def _tokens(setting: Setting, text: str) -> str:
    secrets = [token.removeprefix("read:").removeprefix("write:") for token in split_keys(text)]
    if not secrets or not all(one and one.isascii() and one.isprintable() and " " not in one for one in secrets):
        raise ValueError("must hold tokens without blanks, separated by commas")
    return text


def _cron(setting: Setting, text: str) -> str:
    read_cron(text)
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


FLAGS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


_READERS: dict[SettingKind, Callable[[Setting, str], Any]] = {
    "path": _path, "url": _url, "database": _database, "redis": _redis, "queue": _queue, "broker": _broker,
    "text": _text, "integer": _integer, "number": _number, "flag": _flag, "keys": _keys, "tokens": _tokens,
    "cron": _cron, "port": _port,
}  # fmt: skip
