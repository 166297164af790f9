"""Bodies as the senders document them, shortened, with invented people."""

from __future__ import annotations

from typing import Any


def typeform_body() -> dict[str, Any]:
    """After typeform.com/developers/webhooks/example-payload."""
    return {
        "event_id": "LtWXD3crgy",
        "event_type": "form_response",
        "form_response": {
            "form_id": "lT4Z3j",
            "token": "a3a12ec67a1365927098a606107fac15",
            "submitted_at": "2018-01-18T18:17:02Z",
            "landed_at": "2018-01-18T18:07:02Z",
            "calculated": {"score": 9},
            "variables": [
                {"key": "score", "type": "number", "number": 4},
                {"key": "name", "type": "text", "text": "typeform"},
            ],
            "hidden": {"user_id": "abc123456", "utm_source": "newsletter"},
            "definition": {
                "id": "lT4Z3j",
                "title": "Webhooks example",
                "fields": [
                    {
                        "id": "SMEUb7VJz92Q",
                        "title": "Where may we write to, {{field:x}}?",
                        "type": "email",
                        "ref": "mail",
                    },
                    {"id": "JwWggjAKtOkA", "title": "What is your first name?", "type": "short_text", "ref": "a-1"},
                    {
                        "id": "grp",
                        "title": "About you",
                        "type": "contact_info",
                        "properties": {"fields": [{"id": "inner", "title": "Last name", "type": "short_text"}]},
                    },
                    {"id": "PNe8ZKBK8C2Q", "title": "Which pictures do you like?", "type": "picture_choice"},
                    {"id": "k6TP9oLGgHjl", "title": "Which of these cities is yours?", "type": "multiple_choice"},
                    {"id": "RUqkXSeXBXSd", "title": "Do you have a favourite?", "type": "yes_no"},
                    {"id": "pay", "title": "Pay here", "type": "payment"},
                ],
            },
            "answers": [
                {"type": "email", "email": "laura@example.com", "field": {"id": "SMEUb7VJz92Q", "type": "email"}},
                {"type": "text", "text": "Laura", "field": {"id": "JwWggjAKtOkA", "type": "short_text", "ref": "a-1"}},
                {"type": "text", "text": "Palmer", "field": {"id": "inner", "type": "short_text"}},
                {
                    "type": "choices",
                    "choices": {"labels": ["London", "Sydney"], "other": "Oslo"},
                    "field": {"id": "PNe8ZKBK8C2Q", "type": "picture_choice"},
                },
                {
                    "type": "choice",
                    "choice": {"label": "London"},
                    "field": {"id": "k6TP9oLGgHjl", "type": "multiple_choice", "ref": "q-9"},
                },
                {"type": "boolean", "boolean": False, "field": {"id": "RUqkXSeXBXSd", "type": "yes_no"}},
                {
                    "type": "payment",
                    "payment": {"amount": "1.00", "last4": "1234", "name": "Her Father"},
                    "field": {"id": "pay", "type": "payment"},
                },
            ],
        },
    }


def tally_body() -> dict[str, Any]:
    """After tally.so/help/webhooks."""
    return {
        "eventId": "a4cb511e-d513-4fa5-baee-b815d718dfd1",
        "eventType": "FORM_RESPONSE",
        "createdAt": "2023-06-28T15:00:21.889Z",
        "data": {
            "responseId": "2wgx4n",
            "submissionId": "2wgx4n",
            "respondentId": "dwQKYm",
            "formId": "VwbNEw",
            "formName": "Webhook payload",
            "createdAt": "2023-06-28T15:00:21.000Z",
            "fields": [
                {"key": "question_mVGEg3", "label": "utm_campaign", "type": "HIDDEN_FIELDS", "value": "spring"},
                {"key": "question_nPpjVn", "label": "Your name", "type": "INPUT_TEXT", "value": "Dale Cooper"},
                {"key": "question_3EKz4n", "label": "Write to", "type": "INPUT_EMAIL", "value": "dale@example.org"},
                {"key": "question_nr6jNj", "label": "Call", "type": "INPUT_PHONE_NUMBER", "value": "+12025550123"},
                {
                    "key": "question_w5pZ1E",
                    "label": "Company size",
                    "type": "MULTIPLE_CHOICE",
                    "value": ["e7bfbbc6-c2e6-4821-8670-72ed1cb31cd5"],
                    "options": [
                        {"id": "e7bfbbc6-c2e6-4821-8670-72ed1cb31cd5", "text": "11-50"},
                        {"id": "ec2b2e7d-b5dd-4a2d-9c7e-1b0c2d1d0b0c", "text": "51-200"},
                    ],
                },
                {
                    "key": "question_3qLEJq",
                    "label": "Interests",
                    "type": "CHECKBOXES",
                    "value": ["c1", "c2"],
                    "options": [
                        {"id": "c1", "text": "Pie"},
                        {"id": "c2", "text": "Coffee"},
                        {"id": "c3", "text": "Owls"},
                    ],
                },
                {"key": "question_3qLEJq_c1", "label": "Interests (Pie)", "type": "CHECKBOXES", "value": True},
                {"key": "question_3qLEJq_c3", "label": "Interests (Owls)", "type": "CHECKBOXES", "value": False},
                {
                    "key": "question_file",
                    "label": "Photo",
                    "type": "FILE_UPLOAD",
                    "value": [{"id": "x", "name": "a.png", "url": "https://files.example/a.png", "size": 3}],
                },
                {
                    "key": "question_mat",
                    "label": "When",
                    "type": "MATRIX",
                    "value": {"r1": ["k1"]},
                    "rows": [{"id": "r1", "text": "Monday"}],
                    "columns": [{"id": "k1", "text": "Morning"}],
                },
                {"key": "question_pay_name", "label": "name", "type": "PAYMENT", "value": "Card Holder"},
                {"key": "question_none", "label": "Title", "type": "INPUT_TEXT", "value": None},
            ],
        },
    }


def hubspot_body() -> dict[str, Any]:
    """A contact with all properties, as a workflow's webhook sends it."""
    return {
        "vid": 9153674,
        "canonical-vid": 9153674,
        "portal-id": 62515,
        "is-contact": True,
        "properties": {
            "firstname": {"value": "Audrey", "versions": [{"value": "Audrey", "timestamp": 1551971239000}]},
            "lastname": {"value": "Horne", "versions": []},
            "email": {"value": "audrey@example.net", "versions": []},
            "jobtitle": {"value": "Consultant", "versions": []},
            "hs_object_id": {"value": "9153674", "versions": []},
            "hs_analytics_num_page_views": {"value": "3", "versions": []},
            "num_conversion_events": {"value": "1", "versions": []},
            "phone": {"value": "", "versions": []},
        },
        "form-submissions": [
            {"conversion-id": "old", "timestamp": 1535664601000, "form-id": "f", "title": "Newsletter"},
            {"conversion-id": "4a0d6c2b", "timestamp": 1551971238000, "form-id": "g", "title": "Demo"},
        ],
        "identity-profiles": [{"vid": 9153674, "identities": [{"type": "EMAIL", "value": "audrey@example.net"}]}],
        "associated-company": {"company-id": 7, "properties": {"name": {"value": "Great Northern"}}},
    }
