"""How many calls a service lets us make, kept by all threads, processes and hosts together.

What belongs here: pace, rest, the month's calls, and how often to look. Not: what a call is, nor what its refusal means.
"""

from leads_dagster.budget.books import BUDGET_FILE, LimitStatus, budget_status
from leads_dagster.budget.governor import REST_SECONDS, Budget, Limit, airtable_limits

__all__ = ["BUDGET_FILE", "REST_SECONDS", "Budget", "Limit", "LimitStatus", "airtable_limits", "budget_status"]
