"""The call budget's door for mirrors; the governor itself is `leads_dagster.budget`, which sources use, too."""

from leads_dagster.budget import (
    BUDGET_FILE,
    REST_SECONDS,
    Budget,
    Limit,
    LimitStatus,
    airtable_limits,
    budget_status,
)

__all__ = ["BUDGET_FILE", "REST_SECONDS", "Budget", "Limit", "LimitStatus", "airtable_limits", "budget_status"]
