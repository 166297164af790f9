"""The demo's own house: nothing of the user's is touched or known in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from leads_dagster.demo.house import environment, house
from leads_dagster.errors import SettingsError
from leads_dagster.settings import load_settings


def test_a_temporary_house_goes_with_the_demo() -> None:
    with house(None) as home:
        assert (home / "leads.toml").is_file()

    assert not home.exists()


def test_a_house_that_was_wanted_stays(tmp_path: Path) -> None:
    with house(tmp_path / "a" / "demo") as home:
        pass

    assert (home / "leads.toml").is_file()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(SettingsError, match="is not empty"), house(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsError, match="cannot be used"), house(tmp_path / "file" / "demo"):
        pass


def test_the_users_own_settings_are_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADS_DATABASE_URL", "postgresql+psycopg://somewhere/leads")
    monkeypatch.setenv("LEADS_API_TOKEN", "secret")
    monkeypatch.setenv("HARMLESS", "stays")
    found = environment(tmp_path, "http://127.0.0.1:1234")

    assert "LEADS_API_TOKEN" not in found
    assert "LEADS_DATABASE_URL" not in found
    assert found["HARMLESS"] == "stays"
    assert found["AIRTABLE_ENDPOINT_URL"] == found["GOOGLE_SHEETS_ENDPOINT_URL"] == "http://127.0.0.1:1234"


def test_its_leads_toml_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    with house(None) as home:
        monkeypatch.setenv("LEADS_HOME", str(home))
        monkeypatch.delenv("LEADS_CONFIG", raising=False)

        assert [customer.name for customer in load_settings().customers] == ["sales"]
