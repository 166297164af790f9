"""Buckets of time can be added, and percentiles read from them are close to what was measured."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.store.buckets import ERROR, Histogram, bucket_of, seconds_of

DURATIONS = st.lists(st.floats(0.001, 1e7, allow_nan=False), min_size=1, max_size=200)


def counted(durations: list[float]) -> Histogram:
    histogram = Histogram()
    for seconds in durations:
        histogram.count(seconds)
    return histogram


@given(DURATIONS, DURATIONS, DURATIONS)
def test_adding_buckets_is_the_same_as_counting_everything_into_one(
    one: list[float], other: list[float], third: list[float]
) -> None:
    added = counted(one)
    added.add(counted(other))
    added.add(counted(third))
    assert added == counted([*third, *one, *other])


@given(DURATIONS, st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_percentile_is_within_the_stated_error_of_the_exact_one(durations: list[float], share: float) -> None:
    exact = sorted(durations)[math.ceil(share * len(durations)) - 1]
    found = counted(durations).percentile(share)
    assert found == pytest.approx(exact, rel=ERROR + 1e-9)


def test_the_error_is_under_a_twentieth() -> None:
    assert ERROR < 0.05


@given(st.floats(0.001, 1e7))
def test_a_bucket_s_middle_lies_in_it(seconds: float) -> None:
    assert bucket_of(seconds_of(bucket_of(seconds))) == bucket_of(seconds)


def test_less_than_a_millisecond_counts_as_one() -> None:
    assert [seconds_of(bucket_of(seconds)) for seconds in (0.0, 0.0004, 0.001)] == [0.001] * 3


def test_without_rows_there_is_no_percentile() -> None:
    assert Histogram().percentile(0.5) is None


@given(DURATIONS)
def test_a_document_says_all_of_it(durations: list[float]) -> None:
    again = Histogram()
    again.add_document(counted(durations).as_document())
    assert again == counted(durations)
