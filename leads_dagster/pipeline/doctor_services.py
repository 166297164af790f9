"""What the doctor checks outside this machine: credentials, sheets, Airtable. It reads and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from leads_dagster.customers import AirtableSettings, CustomerSettings
from leads_dagster.errors import AccessError, CredentialsError, StoreError, TargetMissingError
from leads_dagster.pipeline.finding import Finding
from leads_dagster.settings import Settings

if TYPE_CHECKING:
    from leads_dagster.budget import LimitStatus

_QUOTA_WARNING_SHARE = 0.8
_FEWER_CALLS = "Sync less often until the month ends, or choose a larger plan."
_ACCOUNT_KEYS = ("client_email", "private_key", "token_uri")


def check_google_credentials(settings: Settings) -> Iterator[Finding]:
    """The service account file, if one is named, is one."""
    path = settings.google_credentials
    if path is None:
        yield Finding("google credentials", "ok", "none; sheets are read through their link")
        return
    account = _service_account(path)
    advice = f"Sheets that are not public are to be shared with {account['client_email']}."
    yield Finding("google credentials", "ok", str(path), advice)


def check_sheet(settings: Settings, customer: CustomerSettings) -> Iterator[Finding]:
    """The sheet answers, is a table, and has columns that make leads."""
    from leads_dagster.budget import budget_place
    from leads_dagster.leads.headers import confirming, suggestions
    from leads_dagster.leads.sheet import read_sheet, sample_of
    from leads_dagster.sources.fetched import Fetched
    from leads_dagster.sources.google_sheets import fetch_sheet
    from leads_dagster.sources.http import Retries, Timeouts, shared_http
    from leads_dagster.sources.sheet_address import parse_sheet

    address = parse_sheet(customer.sheet)
    fetched = fetch_sheet(
        address,
        http=shared_http(Timeouts(read=settings.http_timeout_seconds), Retries(count=0)),
        credentials=settings.google_credentials,
        previous=None,
        max_bytes=settings.max_sheet_bytes,
        sheets_endpoint=settings.google_sheets_endpoint_url,
        budget=budget_place(settings) if settings.home.exists() else None,
    )
    assert isinstance(fetched, Fetched), "nothing was said to be known already"
    table, mapping = read_sheet(fetched.data, overrides=customer.columns, learned=_learned(settings, customer))
    mapped = [column.target for column in mapping.columns if column.target]
    seen = f"{address.display}: {len(table.lines):,} rows, {len(mapped)} of {len(table.header)} columns known"
    yield Finding("sheet", "ok", seen, customer=customer.name)
    for warning in fetched.warnings:
        yield Finding("sheet", "warn", warning, customer=customer.name)
    for one in suggestions(mapping, sample_of(table)):
        seen = f'The column "{one.label}" is kept beside the fields; it looks like {one.field}.'
        yield Finding("sheet", "warn", seen, f"Confirm it: {confirming(one)}", customer=customer.name)


def _learned(settings: Settings, customer: CustomerSettings) -> dict[str, str]:
    """Headers that people confirmed; none of a database that is not there yet: the doctor makes none."""
    from sqlalchemy import inspect

    from leads_dagster.store import learned, tables
    from leads_dagster.store.engine import open_engine, read_url, reading

    url = read_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).exists()):
        return {}
    engine = open_engine(settings.database_url)
    try:
        with reading(engine) as connection:
            known = inspect(connection).has_table(tables.learned.name)
            return learned.headers(connection, customer.name) if known else {}
    except StoreError:  # what is wrong with the database is said by its own check
        return {}
    finally:
        engine.dispose()


def check_airtable(settings: Settings, customer: CustomerSettings) -> Iterator[Finding]:
    """Token, base and table of a customer are what Airtable knows."""
    target = customer.airtable
    if target is None:
        yield Finding("airtable", "ok", "none; leads stay in the store and the CRM", customer=customer.name)
        return
    tables = _tables(settings, target)
    shown = f"base {target.base_id}, table {target.table}, {target.plan} plan"
    if tables is None:
        yield _reading_only(settings, target, customer.name, shown)
        return
    if not any(target.table in (table.get("id"), table.get("name")) for table in tables):
        names = ", ".join(str(table.get("name")) for table in tables) or "none"
        raise TargetMissingError(
            f"The base {target.base_id} has no table {target.table!r}; it has {names}.", advice="Mend airtable.table."
        )
    yield Finding("airtable", "ok", shown, customer=customer.name)


def check_quota(settings: Settings, customer: CustomerSettings) -> Iterator[Finding]:
    """Whether the month's calls last; calls of programs that do not share this budget are not known here."""
    target = customer.airtable
    if target is None:
        return
    from leads_dagster.budget import budget_place, limits_of

    known = {one.name: one for one in budget_place(settings).status()}
    base, _, *workspace = limits_of(target, "")
    account = known.get((workspace or [base])[0].name)
    if account is not None and account.parked_until is not None:
        until = f"{account.parked_until:%Y-%m-%d %H:%M} UTC"
        said = f"Airtable's calls of this month are used up; but for one an hour, none is made before {until}"
        yield Finding("quota", "warn", said, "Wait until then, or choose a larger plan.", customer.name)
    elif target.calls_a_month is not None:
        yield _quota(target.calls_a_month, account, target.plan, customer.name)


def _quota(allowed: int, account: LimitStatus | None, plan: str, customer: str) -> Finding:
    made = 0 if account is None else account.month_calls
    said = f"{made:,} of the {allowed:,} calls a month of Airtable's {plan} plan"
    if account is not None and account.lasts_until is not None:
        said += f"; at this pace ({account.pace:,.0f} an hour) they last until {account.lasts_until:%Y-%m-%d %H:%M} UTC"
    elif made < allowed * _QUOTA_WARNING_SHARE:
        return Finding("quota", "ok", said, customer=customer)
    return Finding("quota", "warn", said, _FEWER_CALLS, customer)


def _service_account(path: Path) -> dict[str, Any]:
    try:
        account = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CredentialsError(
            f"{path} cannot be read: {error.strerror}.", advice="GOOGLE_APPLICATION_CREDENTIALS names it."
        ) from error
    except ValueError as error:
        raise CredentialsError(f"{path} is not JSON.", advice="Download the service account's key again.") from error
    if not isinstance(account, dict) or not all(account.get(key) for key in _ACCOUNT_KEYS):
        raise CredentialsError(
            f"{path} is not a service account's key.", advice=f"It holds {', '.join(_ACCOUNT_KEYS)} and more."
        )
    return account


def _tables(settings: Settings, target: AirtableSettings) -> list[dict[str, Any]] | None:
    """The base's tables; None where the token may not ask (or the base is not there, which Airtable says alike)."""
    status, body = _ask(settings, f"meta/bases/{quote(target.base_id, safe='')}/tables")
    if status == 200:
        return list(json.loads(body)["tables"])
    if status in (403, 404):
        return None
    raise _refused(status)


def _reading_only(settings: Settings, target: AirtableSettings, customer: str, shown: str) -> Finding:
    """Without leave to read the schema, reading one record tells whether the table is there."""
    address = f"{quote(target.base_id, safe='')}/{quote(target.table, safe='')}?pageSize=1&maxRecords=1"
    status, _ = _ask(settings, address)
    if status == 200:
        return Finding(
            "airtable", "warn", f"{shown}; the token may not read the table's fields",
            "Give it the scope schema.bases:read, so that missing fields are found before a push.", customer,
        )  # fmt: skip
    if status in (403, 404):
        raise TargetMissingError(
            f"Airtable shows this token no base {target.base_id} with a table {target.table!r}.",
            advice="Check airtable.base_id and airtable.table, and that the token was given access to the base.",
        )
    raise _refused(status)


def _ask(settings: Settings, address: str) -> tuple[int, bytes]:
    from leads_dagster.sources.http import API_REST_SECONDS, Retries, Timeouts, shared_http

    http = shared_http(Timeouts(read=settings.http_timeout_seconds), Retries(count=0))
    answer = http.get(
        f"{settings.airtable_endpoint_url}/v0/{address}",
        headers={"Authorization": f"Bearer {settings.airtable_api_key()}"},
        rest_seconds=API_REST_SECONDS,
    )
    return answer.status, answer.body


def _refused(status: int) -> AccessError:
    if status == 401:
        return CredentialsError(
            "Airtable does not know the token.", advice="Set AIRTABLE_API_KEY to a personal access token of yours."
        )
    return AccessError(f"Airtable answers with status {status}.", advice="Is AIRTABLE_ENDPOINT_URL right?")
