"""What the requests of web forms come to."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from leads_dagster.capture_queue.items import NewCapture
from leads_dagster.customers import FormKind, FormSettings
from leads_dagster.errors import InvalidLeadError, SettingsError, SignatureError
from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster.sources.json_fields import target_of
from leads_dagster.sources.webhooks import receive
from leads_dagster.sources.webhooks.questions import label_of
from leads_dagster.sources.webhooks.receiving import secret_of
from leads_dagster_tests.sources.webhooks.bodies import hubspot_body, tally_body, typeform_body
from leads_dagster_tests.sources.webhooks.conftest import NOW_MS, MakeRequest


def form(kind: FormKind, **settings: Any) -> FormSettings:
    return FormSettings("contact", kind, **settings)


def received(request_of: MakeRequest, body: Any, settings: FormSettings, **headers: str) -> list[NewCapture]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return receive(request_of(body, named), settings, customer="acme", secret=None)


def data_of(captures: list[NewCapture]) -> dict[str, Any]:
    (capture,) = captures
    found: dict[str, Any] = json.loads(capture.body)
    return found


def test_a_response_of_typeform_is_one_lead_named_by_its_questions(request_of: MakeRequest) -> None:
    data = data_of(received(request_of, typeform_body(), form("typeform")))

    assert data == {
        "first name": "Laura",
        "Last name": "Palmer",
        "Email": "laura@example.com",
        "Which pictures do you like?": ["London", "Sydney", "Oslo"],
        "Which of these cities is yours?": ["London"],
        "Do you have a favourite?": False,
        "Pay here": "1.00",
        "user_id": "abc123456",
        "utm_source": "newsletter",
        "variables": {"score": 4, "name": "typeform"},
        "scraped_at": "2018-01-18T18:17:02Z",
    }


def test_a_response_is_known_by_its_token_and_was_captured_when_it_was_sent_off(request_of: MakeRequest) -> None:
    (capture,) = received(request_of, typeform_body(), form("typeform"))

    assert (capture.customer, capture.key) == ("acme", "contact:a3a12ec67a1365927098a606107fac15")
    assert capture.captured_at_ms == datetime(2018, 1, 18, 18, 17, 2, tzinfo=timezone.utc).timestamp() * 1000


def test_choices_of_typeform_with_an_entry_each_are_read_too(request_of: MakeRequest) -> None:
    body = typeform_body()
    body["form_response"]["answers"][3]["choices"] = {"choices": [{"id": "p", "label": "Student"}]}

    assert data_of(received(request_of, body, form("typeform")))["Which pictures do you like?"] == ["Student"]


@pytest.mark.parametrize("named", ["q-9", "k6TP9oLGgHjl", "which of these  cities is yours?"])
def test_leads_toml_says_what_a_question_asks_for_by_its_ref_its_id_or_its_title(
    request_of: MakeRequest, named: str
) -> None:
    settings = form("typeform", fields={"location": named, "title": "RUqkXSeXBXSd"})

    data = data_of(received(request_of, typeform_body(), settings))

    assert data["location"] == ["London"]
    assert data["job title"] is False


def test_a_response_of_tally_has_the_texts_of_what_was_chosen(request_of: MakeRequest) -> None:
    data = data_of(received(request_of, tally_body(), form("tally", source="Landing page")))

    assert data == {
        "Your name": "Dale Cooper",
        "Company size": ["11-50"],
        "utm_campaign": "spring",
        "Interests": ["Pie", "Coffee"],
        "Photo": ["https://files.example/a.png"],
        "When": {"Monday": ["Morning"]},
        "payment name": "Card Holder",
        "Email": "dale@example.org",
        "Phone": "+12025550123",
        "source": "Landing page",
        "scraped_at": "2023-06-28T15:00:21.000Z",
    }


def test_a_response_of_tally_is_known_by_its_id(request_of: MakeRequest) -> None:
    (capture,) = received(request_of, tally_body(), form("tally"))

    assert capture.key == "contact:2wgx4n"


def test_a_contact_of_hubspot_has_its_properties_and_its_company(request_of: MakeRequest) -> None:
    (capture,) = received(request_of, hubspot_body(), form("hubspot"))

    assert json.loads(capture.body) == {
        "firstname": "Audrey",
        "lastname": "Horne",
        "email": "audrey@example.net",
        "jobtitle": "Consultant",
        "company": "Great Northern",
        "source": "contact",
        "scraped_at": 1551971238000,
    }
    assert (capture.key, capture.captured_at_ms) == ("contact:4a0d6c2b", 1551971238000)


@pytest.mark.parametrize(
    "body",
    [
        {"email": "a@example.com", "firstname": "Ada", "objectId": 5},
        {"properties": {"email": "a@example.com", "firstname": "Ada", "hs_object_id": "5"}},
        {"fields": [{"name": "email", "value": "a@example.com"}, {"name": "firstname", "value": "Ada"}]},
        [{"vid": 5, "properties": {"email": {"value": "a@example.com"}, "firstname": {"value": "Ada"}}}],
    ],
    ids=["chosen properties", "an object of today's API", "a form's fields", "a list of contacts"],
)
def test_other_shapes_of_hubspot_come_to_the_same(request_of: MakeRequest, body: Any) -> None:
    data = data_of(received(request_of, body, form("hubspot")))

    assert data == {"email": "a@example.com", "firstname": "Ada", "source": "contact"}


def test_a_contact_that_hubspot_sends_again_as_it_was_is_the_same_capture(request_of: MakeRequest) -> None:
    first, again, changed = (
        received(request_of, body, form("hubspot"))[0].key
        for body in ({"email": "a@x.org", "phone": "1"}, {"phone": "1", "email": "a@x.org"}, {"email": "a@x.org"})
    )

    assert first == again != changed


def test_json_is_read_by_dotted_paths(request_of: MakeRequest) -> None:
    body = {"batch": {"items": [
        {"id": 7, "person": {"name": "Ada", "mails": [{"value": "ada@example.com"}]}, "when": "2026-01-02T03:04:05Z"},
        {"id": 8, "person": {"name": "Bob", "a.b": "Ltd"}, "owner": {"email": "us@example.com"}},
    ]}}  # fmt: skip
    settings = form(
        "json", records="batch.items", key="id", captured_at="when",
        fields={"full_name": "person.name", "email": "person.mails.0.value", "company": "person.a.b"},
    )  # fmt: skip

    ada, bob = received(request_of, body, settings)

    assert (ada.key, bob.key) == ("contact:7", "contact:8")
    assert json.loads(ada.body) == {
        "full_name": "Ada", "email": "ada@example.com", "source": "contact", "scraped_at": "2026-01-02T03:04:05Z",
    }  # fmt: skip
    assert json.loads(bob.body) == {"full_name": "Bob", "company": "Ltd", "source": "contact"}
    assert (ada.captured_at_ms, bob.captured_at_ms) == (NOW_MS, NOW_MS)  # the first is after now, the second says none


def test_json_without_a_mapping_is_taken_as_it_is(request_of: MakeRequest) -> None:
    data = data_of(received(request_of, {"Name": "Ada", "confidence": 0.9, "source": "scraper"}, form("json")))

    assert data == {"Name": "Ada", "confidence": 0.9, "source": "scraper"}


def test_the_fields_of_an_html_form_are_taken_as_they_are(request_of: MakeRequest) -> None:
    captures = received(
        request_of, b"name=Ada+Lovelace&email=ada%40example.com&empty=", form("json"),
        content_type="application/x-www-form-urlencoded; charset=utf-8",
    )  # fmt: skip

    assert data_of(captures) == {"name": "Ada Lovelace", "email": "ada@example.com", "source": "contact"}


def test_the_source_that_leads_toml_names_wins_over_a_hidden_field_which_is_kept(request_of: MakeRequest) -> None:
    data = data_of(received(request_of, typeform_body(), form("typeform", source="Website")))

    assert data["source"] == "Website"
    assert data["answers"] == {"utm_source": "newsletter"}


def test_a_delivery_is_named_by_its_header_where_the_body_has_no_key(request_of: MakeRequest) -> None:
    keys = [one.key for one in received(request_of, [{"a": 1}, {"a": 2}], form("json"), idempotency_key="d1")]

    assert keys == ["contact:d1:0", "contact:d1:1"]


def test_without_any_name_each_delivery_is_another(request_of: MakeRequest) -> None:
    assert [one.key for one in received(request_of, {"a": 1}, form("json"))] == [""]


def test_a_very_long_key_is_shortened_and_still_tells_apart(request_of: MakeRequest) -> None:
    keys = {received(request_of, {"id": "x" * 5_000 + end}, form("json", key="id"))[0].key for end in "ab"}

    assert len(keys) == 2
    assert max(map(len, keys)) <= 256


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("typeform", {"event_type": "ping"}),
        ("typeform", []),
        ("tally", {"data": {"fields": "none"}}),
        ("hubspot", [{"subscriptionType": "contact.creation", "objectId": 1}]),
        ("hubspot", []),
        ("hubspot", "text"),
        ("json", [1]),
        ("json", []),
        ("json", b"{"),
        ("json", b"\xff"),
    ],
)
def test_what_is_no_lead_of_such_a_form_is_said(request_of: MakeRequest, kind: FormKind, body: Any) -> None:
    with pytest.raises(InvalidLeadError):
        received(request_of, body, form(kind))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("typeform", {"form_response": {"answers": [1, {"type": ["x"]}, {"type": "text", "field": 3}], "hidden": 5}}),
        ("tally", {"data": {"fields": [None, {"value": {"a": 1}}, {"key": 1, "value": [[], {}]}]}}),
        ("hubspot", {"properties": {"email": {"value": None}}, "form-submissions": [3, {"timestamp": "x"}]}),
    ],
)
def test_a_body_of_odd_parts_is_read_as_far_as_it_goes(request_of: MakeRequest, kind: FormKind, body: Any) -> None:
    assert len(received(request_of, body, form(kind))) == 1


def test_a_wrong_signature_is_refused_before_the_body_is_looked_at(request_of: MakeRequest) -> None:
    with pytest.raises(SignatureError):
        receive(request_of(b"{"), form("tally"), customer="acme", secret="right")


def test_a_secret_comes_from_the_variable_that_the_form_names() -> None:
    assert secret_of(form("tally", secret_env="TALLY"), {"TALLY": " s3 "}) == "s3"
    assert secret_of(form("tally"), {"TALLY": "s3"}) is None


def test_a_variable_that_is_not_set_is_said_and_not_taken_for_no_secret() -> None:
    with pytest.raises(SettingsError, match="TALLY is not set"):
        secret_of(form("tally", secret_env="TALLY"), {"TALLY": " "})


@pytest.mark.parametrize("field", LEAD_FIELDS)
def test_every_field_of_a_lead_can_be_named_in_leads_toml(field: str) -> None:
    assert target_of(label_of(field)) == field
