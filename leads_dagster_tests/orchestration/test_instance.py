"""Where Dagster keeps its runs when nobody said otherwise, and that a folder of one's own is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from leads_dagster.errors import SettingsError, StoreError
from leads_dagster.orchestration.instance import dagster_home, open_instance
from leads_dagster.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return load_settings({"LEADS_HOME": str(tmp_path / "state")}, tmp_path)


def test_runs_are_kept_under_the_state_folder(settings: Settings) -> None:
    with open_instance(settings) as instance:
        assert instance.is_persistent
        assert instance.root_directory == str(settings.home / "dagster")
        assert not instance.telemetry_enabled


def test_all_runs_write_their_events_into_one_file(settings: Settings) -> None:
    with open_instance(settings):
        files = {path.name for path in (settings.home / "dagster" / "history").glob("*.db")}
    assert files == {"event_log.db", "runs.db"}


def test_dagster_home_wins_and_nothing_is_written_into_its_configuration(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(own))
    with open_instance(settings) as instance:
        assert instance.root_directory == str(own)
    assert not (own / "dagster.yaml").exists()
    assert not settings.home.exists()


@pytest.mark.parametrize("folder", ["nowhere", "/not/there"])
def test_a_dagster_home_that_is_no_folder_is_a_settings_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", folder)
    with pytest.raises(SettingsError, match="DAGSTER_HOME"), open_instance(settings):
        pass


def test_our_configuration_follows_the_folder_when_it_moves(settings: Settings) -> None:
    path = dagster_home(settings) / "dagster.yaml"
    with open_instance(settings):
        first = path.read_text()
    path.write_text(first.replace(str(settings.home), "/elsewhere"))
    with open_instance(settings):
        assert path.read_text() == first


def test_a_configuration_that_somebody_took_over_is_kept(settings: Settings) -> None:
    settings.prepare_home()
    path = dagster_home(settings) / "dagster.yaml"
    path.parent.mkdir()
    path.write_text("telemetry:\n  enabled: false\n")
    with open_instance(settings):
        assert path.read_text() == "telemetry:\n  enabled: false\n"


def test_a_state_folder_in_which_nothing_can_be_made_is_said(settings: Settings) -> None:
    settings.prepare_home()
    (settings.home / "dagster").write_text("a file where the folder belongs")
    with pytest.raises(StoreError, match="cannot be written"), open_instance(settings):
        pass
