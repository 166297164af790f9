"""Is everything in place? One small check a thing that can be wrong, each with how to mend it.

What belongs here: checks that read and change nothing. A check yields findings; a `LeadsError` that escapes from it
becomes a failed finding with its advice.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

from leads_dagster.customers import CustomerSettings
from leads_dagster.errors import LeadsError
from leads_dagster.live.presence import in_words, who_runs
from leads_dagster.pipeline.doctor_backups import check_backups, check_integrity
from leads_dagster.pipeline.doctor_queue import check_queue
from leads_dagster.pipeline.doctor_services import (
    check_airtable,
    check_google_credentials,
    check_quota,
    check_sheet,
)
from leads_dagster.pipeline.finding import Finding, Verdict
from leads_dagster.settings import Settings, unknown_variables

_PLENTY_BYTES = 1_000_000_000
_SCARCE_BYTES = 100_000_000
_BUSY_SECONDS = 2.0
_LIBRARIES = ("dagster", "sqlalchemy", "httpx", "pyairtable", "gspread", "rapidfuzz", "phonenumbers")


def examine(settings: Settings, customers: tuple[CustomerSettings, ...]) -> Iterator[Finding]:
    """Every finding, as it is found: first what all customers share, then each of `customers`."""
    for name, check in _SHARED_CHECKS.items():
        yield from _guarded(name, None, partial(check, settings))
    for customer in customers:
        for name, check_one in _CUSTOMER_CHECKS.items():
            yield from _guarded(name, customer.name, partial(check_one, settings, customer))


def _guarded(name: str, customer: str | None, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except LeadsError as error:
        yield Finding(name, "fail", error.message, error.advice, customer)


def check_versions(settings: Settings) -> Iterator[Finding]:
    """Python is new enough and the libraries are there."""
    try:
        found = ", ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES)
    except metadata.PackageNotFoundError as error:
        yield Finding(
            "versions", "fail", f"{error.name} is not installed.", "Install with make run, or pip install -e ."
        )
        return
    yield Finding("versions", "ok", f"Python {sys.version.split()[0]}, {found}")


def check_settings(settings: Settings) -> Iterator[Finding]:
    """leads.toml was read; no variable looks like a typing mistake."""
    source = settings.config_path or "no leads.toml: one customer, default, with the packaged sample sheet"
    yield Finding("settings", "ok", f"{source}; customers: {', '.join(one.name for one in settings.customers)}")
    for name, meant in unknown_variables(os.environ).items():
        hint = f"Did you mean {meant}?" if meant else "docs/configuration.md lists those there are."
        yield Finding("settings", "warn", f"The environment variable {name} is not one of ours.", hint)
    if settings.airtable_api_key_value and settings.airtable_api_key_file:
        yield Finding("settings", "warn", "AIRTABLE_API_KEY wins over AIRTABLE_API_KEY_FILE.", "Unset one of the two.")


def check_home(settings: Settings) -> Iterator[Finding]:
    """The state folder can be written to, is ours alone, and has room."""
    home = settings.home
    place = _nearest_folder(home)
    if not _may_write(place):
        yield Finding("home", "fail", f"{place} cannot be written to.", "Set LEADS_HOME, or mend the folder's rights.")
        return
    free = shutil.disk_usage(place).free
    verdict: Verdict = "ok" if free >= _PLENTY_BYTES else "warn" if free >= _SCARCE_BYTES else "fail"
    mend = "" if verdict == "ok" else "Make room, or set LEADS_HOME to another disk."
    state = "" if place == home else " (made at the first sync)"
    yield Finding("home", verdict, f"{home}{state}, {free / 1e9:.1f} GB free", mend)
    if place == home and stat.S_IMODE(home.stat().st_mode) & 0o077:
        yield Finding("home", "warn", f"Others may look into {home}.", f"chmod 700 {home}")


def check_live(settings: Settings) -> Iterator[Finding]:
    """Whether the live system runs, and all of it."""
    found = who_runs(settings.home)
    parts = found.get("parts", {})
    ailing = [name for name, one in parts.items() if one["state"] != "ready"]
    mend = f"What {', '.join(ailing)} printed stands in the log of leads up." if ailing else ""
    yield Finding("live", "warn" if ailing else "ok", in_words(found), mend)


def check_lead_database(settings: Settings) -> Iterator[Finding]:
    """The lead database opens."""
    yield _check_database("database", settings.database_url, "LEAD_DATABASE_PATH or LEADS_DATABASE_URL")


def check_crm_database(settings: Settings) -> Iterator[Finding]:
    """The CRM database opens."""
    yield _check_database("crm", settings.crm_url, "LEADS_CRM_URL")


def _check_database(check: str, url: str, variable: str) -> Finding:
    from sqlalchemy import text
    from sqlalchemy.engine import make_url

    from leads_dagster.store.engine import open_engine, reading

    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _check_sqlite(check, parsed.database, variable)
    with reading(open_engine(url)) as connection:
        connection.execute(text("SELECT 1"))
    return Finding(check, "ok", parsed.render_as_string(hide_password=True))


def _check_sqlite(check: str, database: str | None, variable: str) -> Finding:
    """Opened read-only, so that looking makes no file; one that is not there yet is made by the first sync."""
    if not database or database == ":memory:":
        return Finding(check, "warn", "The database is in memory and ends with the process.", f"Set {variable}.")
    path = Path(database)
    if not path.exists():
        return _check_place(check, path, variable)
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_BUSY_SECONDS)
        ) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        return Finding(
            check, "fail", f"{path}: {error}", f"{variable} names the file; restore a backup if it is damaged."
        )
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        return Finding(check, "fail", f"{path} cannot be written to.", "Mend the rights of the file and its folder.")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Finding(check, "warn", f"Others may read {path}.", f"chmod 600 {path}")
    return Finding(check, "ok", str(path))


def _check_place(check: str, path: Path, variable: str) -> Finding:
    place = _nearest_folder(path.parent)
    if not _may_write(place):
        return Finding(check, "fail", f"{path} cannot be made: {place} is not to be written to.", f"Set {variable}.")
    return Finding(check, "ok", f"{path} (made at the first sync)")


def _nearest_folder(path: Path) -> Path:
    """`path`, or the nearest folder above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _may_write(place: Path) -> bool:
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)


_SHARED_CHECKS: Mapping[str, Callable[[Settings], Iterator[Finding]]] = {
    "versions": check_versions,
    "settings": check_settings,
    "home": check_home,
    "live": check_live,
    "database": check_lead_database,
    "integrity": check_integrity,
    "backups": check_backups,
    "crm": check_crm_database,
    "queue": check_queue,
    "google credentials": check_google_credentials,
}
_CUSTOMER_CHECKS: Mapping[str, Callable[[Settings, CustomerSettings], Iterator[Finding]]] = {
    "sheet": check_sheet,
    "airtable": check_airtable,
    "quota": check_quota,
}
