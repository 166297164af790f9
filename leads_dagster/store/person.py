"""Who stands behind a decision: the name that is written beside it."""

from __future__ import annotations

import getpass


def who_asks(named: str | None = None) -> str:
    """The person named, else the user of this process; "unknown" where it has none (some containers)."""
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
