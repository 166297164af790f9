"""What decides, beside claims and decisions, how a customer's records become leads.

What belongs here: the values that matching, folding and writing need of a customer's settings, and nothing they do not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from leads_dagster.customers import DEFAULT_CUSTOMER, CustomerSettings, DeletePolicy
from leads_dagster.leads.fields import NormalizationRules
from leads_dagster.leads.match_edges import Thresholds
from leads_dagster.leads.survivorship_rules import Survivorship
from leads_dagster.store.outbox import MirrorName


@dataclass(frozen=True, slots=True)
class Policy:
    """How one customer's records become leads.

    Attributes:
        customer: the name, as in every table.
        rules: how cells are normalised.
        thresholds: from which score on records match, or go to review.
        delete_policy: what becomes of a lead whose last row is gone.
        mirrors: who is to hear of a change.
        batch_size: rows written in one transaction.
        survivorship: which of several values of a field wins; None: as the customer's cycles have it (`rulings`).
        guard_share, guard_minimum: how much may change without asking; see `CustomerSettings`.
    """

    customer: str = DEFAULT_CUSTOMER
    rules: NormalizationRules = field(default_factory=NormalizationRules)
    thresholds: Thresholds = field(default_factory=Thresholds)
    delete_policy: DeletePolicy = "archive"
    mirrors: tuple[MirrorName, ...] = ("crm",)
    batch_size: int = 50
    survivorship: Survivorship | None = None
    guard_share: float = CustomerSettings.guard_share
    guard_minimum: int = CustomerSettings.guard_minimum


def policy_of(customer: CustomerSettings, *, batch_size: int = 50) -> Policy:
    """The policy that a customer's settings come to."""
    return Policy(
        customer=customer.name,
        rules=NormalizationRules(phone_region=customer.phone_region, date_order=customer.date_order),
        thresholds=Thresholds(match=customer.match_threshold, review=customer.review_threshold),
        delete_policy=customer.delete_policy,
        mirrors=("crm", "airtable") if customer.airtable else ("crm",),
        batch_size=batch_size,
        survivorship=customer.survivorship,
        guard_share=customer.guard_share,
        guard_minimum=customer.guard_minimum,
    )
