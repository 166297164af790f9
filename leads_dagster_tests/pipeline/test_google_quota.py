"""Who may read of Google's sheets, and what is kept for sheets that somebody edits."""

from __future__ import annotations

from pathlib import Path

import pytest

from leads_dagster.budget import BudgetPlace, google_limits
from leads_dagster.pipeline.google_quota import GoogleQuota, counted_customers, google_quota
from leads_dagster.settings import load_settings

EMAIL = "robot@project.iam.gserviceaccount.com"
CUSTOMERS = """
[[customers]]
name = "google"
sheet = "https://docs.google.com/spreadsheets/d/web/edit"

[[customers]]
name = "web"
sheet = "https://sheets.example/leads.csv"
"""


@pytest.mark.parametrize(
    ("used", "begun", "any_read", "spare_read"),
    [
        (0, 0, True, True),
        (28, 0, True, True),
        (29, 0, True, False),
        (20, 4, True, True),
        (20, 5, True, False),
        (58, 0, True, False),
        (59, 0, False, False),
        (50, 5, False, False),
    ],
)
def test_half_of_a_minute_is_kept_for_reads_that_cannot_wait(
    used: int, begun: int, any_read: bool, spare_read: bool
) -> None:
    quota = GoogleQuota(60, used)
    assert (quota.has_room(begun), quota.has_room(begun, spare=True)) == (any_read, spare_read)


def test_where_nobody_counts_there_is_room() -> None:
    assert GoogleQuota().has_room(1000, spare=True)


def test_the_books_say_what_is_used_and_a_refusal_uses_all(tmp_path: Path) -> None:
    settings = load_settings({"LEADS_HOME": str(tmp_path)}, tmp_path)
    assert google_quota(settings) == GoogleQuota()
    with BudgetPlace(tmp_path).open(google_limits(EMAIL, "project")) as reads:
        with reads.slot():
            pass
        assert google_quota(settings) == GoogleQuota(60, 1)
        reads.rest()
        assert google_quota(settings) == GoogleQuota(60, 60)


def test_only_googles_sheets_read_with_an_account_are_counted(tmp_path: Path) -> None:
    (tmp_path / "leads.toml").write_text(CUSTOMERS)
    key = tmp_path / "key.json"
    key.write_text(f'{{"type": "sandbox", "client_email": "{EMAIL}"}}')
    home = {"LEADS_HOME": str(tmp_path)}
    assert counted_customers(load_settings(home, tmp_path)) == frozenset()
    with_key = {**home, "GOOGLE_APPLICATION_CREDENTIALS": str(key)}
    assert counted_customers(load_settings(with_key, tmp_path)) == {"google"}
