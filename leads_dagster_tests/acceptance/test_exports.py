"""Exports of other programs, in other encodings and languages, through the whole road."""

from __future__ import annotations

import json
from typing import Any

import pytest

from leads_dagster.store.ledger import RowCounts
from leads_dagster_tests.acceptance.conftest import assert_crm_equals_store
from leads_dagster_tests.acceptance.exports import EXPORTS, Export


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.name)
def test_an_export_comes_in_whole_and_right(make_road: Any, export: Export) -> None:
    road = make_road(f'phone_region = "{export.region}"\n')
    road.sheet.write_bytes(export.data)
    assert road.sync().rows == RowCounts(read=len(export.leads), created=len(export.leads))
    leads = {lead["email"]: lead for lead in road.leads()}
    assert {email: {name: leads[email][name] for name in said} for email, said in export.leads.items()} == dict(
        export.leads
    )
    for email, texts in export.beside.items():
        kept = json.dumps(leads[email]["raw_data"], ensure_ascii=False)
        assert [text for text in texts if text not in kept] == []
    assert_crm_equals_store(road)


def test_the_owner_of_a_contact_is_never_its_lead(make_road: Any) -> None:
    road = make_road()
    for export in EXPORTS:
        road.sheet.write_bytes(export.data)
        road.sync()
        said = json.dumps([{**lead, "raw_data": None} for lead in road.leads()], default=str)
        assert "Rob Rep" not in said
        assert "ours.example" not in said
