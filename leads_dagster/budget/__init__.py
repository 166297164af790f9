"""How many calls a service lets us make, kept by all threads, processes and hosts together.

What belongs here: pace, rest, the month's calls, and how often to look. Not: what a call is, nor what a refusal means.
The limits themselves are in `limits`, the one who keeps them is `governor`; it writes into `file_books` or, for several
hosts, `redis_books`. `plans` spreads a month, `status` tells people, `place` gets from settings to a budget.
"""

from leads_dagster.budget.file_tables import BUDGET_FILE
from leads_dagster.budget.governor import Budget
from leads_dagster.budget.limits import REST_SECONDS, Limit, airtable_limits, google_limits
from leads_dagster.budget.place import BudgetPlace, airtable_budget, budget_place, limits_of
from leads_dagster.budget.status import LimitStatus, budget_status

__all__ = [
    "BUDGET_FILE", "REST_SECONDS", "Budget", "BudgetPlace", "Limit", "LimitStatus", "airtable_budget",
    "airtable_limits", "budget_place", "budget_status", "google_limits", "limits_of",
]  # fmt: skip
