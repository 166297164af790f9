"""Reading `[customers.forms.NAME]`: who posts leads here, and where in a request they stand; every fault at once.

What belongs here: the way from those tables to checked settings. How requests are read is `sources.webhooks`'.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from leads_dagster.customers import COLUMN_PARTS, FORM_KEYS, FORMS, FormSettings, Key
from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster.spelling import with_guess

Section = Callable[[str, Sequence[Key], object], dict[str, Any]]
Fault = Callable[[str, str, str], None]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ONLY_JSON = ("records", "key", "captured_at", "signature_header")
_FIELDS = (*LEAD_FIELDS, *COLUMN_PARTS)


def read_forms(table: Mapping[str, Any], *, section: Section, fault: Fault) -> dict[str, FormSettings]:
    """Name -> form.

    Args:
        table: `[customers.forms]` as it stands in the file.
        section: reads the table at a path by its keys; returns attribute -> value.
        fault: told of each fault, the path of its table and its key; what is then returned is of no use.
    """
    return {name: _form(name, form, section, fault) for name, form in table.items()}


def _form(name: str, table: object, section: Section, fault: Fault) -> FormSettings:
    path = f"{FORMS}.{name}"
    if not _NAME.fullmatch(name):
        fault(f"forms.{name}: a name has letters, digits, - and _, at most 64", path, "")
    own = {key: value for key, value in table.items() if key != "fields"} if isinstance(table, dict) else table
    values = section(path, [replace(key, section=path) for key in FORM_KEYS], own)
    fields = _fields(path, table.get("fields", {}), fault) if isinstance(table, dict) else {}
    if isinstance(own, dict):
        _check_together(path, own, fault)
    return FormSettings(**{"kind": "json", **values, "name": name, "fields": fields})


def _fields(path: str, table: object, fault: Fault) -> dict[str, str]:
    path = f"{path}.fields"
    if not isinstance(table, dict):
        fault(f"[customers.{path}] is a table, not a value", path, "")
        return {}
    for field, place in table.items():
        if field not in _FIELDS:
            fault(with_guess(f"unknown key {field}", field, _FIELDS), path, field)
        elif not isinstance(place, str) or not place.strip():
            fault(f"{path}.{field} must be a text in quotes, not {place!r}", path, field)
    return {field: place.strip() for field, place in table.items() if isinstance(place, str)}


def _check_together(path: str, table: Mapping[str, Any], fault: Fault) -> None:
    """A key that does nothing would be thought to do something; a secret does not belong in the file."""
    kind, variable = table.get("kind"), table.get("secret_env")
    for key in _ONLY_JSON:
        if key in table and kind != "json":
            fault(f'{path}.{key} is for kind = "json" only', path, key)
    if "url" in table and kind != "hubspot":
        fault(f'{path}.url is for kind = "hubspot" only', path, "url")
    if isinstance(variable, str) and not _VARIABLE.fullmatch(variable.strip()):
        fault(f"{path}.secret_env is the name of a variable that holds the secret, not the secret", path, "secret_env")
