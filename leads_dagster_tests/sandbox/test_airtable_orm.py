"""pyairtable's object mapper, which nobody wrote for this twin, works against it."""

from __future__ import annotations

from pyairtable import Api
from pyairtable.orm import Model, fields

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.sandbox.conftest import BASE


def lead_model(api: Api) -> type[Model]:
    class Lead(Model):
        name = fields.TextField("Name")
        score = fields.NumberField("Confidence")
        verified = fields.CheckboxField("Verified")

        Meta = {"api_key": "pat", "base_id": BASE, "table_name": "Leads"}  # noqa: RUF012  # the mapper's own form

    Lead.meta.api = api  # the mapper has no setting for another server
    return Lead


def test_a_model_is_saved_fetched_changed_and_deleted(api: Api, sandbox: Sandbox) -> None:
    lead_class = lead_model(api)
    lead = lead_class(name="Ann", score=0.5, verified=True)
    assert lead.save().created
    lead.name = "Anna"
    lead.save()
    again = lead_class.from_id(lead.id)
    assert (again.name, again.score, again.verified) == ("Anna", 0.5, True)
    assert [each.name for each in lead_class.all(formula=lead_class.name.eq("Anna"))] == ["Anna"]
    assert lead.delete()
    assert sandbox.airtable.records(BASE, "Leads") == []


def test_views_are_shown_and_deleted(api: Api) -> None:
    table = api.table(BASE, "Leads")
    view = table.schema().view("Grid view")
    assert view.type == "grid"
    view.delete()
    assert table.schema(force=True).views == []
