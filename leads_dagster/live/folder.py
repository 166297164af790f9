"""Where the live system keeps what its processes share, so that all of them agree.

What belongs here: paths under the state folder, and making them. What stands in the files is for the modules that
write them.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from leads_dagster.errors import StoreError

# The kernel takes 107 bytes for the path of a Unix socket (sun_path of unix(7)).
_LONGEST_SOCKET_PATH = 100


def live_folder(home: Path) -> Path:
    """The folder of all of it, perhaps not there yet: see `prepare`."""
    return home / "live"


def lock_file(home: Path) -> Path:
    """Held by the one supervisor of this state folder."""
    return live_folder(home) / "lock"


def presence_file(home: Path) -> Path:
    """What runs just now, as JSON: see `presence`."""
    return live_folder(home) / "live.json"


def workspace_file(home: Path) -> Path:
    """Dagster's workspace for webserver and daemon: it names the code server."""
    return live_folder(home) / "workspace.yaml"


def heartbeat_file(home: Path, part: str) -> Path:
    """Touched by the part while it is well: see `heartbeat`."""
    return live_folder(home) / "beats" / part


def kept_config(home: Path) -> Path:
    """The last leads.toml that was right, which the parts read: see `following`."""
    return live_folder(home) / "leads.toml"


def stopping_file(home: Path) -> Path:
    """There while the whole stops: what waits for a worker then waits in vain."""
    return live_folder(home) / "stopping"


def code_socket(home: Path) -> Path:
    """The code server's Unix socket: in the live folder, else, where that path is too long for one, in the folder of
    temporary files. Both may be entered by their owner only, which a port could not promise.
    """
    wanted = live_folder(home) / "code.sock"
    if len(os.fsencode(wanted)) <= _LONGEST_SOCKET_PATH:
        return wanted
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"leads-{os.getuid()}-{name}" / "code.sock"


def prepare(home: Path) -> None:
    """Make the folders (mode 700).

    Raises:
        StoreError: one cannot be made, or belongs to somebody else.
    """
    for folder in (live_folder(home), heartbeat_file(home, "-").parent, code_socket(home).parent):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = folder.stat()
        except OSError as error:
            raise StoreError(
                f"The folder {folder} cannot be made: {error.strerror}.",
                advice="Set LEADS_HOME to a folder that may be written to.",
            ) from error
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022:
            raise StoreError(
                f"Others may write to {folder}.", advice=f"Make it yours alone: chmod 700 {folder}, or set LEADS_HOME."
            )
