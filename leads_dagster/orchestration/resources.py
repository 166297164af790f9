"""What the assets are given to work with.

What belongs here: configuration that a run may set, and the plain object made from it. No rule, no client, and no
settings of our own: those are read from the environment and from leads.toml anew by every run.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field
from typing_extensions import Self

from leads_dagster.settings import Settings, load_settings

if TYPE_CHECKING:
    from leads_dagster.pipeline.workspace import Progress, Workspace


# What a sensor tells the run it asks for: the reason, and when the change was first seen (ISO, with its offset).
WHY_TAG = "leads/why"
SEEN_AT_TAG = "leads/seen_at"
# Of all jobs but cycles, which may take minutes: in the live system a worker of their own takes them (dagster_celery's
# tag), so that no edit waits for a backup. Elsewhere it says nothing.
UPKEEP_TAGS = {"dagster-celery/queue": "upkeep"}


class Workspaces:
    """The customers' workspaces of one run: each opened when first asked for, all closed at the end.

    Args:
        load: gives the settings; asked once a run, in the first step, so that a fault in them fails that step.
        sheet: another sheet in place of the configured one.
        progress: told percent (0 to 100) and words.
        tags: of the run; what a sensor says in them about a cycle that nobody asked for.
        holds_locks: keep other cycles of a customer out until the end, not only stage by stage.

    Attributes:
        stopped: whether Ctrl-C came: the steps that are left shall end at once.
    """

    def __init__(
        self,
        load: Callable[[], Settings],
        *,
        sheet: str | None = None,
        progress: Progress | None = None,
        tags: Mapping[str, str] | None = None,
        holds_locks: bool = False,
    ) -> None:
        self._load = load
        self._tags = tags or {}
        self._holds_locks = holds_locks
        self._sheet = sheet
        self._progress = progress
        self._open: dict[str | None, Workspace] = {}
        self._stack = ExitStack()
        self.stopped = False

    @cached_property
    def settings(self) -> Settings:
        """The settings of this run.

        Raises:
            SettingsError: the environment or leads.toml is wrong.
        """
        return self._load()

    @property
    def is_watched_for(self) -> bool:
        """Whether a sensor asked for this run, and will ask again if it fails: then no worker waits for a retry."""
        return SEEN_AT_TAG in self._tags

    def of(self, customer: str | None) -> Workspace:
        """The workspace of a customer, None for the only one; the same at every call.

        Raises:
            SettingsError: no such customer, or the settings are wrong.
            StoreError, StoreBusyError: the lead database cannot be opened, or another cycle keeps the customer.
        """
        if customer not in self._open:
            from leads_dagster.pipeline.workspace import open_workspace

            opening = open_workspace(self.settings, customer, sheet=self._sheet, progress=self._progress)
            ws = self._stack.enter_context(opening)
            if self._holds_locks:
                self._stack.enter_context(ws.locked())
            ws.paced = WHY_TAG in self._tags
            ws.audit = "left" if ws.paced else "when_due"  # a schedule asks for that, see `schedules`
            ws.seen_at = _moment(self._tags.get(SEEN_AT_TAG))
            self._open[customer] = ws
        return self._open[customer]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.clear()
        self._stack.close()


class LeadsResource(dg.ConfigurableResource[Workspaces]):
    """Gives the assets their workspaces; all it can be told is to read another sheet.

    In the launchpad or with `--config-json`: `{"resources": {"leads": {"config": {"sheet": "leads.csv"}}}}`.
    """

    sheet: str | None = Field(
        default=None,
        description="Google Sheets link or id, CSV URL or path, read in place of the customer's own sheet.",
    )

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Workspaces, None, None]:
        """The workspaces of one run, closed when it ends."""
        tags = context.run.tags if context.run is not None else {}
        with Workspaces(load_settings, sheet=self.sheet, tags=tags, holds_locks=True) as workspaces:
            yield workspaces


def _moment(text: str | None) -> datetime | None:
    """A moment as a sensor writes it into a tag; one that somebody else wrote is passed over."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
