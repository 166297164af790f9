"""Tally's webhooks.

What belongs here: where the answers stand in their body. Source: tally.so/help/webhooks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leads_dagster.customers import FormSettings
from leads_dagster.errors import InvalidLeadError
from leads_dagster.sources.webhooks.questions import Answer, labelled
from leads_dagster.sources.webhooks.request import Submission
from leads_dagster.sources.webhooks.shapes import mapping_at, mappings_at, text_of

_KINDS = {"INPUT_EMAIL": "Email", "INPUT_PHONE_NUMBER": "Phone"}


def tally(body: Any, form: FormSettings) -> list[Submission]:
    """The one response in a body.

    Raises:
        InvalidLeadError: it is no response to a form.
    """
    response = mapping_at(body, "data")
    if not isinstance(response.get("fields"), list):
        raise InvalidLeadError("This is no response of Tally's.", advice="Choose the webhook event FORM_RESPONSE.")
    data = labelled(_answers(mappings_at(response, "fields")), form.fields)
    key = text_of(response.get("responseId")) or text_of(response.get("submissionId")) or None
    return [Submission(data, key, response.get("createdAt") or mapping_at({"": body}, "").get("createdAt"))]


def _answers(fields: Sequence[Mapping[str, Any]]) -> Iterator[Answer]:
    several = {text_of(field.get("key")) for field in fields if field.get("options")}
    for field in fields:
        key, kind, value = text_of(field.get("key")), text_of(field.get("type")), field.get("value")
        if isinstance(value, bool) and key.rpartition("_")[0] in several:
            continue  # each box of a question again, which has them all
        label = text_of(field.get("label"))
        names = (f"payment {label}",) if kind == "PAYMENT" else (label, key)
        yield Answer(names, _value(value, field), _KINDS.get(kind, ""))


def _value(value: Any, field: Mapping[str, Any]) -> object:
    """The texts of what was chosen, where it is said by ids; the addresses of files."""
    words = {
        text_of(one.get("id")): text_of(one.get("text"))
        for part in ("options", "rows", "columns")
        for one in mappings_at(field, part)
    }
    if isinstance(value, Mapping):  # a matrix: row -> columns
        return {words.get(row, row): _chosen(columns, words) for row, columns in value.items()} or None
    return _chosen(value, words)


def _chosen(value: Any, words: Mapping[str, str]) -> object:
    if isinstance(value, list):
        return [_word(one, words) for one in value]
    return words.get(value, value) if isinstance(value, str) else value


def _word(one: Any, words: Mapping[str, str]) -> object:
    if isinstance(one, Mapping):
        return one.get("url") or one.get("name")
    return words.get(one, one) if isinstance(one, str) else one
