"""One JSON record as cells with headers: what a nested record says, flat, as a row of a sheet would say it.

What belongs here: names of nested values, and the header that each amounts to. Which header is which field of a lead
is `leads.headers`, for JSON as for sheets.

A nested value is named by its path, "company.name". Lists of plain values are one cell; a list of objects is numbered,
and one of addresses or numbers ("phones": [{"type": "work", "number": …}]) is read as "phones.work.1".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from leads_dagster.leads.header_aliases import fold_header, recognize
from leads_dagster.sources.json_values import plain

MOST_LABELS = 2_000
_DEEPEST = 12
_LONGEST_KIND = 20

# Names that only wrap what a lead has, folded: "properties.firstname" (HubSpot), "attributes.email" (JSON:API),
# "fields.Name" (Airtable), "_source.email" (Elasticsearch), "node.name" (GraphQL).
_WRAPPERS = frozenset({
    "properties", "attributes", "fields", "data", "profile", "user", "node", "record", "details", "info",
    "contactinfo", "contactinformation", "contactdetails", "basicinfo", "personalinfo", "leaddata",
    "social", "socials", "socialmedia", "socialprofiles", "sociallinks", "links", "urls",
})  # fmt: skip
_NAME_TARGETS = frozenset({"full_name", "first_name", "middle_name", "last_name", "name_prefix", "name_suffix"})
_PLACES = frozenset({"location", "locations", "geo", "address", "addresses", "place"})
_PLACE_TARGETS = frozenset({"city", "region", "country", "postal_code", "street"})
# Of an entry in a list of addresses or numbers: where the value is, and where its kind.
_VALUES = (
    "value", "number", "address", "email", "phone", "url", "emailaddress", "phonenumber", "sanitizednumber",
    "rawnumber", "link", "text",
)  # fmt: skip
_KINDS = ("type", "label", "kind")
_REACHING = frozenset({"email", "phone", "linkedin_url", "website"})
_KIND = re.compile(r"[^\W\d_]+(?:[ _-][^\W\d_]+)*")


def flatten(record: Mapping[str, Any]) -> dict[str, str]:
    """Label -> text of everything that a record holds; blank where it says null or "".

    Beyond `MOST_LABELS` labels, or 12 levels down, what is left is kept as JSON text.
    """
    cells: dict[str, str] = {}
    for label, text in _walk(record, "", _DEEPEST):
        key, number = label, 2
        while cells.get(key, text) != text:
            key, number = f"{label} {number}", number + 1
        if len(cells) >= MOST_LABELS and key not in cells:
            cells["…"] = "; ".join(filter(None, (cells.get("…"), f"{label}: {text}")))
        else:
            cells[key] = text
    return cells


@lru_cache(maxsize=4096)
def header_of(label: str) -> str:
    """The header that a label amounts to: the first of several ways to write it that headers know; else the label."""
    return next((header for header in _ways(label.split(".")) if recognize(header)), label)


def target_of(label: str) -> str | None:
    """What a label says of a lead by itself, as `leads.headers` has it; "?name" and its like where that is open."""
    found = recognize(header_of(label))
    return found.target if found else None


def is_wrapper(name: str) -> bool:
    """Whether a name only wraps what is in it."""
    return name == "_source" or fold_header(name) in _WRAPPERS


def unwrapped(value: Any) -> Any:
    """The value of an object that only tells its type: {"$oid": "…"}, {"$date": "…"} of MongoDB's exports."""
    while isinstance(value, dict) and len(value) == 1:
        name, inner = next(iter(value.items()))
        if not name.startswith("$"):
            break
        value = inner
    return value


def _ways(parts: list[str]) -> Iterator[str]:
    yield ".".join(parts)
    bare = [part for part in parts[:-1] if not is_wrapper(part)] + parts[-1:]
    yield ".".join(bare)
    if len(bare) > 1 and _means(turned := " ".join([*bare[:-2], *bare[:-3:-1]]), _NAME_TARGETS):  # "name.first"
        yield turned
    if len(bare) > 1 and all(fold_header(part) in _PLACES for part in bare[:-1]) and _means(bare[-1], _PLACE_TARGETS):
        yield bare[-1]


def _means(header: str, targets: frozenset[str]) -> bool:
    found = recognize(header)
    return found is not None and found.target in targets


def _walk(value: Any, label: str, levels: int) -> Iterator[tuple[str, str]]:
    value = unwrapped(value)
    if not isinstance(value, (dict, list)):
        yield label or "value", _text(value)
    elif not value:
        yield label or "value", ""
    elif not levels:
        yield label, _as_json(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(inner, f"{label}.{name}" if label else name, levels - 1)
    else:
        yield from _walk_list(value, label, levels)


def _walk_list(values: list[Any], label: str, levels: int) -> Iterator[tuple[str, str]]:
    values = [unwrapped(value) for value in values]
    if not any(isinstance(value, (dict, list)) for value in values):
        texts = [text for text in map(_text, values) if text]
        joined = ";" not in "".join(texts)
        yield label, "; ".join(texts) if joined else _as_json(values)
        return
    reaching = target_of(label) in _REACHING or target_of(label.removesuffix("s")) in _REACHING
    for number, value in enumerate(values, start=1):
        if reaching and isinstance(value, dict):
            yield from _walk_entry(value, label, number, levels - 1)
        else:
            yield from _walk(value, f"{label}.{number}", levels - 1)


def _walk_entry(entry: Mapping[str, Any], label: str, number: int, levels: int) -> Iterator[tuple[str, str]]:
    """One address or number of a list: its value under the list's name and its kind, the rest below that."""
    folded = {fold_header(name): name for name in entry}
    value = next((folded[name] for name in _VALUES if name in folded and _text(entry[folded[name]])), None)
    kind = next((folded[name] for name in _KINDS if name in folded and _is_kind(entry[folded[name]])), None)
    place = f"{label}.{entry[kind]}.{number}" if kind else f"{label}.{number}"
    for name, inner in entry.items():
        if name == value:
            yield place, _text(inner)
        elif name != kind:
            yield from _walk(inner, f"{place}.{name}", levels)


def _is_kind(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_KIND and _KIND.fullmatch(value) is not None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return plain(value) if isinstance(value, str) else _as_json(value)


def _as_json(value: Any) -> str:
    return plain(json.dumps(value, ensure_ascii=False))
