"""Cron expressions: which are read, and when each was last due."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from leads_dagster.cron import read_cron

SUNDAY_NIGHT = datetime(2026, 11, 22, 23, 47, 31, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("expression", "last"),
    [
        ("* * * * *", "2026-11-22T23:47"),
        ("0 * * * *", "2026-11-22T23:00"),
        ("48 * * * *", "2026-11-22T22:48"),
        ("47 23 * * *", "2026-11-22T23:47"),
        ("*/15 8-18 * * mon-fri", "2026-11-20T18:45"),
        ("30 2 * * *", "2026-11-22T02:30"),
        ("0 0 1 * *", "2026-11-01T00:00"),
        ("0 12 * * 7", "2026-11-22T12:00"),
        ("0 12 13 * fri", "2026-11-20T12:00"),
        ("5/20 * * * *", "2026-11-22T23:45"),
        ("0 6,18 * JAN,dec *", "2026-01-31T18:00"),
        ("0 0 29 2 *", "2024-02-29T00:00"),
        ("@daily", "2026-11-22T00:00"),
    ],
)
def test_the_last_moment_is_found(expression: str, last: str) -> None:
    found = read_cron(expression).last_due(SUNDAY_NIGHT)
    assert found is not None
    assert found.isoformat(timespec="minutes") == f"{last}+00:00"


def test_a_day_that_never_comes_was_never_due() -> None:
    assert read_cron("0 0 31 2 *").last_due(SUNDAY_NIGHT) is None


@pytest.mark.parametrize(
    "expression",
    ["", "hourly", "0 * * *", "60 * * * *", "* * 0 * *", "* * * * 8", "5-1 * * * *", "*/0 * * * *", "a b c d e"],
)
def test_what_is_no_cron_expression_is_refused_in_words(expression: str) -> None:
    with pytest.raises(ValueError, match="must be a cron expression of five fields"):
        read_cron(expression)
