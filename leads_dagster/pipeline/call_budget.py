"""The call budget of a customer's Airtable: how it stands, and letting a parked base be asked again.

What belongs here: what `leads budget` does. How calls are paced, and when a base is parked, is `budget`'s business.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from leads_dagster.budget import airtable_budget, budget_place
from leads_dagster.errors import SettingsError
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.settings import Settings


def list_(settings: Settings) -> list[dict[str, Any]]:
    """Every limit that was ever kept here, as `LimitStatus`.

    Raises:
        StoreError, StoreBusyError: the books cannot be read.
    """
    return [asdict(one) for one in budget_place(settings).status()]


def unpark(ws: Workspace) -> dict[str, Any]:
    """Let the customer's base be asked again, as after a larger plan was chosen; if its calls are still spent, Airtable
    says so to the next request, and it is parked again.

    Returns:
        customer, unparked: the limits that were parked, next: what happens now.

    Raises:
        SettingsError: the customer has no Airtable. CredentialsError: no token is set.
        StoreError, StoreBusyError: the books cannot be written.
    """
    airtable = ws.customer.airtable
    if airtable is None:
        raise SettingsError(f"Customer {ws.name} has no Airtable.", advice="Name another with --customer.")
    with airtable_budget(ws.settings, airtable) as budget:
        parked = [one.name for one in budget.status() if one.parked_until is not None]
        if parked:
            budget.unpark()
    after = "The next sync asks Airtable; if the calls are spent still, it is parked again." if parked else ""
    return {"customer": ws.name, "unparked": parked, "next": after or "Nothing was parked."}
