"""What leads are asked for, as a query or as a body: names, types and bounds.

What belongs here: from camelCase to `LeadFilter`. What a filter means is the store's.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints

from leads_dagster.interfaces.api.shapes import Asked
from leads_dagster.store.lead_filter import LeadFilter
from leads_dagster.store.lead_search import LARGEST_PAGE, Order

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Texts = Annotated[list[Text], Field(max_length=100)]


def _written(value: object) -> object:
    """A number could be a time in many ways: it is none."""
    if isinstance(value, str) and "T" in value.upper():
        return value
    raise ValueError("must be a time with its zone, such as 2026-01-31T12:00:00Z")


Time = Annotated[AwareDatetime, BeforeValidator(_written)]
_PAGING = frozenset({"customer_id", "q", "limit", "cursor", "order"})


class LeadQuery(Asked):
    """Leads that meet everything that is given; of a name given several times, one of its values."""

    customer_id: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        None, description="Whose leads; needed where leads.toml names several.", examples=["default"]
    )
    q: Annotated[str, StringConstraints(max_length=1000)] | None = Field(
        None,
        description="Words of name, company, e-mail or notes: all of them, the last as far as it is typed.",
        examples=["jane acm"],
    )
    limit: int = Field(50, ge=1, le=LARGEST_PAGE, description="Leads of a page.")
    cursor: Annotated[str, StringConstraints(min_length=1, max_length=4000)] | None = Field(
        None, description="`nextCursor` of the page before, of the same search."
    )
    order: Order = Field("relevance", description="How they are ordered; without words, relevance is newest.")
    full_name: Texts | None = Field(None, description="One of these as a whole, as the next ones.")
    email: Texts | None = None
    linkedin_url: Texts | None = None
    phone: Texts | None = None
    company: Texts | None = Field(None, examples=[["Acme"]])
    title: Texts | None = None
    location: Texts | None = None
    industry: Texts | None = None
    company_size: Texts | None = None
    website: Texts | None = None
    status: Texts | None = Field(None, examples=[["contacted", "qualified"]])
    source: Texts | None = None
    ids: Texts | None = None
    verified: bool | None = None
    enriched: bool | None = None
    needs_enrichment: bool | None = None
    sync_pending: bool | None = Field(None, description="Whether it waits for Airtable.")
    confidence_at_least: float | None = Field(None, ge=0, le=1)
    created_since: Time | None = None
    created_before: Time | None = None
    updated_since: Time | None = None
    updated_before: Time | None = None
    include_archived: bool = Field(False, description="Archived and merged leads too.")

    def filter(self) -> LeadFilter:
        """As the store has it.

        Raises:
            SettingsError: a value cannot be meant.
        """
        given = self.model_dump(exclude=set(_PAGING), exclude_none=True)
        return LeadFilter.of(self.q or None, **given)
