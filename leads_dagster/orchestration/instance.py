"""Where Dagster keeps its runs and events when nobody said otherwise.

What belongs here: the folder and opening it; what its dagster.yaml says is `dagster_yaml`'s. With
DAGSTER_HOME set, that folder is used as it is and nothing is written into it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from leads_dagster.errors import SettingsError, StoreError
from leads_dagster.orchestration.dagster_yaml import FIRST_LINE, plain_config
from leads_dagster.settings import Settings


def dagster_home(settings: Settings) -> Path:
    """The folder of runs and events: DAGSTER_HOME, else `dagster` in the state folder."""
    named = os.environ.get("DAGSTER_HOME")
    return Path(named).expanduser() if named else settings.home / "dagster"


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance for this process, made when there is none yet.

    Raises:
        SettingsError: DAGSTER_HOME is not the absolute path of a folder.
        StoreError: the state folder cannot be written.
    """
    folder = dagster_home(settings)
    if os.environ.get("DAGSTER_HOME"):
        _check_named(folder)
    else:
        _write_config(settings.prepare_home() / "dagster")
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        yield instance


def _check_named(folder: Path) -> None:
    if not folder.is_absolute() or not folder.is_dir():
        raise SettingsError(
            f"DAGSTER_HOME names {folder}, which is not the absolute path of a folder.",
            advice="Make the folder or unset DAGSTER_HOME.",
        )


def _write_config(folder: Path) -> None:
    """Keep our dagster.yaml as this version has it, unless somebody took it over."""
    path = folder / "dagster.yaml"
    config = plain_config(folder)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = path.read_text(encoding="utf-8") if path.exists() else FIRST_LINE
        if found.startswith(FIRST_LINE) and found != config:
            path.write_text(config, encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"Dagster's folder {folder} cannot be written: {error.strerror}.",
            advice="Set LEADS_HOME to a folder that may be written to.",
        ) from error
