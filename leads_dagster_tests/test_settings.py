"""Settings: what the environment sets, what holds without it, and what is said when it is wrong."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from leads_dagster.errors import CredentialsError, SettingsError, StoreError
from leads_dagster.settings import customer_named, load_settings, unknown_variables
from leads_dagster.settings_table import SETTINGS

TWO_CUSTOMERS = """
[[customers]]
name = "acme"
sheet = "acme.csv"

[[customers]]
name = "zeta"
sheet = "zeta.csv"
"""


def test_with_nothing_set_there_is_one_customer_with_the_packaged_sample_and_no_airtable(tmp_path: Path) -> None:
    settings = load_settings({}, tmp_path)

    (customer,) = settings.customers
    assert customer.name == "default"
    assert Path(customer.sheet).read_text(encoding="utf-8").startswith("First Name,Last Name")
    assert customer.airtable is None
    assert settings.config_path is None


def test_with_nothing_set_everything_lies_under_the_state_folder_which_is_not_made_yet(tmp_path: Path) -> None:
    settings = load_settings({}, tmp_path)

    assert settings.home == tmp_path / ".leads"
    assert settings.database_url == f"sqlite:///{tmp_path}/.leads/leads.db"
    assert settings.crm_url == f"sqlite:///{tmp_path}/.leads/crm.db"
    assert not settings.home.exists()


def test_the_state_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    home = load_settings({"LEADS_HOME": "deep/state"}, tmp_path).prepare_home()

    assert home == tmp_path / "deep" / "state"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_state_folder_that_cannot_be_made_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreError, match="cannot be made") as raised:
        load_settings({"LEADS_HOME": "file/state"}, tmp_path).prepare_home()
    assert "LEADS_HOME" in raised.value.advice


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    settings = load_settings({"LEADS_RETRY_MAX": "", "LEADS_HOME": "  "}, tmp_path)

    assert settings.retry_max == 3
    assert settings.home == tmp_path / ".leads"


def test_a_database_path_becomes_a_url_and_a_database_url_wins_over_it(tmp_path: Path) -> None:
    by_path = load_settings({"LEAD_DATABASE_PATH": "my leads.db"}, tmp_path)
    by_url = load_settings({"LEAD_DATABASE_PATH": "x.db", "LEADS_DATABASE_URL": "postgresql://db/leads"}, tmp_path)

    assert by_path.database_url == f"sqlite:///{tmp_path}/my leads.db"
    assert by_url.database_url == "postgresql://db/leads"


def test_the_home_folder_is_understood_inside_a_crm_url(tmp_path: Path) -> None:
    settings = load_settings({"LEADS_CRM_URL": "sqlite:///$LEADS_HOME/people.db", "LEADS_HOME": "/srv/x"}, tmp_path)

    assert settings.crm_url == "sqlite:////srv/x/people.db"


def test_numbers_and_addresses_are_read_with_their_types(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "LEADS_RETRY_MAX": "0",
            "LEADS_RETRY_DELAY_SECONDS": "0.25",
            "LEADS_DEBUG": "yes",
            "AIRTABLE_ENDPOINT_URL": "http://127.0.0.1:8765/",
            "GOOGLE_APPLICATION_CREDENTIALS": "key.json",
        },
        tmp_path,
    )

    assert (settings.retry_max, settings.retry_delay_seconds, settings.debug) == (0, 0.25, True)
    assert settings.airtable_endpoint_url == "http://127.0.0.1:8765"
    assert settings.google_credentials == tmp_path / "key.json"


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("LEADS_RETRY_MAX", "three", "must be a number, not 'three'"),
        ("LEADS_RETRY_MAX", "-1", "must be at least 0"),
        ("LEADS_RETRY_MAX", "nan", "must be at least 0"),
        ("LEADS_BATCH_SIZE", "1.5", "must be a whole number"),
        ("LEADS_BATCH_SIZE", "0", "must be at least 1"),
        ("LEADS_DEBUG", "maybe", "must be 1 or 0"),
        ("AIRTABLE_ENDPOINT_URL", "api.airtable.com", "must begin with http"),
        ("LEADS_DATABASE_URL", "leads.db", "must be a SQLAlchemy URL"),
        ("LEAD_DATABASE_PATH", "what?.db", "question mark"),
    ],
)
def test_a_variable_that_makes_no_sense_is_named_with_what_it_must_be(
    variable: str, text: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings({variable: text}, tmp_path)
    assert variable in raised.value.message
    assert words in raised.value.message
    assert raised.value.exit_code == 2


def test_every_fault_of_environment_and_file_is_said_at_once(tmp_path: Path) -> None:
    config = tmp_path / "leads.toml"
    config.write_text('[[customers]]\nname = "acme"\nshet = "x.csv"\n')

    with pytest.raises(SettingsError) as raised:
        load_settings({"LEADS_CONFIG": str(config), "LEADS_RETRY_MAX": "x", "LEADS_BATCH_SIZE": "y"}, tmp_path)
    for part in ("LEADS_RETRY_MAX", "LEADS_BATCH_SIZE", "shet → sheet", "sheet is missing"):
        assert part in raised.value.message


def test_no_error_shows_a_secret(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings({"LEADS_DATABASE_URL": "me:hunter2@db"}, tmp_path)
    assert "hunter2" not in str(raised.value)


def test_the_settings_as_text_show_no_secret(tmp_path: Path) -> None:
    settings = load_settings(
        {"AIRTABLE_API_KEY": "pat-secret", "LEADS_CRM_URL": "postgresql://u:crm-secret@db/crm"}, tmp_path
    )

    assert "secret" not in repr(settings)


def test_leads_config_names_the_file_and_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(TWO_CUSTOMERS)

    settings = load_settings({"LEADS_CONFIG": "mine.toml"}, tmp_path)
    assert settings.config_path == tmp_path / "mine.toml"
    assert [customer.name for customer in settings.customers] == ["acme", "zeta"]

    with pytest.raises(SettingsError, match="LEADS_CONFIG names"):
        load_settings({"LEADS_CONFIG": "other.toml"}, tmp_path)


def test_without_leads_config_the_file_in_the_state_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / ".leads").mkdir()
    (tmp_path / ".leads" / "leads.toml").write_text(TWO_CUSTOMERS)

    assert len(load_settings({}, tmp_path).customers) == 2


def test_a_token_in_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    settings = load_settings({"AIRTABLE_API_KEY_FILE": "token"}, tmp_path)

    file.write_text("first\n")
    assert settings.airtable_api_key() == "first"
    file.write_text("second\n")
    assert settings.airtable_api_key() == "second"


def test_a_token_in_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    settings = load_settings({"AIRTABLE_API_KEY": "direct", "AIRTABLE_API_KEY_FILE": "not-there"}, tmp_path)

    assert settings.airtable_api_key() == "direct"


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_token_that_is_missing_or_empty_is_an_error_of_credentials(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    settings = load_settings({"AIRTABLE_API_KEY_FILE": "token"}, tmp_path)

    with pytest.raises(CredentialsError, match="token"):
        settings.airtable_api_key()
    with pytest.raises(CredentialsError, match="no Airtable token"):
        load_settings({}, tmp_path).airtable_api_key()


def test_the_customer_of_a_command_is_the_named_one_or_the_only_one(tmp_path: Path) -> None:
    (tmp_path / "leads.toml").write_text(TWO_CUSTOMERS)
    several = load_settings({"LEADS_CONFIG": "leads.toml"}, tmp_path)

    assert customer_named(several, "zeta").name == "zeta"
    assert customer_named(load_settings({}, tmp_path), None).name == "default"
    with pytest.raises(SettingsError, match="none was named"):
        customer_named(several, None)


def test_a_customer_can_be_replaced_for_one_command(tmp_path: Path) -> None:
    settings = load_settings({}, tmp_path)
    other = settings.customers[0].with_sheet("other.csv", folder=tmp_path)

    assert settings.with_customer(other).customers[0].sheet == str(tmp_path / "other.csv")


def test_a_variable_that_is_nearly_one_of_ours_is_pointed_out() -> None:
    strangers = unknown_variables({"LEADS_DATABASE_PATH": "x", "LEADS_HOME": "y", "PATH": "z", "LEADS_XYZZY": ""})

    assert strangers == {"LEADS_DATABASE_PATH": "LEAD_DATABASE_PATH", "LEADS_XYZZY": None}


def test_every_setting_has_a_name_of_its_own_and_a_whole_sentence() -> None:
    assert len({setting.env for setting in SETTINGS}) == len({setting.name for setting in SETTINGS}) == len(SETTINGS)
    assert all(setting.help.endswith(".") for setting in SETTINGS)


def test_reading_settings_imports_nothing_heavy() -> None:
    script = (
        "import sys; from leads_dagster.settings import load_settings; load_settings({});"
        "heavy = ('dagster', 'sqlalchemy', 'httpx', 'numpy', 'pydantic', 'rich');"
        "print(*(name for name in heavy if name in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == ""
