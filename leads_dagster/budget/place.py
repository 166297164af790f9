"""Where this installation keeps its budget, and the budget of a customer's base.

What belongs here: the way from settings to a budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from leads_dagster.budget.governor import Budget
from leads_dagster.budget.limits import Limit, airtable_limits
from leads_dagster.budget.status import LimitStatus, budget_status
from leads_dagster.customers import AirtableSettings
from leads_dagster.settings import Settings


@dataclass(frozen=True, slots=True)
class BudgetPlace:
    """A folder, and the address of a Redis that stands in for its file."""

    home: Path
    url: str | None = field(default=None, repr=False)

    def open(self, limits: Sequence[Limit]) -> Budget:
        """A budget of these limits, to be closed by whoever asked. Errors as `Budget`."""
        return Budget(self.home, limits, url=self.url)

    def status(self) -> tuple[LimitStatus, ...]:
        """Every limit that was ever kept here."""
        return budget_status(self.home, self.url)


def budget_place(settings: Settings) -> BudgetPlace:
    """Where this installation keeps its budget."""
    return BudgetPlace(settings.home, settings.budget_url)


def airtable_budget(settings: Settings, airtable: AirtableSettings) -> Budget:
    """The budget of a customer's base, to be closed by whoever asked.

    Raises:
        CredentialsError: there is no token.
        SettingsError, StoreError, StoreBusyError: as `Budget`.
    """
    settings.prepare_home()
    return budget_place(settings).open(limits_of(airtable, settings.airtable_api_key()))


def limits_of(airtable: AirtableSettings, token: str) -> tuple[Limit, ...]:
    """A customer's limits at Airtable."""
    return airtable_limits(
        airtable.base_id,
        token,
        monthly_calls=airtable.calls_a_month,
        write_share=airtable.write_share,
        workspace=airtable.workspace,
    )
