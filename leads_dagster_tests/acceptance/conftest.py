"""The road of the pipeline's tests, for whole files, and what must hold after every cycle."""

from __future__ import annotations

from typing import Any

from leads_dagster.mirrors.crm import CrmStore
from leads_dagster_tests.pipeline.conftest import Road, fresh_database, make_road, road

__all__ = ["COMPARED", "Road", "assert_crm_equals_store", "fields", "fresh_database", "make_road", "road"]

COMPARED = ("full_name", "email", "phone", "company", "title", "location", "linkedin_url", "website", "notes")


def fields(lead: dict[str, Any], *names: str) -> tuple[Any, ...]:
    """Some values of a lead, in that order."""
    return tuple(lead[name] for name in names)


def assert_crm_equals_store(road: Road) -> None:
    """Every active lead has its row in the CRM with the same values; no other lead has one that stands."""
    active = {lead["id"]: fields(lead, *COMPARED) for lead in road.leads()}
    with CrmStore(road.settings.crm_url) as store:
        rows = store.rows([lead["id"] for lead in road.all("leads")])
        assert store.count() == len(active)
    assert {lead: fields(row, *COMPARED) for lead, row in rows.items() if lead in active} == active
