"""Any other sender of JSON, or of the fields of an HTML form: what stands where is said in leads.toml.

What belongs here: dotted paths.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leads_dagster.customers import FormSettings
from leads_dagster.errors import InvalidLeadError
from leads_dagster.sources.webhooks.questions import label_of
from leads_dagster.sources.webhooks.request import Submission
from leads_dagster.sources.webhooks.shapes import text_of


def mapped_json(body: Any, form: FormSettings) -> list[Submission]:
    """The records in a body, each with the fields that `form.fields` names; all that it has, where none are named.

    Raises:
        InvalidLeadError: there is no record where `form.records` says.
    """
    found = at_path(body, form.records) if form.records else body
    records = found if isinstance(found, list) else [found]
    if not records or not all(isinstance(record, Mapping) for record in records):
        place = f"at {form.records}" if form.records else "in the body"
        raise InvalidLeadError(f"There is no JSON object {place}, and no list of them.")
    return [_submission(record, form) for record in records]


def _submission(record: Mapping[str, Any], form: FormSettings) -> Submission:
    named = ((label_of(field), at_path(record, path)) for field, path in form.fields.items())
    data = {label: value for label, value in named if value is not None}
    key = text_of(at_path(record, form.key)) if form.key else ""
    moment = at_path(record, form.captured_at) if form.captured_at else None
    return Submission(data if form.fields else dict(record), key or None, moment)


def at_path(value: Any, path: str) -> Any:
    """What stands at "contact.emails.0.value"; None where nothing does. A name with dots in it is found, too."""
    if isinstance(value, list):
        first, _, rest = path.partition(".")
        inner = value[int(first)] if first.isdecimal() and int(first) < len(value) else None
        return at_path(inner, rest) if rest else inner
    if not isinstance(value, Mapping):
        return None
    if path in value:
        return value[path]
    parts = path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        if (name := ".".join(parts[:length])) in value:
            return at_path(value[name], ".".join(parts[length:]))
    return None
