"""leads.toml is changed while the live system runs: what is right is taken up, what is wrong is said.

What belongs here: noticing, and judging before anything changes. The parts read a copy of the last file that was right,
so that a person may be in the middle of a line while runs go on.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from leads_dagster.errors import SettingsError
from leads_dagster.live.folder import kept_config
from leads_dagster.live.stream import Stream
from leads_dagster.live.supervisor import Supervisor
from leads_dagster.settings import CONFIG_NAME, KEPT_CONFIG, Settings, load_settings


class _Stamp(NamedTuple):
    """By what a change of a file is known."""

    inode: int
    size: int
    changed_ns: int


class Following:
    """To be called once a second.

    Args:
        settings: what the parts begin with.
        stream: where it is told.
    """

    def __init__(self, settings: Settings, stream: Stream) -> None:
        self._path = settings.config_path or settings.home / CONFIG_NAME
        self._kept = kept_config(settings.home)
        self._fresh = self._kept.with_suffix(".new")
        self._customers = settings.customers
        self._stream = stream
        self._judged = self._seen = _stamp(self._path)
        self._renewing: asyncio.Task[None] | None = None
        self._keep()

    def __call__(self, supervisor: Supervisor) -> None:
        """Look whether the file changed; a change is judged when it has stood for one look."""
        found = _stamp(self._path)
        is_at_rest, self._seen = found == self._seen, found
        if not is_at_rest or found == self._judged or self._is_renewing():
            return
        self._judged = found
        if found is None:
            self._stream.tell("settings_wrong", f"{self._path} is gone; the settings that it had go on.")
        elif self._takes_up(found):
            self._renewing = asyncio.ensure_future(supervisor.renew())

    def _is_renewing(self) -> bool:
        return self._renewing is not None and not self._renewing.done()

    def _takes_up(self, found: _Stamp) -> bool:
        """Whether there are other customers now, and the file is right; then the copy is the parts' new one."""
        try:
            shutil.copyfile(self._path, self._fresh)
            customers = load_settings({**os.environ, KEPT_CONFIG: str(self._fresh)}).customers
        except (SettingsError, OSError) as error:
            self._stream.tell("settings_wrong", f"The settings that were go on, since the new ones are wrong: {error}")
            return False
        if _stamp(self._path) != found:  # written to again: the next look judges that
            self._judged = None
            return False
        self._fresh.replace(self._kept)
        if customers == self._customers:
            return False
        self._customers = customers
        self._stream.tell("settings", f"{self._path} changed: what reads it starts anew, one after the other.")
        return True

    def _keep(self) -> None:
        """The copy as it is at the start, or none."""
        if self._judged is None:
            self._kept.unlink(missing_ok=True)
        else:
            shutil.copyfile(self._path, self._fresh)
            self._fresh.replace(self._kept)


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return _Stamp(found.st_ino, found.st_size, found.st_mtime_ns)
