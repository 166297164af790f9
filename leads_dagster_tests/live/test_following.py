"""leads.toml may be edited while the live system runs: what is right is taken up, what is wrong is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from leads_dagster.settings import KEPT_CONFIG, load_settings
from leads_dagster_tests.live.conftest import STAYS, LiveSystem, StartLive

SHOWS = "import os, pathlib, signal, sys, time\nprint(pathlib.Path(os.environ['KEPT']).read_text(), flush=True)\n"
SHOWS += "signal.signal(signal.SIGTERM, lambda *_: sys.exit())\nwhile True: time.sleep(0.05)"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "home" / "leads.toml"
    path.parent.mkdir(mode=0o700)
    path.write_text('[[customers]]\nname = "one"\nsheet = "one.csv"\n', encoding="utf-8")
    return path


@pytest.fixture
def live(start: StartLive, config: Path) -> LiveSystem:
    parts = [
        {"name": "code", "program": SHOWS, "follows": True, "stop_order": 2},
        {"name": "web", "program": STAYS},
        {"name": "worker-1", "program": SHOWS, "follows": True},
    ]
    system = start(*parts, options=("--follow",))
    system.until("ready")
    return system


def test_other_customers_restart_what_reads_them_one_after_the_other(live: LiveSystem, config: Path) -> None:
    config.write_text('[[customers]]\nname = "two"\nsheet = "two.csv"\n', encoding="utf-8")
    live.until("renewed")

    changed = next(number for number, told in enumerate(live.seen) if told["event"] == "settings")
    after = [(told["event"], told["part"]) for told in live.seen[changed:] if told["event"] in ("ended", "started")]
    assert after == [("ended", "worker-1"), ("started", "worker-1"), ("ended", "code"), ("started", "code")]
    assert 'name = "two"' in [told["text"] for told in live.told("line", "worker-1")]


def test_a_wrong_file_is_said_and_the_old_goes_on(live: LiveSystem, config: Path, tmp_path: Path) -> None:
    config.write_text('[[customers]]\nname = "two"\nshet = "two.csv"\n', encoding="utf-8")
    told = live.until("settings_wrong")["text"]

    assert f"{config} is not right" in told
    assert "shet → sheet" in told
    assert not live.told("ended")
    assert _as_parts_read(tmp_path / "home") == ["one"]


def test_a_wrong_file_that_is_mended_is_taken_up(live: LiveSystem, config: Path, tmp_path: Path) -> None:
    config.write_text("[[customers", encoding="utf-8")
    live.until("settings_wrong")
    config.write_text('[[customers]]\nname = "two"\nsheet = "two.csv"\n', encoding="utf-8")
    live.until("renewed")

    assert _as_parts_read(tmp_path / "home") == ["two"]


def test_a_file_that_is_gone_is_said_and_the_old_goes_on(live: LiveSystem, config: Path, tmp_path: Path) -> None:
    config.unlink()
    live.until("settings_wrong", text="is gone")

    assert _as_parts_read(tmp_path / "home") == ["one"]


def test_relative_sheets_of_the_copy_count_from_the_file_itself(tmp_path: Path) -> None:
    (tmp_path / "leads.toml").write_text('[[customers]]\nname = "one"\nsheet = "one.csv"\n', encoding="utf-8")
    copy = tmp_path / "elsewhere" / "copy.toml"
    copy.parent.mkdir()
    copy.write_bytes((tmp_path / "leads.toml").read_bytes())
    settings = load_settings({"LEADS_HOME": str(tmp_path), KEPT_CONFIG: str(copy)})

    assert settings.customers[0].sheet == str(tmp_path / "one.csv")
    assert settings.config_path == tmp_path / "leads.toml"


def _as_parts_read(home: Path) -> list[str]:
    settings = load_settings({"LEADS_HOME": str(home), KEPT_CONFIG: str(home / "live" / "leads.toml")})
    return [customer.name for customer in settings.customers]
