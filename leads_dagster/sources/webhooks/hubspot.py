"""HubSpot's forms, as a workflow's webhook sends the contact who filled one in.

What belongs here: where the properties stand in such a body: a contact with all properties, the properties that were
chosen, or the fields of a form. Sources: knowledge.hubspot.com/workflows/how-do-i-use-webhooks-with-hubspot-workflows,
developers.hubspot.com/docs/api-reference/legacy/forms-v3-legacy/post-submissions-v3-integration-submit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from leads_dagster.customers import FormSettings
from leads_dagster.errors import InvalidLeadError
from leads_dagster.sources.json_fields import target_of
from leads_dagster.sources.webhooks.questions import Answer, labelled
from leads_dagster.sources.webhooks.request import Submission
from leads_dagster.sources.webhooks.shapes import mapping_at, mappings_at, text_of

# HubSpot's own bookkeeping; what a lead has is kept also where its name begins so.
_INTERNAL = ("hs_", "num_", "first_conversion", "recent_conversion", "associatedcompany", "lastmodified", "createdate")
_NOT_ANSWERS = frozenset({"vid", "canonical-vid", "portal-id", "objectId", "portalId", "submittedAt", "pageUrl"})


def hubspot(body: Any, form: FormSettings) -> list[Submission]:
    """The contact in a body, or the contacts in a list of them.

    Raises:
        InvalidLeadError: it holds nobody.
    """
    contacts = body if isinstance(body, list) else [body]
    if not contacts or not all(isinstance(one, Mapping) and "subscriptionType" not in one for one in contacts):
        raise InvalidLeadError(
            "This is no contact of HubSpot's.",
            advice="Send it by a workflow's webhook; the events of an app's subscriptions hold only ids.",
        )
    return [_submission(contact, form) for contact in contacts]


def _submission(contact: Mapping[str, Any], form: FormSettings) -> Submission:
    data = labelled(_answers(contact), form.fields)
    sent = max(mappings_at(contact, "form-submissions"), key=_when, default={})
    key = text_of(sent.get("conversion-id")) or _digest(contact)
    return Submission(data, key, sent.get("timestamp") or contact.get("submittedAt"))


def _answers(contact: Mapping[str, Any]) -> Iterator[Answer]:
    found = dict(_properties(contact))
    company = _plain(mapping_at(mapping_at(contact, "associated-company"), "properties").get("name"))
    if company and "company" not in found:
        found["company"] = company
    for name, value in found.items():
        yield Answer((name,), value, {"email": "Email", "phone": "Phone"}.get(name, ""))


def _properties(contact: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    fields = [(text_of(one.get("name")), one.get("value")) for one in mappings_at(contact, "fields")]
    own = mapping_at(contact, "properties")
    flat = {} if fields or own else {name: value for name, value in contact.items() if name not in _NOT_ANSWERS}
    for name, value in (*own.items(), *fields, *flat.items()):
        plain = _plain(value)
        if plain not in (None, "") and (not name.startswith(_INTERNAL) or target_of(name) not in (None, "row_id")):
            yield name, plain


def _plain(value: Any) -> object:
    """A property's value; older bodies keep its history beside it."""
    return value.get("value") if isinstance(value, Mapping) else value


def _when(submission: Mapping[str, Any]) -> float:
    found = submission.get("timestamp")
    return float(found) if isinstance(found, (int, float)) else 0.0


def _digest(contact: Mapping[str, Any]) -> str:
    """The same contact with the same values is the same capture; a webhook that failed is sent again as it was."""
    return hashlib.sha256(orjson.dumps(contact, option=orjson.OPT_SORT_KEYS)).hexdigest()
