"""Finds out why a base or table cannot be used, in words for the person who must mend it.

What belongs here: the questions that are asked only when something was refused. Airtable does not tell a missing model
from a missing permission, so the token's scopes and the bases it sees are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from leads_dagster.errors import AccessError, CredentialsError, TargetMissingError
from leads_dagster.mirrors.airtable_errors import AirtableRefusedError
from leads_dagster.mirrors.airtable_requests import AirtableRequests

_TOKEN_ADVICE = "Edit the token at airtable.com/create/tokens."  # noqa: S105 - an address, not a token


def probe_without_schema(requests: AirtableRequests, base_id: str, table: str) -> None:
    """Returns if the table can at least be read; the schema was refused.

    Raises:
        TargetMissingError, CredentialsError: it cannot; the message says what is known of why.
    """
    try:
        requests.get(base_id, table, options={"max_records": 1})
    except AirtableRefusedError as refused:
        raise read_refused(requests, base_id, table, refused) from refused


def write_refused(
    requests: AirtableRequests, base_id: str, table: str, refused: AirtableRefusedError
) -> CredentialsError:
    """Why records that can be read cannot be written."""
    scopes = scopes_of(requests)
    if refused.kind == "INVALID_PERMISSIONS" or "data.records:write" in (scopes or ()):
        return CredentialsError(
            f"The owner of the Airtable token may not write to {table} of base {base_id}.",
            advice="Give them the role Editor in that base, and the token access to it.",
        )
    return _scope_missing("data.records:write", f"write to {table} of base {base_id}")


def base_full(base_id: str, refused: AirtableRefusedError) -> AccessError:
    """The base takes no further record."""
    return AccessError(
        f"The Airtable base {base_id} is full, no new lead gets a record there: {refused.said}.",
        advice="Delete records that are not needed, move other tables to another base, or choose a larger plan (a base "
        "holds 1,000 records on Free, 50,000 on Team, 125,000 on Business). Updates and deletions go on, and new leads "
        "follow by themselves.",
    )


def table_missing(base_id: str, table: str, tables: Sequence[str]) -> TargetMissingError:
    """The base has no such table."""
    names = ", ".join(f'"{name}"' for name in tables) or "none"
    return TargetMissingError(
        f'The Airtable base {base_id} has no table "{table}"; it has {names}.',
        advice="Correct table in [customers.airtable].",
    )


def read_refused(requests: AirtableRequests, base_id: str, table: str, refused: AirtableRefusedError) -> AccessError:
    """Why the records of a table cannot be read."""
    if refused.status not in (403, 404):
        return AccessError(f"Airtable refuses to list {table} of base {base_id}: {refused.said}.")
    scopes = scopes_of(requests)
    if scopes is not None and "data.records:read" not in scopes:
        return _scope_missing("data.records:read", f"read {table} of base {base_id}")
    bases = _bases(requests)
    if bases is not None and base_id not in bases:
        seen = ", ".join(f"{known} ({name})" for known, name in bases.items()) or "none"
        return TargetMissingError(
            f"The Airtable base {base_id} with table {table} is not one this token sees; it sees {seen}.",
            advice=f"Correct base_id in [customers.airtable], or give the token access to the base. {_TOKEN_ADVICE}",
        )
    return TargetMissingError(
        f"Airtable shows this token no table {table} in a base {base_id}.",
        advice="Check base_id and table in [customers.airtable], and that the token has access to the base and the "
        f"scopes data.records:read, data.records:write and schema.bases:read. {_TOKEN_ADVICE}",
    )


def _scope_missing(scope: str, what: str) -> CredentialsError:
    return CredentialsError(
        f"The Airtable token may not {what}: it lacks the scope {scope}.", advice=_TOKEN_ADVICE, scope=scope
    )


def scopes_of(requests: AirtableRequests) -> frozenset[str] | None:
    """The token's scopes; None where Airtable does not say."""
    try:
        scopes = requests.get("meta", "whoami").get("scopes")
    except AirtableRefusedError:
        return None
    return None if scopes is None else frozenset(scopes)


def _bases(requests: AirtableRequests) -> dict[str, str] | None:
    """Base id -> name of the bases the token sees; None where it may not ask."""
    try:
        return {base["id"]: base["name"] for base in requests.get("meta", "bases")["bases"]}
    except AirtableRefusedError:
        return None
