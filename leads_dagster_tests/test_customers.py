"""Customers: what leads.toml may say of one, and what is said when it says something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from leads_dagster.customers import (
    KEYS,
    AirtableSettings,
    CrmSettings,
    CustomerSettings,
    ScheduleSettings,
    choose_customer,
    resolve_sheet,
    sample_sheet,
)
from leads_dagster.errors import SettingsError
from leads_dagster.leads.criteria import Criteria
from leads_dagster.leads.survivorship_rules import Survivorship
from leads_dagster.leads_toml import read_customers

FULL = """
[[customers]]
name = "acme"
sheet = "https://docs.google.com/spreadsheets/d/abc/edit#gid=0"
interval_seconds = 60
delete_policy = "keep"
phone_region = "de"
date_order = "dmy"

[customers.airtable]
base_id = "appAcme"
table = "Leads"
plan = "business"
create_fields = false
debounce_seconds = 0.5
sweep_seconds = 600

[customers.airtable.fields]
full_name = "Kontakt"

[customers.columns]
email = "Mail (privat)"

[customers.guard]
share = 0.5
minimum = 10

[customers.matching]
match = 0.9
review = 0.8

[customers.survivorship]
default = ["trusted", "newest"]
trusted_sources = ["airtable", "file:*/crm.csv", "sheet"]
title = "longest"

[customers.crm]
table = "contacts"

[customers.crm.columns]
full_name = "display_name"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "leads.toml"
    path.write_text(text, encoding="utf-8")
    return path


def faults_of(folder: Path, text: str) -> str:
    with pytest.raises(SettingsError) as raised:
        read_customers(written(folder, text))
    return raised.value.message


def customer(body: str = "", *, name: str = "acme") -> str:
    return f'[[customers]]\nname = "{name}"\nsheet = "leads.csv"\n{body}\n'


def test_every_key_reaches_its_place(tmp_path: Path) -> None:
    (read,) = read_customers(written(tmp_path, FULL))

    assert read == CustomerSettings(
        name="acme",
        sheet="https://docs.google.com/spreadsheets/d/abc/edit#gid=0",
        interval_seconds=60.0,
        delete_policy="keep",
        airtable=AirtableSettings(
            "appAcme",
            "Leads",
            "business",
            create_fields=False,
            fields={"full_name": "Kontakt"},
            debounce_seconds=0.5,
            sweep_seconds=600.0,
        ),
        columns={"email": "Mail (privat)"},
        phone_region="DE",
        date_order="dmy",
        guard_share=0.5,
        guard_minimum=10,
        match_threshold=0.9,
        review_threshold=0.8,
        crm=CrmSettings(table="contacts", columns={"full_name": "display_name"}),
        survivorship=Survivorship(
            {"title": ("longest",)}, ("trusted", "newest"), ("airtable", "file:*/crm.csv", "sheet")
        ),
    )


def test_what_is_left_out_has_the_defaults_of_the_table_and_of_the_value_alike(tmp_path: Path) -> None:
    (read,) = read_customers(written(tmp_path, customer('[customers.airtable]\nbase_id = "appA"\ntable = "T"')))

    expected = CustomerSettings(
        name="acme", sheet=str(tmp_path / "leads.csv"), airtable=AirtableSettings(base_id="appA", table="T")
    )
    assert read == expected


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "leads.toml"
    path.write_bytes(b"\xef\xbb\xbf" + customer().encode())

    assert read_customers(path)[0].name == "acme"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("intervall_seconds = 5", "line 4: unknown key intervall_seconds → interval_seconds"),
        ("interval_seconds = 0", "line 4: interval_seconds must be at least 1, not 0"),
        ('interval_seconds = "5"', "interval_seconds must be a number, not '5'"),
        ("interval_seconds = true", "interval_seconds must be a number, not True"),
        ("interval_seconds = nan", "interval_seconds must be at least 1"),
        ('delete_policy = "archiv"', "must be one of archive, keep, delete, not 'archiv' → archive"),
        ('phone_region = "Germany"', "a country of two letters such as DE"),
        ('date_order = "ymd"', "must be one of dmy, mdy"),
        ("zzz = 1", "unknown key zzz"),
        ('[customers.airtabel]\nbase_id = "appX"', "unknown key airtabel → airtable"),
        ('[customers.airtable]\nbase_id = "appX"', "line 4: airtable.table is missing"),
        ('[customers.airtable]\nbase_id = "X"\ntable = "T"', "line 5: airtable.base_id begins with app"),
        ('[customers.airtable]\nbase_id = "appX"\ntable = ""', "line 6: airtable.table is empty"),
        ('[customers.schedules]\nreconcile = "hourly"', "line 5: schedules.reconcile must be a cron expression"),
        ('[customers.schedules]\naudit = "0 25 * * *"', "its hour is a number from 0 to 23"),
        ('[customers.airtable]\nbase_id = "appX"\ntable = "T"\napi_key = "s"', "secrets stand in AIRTABLE_API_KEY"),
        ('airtable = "appX"', "[customers.airtable] is a table, not a value"),
        ("[customers.guard]\nshare = 30", "line 5: guard.share must be from 0 to 1, not 30"),
        ("guard = { share = 30 }", "line 4: guard.share must be from 0 to 1, not 30"),
        ("[customers.guard]\nminimum = 2.5", "guard.minimum must be a whole number, not 2.5"),
        ("[customers.matching]\nmatch = 0.7", "matching.review is above matching.match"),
        ('[customers.columns]\nemial = "Mail"', "line 5: unknown key emial → email"),
        ("[customers.columns]\nemail = 3", "columns.email must be a text in quotes, not 3"),
        ('[customers.airtable.fields]\nfull_nam = "N"', "unknown key full_nam → full_name"),
        ('columns = "email"', "[customers.columns] is a table, not a value"),
        ('owner = "sheet"', "line 4: [customers.owner] is a table, not a value"),
        ('[customers.owner]\ndefault = "airtabel"', "line 5: owner.default must be one of sheet, airtable, latest"),
        ('[customers.owner]\nstaus = "sheet"', "line 5: unknown key staus → status"),
        ('survivorship = "longest"', "line 4: [customers.survivorship] is a table, not a value"),
        ('[customers.survivorship]\ntitel = "longest"', "line 5: unknown key titel → title"),
        ('[customers.survivorship]\ndefault = "longst"', "line 5: survivorship.default must be one of newest, longest"),
        ('[customers.survivorship]\ndefault = "longst"', "not 'longst' → longest"),
        ('[customers.survivorship]\ntitle = ["longest", "longest"]', "survivorship.title names one rule twice"),
        ("[customers.survivorship]\ntitle = []", "survivorship.title must be one of newest"),
        ("[customers.survivorship]\ntitle = 3", "or a list of them, not 3"),
        ('[customers.survivorship]\nverified = "longest"', "survivorship.verified cannot be longest"),
        ('[customers.survivorship]\ntitle = "trusted"', "survivorship.trusted_sources is missing"),
        ('[customers.survivorship]\ntrusted_sources = ["api"]', "survivorship.trusted_sources does nothing"),
        (
            '[customers.survivorship]\ntitle = "trusted"\ntrusted_sources = 3',
            "survivorship.trusted_sources must be",
        ),
        ('[customers.survivorship]\ntitle = "trusted"\ntrusted_sources = ["airtabel"]', "'airtabel' → airtable"),
        ('[customers.survivorship]\ntitle = "trusted"\ntrusted_sources = ["https://x"]', "holds kinds of sources"),
        ('[customers.survivorship]\ntitle = "trusted"\ntrusted_sources = ["api", "api"]', "names one source twice"),
    ],
)
def test_a_fault_is_named_with_its_key_its_line_and_the_nearest_known_name(
    body: str, words: str, tmp_path: Path
) -> None:
    assert words in faults_of(tmp_path, customer(body))


def test_all_faults_are_said_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = customer("intervall_seconds = 5") + customer('delete_policy = "burn"', name="acme") + "[other]\n"

    lines = faults_of(tmp_path, text).splitlines()[1:]
    assert [line.strip().partition(":")[0] for line in lines] == ["unknown key other", "line 4", "line 6", "line 8"]


def test_two_customers_may_not_share_a_name_whatever_its_case(tmp_path: Path) -> None:
    assert "there is a customer ACME already" in faults_of(tmp_path, customer() + customer(name="ACME"))


def test_two_customers_may_not_share_an_airtable_table(tmp_path: Path) -> None:
    airtable = '[customers.airtable]\nbase_id = "appX"\ntable = "{}"'

    same = customer(airtable.format("Leads")) + customer(airtable.format("leads"), name="zeta")
    assert "'leads' belongs to acme already" in faults_of(tmp_path, same)

    other = customer(airtable.format("Leads")) + customer(airtable.format("People"), name="zeta")
    assert len(read_customers(written(tmp_path, other))) == 2


@pytest.mark.parametrize("name", ["", " ", "a/b", "../x", "a b", "x" * 65, "a..."])
def test_a_name_that_could_not_be_a_partition_or_a_file_is_refused(name: str, tmp_path: Path) -> None:
    assert "name" in faults_of(tmp_path, customer(name=name))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no [[customers]] in it"),
        ("customers = 3", "with two brackets"),
        ('[customers]\nname = "acme"', "with two brackets"),
        ("[[customers]]\nname = acme", "is not TOML"),
        ("[[customers]]", "sheet is missing"),
    ],
)
def test_a_file_of_the_wrong_shape_is_refused(text: str, words: str, tmp_path: Path) -> None:
    assert words in faults_of(tmp_path, text)


def test_a_syntax_error_names_its_line(tmp_path: Path) -> None:
    assert "line 2" in faults_of(tmp_path, "[[customers]]\nname = acme\n")


def test_a_file_that_is_not_utf8_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "leads.toml"
    path.write_bytes(customer().encode("utf-16"))

    with pytest.raises(SettingsError, match="not UTF-8"):
        read_customers(path)


@pytest.mark.parametrize(
    "sheet",
    [
        "https://docs.google.com/spreadsheets/d/abc/edit#gid=0",
        "http://example.com/leads.csv?token=a",
        "docs.google.com/spreadsheets/d/abc/edit",
        "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgVE2upms",
        "sheet:1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgVE2upms#0",
    ],
)
def test_links_and_ids_stay_as_they_are(sheet: str, tmp_path: Path) -> None:
    assert resolve_sheet(f" {sheet} ", folder=tmp_path) == sheet


def test_paths_count_from_the_folder_given(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("name\n")

    assert resolve_sheet("leads.csv", folder=tmp_path) == str(tmp_path / "leads.csv")
    assert resolve_sheet("data/export", folder=tmp_path) == str(tmp_path / "data" / "export")
    assert resolve_sheet("plain", folder=tmp_path) == str(tmp_path / "plain")
    assert resolve_sheet("/srv/leads.tsv", folder=tmp_path) == "/srv/leads.tsv"
    assert resolve_sheet("~/leads.csv", folder=tmp_path) == str(Path.home() / "leads.csv")


def test_a_path_in_the_file_counts_from_the_file(tmp_path: Path) -> None:
    (read,) = read_customers(written(tmp_path, customer()))

    assert read.sheet == str(tmp_path / "leads.csv")


def test_of_several_customers_default_is_the_one_when_none_is_named() -> None:
    several = [CustomerSettings(name=name, sheet="x.csv") for name in ("acme", "default")]

    assert choose_customer(several, None).name == "default"
    with pytest.raises(SettingsError, match="no customer 'nobody'") as raised:
        choose_customer(several, "nobody")
    assert "acme, default" in raised.value.advice


def test_every_key_of_the_file_sets_an_attribute_and_says_what_it_does() -> None:
    owners = {
        "airtable": AirtableSettings,
        "crm": CrmSettings,
        "survivorship": Survivorship,
        "owner": Survivorship,
        "schedules": ScheduleSettings,
        "capture": Criteria,
    }

    for key in KEYS:
        owner = owners.get(key.section, CustomerSettings)
        assert (key.attribute or key.name) in owner.__dataclass_fields__, key
        assert key.help.endswith("."), key


def test_the_packaged_sample_is_invented() -> None:
    text = sample_sheet().read_text(encoding="utf-8")

    addresses = [word for word in text.replace(",", " ").split() if "@" in word and not word.endswith("@")]
    domains = {address.partition("@")[2] for address in addresses if address.count("@") == 1}
    assert domains
    assert all(domain.endswith(".example") for domain in domains)
