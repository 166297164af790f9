"""Criteria of captures: what is refused, and in which words."""

from __future__ import annotations

import pytest

from leads_dagster.leads.criteria import Criteria, confidence_of, refusal
from leads_dagster.leads.normalization import normalize_fields

ADA = {"full_name": "Ada Lovelace", "email": "ada@mail.example.com", "source": "Conference"}


@pytest.mark.parametrize(
    ("said", "criteria", "why"),
    [
        ({}, Criteria(), None),
        ({"confidence": "0.85"}, Criteria(), None),
        ({"confidence": "0.849"}, Criteria(), "Its confidence of 0.85 is below 0.85."),
        ({"confidence": "92"}, Criteria(), None),
        ({"confidence": "101"}, Criteria(), "no share from 0 to 1"),
        ({"confidence": "-1"}, Criteria(), "no share from 0 to 1"),
        ({"confidence": "high"}, Criteria(), "cannot be read"),
        ({"confidence": "0.2"}, Criteria(min_confidence=0), None),
        ({}, Criteria(allowed_sources=("conference", "web form")), None),
        ({"source": "elsewhere"}, Criteria(allowed_sources=("conference",)), "not one of those allowed"),
        ({"source": ""}, Criteria(allowed_sources=("conference",)), "names no source"),
        ({}, Criteria(required=("phone", "email", "company")), "It has no phone and no company."),
        ({"phone": "+1 212 555 0100"}, Criteria(required=("phone",)), None),
        ({}, Criteria(blocked_domains=("example.com",)), "domain is blocked"),
        ({}, Criteria(blocked_domains=("ample.com", "@other.example")), None),
    ],
)
def test_what_is_refused(said: dict[str, str], criteria: Criteria, why: str | None) -> None:
    found = refusal(normalize_fields({**ADA, **said}), criteria)
    if why is None:
        assert found is None
    else:
        assert found is not None
        assert why in found


@pytest.mark.parametrize(("text", "value"), [("0.9", 0.9), ("90", 0.9), ("1", 1.0), ("", None), ("much", None)])
def test_confidence_is_a_share_or_a_percentage(text: str, value: float | None) -> None:
    assert confidence_of(normalize_fields({**ADA, "confidence": text})) == value


def test_a_reason_holds_nothing_that_the_capture_said() -> None:
    row = normalize_fields({**ADA, "source": "s3cret place"})
    assert "s3cret" not in str(refusal(row, Criteria(allowed_sources=("conference",))))
