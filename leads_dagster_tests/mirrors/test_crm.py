"""The CRM says what the leads say, and nobody's work in it is overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from leads_dagster.mirrors.crm import CrmStore
from leads_dagster.mirrors.push import LeadPush
from leads_dagster_tests.mirrors.crm_cases import ADA, ADA_FIELDS, BOB, Now, create, edit, push_one, row, run, update


@pytest.fixture
def store(crm_url: str, now: Now) -> Iterator[CrmStore]:
    with CrmStore(crm_url, now=now) as made:
        yield made


def test_a_new_lead_becomes_a_row_of_the_table_that_is_made_for_it(store: CrmStore, crm_engine: sa.Engine) -> None:
    outcome = push_one(store, create(ADA, **ADA_FIELDS))
    stored = row(crm_engine, ADA)

    assert (outcome.action, outcome.external_id, outcome.answered) == ("created", ADA, ADA_FIELDS)
    assert stored is not None
    assert {name: stored[name] for name in ADA_FIELDS} == {**ADA_FIELDS, "verified": stored["verified"]}
    assert stored["verified"] in (False, 0)
    assert (stored["title"], stored["archived_at"]) == (None, None)
    assert str(stored["created_at"]).startswith("2026-11-01 12:00:00")


def test_pushing_the_same_again_writes_nothing(store: CrmStore, crm_engine: sa.Engine, now: Now) -> None:
    base = push_one(store, create(ADA, **ADA_FIELDS)).answered
    before = row(crm_engine, ADA)
    now.later()

    assert push_one(store, create(ADA, **ADA_FIELDS)).action == "unchanged"
    assert push_one(store, update(ADA, base, **ADA_FIELDS)).action == "unchanged"
    assert row(crm_engine, ADA) == before


def test_only_the_fields_that_differ_are_written(store: CrmStore, crm_engine: sa.Engine, now: Now) -> None:
    base = push_one(store, create(ADA, **ADA_FIELDS)).answered
    before = row(crm_engine, ADA)
    now.later()
    outcome = push_one(store, update(ADA, base, phone=None, company="Engines Ltd"))
    after = row(crm_engine, ADA)

    assert outcome.action == "updated"
    assert outcome.answered == {**ADA_FIELDS, "phone": None, "company": "Engines Ltd"}
    assert before is not None
    assert after == {
        **before,
        "phone": None,
        "company": "Engines Ltd",
        "updated_at": after and after["updated_at"],
    }
    assert after["updated_at"] != before["updated_at"]


def test_a_field_that_somebody_changed_in_the_crm_is_not_overwritten(store: CrmStore, crm_engine: sa.Engine) -> None:
    base = push_one(store, create(ADA, **ADA_FIELDS)).answered
    edit(crm_engine, ADA, company="Their Company")
    outcome = push_one(store, update(ADA, base, company="Our Company", phone="+14155550199"))
    stored = row(crm_engine, ADA)

    assert outcome.conflict == {"company": ("Their Company", "Our Company")}
    assert stored is not None
    assert (stored["company"], stored["phone"]) == ("Their Company", "+14155550199")


def test_a_conflict_stays_one_until_it_is_decided(store: CrmStore, crm_engine: sa.Engine) -> None:
    base = push_one(store, create(ADA, **ADA_FIELDS)).answered
    edit(crm_engine, ADA, company="Theirs")
    first = push_one(store, update(ADA, base, company="Ours"))
    second = push_one(store, update(ADA, first.answered, company="Ours"))
    decided = push_one(store, update(ADA, {**(second.answered or {}), "company": "Theirs"}, company="Ours"))

    assert (first.action, second.conflict) == ("unchanged", {"company": ("Theirs", "Ours")})
    assert (decided.action, decided.conflict, decided.answered) == ("updated", {}, {**ADA_FIELDS, "company": "Ours"})


def test_the_same_change_on_both_sides_is_no_conflict(store: CrmStore, crm_engine: sa.Engine) -> None:
    base = push_one(store, create(ADA, **ADA_FIELDS)).answered
    edit(crm_engine, ADA, company="Engines Ltd")
    outcome = push_one(store, update(ADA, base, company="Engines Ltd"))

    assert (outcome.action, outcome.conflict) == ("unchanged", {})
    assert outcome.answered == {**ADA_FIELDS, "company": "Engines Ltd"}


def test_an_edit_in_a_field_that_is_not_sent_is_reported_and_kept_out_of_the_base(
    store: CrmStore, crm_engine: sa.Engine
) -> None:
    base = push_one(store, create(ADA, **ADA_FIELDS)).answered
    edit(crm_engine, ADA, status="called", company="Theirs")
    outcome = push_one(store, update(ADA, base, phone="+14155550199"))

    assert outcome.foreign == {"status": "called", "company": "Theirs"}
    assert outcome.answered == {**ADA_FIELDS, "phone": "+14155550199"}


def test_a_row_whose_last_write_was_not_booked_is_taken_up_without_a_second_one(
    store: CrmStore, crm_engine: sa.Engine
) -> None:
    push_one(store, create(ADA, **ADA_FIELDS))
    outcome = push_one(store, create(ADA, **ADA_FIELDS, title="Countess"))

    assert (outcome.action, outcome.conflict) == ("updated", {})
    assert (store.count(), store.rows([ADA])[ADA]["title"]) == (1, "Countess")


def test_a_row_that_was_deleted_in_the_crm_is_reported_and_not_made_again(
    store: CrmStore, crm_engine: sa.Engine
) -> None:
    base = push_one(store, create(ADA, **ADA_FIELDS)).answered
    run(crm_engine, "DELETE FROM leads_lead")
    outcome = push_one(store, update(ADA, base, phone=None))

    assert (outcome.action, outcome.external_id, outcome.answered) == ("gone", None, None)
    assert store.count() == 0


def test_a_removed_lead_is_archived_and_comes_back_when_it_is_pushed_again(store: CrmStore) -> None:
    base = push_one(store, create(ADA, **ADA_FIELDS)).answered
    removed = push_one(store, LeadPush(ADA, "delete", base=base))
    assert (removed.action, store.count(), store.count(archived=True)) == ("deleted", 0, 1)

    again = push_one(store, update(ADA, removed.answered))
    assert (again.action, store.count()) == ("updated", 1)


def test_a_removed_lead_is_deleted_where_the_customer_wants_it_so(crm_url: str, crm_engine: sa.Engine) -> None:
    with CrmStore(crm_url, on_delete="delete") as store:
        base = push_one(store, create(ADA, **ADA_FIELDS)).answered
        first = push_one(store, LeadPush(ADA, "delete", base=base))
        second = push_one(store, LeadPush(ADA, "delete", base=base))

    assert (first.action, second.action, row(crm_engine, ADA)) == ("deleted", "deleted", None)


def test_a_row_that_somebody_worked_on_is_not_deleted(crm_url: str, crm_engine: sa.Engine) -> None:
    with CrmStore(crm_url, on_delete="delete") as store:
        base = push_one(store, create(ADA, **ADA_FIELDS)).answered
        edit(crm_engine, ADA, status="customer since today")
        outcome = push_one(store, LeadPush(ADA, "delete", base=base))

    assert (outcome.action, outcome.conflict) == ("unchanged", {"status": ("customer since today", None)})
    assert row(crm_engine, ADA) is not None


def test_a_value_that_the_column_cannot_hold_is_withheld_and_the_rest_written(store: CrmStore) -> None:
    outcome = push_one(store, create(ADA, full_name="Ada", confidence="high", verified="perhaps"))

    assert (outcome.action, sorted(outcome.withheld)) == ("created", ["confidence", "verified"])
    assert outcome.answered == {"full_name": "Ada"}
    assert store.rows([ADA])[ADA]["confidence"] is None


def test_one_bad_row_never_loses_the_other_49(store: CrmStore, crm_engine: sa.Engine) -> None:
    store.ensure_table()
    run(crm_engine, "CREATE UNIQUE INDEX one_email ON leads_lead (email)")
    changes = [create(f"{number:032x}", email=f"lead{number}@example.com") for number in range(60)]
    changes[17] = create(BOB, email="lead3@example.com")
    result = store.push(changes)

    (bad,) = [outcome for outcome in result.outcomes if outcome.action == "failed"]
    assert (bad.lead_id, bad.permanent, bad.external_id) == (BOB, True, None)
    assert "email" in str(bad.error).casefold()
    assert (result.created, result.failed, store.count()) == (59, 1, 59)
    assert [outcome.lead_id for outcome in result.outcomes] == [change.lead_id for change in changes]
    assert result.calls > 2
    assert result.retries > 0


def test_a_lead_twice_in_one_push_is_refused_before_anything_is_written(store: CrmStore) -> None:
    with pytest.raises(ValueError, match="twice"):
        store.push([create(ADA, full_name="Ada"), create(ADA, full_name="Eve")])

    assert store.count() == 0


def test_a_text_that_looks_like_sql_is_a_text(store: CrmStore) -> None:
    name = "Robert'); DROP TABLE leads_lead;--"
    push_one(store, create(ADA, full_name=name, company=":id %s {x}"))

    assert store.rows([ADA])[ADA]["full_name"] == name
    assert store.rows([ADA])[ADA]["company"] == ":id %s {x}"


def test_leads_unknown_to_the_crm_have_no_row(store: CrmStore) -> None:
    push_one(store, create(ADA, full_name="Ada"))

    assert list(store.rows([ADA, BOB])) == [ADA]


def test_two_thousand_leads_land_in_batches_of_fifty(store: CrmStore) -> None:
    ids = [f"{number:032x}" for number in range(2_000)]
    result = store.push([create(lead_id, full_name=f"Lead {lead_id}") for lead_id in ids])

    assert (result.created, result.calls, result.retries, result.stopped) == (2_000, 40, 0, None)
    assert len(store.rows(ids)) == 2_000


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    with CrmStore(f"sqlite:///{tmp_path}/new/crm.sqlite") as store:
        store.ensure_table()

    assert (tmp_path / "new" / "crm.sqlite").stat().st_mode & 0o777 == 0o600
