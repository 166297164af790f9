"""Fields of Airtable are known by their id: what people do to them holds one field up, and only while it must."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leads_dagster.errors import SettingsError, TargetMissingError
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.pull import pull
from leads_dagster.pipeline.status import status
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster.sandbox import Sandbox
from leads_dagster.sandbox.bases_file import DEFAULT_BASES, load_table, read_bases_file
from leads_dagster.settings import load_settings
from leads_dagster.store import airtable_state
from leads_dagster.store.engine import writing
from leads_dagster_tests.pipeline.airtable_cases import (
    BASE,
    BOB,
    JANE,
    LEADS,
    add,
    airtable_road,
    airtable_toml,
    cells,
    field_of,
    look_again,
    marks,
    remove,
    rename,
    retype,
    table_of,
)
from leads_dagster_tests.pipeline.conftest import Road

SCHEMA = "GET v0/meta/bases/{base}/tables"


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(one_sandbox: Sandbox) -> Sandbox:
    one_sandbox.reset()
    return one_sandbox


@pytest.fixture
def road(tmp_path: Path, sandbox: Sandbox) -> Road:
    """A customer whose two leads stand in Airtable."""
    made = airtable_road(tmp_path / "home", sandbox)
    made.sync([JANE, BOB])
    return made


def chair(title: str = "Chair") -> list[tuple[str, ...]]:
    return [(*JANE[:3], title), BOB]


def at(company: str) -> list[tuple[str, ...]]:
    return [("Jane Doe", "jane@acme.example", company, "CEO"), BOB]


def test_a_renamed_field_goes_on_working_also_beside_a_new_one_of_its_old_name(road: Road, sandbox: Sandbox) -> None:
    rename(sandbox, "Company", "Firm")
    add(sandbox, "Company")
    for again in (False, True):
        company = "Acme Ltd" if again else "Acme Inc"
        assert road.sync(at(company)).status == "done"
        assert cells(sandbox, "Firm", "Company") == [(company, None), ("Zeta", None)]
        assert look_again(road) == {}


def test_a_field_that_took_the_name_of_a_removed_one_is_not_taken_for_it(road: Road, sandbox: Sandbox) -> None:
    remove(sandbox, "Company")
    rename(sandbox, "Title", "Company")

    assert set(look_again(road)) == {"company"}
    assert road.sync(chair()).status == "done"
    assert cells(sandbox, "Company") == [("CTO",), ("Chair",)]


def test_a_renamed_table_goes_on_working_also_beside_a_new_one_of_its_old_name(road: Road, sandbox: Sandbox) -> None:
    table_of(sandbox).name = "Prospects"
    road.sync(chair())
    look_again(road)

    assert cells(sandbox, "Title", table="Prospects") == [("CTO",), ("Chair",)]


def test_the_table_is_looked_at_once_and_not_in_every_cycle(road: Road, sandbox: Sandbox) -> None:
    before = sandbox.requests.count(route=SCHEMA)
    for title in ("Chair", "Queen", "CEO"):
        road.sync(chair(title))

    assert sandbox.requests.count(route=SCHEMA) == before


def test_a_removed_field_is_held_said_and_not_made_again(road: Road, sandbox: Sandbox) -> None:
    remove(sandbox, "Company")
    road.sync([("Jane Doe", "jane@acme.example", "Acme Inc", "Chair"), BOB])
    road.sync(chair("Queen"))

    assert "Company" not in sandbox.airtable.field_names(BASE, "Leads")
    assert cells(sandbox, "Title") == [("CTO",), ("Queen",)]
    (known,) = road.all("airtable_tables")
    assert "restore it from the trash of the base" in known["problems"]["company"]
    assert 'company = "" in [customers.airtable.fields]' in known["problems"]["company"]
    assert marks(road, "status", "error_message") == [("success", None)] * 2


def test_a_removed_field_that_is_added_again_is_filled(road: Road, sandbox: Sandbox) -> None:
    remove(sandbox, "Company")
    assert set(look_again(road)) == {"company"}
    add(sandbox, "Company")
    assert look_again(road) == {}
    road.sync()

    assert cells(sandbox, "Name", "Company") == [("Bob Stone", "Zeta"), ("Jane Doe", "Acme")]


def test_a_removed_field_that_is_restored_catches_up(road: Road, sandbox: Sandbox) -> None:
    field = remove(sandbox, "Company")
    look_again(road)
    road.sync(at("Acme Inc"))
    table_of(sandbox).fields[field.id] = field
    table_of(sandbox).schema_changed()
    look_again(road)
    road.sync()

    assert ("Jane Doe", "Acme Inc") in cells(sandbox, "Name", "Company")


def test_a_held_field_that_is_left_out_by_leads_toml_is_said_no_more(
    road: Road, sandbox: Sandbox, tmp_path: Path
) -> None:
    remove(sandbox, "Company")
    look_again(road)
    toml = airtable_toml(more='[customers.airtable.fields]\ncompany = ""\n')
    without = airtable_road(tmp_path / "home", sandbox, toml=toml)
    without.sync(chair())

    assert without.all("airtable_tables")[0]["problems"] == {}


def test_a_lead_field_that_is_mapped_to_another_column_fills_that_one(
    road: Road, sandbox: Sandbox, tmp_path: Path
) -> None:
    add(sandbox, "Firm")
    toml = airtable_toml(more='[customers.airtable.fields]\ncompany = "Firm"\n')
    moved = airtable_road(tmp_path / "home", sandbox, toml=toml)
    moved.sync(chair())
    moved.sync()

    assert cells(sandbox, "Company", "Firm") == [("Acme", "Acme"), ("Zeta", "Zeta")]


def test_a_field_that_becomes_computed_is_held_until_it_is_none_any_more(road: Road, sandbox: Sandbox) -> None:
    retype(sandbox, "Company", "formula", formula="1")
    assert road.sync(at("Acme Inc")).status == "done"
    held = road.all("airtable_tables")[0]["problems"]["company"]
    retype(sandbox, "Company", "singleLineText")
    look_again(road)
    road.sync()

    assert "is computed by Airtable (formula)" in held
    assert cells(sandbox, "Company") == [("Acme Inc",), ("Zeta",)]


def test_a_field_of_another_type_takes_the_values_that_it_can_hold(road: Road, sandbox: Sandbox) -> None:
    retype(sandbox, "Company", "number", precision=0)
    assert road.sync(at("1887")).status == "done"
    road.sync([("Jane Doe", "jane@acme.example", "1887", "CEO"), ("Bob Stone", "bob@zeta.example", "Zeta AG", "CTO")])

    assert (1887,) in cells(sandbox, "Company")
    refused = 'Left out: company: "Company" takes numbers, not "Zeta AG".'
    assert marks(road, "status", "error_message") == [("success", refused), ("success", None)]


def compare_all(road: Road) -> None:
    """A cycle that compares all records, as every hour."""
    with road.open() as ws, writing(ws.engine) as connection:
        airtable_state.ask_for_sweeps(connection, BASE)
    road.sync()


@pytest.mark.parametrize(("kind", "options"), [("number", {"precision": 0}), ("checkbox", None)])
def test_what_airtable_empties_when_a_field_gets_another_type_nobody_blanked(
    road: Road, sandbox: Sandbox, kind: str, options: dict[str, int] | None
) -> None:
    sandbox.airtable.change_field(BASE, LEADS, "Title", {"type": kind, "options": options})
    compare_all(road)
    titles = sorted(str(lead["title"]) for lead in road.leads())
    sandbox.airtable.change_field(BASE, LEADS, "Title", {"type": "singleLineText"})
    compare_all(road)

    assert titles == ["CEO", "CTO"]
    assert cells(sandbox, "Title") == [("CEO",), ("CTO",)]
    assert road.sync().status == "unchanged"


def test_what_airtable_says_it_emptied_with_another_type_nobody_blanked(road: Road, sandbox: Sandbox) -> None:
    sandbox.airtable.change_field(BASE, LEADS, "Title", {"type": "number"})
    told = [payload for hook in sandbox.airtable.hooks(BASE) for payload in hook["payloads"]][-1]
    road.sync()

    ((changed,),) = [told["changedTablesById"].values()]
    assert [given["current"] for given in changed["changedRecordsById"].values()] == [
        {"cellValuesByFieldId": {field_of(sandbox, "Title").id: None}}
    ] * 2
    assert sorted(str(lead["title"]) for lead in road.leads()) == ["CEO", "CTO"]


def test_a_blank_that_waits_when_a_field_gets_another_type_is_nobodys(tmp_path: Path, sandbox: Sandbox) -> None:
    """Of a large table Airtable tells what it empties in several payloads, which may come in several answers."""
    road = airtable_road(tmp_path / "home", sandbox, toml=airtable_toml().replace("seconds = 0", "seconds = 1800"))
    road.sync([JANE])
    (record,) = sandbox.airtable.records(BASE, LEADS)
    sandbox.airtable.acting(source="system").update(BASE, LEADS, [{"id": record["id"], "fields": {"Title": ""}}])
    road.sync()
    waited = len(road.all("airtable_changes"))
    sandbox.airtable.change_field(BASE, LEADS, "Title", {"type": "number"})
    road.sync()

    assert (waited, road.all("airtable_changes")) == (1, [])


def test_a_table_that_is_deleted_is_named_by_the_next_look(road: Road, sandbox: Sandbox) -> None:
    sandbox.airtable.remove_table(BASE, LEADS)
    with road.open() as ws:
        assert pull(ws).status == "failed"
        found = status(ws)["airtable"]

    assert found["state"] == "unreachable"
    assert f'The Airtable base {BASE} has no table "Leads"' in found["error"]


def test_options_that_are_added_later_let_the_values_through_that_lacked_them(road: Road, sandbox: Sandbox) -> None:
    retype(sandbox, "Title", "singleSelect", choices=[{"id": "selA", "name": "CEO"}, {"id": "selB", "name": "CTO"}])
    road.sync(chair())
    told = marks(road, "error_message")
    assert field_of(sandbox, "Title").options is not None
    field_of(sandbox, "Title").options["choices"].append({"id": "selC", "name": "Chair"})
    table_of(sandbox).schema_changed()
    look_again(road)
    road.sync()

    assert told == [('Left out: title: "Title" has no option "Chair".',), (None,)]
    assert cells(sandbox, "Title") == [("CTO",), ("Chair",)]
    assert marks(road, "error_message") == [(None,), (None,)]


def test_an_option_that_was_removed_is_noticed_when_airtable_refuses_it(road: Road, sandbox: Sandbox) -> None:
    both = [{"id": "selA", "name": "CEO"}, {"id": "selB", "name": "CTO"}, {"id": "selC", "name": "Chair"}]
    retype(sandbox, "Title", "singleSelect", choices=both)
    look_again(road)
    retype(sandbox, "Title", "singleSelect", choices=both[:2])
    road.sync([("Jane Doe", "jane@acme.example", "Acme Ltd", "Chair"), BOB])

    assert cells(sandbox, "Company", "Title") == [("Acme Ltd", "CEO"), ("Zeta", "CTO")]
    assert marks(road, "error_message") == [('Left out: title: "Title" has no option "Chair".',), (None,)]


def test_a_lead_that_airtable_refused_is_tried_again_when_the_fields_changed(road: Road, sandbox: Sandbox) -> None:
    road.sync([(*JANE[:3], "x" * 100_001), BOB])
    refused = marks(road, "status")
    retype(sandbox, "Title", "checkbox")
    look_again(road)
    road.sync()

    assert refused == [("dead",), ("success",)]
    assert marks(road, "status") == [("success",), ("success",)]


def test_an_option_is_made_only_where_the_customer_allows_it(road: Road, sandbox: Sandbox, tmp_path: Path) -> None:
    retype(sandbox, "Title", "singleSelect", choices=[{"id": "selA", "name": "CEO"}, {"id": "selB", "name": "CTO"}])
    road.sync(chair())
    allowing = airtable_road(tmp_path / "home", sandbox, toml=airtable_toml(more="create_options = true\n"))
    allowing.sync(chair("Queen"))

    assert cells(sandbox, "Title") == [("CTO",), ("Queen",)]


def test_a_removed_key_stops_the_table_until_it_is_there_again(road: Road, sandbox: Sandbox) -> None:
    remove(sandbox, "lead_key")
    road.write([*chair(), ("Ann Lee", "ann@beta.example", "Beta", "Founder")])
    with pytest.raises(TargetMissingError, match=r'"lead_key" was removed .* Restore it from the trash'):
        road.sync()
    assert "lead_key" not in sandbox.airtable.field_names(BASE, "Leads")
    add(sandbox, "lead_key")
    road.sync()

    assert cells(sandbox, "Title") == [("CTO",), ("Chair",), ("Founder",)]


def test_another_table_of_the_old_name_is_filled_anew(road: Road, sandbox: Sandbox) -> None:
    """The table was deleted and made again."""
    base = sandbox.airtable.session(BASE).base
    table = table_of(sandbox)
    del base.tables[table.id]
    base.tables["tblAnotherOne00001"] = load_table(
        {"id": "tblAnotherOne00001", "name": "Leads", "fields": [{"name": "Name", "type": "singleLineText"}]}
    )
    road.write(chair())
    with pytest.raises(TargetMissingError, match="no table tblLeads"):
        road.sync()
    road.sync()

    assert cells(sandbox, "Title") == [("CTO",), ("Chair",)]


def test_a_table_that_one_customer_names_and_another_gives_by_id_is_refused(tmp_path: Path, sandbox: Sandbox) -> None:
    home = tmp_path / "home"
    home.mkdir()
    sheet = home / "sheet.csv"
    sheet.write_text("Name,Email\nJane Doe,jane@acme.example\n")
    customers = [
        f'[[customers]]\nname = "{name}"\nsheet = "{sheet}"\n{airtable_toml(table=table)}'
        for name, table in (("acme", "Leads"), ("zeta", table_of(sandbox).id))
    ]
    (home / "leads.toml").write_text("\n".join(customers))
    settings = load_settings(
        {"LEADS_HOME": str(home), "AIRTABLE_API_KEY": "patTest", "AIRTABLE_ENDPOINT_URL": sandbox.url}, cwd=home
    )

    def sync(customer: str) -> None:
        with open_workspace(settings, customer) as ws:
            run_cycle(ws)

    sync("acme")
    with pytest.raises(SettingsError, match="acme and zeta have the same Airtable table"):
        sync("zeta")
    assert len(cells(sandbox, "Name")) == 1


@pytest.mark.parametrize("change", [lambda s: rename(s, "Email", "Mail"), lambda s: add(s, "Shoe size")])
def test_fields_that_are_renamed_or_none_of_ours_hold_nothing(
    road: Road, sandbox: Sandbox, change: Callable[[Sandbox], object]
) -> None:
    change(sandbox)

    assert look_again(road) == {}
    assert road.sync(chair()).status == "done"


READ_AND_WRITE = ["data.records:read", "data.records:write"]


def test_a_schema_that_may_no_longer_be_read_changes_nothing(tmp_path: Path, only_records: Sandbox) -> None:
    full = airtable_road(tmp_path / "home", only_records, token="patAll")
    full.sync([JANE, BOB])
    rename(only_records, "Title", "Role")
    less = airtable_road(tmp_path / "home", only_records, token="patRecords")

    assert look_again(less) == {}
    less.sync(chair())
    assert cells(only_records, "Role") == [("CTO",), ("Chair",)]


def test_a_schema_that_may_be_read_from_now_on_makes_no_edit_of_what_stands_there(
    tmp_path: Path, only_records: Sandbox
) -> None:
    less = airtable_road(tmp_path / "home", only_records, token="patRecords")
    less.sync([JANE, BOB])
    full = airtable_road(tmp_path / "home", only_records, token="patAll")
    assert look_again(full) == {}
    full.sync(chair())
    rename(only_records, "Title", "Role")
    full.sync(chair("Queen"))

    assert cells(only_records, "Role") == [("CTO",), ("Queen",)]
    assert full.all("airtable_tables")[0]["table_id"] == table_of(only_records).id
    assert full.all("conflicts") == []


@pytest.fixture
def only_records() -> Iterator[Sandbox]:
    """Where one token may not read the schema."""
    tokens = {"patRecords": {"scopes": READ_AND_WRITE}}
    with Sandbox({**read_bases_file(DEFAULT_BASES), "tokens": tokens}) as running:
        yield running
