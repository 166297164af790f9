"""A filter takes what callers have, and says what is wrong with what it cannot mean."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from leads_dagster.errors import SettingsError
from leads_dagster.store.lead_filter import LeadFilter

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("query", "given", "meant"),
    [
        (None, {}, LeadFilter()),
        ("jane", {}, LeadFilter(text="jane")),
        ("jane", {"status": "new"}, LeadFilter(text="jane", status=("new",))),
        ({"company": ["a", "b", "a"]}, {}, LeadFilter(company=("a", "b"))),
        ({"status": "new"}, {"status": "won"}, LeadFilter(status="won")),
        (LeadFilter(text="x", verified=True), {"text": "y"}, LeadFilter(text="y", verified=True)),
    ],
)
def test_a_text_a_mapping_and_a_filter_all_make_one(query: Any, given: dict[str, Any], meant: LeadFilter) -> None:
    assert LeadFilter.of(query, **given) == meant


@pytest.mark.parametrize(
    ("name", "near"), [("compny", "'company'"), ("linkedin", "'linkedin_url'"), ("q", "text, full_name")]
)
def test_an_unknown_filter_is_answered_with_the_nearest_known(name: str, near: str) -> None:
    with pytest.raises(SettingsError, match=near):
        LeadFilter.of(**{name: "x"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", 3), ("company", 3), ("company", b"a"), ("company", [1]), ("status", {"a": 1}), ("verified", "yes"),
        ("verified", 1), ("confidence_at_least", "0.5"), ("confidence_at_least", 2), ("confidence_at_least", True),
        ("confidence_at_least", float("nan")), ("created_since", "2026-01-01"),
        ("updated_before", NOW.replace(tzinfo=None)),
        ("ids", [str(number) for number in range(10_001)]),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_meant_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=name):
        LeadFilter.of(**{name: value})


@pytest.mark.parametrize("query", [3, ["jane"], b"jane"])
def test_a_query_of_another_kind_is_refused(query: Any) -> None:
    with pytest.raises(SettingsError, match="cannot be searched by"):
        LeadFilter.of(query)


def test_filters_that_differ_in_anything_have_different_fingerprints() -> None:
    filters = [
        LeadFilter(),
        LeadFilter(text="a"),
        LeadFilter(company="a"),
        LeadFilter(ids="a"),
        LeadFilter(created_since=NOW),
    ]
    assert len({one.fingerprint for one in filters}) == len(filters)
