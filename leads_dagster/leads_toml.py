"""Reading leads.toml: every fault found at once, with its key and its line.

What belongs here: the way from the file to checked values. The keys and the values they become are in `customers`;
environment variables are in `settings`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from leads_dagster.cron import read_cron
from leads_dagster.customers import (
    FORMS,
    KEYS,
    MAPPINGS,
    REQUIRED,
    AirtableSettings,
    CrmSettings,
    CustomerSettings,
    FormSettings,
    Key,
    KeyKind,
    ScheduleSettings,
    resolve_sheet,
)
from leads_dagster.errors import SettingsError
from leads_dagster.forms_toml import read_forms
from leads_dagster.leads.criteria import Criteria
from leads_dagster.leads.survivorship_rules import Owner, Survivorship
from leads_dagster.spelling import with_guess
from leads_dagster.survivorship_toml import read_owners, read_survivorship

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_NAME = re.compile(r"\w(?:[\w.-]{0,62}\w)?")
_HEADING = re.compile(r"\s*(\[{1,2})\s*([\w.\s-]+?)\s*\]{1,2}")
_ASSIGNMENT = re.compile(r"\s*([\w-]+|\"[^\"]*\"|'[^']*')\s*=")
_SECRETS = ("api_key", "airtable_api_key", "token", "key", "secret", "password")
_MAY_BE_BLANK = ("airtable.fields",)  # there "" leaves a field out
_WORDS: dict[KeyKind, tuple[str, tuple[type, ...]]] = {
    "text": ("a text in quotes", (str,)),
    "number": ("a number", (int, float)),
    "integer": ("a whole number", (int,)),
    "flag": ("true or false", (bool,)),
    "choice": ("a text in quotes", (str,)),
    "texts": ("a list of texts in quotes", (list,)),
    "cron": ("a text in quotes", (str,)),
}


def read_customers(path: Path, *, copy: Path | None = None) -> tuple[CustomerSettings, ...]:
    """The customers that a leads.toml names, in its order.

    Args:
        path: the file; it is what messages name, and its folder is what relative paths count from.
        copy: read in its place.

    Raises:
        SettingsError: with every fault of the file, each with its key and, where it can be told, its line.
    """
    text = _read_text(copy or path)
    faults = _Faults(path, _key_lines(text))
    customers = _customers(_parse(path, text), faults)
    faults.raise_if_any()
    return customers


@dataclass
class _Faults:
    """The faults found so far."""

    path: Path
    lines: Mapping[tuple[int, str, str], int]
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, message: str, *, customer: int = -1, section: str = "", key: str = "") -> None:
        """Note a fault; `customer` counts from 0, -1 is the file itself."""
        places = ((customer, section, key), (customer, section, ""), (customer, "", section), (customer, "", ""))
        self.found.append((next((self.lines[place] for place in places if place in self.lines), 0), message))

    def raise_if_any(self) -> None:
        if not self.found:
            return
        listed = "".join(f"\n  {f'line {line}: ' if line else ''}{message}" for line, message in sorted(self.found))
        raise SettingsError(f"{self.path} is not right:{listed}", advice="Every key is in docs/configuration.md.")


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 text.", advice="Save it as UTF-8.") from error
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read: {error.strerror}.", advice="LEADS_CONFIG or LEADS_HOME names it."
        ) from error


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}.", advice="Texts stand in double quotes.") from error


def _key_lines(text: str) -> dict[tuple[int, str, str], int]:
    """(customer, section, key) -> line from 1; key "" is the heading of the table. Inline tables are not seen."""
    lines: dict[tuple[int, str, str], int] = {}
    customer, section = -1, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if heading := _HEADING.match(line):
            name = heading.group(2).replace(" ", "")
            customer += heading.group(1) == "[["
            section = name.removeprefix("customers").lstrip(".")
            lines.setdefault((customer, section, ""), number)
        elif assignment := _ASSIGNMENT.match(line):
            lines.setdefault((customer, section, assignment.group(1).strip("\"'")), number)
    return lines


def _customers(document: dict[str, Any], faults: _Faults) -> tuple[CustomerSettings, ...]:
    _check_known(document, ("customers",), faults)
    tables = document.get("customers", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        faults.add("customers are written as [[customers]], with two brackets")
        return ()
    if not tables:
        faults.add("there is no [[customers]] in it")
    read = [_customer(index, table, faults) for index, table in enumerate(tables)]
    _check_names(tables, faults)
    _check_airtables(tables, faults)
    return tuple(customer for customer in read if customer is not None)


def _customer(index: int, table: dict[str, Any], faults: _Faults) -> CustomerSettings | None:
    """One `[[customers]]`; None where it has a fault that leaves nothing to build."""
    before = len(faults.found)
    own = _section(index, "", table, faults)
    airtable = _section(index, "airtable", table["airtable"], faults) if "airtable" in table else None
    crm = _section(index, "crm", table.get("crm", {}), faults)
    schedules = _section(index, "schedules", table.get("schedules", {}), faults)
    capture = _section(index, "capture", table.get("capture", {}), faults)
    limits = {
        **_section(index, "guard", table.get("guard", {}), faults),
        **_section(index, "matching", table.get("matching", {}), faults),
    }
    survivorship = _survivorship(index, table.get("survivorship", {}), faults)
    owners, default_owner = _owners(index, table.get("owner", {}), faults)
    forms = _forms(index, table.get(FORMS, {}), faults)
    mappings = {path: _mapping(index, path, table, faults) for path in MAPPINGS}
    _check_values(index, own, airtable, limits, faults)
    if len(faults.found) > before:
        return None
    return CustomerSettings(
        **{**own, "sheet": resolve_sheet(own["sheet"], folder=faults.path.absolute().parent)},
        **limits,
        airtable=AirtableSettings(**airtable, fields=mappings["airtable.fields"]) if airtable is not None else None,
        columns=mappings["columns"],
        crm=CrmSettings(**crm, columns=mappings["crm.columns"]),
        survivorship=replace(survivorship, owners=owners, default_owner=default_owner),
        schedules=ScheduleSettings(**schedules),
        capture=Criteria(**{name: _frozen(value) for name, value in capture.items()}),
        forms=forms,
    )


def _forms(index: int, table: object, faults: _Faults) -> dict[str, FormSettings]:
    if isinstance(table, dict):
        return read_forms(
            table,
            section=lambda path, keys, found: _section(index, path, found, faults, keys),
            fault=lambda said, path, key: faults.add(said, customer=index, section=path, key=key),
        )
    faults.add("[customers.forms] is a table, not a value", customer=index, key=FORMS)
    return {}


def _frozen(value: Any) -> Any:
    return tuple(one.strip() for one in value) if isinstance(value, list) else value


def _owners(index: int, table: object, faults: _Faults) -> tuple[dict[str, Owner], Owner]:
    """Field -> owner, and the owner of all others."""
    if isinstance(table, dict):
        section = "owner"
        return read_owners(table, lambda said, key: faults.add(said, customer=index, section=section, key=key))
    faults.add("[customers.owner] is a table, not a value", customer=index, key="owner")
    return {}, "latest"


def _survivorship(index: int, table: object, faults: _Faults) -> Survivorship:
    if isinstance(table, dict):
        section = "survivorship"
        return read_survivorship(table, lambda said, key: faults.add(said, customer=index, section=section, key=key))
    faults.add("[customers.survivorship] is a table, not a value", customer=index, key="survivorship")
    return Survivorship()


def _section(
    index: int, section: str, table: object, faults: _Faults, keys: Sequence[Key] | None = None
) -> dict[str, Any]:
    """The checked values of one table, attribute -> value, defaults filled in; `keys` are its own, else `KEYS`'."""
    if not isinstance(table, dict):
        faults.add(f"[customers.{section}] is a table, not a value", customer=index, key=section)
        return {}
    keys = [key for key in KEYS if key.section == section] if keys is None else keys
    _check_known(table, [*(key.name for key in keys), *_subtables(section)], faults, customer=index, section=section)
    return {key.attribute or key.name: _value(index, key, table, faults) for key in keys}


def _subtables(section: str) -> Iterator[str]:
    """The tables that may stand below `section`."""
    prefix = f"{section}." if section else ""
    for path in dict.fromkeys([*(key.section for key in KEYS if key.section), *MAPPINGS, FORMS]):
        if path.startswith(prefix) and "." not in path.removeprefix(prefix):
            yield path.removeprefix(prefix)


def _check_known(
    table: Mapping[str, Any], known: Sequence[str], faults: _Faults, *, customer: int = -1, section: str = ""
) -> None:
    for key in table:
        if key in known:
            continue
        message = f"unknown key {key}"
        if key in _SECRETS:
            ours = section.startswith(FORMS)
            place = "the variable that secret_env names" if ours else "AIRTABLE_API_KEY or AIRTABLE_API_KEY_FILE"
            message += f": secrets stand in {place}, not in this file"
        else:
            message = with_guess(message, key, known)
        faults.add(message, customer=customer, section=section, key=key)


def _value(index: int, key: Key, table: Mapping[str, Any], faults: _Faults) -> Any:
    if key.name not in table:
        if key.default is REQUIRED:
            faults.add(f"{_path(key)} is missing", customer=index, section=key.section)
        return None if key.default is REQUIRED else key.default
    value = table[key.name]
    if message := _fault_of(key, value):
        faults.add(f"{_path(key)} {message}", customer=index, section=key.section, key=key.name)
    if key.kind == "number" and isinstance(value, int):
        return float(value)
    return value.strip() if isinstance(value, str) else value


def _path(key: Key) -> str:
    return f"{key.section}.{key.name}" if key.section else key.name


def _fault_of(key: Key, value: object) -> str | None:
    """What is wrong with one value, or None."""
    words, types = _WORDS[key.kind]
    if not isinstance(value, types) or (isinstance(value, bool) and key.kind != "flag"):
        return f"must be {words}, not {value!r}"
    if key.kind in _FAULTS_OF:
        return _FAULTS_OF[key.kind](key, value)
    if isinstance(value, str) and not value.strip():
        return "is empty"
    if isinstance(value, str) and key.choices and value not in key.choices:
        return with_guess(f"must be one of {', '.join(key.choices)}, not {value!r}", value, key.choices)
    if isinstance(value, (int, float)) and not key.least <= value <= key.most:
        limits = f"at least {key.least:g}" if key.most == float("inf") else f"from {key.least:g} to {key.most:g}"
        return f"must be {limits}, not {value!r}"
    return None


def _list_fault(key: Key, values: Any) -> str | None:
    for value in values:
        if not isinstance(value, str) or not value.strip():
            return f"must be a list of texts in quotes, not {list(values)!r}"
        if key.choices and value not in key.choices:
            return with_guess(f"must hold only {', '.join(key.choices)}, not {value!r}", value, key.choices)
    return None


def _cron_fault(key: Key, value: Any) -> str | None:
    try:
        if value.strip():
            read_cron(value)
        return None
    except ValueError as error:
        return str(error)


_FAULTS_OF: Mapping[str, Callable[[Key, Any], str | None]] = {"cron": _cron_fault, "texts": _list_fault}


def _mapping(index: int, path: str, table: Mapping[str, Any], faults: _Faults) -> dict[str, str]:
    """A table of texts, checked; what it may not hold is noted and left out."""
    found: Any = table
    for part in path.split("."):
        found = found.get(part, {}) if isinstance(found, dict) else {}
    if not isinstance(found, dict):
        faults.add(f"[customers.{path}] is a table, not a value", customer=index, key=path)
        return {}
    known = MAPPINGS[path][0]
    if known is not None:
        _check_known(found, known, faults, customer=index, section=path)
    for key, value in found.items():
        if not isinstance(value, str) or not (value.strip() or path in _MAY_BE_BLANK):
            faults.add(f"{path}.{key} must be a text in quotes, not {value!r}", customer=index, section=path, key=key)
    trimmed = path in _MAY_BE_BLANK
    return {key: value.strip() if trimmed else value for key, value in found.items() if isinstance(value, str)}


def _check_values(
    index: int, own: dict[str, Any], airtable: dict[str, Any] | None, limits: dict[str, Any], faults: _Faults
) -> None:
    """What types alone do not say."""
    if isinstance(name := own.get("name"), str) and name and not _NAME.fullmatch(name):
        faults.add(
            f"name {name!r} may hold letters, digits and . - _ between them, at most 64", customer=index, key="name"
        )
    region = own.get("phone_region")
    if isinstance(region, str) and re.fullmatch(r"[A-Za-z]{2}", region):
        own["phone_region"] = region.upper()
    elif isinstance(region, str) and region:
        faults.add(
            f"phone_region is a country of two letters such as DE, not {region!r}", customer=index, key="phone_region"
        )
    base_id = (airtable or {}).get("base_id")
    if isinstance(base_id, str) and base_id and not re.fullmatch(r"app\w+", base_id):
        faults.add(
            f"airtable.base_id begins with app, unlike {base_id!r}", customer=index, section="airtable", key="base_id"
        )
    match, review = limits.get("match_threshold"), limits.get("review_threshold")
    if isinstance(match, float) and isinstance(review, float) and review > match:
        faults.add("matching.review is above matching.match", customer=index, section="matching", key="review")


def _check_names(tables: Sequence[dict[str, Any]], faults: _Faults) -> None:
    seen: set[str] = set()
    for index, table in enumerate(tables):
        name = str(table.get("name", "")).strip()
        if name and name.casefold() in seen:
            faults.add(f"there is a customer {name} already", customer=index, key="name")
        seen.add(name.casefold())


def _check_airtables(tables: Sequence[dict[str, Any]], faults: _Faults) -> None:
    """One Airtable table for two customers would have each undo what the other wrote."""
    owners: dict[tuple[str, str], object] = {}
    for index, table in enumerate(tables):
        target = _airtable_of(table, "table")
        if target is None:
            continue
        if target in owners:
            faults.add(
                f"airtable.table {table['airtable']['table']!r} belongs to {owners[target]} already; each needs its "
                "own",
                customer=index, section="airtable", key="table",
            )  # fmt: skip
        owners.setdefault(target, table.get("name"))
    for index, table in enumerate(tables):
        if (target := _airtable_of(table, "fixing_table")) in owners and target is not None:
            faults.add(
                f"airtable.fixing_table {table['airtable']['fixing_table']!r} holds the leads of {owners[target]}; "
                "what needs fixing stands in a table of its own",
                customer=index, section="airtable", key="fixing_table",
            )  # fmt: skip


def _airtable_of(table: Mapping[str, Any], key: str) -> tuple[str, str] | None:
    """Base and table that a customer names under `key`, as one compares them."""
    airtable = table.get("airtable")
    if not isinstance(airtable, dict) or not {"base_id", key} <= airtable.keys():
        return None
    return str(airtable["base_id"]).strip(), str(airtable[key]).strip().casefold()
