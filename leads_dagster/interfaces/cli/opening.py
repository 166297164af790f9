"""From `--customer` to the workspace a command works in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from leads_dagster.settings import customer_named, load_settings

if TYPE_CHECKING:
    from leads_dagster.pipeline.workspace import Workspace


@contextmanager
def opened(customer: str | None) -> Iterator[Workspace]:
    """The workspace of the customer that `--customer` names, or of the one that DESIGN's rule finds.

    Raises:
        SettingsError: the settings are wrong, or it is not clear who is meant.
    """
    settings = load_settings()
    chosen = customer_named(settings, customer)
    from leads_dagster.pipeline.workspace import open_workspace

    with open_workspace(settings, chosen.name) as workspace:
        yield workspace
