"""The stand-in answers writes as Airtable would and writes nothing: the mirror cannot tell the difference."""

from __future__ import annotations

from typing import Any

from leads_dagster.mirrors.airtable_stand_in import StandIn
from leads_dagster.mirrors.push import LeadPush
from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.mirrors.airtable_cases import (
    ADA,
    ADA_FIELDS,
    BASE,
    TABLE,
    MakeMirror,
    bases,
    cells,
    create,
    leads,
    push_one,
    update,
    writes,
)


def rehearsing(make_mirror: MakeMirror, **how: Any) -> tuple[Any, StandIn]:
    mirror, stand_in = make_mirror(**how), StandIn()
    mirror.requests.rehearse(stand_in)
    return mirror, stand_in


def test_records_are_created_updated_and_deleted_as_there_and_nothing_is_written(
    sandbox: Sandbox, make_mirror: MakeMirror
) -> None:
    mirror, stand_in = rehearsing(make_mirror)
    made = push_one(mirror, create(ADA, **ADA_FIELDS))
    changed = push_one(mirror, update(ADA, made, title="Countess"))
    gone = push_one(mirror, LeadPush(ADA, "delete", {}, made.external_id, changed.answered))
    assert [one.action for one in (made, changed, gone)] == ["created", "updated", "deleted"]
    assert changed.answered == {**ADA_FIELDS, "title": "Countess"}
    assert (cells(sandbox), writes(sandbox)) == ([], 0)
    assert (stand_in.made["write"], stand_in.made["delete"]) == (2, 1)


def test_as_many_requests_are_counted_as_the_real_one_takes(sandbox: Sandbox, make_mirror: MakeMirror) -> None:
    mirror, stand_in = rehearsing(make_mirror)
    rehearsed = mirror.push(leads(43))
    sandbox.requests.clear()
    real = make_mirror().push(leads(43))
    assert (rehearsed.created, rehearsed.calls) == (real.created, real.calls) == (43, 6)
    assert stand_in.calls == sandbox.requests.count(route="v0/")


def test_a_record_that_a_listing_showed_is_met_by_its_key(sandbox: Sandbox, make_mirror: MakeMirror) -> None:
    push_one(make_mirror(), create(ADA, **ADA_FIELDS))
    mirror, _ = rehearsing(make_mirror)
    assert [one.lead_key for one in mirror.records()] == [ADA]
    assert push_one(mirror, create(ADA, full_name="Ada King")).action == "updated"
    assert cells(sandbox)[0]["Name"] == "Ada Lovelace"


def test_columns_that_would_be_made_are_there_from_then_on(make_mirror: MakeMirror) -> None:
    with Sandbox(bases(fields={"Notes": None, "Title": None})) as poor:
        mirror, stand_in = rehearsing(make_mirror, sandbox=poor)
        assert {"notes", "title"} <= mirror.fields
        assert stand_in.made["schema"] == 2
        assert push_one(mirror, create(ADA, **ADA_FIELDS)).withheld == {}
        assert "Notes" not in poor.airtable.field_names(BASE, TABLE)


def test_a_token_without_the_scope_is_refused_as_there(make_mirror: MakeMirror) -> None:
    scopes = ["data.records:read", "schema.bases:read"]
    with Sandbox(bases(tokens={"patTest": {"scopes": scopes}})) as poor:
        mirror, _ = rehearsing(make_mirror, sandbox=poor)
        stopped = mirror.push([create(ADA, **ADA_FIELDS)]).stopped
        assert stopped is not None
        assert "data.records:write" in stopped.message
