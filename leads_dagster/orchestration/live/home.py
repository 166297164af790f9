"""DAGSTER_HOME of the live system: `live` in the state folder.

What belongs here: the folder and its dagster.yaml. Runs, events and ticks lie where those of `leads sync` do, so that
one page shows them all; where DAGSTER_HOME is set, its storages are used and its other settings stay.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from leads_dagster.errors import SettingsError, StoreError
from leads_dagster.orchestration.dagster_yaml import FIRST_LINE, live_config
from leads_dagster.settings import Settings

_STORAGES = ("storage", "run_storage", "event_log_storage", "schedule_storage")


def live_home(settings: Settings) -> Path:
    """Where the live system keeps its own things: dagster.yaml, messages, who works at what."""
    return settings.home / "live"


def prepare_live_home(settings: Settings) -> Path:
    """Make the folder and write its dagster.yaml, unless somebody took that over.

    Raises:
        SettingsError: DAGSTER_HOME is set, and its dagster.yaml cannot be read.
        StoreError: the state folder cannot be written.
    """
    settings.prepare_home()
    folder = live_home(settings)
    config = _config(settings)
    path = folder / "dagster.yaml"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = path.read_text(encoding="utf-8") if path.exists() else FIRST_LINE
        if found.startswith(FIRST_LINE) and found != config:
            path.write_text(config, encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"The live system's folder {folder} cannot be written: {error.strerror}.",
            advice="Set LEADS_HOME to a folder that may be written to.",
        ) from error
    return folder


def _config(settings: Settings) -> str:
    from leads_dagster.orchestration.live.broker import launcher_config

    named = os.environ.get("DAGSTER_HOME", "")
    if not named or Path(named) == live_home(settings):
        return live_config(settings.home / "dagster", launcher_config(settings))
    return _with_their_own(live_config(Path(named), launcher_config(settings)), Path(named) / "dagster.yaml")


def _with_their_own(ours: str, path: Path) -> str:
    """Their settings before ours, but for the launcher and the coordinator, without which nothing is live."""
    import yaml

    try:
        theirs: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {} if path.exists() else {}
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} cannot be read.", advice="Mend it, or unset DAGSTER_HOME.") from error
    base: dict[str, Any] = yaml.safe_load(ours)
    if any(name in theirs for name in _STORAGES):
        base = {name: value for name, value in base.items() if name not in _STORAGES}
    kept = {name: value for name, value in theirs.items() if name not in ("run_launcher", "run_coordinator")}
    return f"{FIRST_LINE}\n# {path} with what the live system needs.\n{yaml.safe_dump({**base, **kept})}"
