"""What routes take from a request: whose leads, and the object that answers.

What belongs here: parameters that several routes share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Query, Request

from leads_dagster.interfaces.api.told import camel
from leads_dagster.leads.fields import LEAD_FIELDS

if TYPE_CHECKING:
    from leads_dagster.interfaces.api.answering import Answering

CustomerId = Annotated[
    str | None,
    Query(
        alias="customerId",
        min_length=1,
        max_length=200,
        description="Whose leads; needed where leads.toml names several.",
        examples=["default"],
    ),
]

FIELD_NAMES = "^(" + "|".join(camel(name) for name in LEAD_FIELDS) + ")$"
"""Fields of a lead, as the API spells them, as a pattern."""


def leads_of(request: Request) -> Answering:
    """What answers, as `create_app` put it there."""
    leads: Answering = request.app.state.leads
    return leads
