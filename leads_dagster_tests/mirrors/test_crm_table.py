"""A CRM table that is already there is used as it is, or refused with every reason named."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa

from leads_dagster.errors import SettingsError, StoreError
from leads_dagster.mirrors.crm import CrmStore
from leads_dagster_tests.mirrors.crm_cases import ADA, BOB, create, push_one, row, run, update

DJANGO = """
CREATE TABLE leads_lead (
    id {uuid} NOT NULL PRIMARY KEY, full_name varchar(200) NOT NULL, email varchar(254) NOT NULL,
    phone varchar(32) NOT NULL, company varchar(200) NOT NULL, confidence numeric(4, 2) NOT NULL,
    verified {bool} NOT NULL, score integer NULL, created_at {time} NOT NULL, updated_at {time} NOT NULL)
"""


def make_django_table(engine: sa.Engine) -> None:
    postgresql = engine.dialect.name == "postgresql"
    kinds = ("uuid", "boolean", "timestamptz") if postgresql else ("char(32)", "bool", "datetime")
    run(engine, DJANGO.format(**dict(zip(("uuid", "bool", "time"), kinds, strict=True))))


def test_a_table_that_django_made_is_filled_where_it_has_columns(crm_url: str, crm_engine: sa.Engine) -> None:
    make_django_table(crm_engine)
    with CrmStore(crm_url) as store:
        outcome = push_one(store, create(ADA, full_name="Ada", confidence=0.8512, verified=True, title="Countess"))
        again = push_one(store, update(ADA, outcome.answered, confidence=0.8512))
        unmapped = store.ensure_table().unmapped

    stored = row(crm_engine, str(uuid.UUID(ADA)) if crm_engine.dialect.name == "postgresql" else ADA)
    assert (outcome.action, again.action, again.conflict) == ("created", "unchanged", {})
    assert outcome.answered == {"full_name": "Ada", "confidence": 0.8512, "verified": True}
    assert stored is not None
    assert (stored["full_name"], stored["email"], stored["verified"]) == ("Ada", "", True)
    assert {"title", "linkedin_url", "notes"} <= set(unmapped)


def test_a_blank_in_a_column_that_may_not_be_null_is_empty_and_no_conflict(crm_url: str, crm_engine: sa.Engine) -> None:
    make_django_table(crm_engine)
    with CrmStore(crm_url) as store:
        base = push_one(store, create(ADA, full_name="Ada", phone="+14155550100")).answered
        blanked = push_one(store, update(ADA, base, phone=None))
        filled = push_one(store, update(ADA, blanked.answered, phone="+14155550199", email="ada@example.com"))
        shown = store.rows([ADA])[ADA]

    assert (blanked.action, filled.action, filled.conflict, filled.foreign) == ("updated", "updated", {}, {})
    assert (shown["phone"], shown["email"], shown["company"]) == ("+14155550199", "ada@example.com", None)


def test_a_value_too_long_for_its_column_fails_alone(crm_url: str, crm_engine: sa.Engine) -> None:
    make_django_table(crm_engine)
    run(crm_engine, "CREATE TABLE short (id varchar(36) PRIMARY KEY, company varchar(5) CHECK (length(company) < 6))")
    with CrmStore(crm_url, "short") as store:
        result = store.push([create(ADA, company="Analytical Engines"), create(BOB, company="Bobco")])

    assert [outcome.action for outcome in result.outcomes] == ["failed", "created"]
    assert result.outcomes[0].permanent


def test_table_and_columns_have_the_names_that_the_customer_gives(crm_url: str, crm_engine: sa.Engine) -> None:
    names = {"id": "lead_uuid", "full_name": "Name", "company": "firm name", "notes": "", "enriched": "is_enriched"}
    with CrmStore(crm_url, "contacts", names) as store:
        push_one(store, create(ADA, full_name="Ada", company="Engines", notes="not here", enriched=True))
        fields = store.fields

    stored = row(crm_engine, ADA, "contacts", "lead_uuid")
    assert stored is not None
    assert (stored["Name"], stored["firm name"], stored["is_enriched"]) == ("Ada", "Engines", "true")
    assert "notes" not in fields
    assert "notes" not in stored


def test_a_lead_id_of_its_own_beside_an_integer_key(crm_url: str, crm_engine: sa.Engine) -> None:
    key = "bigserial" if crm_engine.dialect.name == "postgresql" else "integer"
    run(crm_engine, f"CREATE TABLE leads_lead (id {key} PRIMARY KEY, lead_id text UNIQUE, email text)")
    with CrmStore(crm_url, columns={"id": "lead_id"}) as store:
        outcome = push_one(store, create(ADA, email="ada@example.com"))
        shown = store.rows([ADA])

    assert (outcome.action, shown) == ("created", {ADA: {"email": "ada@example.com"}})


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("id integer PRIMARY KEY, email text", "id as INTEGER"),
        ("pk integer PRIMARY KEY, email text", "no column id"),
        ("id varchar(36), email text", "without a unique constraint"),
        ("id varchar(36) PRIMARY KEY, owner text NOT NULL, team text NOT NULL, email text", "owner, team"),
    ],
)
def test_a_table_that_cannot_take_leads_is_refused_with_the_reason(
    crm_url: str, crm_engine: sa.Engine, columns: str, said: str
) -> None:
    run(crm_engine, f"CREATE TABLE leads_lead ({columns})")

    with CrmStore(crm_url) as store, pytest.raises(StoreError, match=said) as caught:
        store.push([create(ADA, email="ada@example.com")])
    assert "customers.crm.columns" in caught.value.advice


@pytest.mark.parametrize(
    ("columns", "said"),
    [({"emial": "email"}, "emial"), ({"email": "contact", "phone": "contact"}, "contact"), ({"id": ""}, "id")],
)
def test_a_mapping_with_a_fault_is_refused_at_once(columns: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        CrmStore("sqlite://", columns=columns)
