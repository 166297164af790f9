"""Typeform's webhooks.

What belongs here: where the answers stand in their body. Source: typeform.com/developers/webhooks/example-payload.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from leads_dagster.customers import FormSettings
from leads_dagster.errors import InvalidLeadError
from leads_dagster.sources.webhooks.questions import Answer, labelled
from leads_dagster.sources.webhooks.request import Submission
from leads_dagster.sources.webhooks.shapes import mapping_at, mappings_at, text_of

_KINDS = {"email": "Email", "phone_number": "Phone"}


def typeform(body: Any, form: FormSettings) -> list[Submission]:
    """The one response in a body.

    Raises:
        InvalidLeadError: it is no response to a form.
    """
    response = mapping_at(body, "form_response")
    if not response:
        raise InvalidLeadError("This is no response of Typeform's.", advice="Choose the webhook event form_response.")
    data = labelled(_answers(response), form.fields)
    if variables := {text_of(one.get("key")): one.get(text_of(one.get("type"))) for one in _variables(response)}:
        data["variables"] = variables
    return [Submission(data, text_of(response.get("token")) or None, response.get("submitted_at"))]


def _variables(response: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return mappings_at(response, "variables")


def _answers(response: Mapping[str, Any]) -> Iterator[Answer]:
    titles = dict(_titles(mapping_at(response, "definition")))
    for answer in mappings_at(response, "answers"):
        field, kind = mapping_at(answer, "field"), text_of(answer.get("type"))
        question = text_of(field.get("id"))
        names = (titles.get(question, ""), text_of(field.get("ref")), question)
        yield Answer(names, _value(kind, answer.get(kind)), _KINDS.get(kind, ""))
    for name, value in mapping_at(response, "hidden").items():
        yield Answer((name,), value)


def _titles(group: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Id -> title of each question, those inside groups and contact blocks too."""
    for field in mappings_at(group, "fields"):
        yield text_of(field.get("id")), text_of(field.get("title"))
        yield from _titles(mapping_at(field, "properties"))


def _value(kind: str, value: Any) -> object:
    if not isinstance(value, Mapping):
        return value
    if kind == "payment":  # its name is the card holder's
        return value.get("amount")
    labels = value.get("labels") or [one.get("label") for one in mappings_at(value, "choices")] or [value.get("label")]
    return [text for one in (*labels, value.get("other")) if (text := text_of(one))]
