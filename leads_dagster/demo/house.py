"""A house for the demo: a state folder of its own, a leads.toml, and an environment that knows nothing of the user's.

What belongs here: what is there before anything starts. Nothing outside the folder is written.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leads_dagster.demo.team import BASE, CUSTOMER, SHEET, TABLE
from leads_dagster.errors import SettingsError
from leads_dagster.settings_table import SETTINGS

_CONFIG = f"""\
# Written by `leads demo`. The sheet and the base are stand-ins on this machine, which end with the demo.
[[customers]]
name = "{CUSTOMER}"
sheet = "https://docs.google.com/spreadsheets/d/{SHEET}/edit#gid=0"
interval_seconds = 1

[customers.airtable]
base_id = "{BASE}"
table = "{TABLE}"
plan = "business"
"""


@contextmanager
def house(wanted: Path | None) -> Iterator[Path]:
    """The state folder, with a leads.toml: the one that is wanted, which stays, else one that goes with the block.

    Args:
        wanted: a folder that is empty or not there yet.

    Raises:
        SettingsError: there is something in it, or it cannot be written.
    """
    if wanted is not None:
        yield _furnished(wanted.expanduser().absolute())
        return
    with tempfile.TemporaryDirectory(prefix="leads-demo-", ignore_cleanup_errors=True) as made:
        yield _furnished(Path(made))


def environment(home: Path, twin_url: str) -> dict[str, str]:
    """The process's own without a setting of ours, and with those that lead to the twin.

    Args:
        home: the state folder.
        twin_url: where both services are played.
    """
    ours = {setting.env for setting in SETTINGS} | {"DAGSTER_HOME"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {
        **kept,
        "LEADS_HOME": str(home),
        "AIRTABLE_ENDPOINT_URL": twin_url,
        "AIRTABLE_API_KEY": "any-token-will-do",
        "GOOGLE_SHEETS_ENDPOINT_URL": twin_url,
    }


def _furnished(home: Path) -> Path:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(home.iterdir()):
            raise SettingsError(
                f"{home} is not empty, and the demo begins with an empty folder.",
                advice="Name another with --home, or leave it out for a temporary one.",
            )
        (home / "leads.toml").write_text(_CONFIG, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"The folder {home} cannot be used: {error.strerror}.") from error
    return home
