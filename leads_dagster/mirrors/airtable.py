"""The Airtable mirror: a table that always says what the leads say.

What belongs here: the door that the pipeline uses. Columns are known to `airtable_schema`, what is sent of a lead to
`airtable_records`, batches to `airtable_push`, requests to `airtable_requests`, limits to `budget`.

A new record is an upsert by the plain text field `lead_key`, so that a crash between Airtable's answer and our books
never makes a second one; from then on a record is named by its id. Only the fields of a push are sent.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from leads_dagster.errors import AccessError, LeadsError
from leads_dagster.mirrors.airtable_access import read_refused
from leads_dagster.mirrors.airtable_errors import AirtableRefusedError
from leads_dagster.mirrors.airtable_hooks import AirtableHooks
from leads_dagster.mirrors.airtable_push import BATCH, Sender
from leads_dagster.mirrors.airtable_records import AirtableRecord, Kind, kind_of, read_record
from leads_dagster.mirrors.airtable_requests import AIRTABLE_URL, AirtableRequests, ApiKey, Traffic
from leads_dagster.mirrors.airtable_schema import Schema, Target, field_names
from leads_dagster.mirrors.airtable_target import TargetHolder
from leads_dagster.mirrors.airtable_values import to_cell
from leads_dagster.mirrors.budget import Budget, airtable_limits
from leads_dagster.mirrors.push import LeadPush, PushOutcome, PushResult, check_pushes

logger = logging.getLogger(__name__)

# An answer takes Airtable a fifth of a second and more; with fewer on the way the pace would be the answers', not
# the limit's.
_IN_FLIGHT = 4
_PAGE = 100  # records in one answer


class AirtableMirror:
    """Writes leads into one table of an Airtable base.

    Args:
        api_key: a personal access token, or a function that reads it (asked before every request).
        base_id: "app…".
        table: the table's name or id.
        home: state folder, where the call budget is kept with all other processes.
        endpoint_url: where Airtable is.
        fields: lead field -> column name or field id; "" leaves a field out.
        field_ids: lead field -> field id as `ensure_fields` gave it before; survives renames.
        known_table: id of the table that they are of; survives renames, too.
        remembered: the target as it was last seen.
        lately: it was seen so lately that Airtable is asked for it only when it refuses something.
        create_fields: make columns that are missing, if the token may.
        create_options: let Airtable make options of select fields that are missing.
        attention: with a column that says what waits for a person.
        timeout_seconds: for one answer.
        budget: limits to keep instead of Airtable's own.

    Raises:
        SettingsError: the fields are wrong.
    """

    def __init__(
        self,
        *,
        api_key: ApiKey,
        base_id: str,
        table: str,
        home: Path,
        endpoint_url: str = AIRTABLE_URL,
        fields: Mapping[str, str] | None = None,
        field_ids: Mapping[str, str] | None = None,
        known_table: str | None = None,
        remembered: Target | None = None,
        lately: bool = False,
        create_fields: bool = True,
        create_options: bool = False,
        attention: bool = False,
        timeout_seconds: float = 30.0,
        budget: Budget | None = None,
    ) -> None:
        names = field_names(fields, attention=attention)
        token = api_key() if callable(api_key) else api_key
        self.budget = budget or Budget(home, airtable_limits(base_id, token))
        self._requests = AirtableRequests(endpoint_url, api_key, self.budget, timeout_seconds=timeout_seconds)
        self._schema = Schema(
            self._requests, base_id, table, names, field_ids=field_ids, known_table=known_table, remembered=remembered
        )
        self._base_id = base_id
        self.hooks = AirtableHooks(self._requests, base_id)
        self._create_fields = create_fields
        self._create_options = create_options
        self._target = remembered if lately else None
        self._asked = self._looked = self._news = False
        self._full: AccessError | None = None

    def ensure_fields(self, *, again: bool = False) -> Target:
        """The table and its columns, missing ones made; looked at once in this mirror's life, or `again`.

        Raises:
            TargetMissingError: base or table, or the columns to add with name and type.
            CredentialsError: the key is wrong or lacks a scope, which is named.
            QuotaSpentError: no calls are left this month.
            TransientError: Airtable is away.
        """
        if self._target is None or again:
            self._asked = True
            self._target = self._schema.target(missing="create" if self._create_fields else "refuse")
            self._looked = self._news = True
        return self._target

    @property
    def traffic(self) -> Traffic:
        """All requests since this mirror was opened, those about hooks included."""
        return self._requests.traffic

    @property
    def target(self) -> Target | None:
        """The table and its columns as this mirror knows them; None before `ensure_fields`."""
        return self._target

    @property
    def asked(self) -> bool:
        """Whether Airtable itself was asked for them, whatever it answered."""
        return self._asked or self._looked

    def take_news(self) -> bool:
        """Whether anything was learnt of them since this was last called."""
        news, self._news = self._news, False
        return news

    @property
    def fields(self) -> frozenset[str]:
        """The lead fields that this table holds."""
        return frozenset(self.ensure_fields().columns)

    @property
    def requests(self) -> AirtableRequests:
        """The base's client, for what else is ours in it; with the budget and the count of this mirror."""
        return self._requests

    def unwritable(self, lead: Mapping[str, Any]) -> dict[str, str]:
        """Lead field -> why its column cannot hold the lead's value."""
        found: dict[str, str] = {}
        for name, column in self.ensure_fields().columns.items():
            try:
                to_cell(column, lead.get(name), create_options=self._create_options)
            except ValueError as error:
                found[name] = str(error)
        return found

    def push(self, changes: Sequence[LeadPush]) -> PushResult:
        """Writes what differs, ten a request; a bad record never takes another with it.

        Never raises for what Airtable does once records are being sent: `PushResult.stopped` then says why, and what
        landed is reported.

        Raises:
            ValueError: a lead twice in `changes`.
            LeadsError: as `ensure_fields`.
        """
        check_pushes(changes)
        began, before = time.perf_counter(), self._requests.traffic
        outcomes: dict[str, PushOutcome] = {}
        stopped = self._send_all(changes, outcomes) if changes else None
        traffic = self._requests.traffic.since(before)
        return PushResult(
            tuple(outcomes[change.lead_id] for change in changes if change.lead_id in outcomes),
            traffic.calls,
            traffic.retries,
            time.perf_counter() - began,
            stopped,
            self._full,
        )

    def _send_all(self, changes: Sequence[LeadPush], outcomes: dict[str, PushOutcome]) -> LeadsError | None:
        """Fills in the outcomes; returns what ended it early."""
        holder = TargetHolder(self._schema, self.ensure_fields(), remembered=not self._looked)
        stopped: list[LeadsError] = []

        def book(outcome: PushOutcome) -> None:
            outcomes[outcome.lead_id] = outcome

        sender = Sender(
            self._requests, self._base_id, holder, book=book, create_options=self._create_options, full=self._full
        )

        def send(batch: tuple[Kind, Sequence[LeadPush]]) -> None:
            if not stopped:
                try:
                    sender.send(*batch)
                except LeadsError as error:
                    stopped.append(error)

        with ThreadPoolExecutor(_IN_FLIGHT, "airtable") as pool:
            list(pool.map(send, list(_batches(changes))))
        self._news = self._news or holder.looked or holder.target is not self._target
        self._target, self._full, self._looked = holder.target, sender.full, self._looked or holder.looked
        if stopped:
            logger.warning("Airtable stopped after %d of %d leads: %s", len(outcomes), len(changes), stopped[0].message)
        return stopped[0] if stopped else None

    def records(self) -> Iterator[AirtableRecord]:
        """Every record of the table, 100 a request, in Airtable's order.

        Raises:
            LeadsError: as `ensure_fields`.
        """
        target = self.ensure_fields()
        for page in self.pages():
            yield from (read_record(target, record) for record in page)

    def pages(self) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Every record of the table as Airtable gives it, cells by the column's id, 100 a request.

        Raises:
            LeadsError: as `ensure_fields`.
        """
        target = self.ensure_fields()
        options = _listing_of(target)
        while True:
            page = self._page(target, options)
            yield page["records"]
            if not page.get("offset"):
                return
            options = {**options, "offset": page["offset"]}

    def some(self, record_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Those of these records that are there, as `pages` gives them, by id; 100 a request.

        Raises:
            LeadsError: as `ensure_fields`.
        """
        target = self.ensure_fields()
        found: dict[str, Mapping[str, Any]] = {}
        for start in range(0, len(record_ids), _PAGE):
            wanted = ", ".join(f'RECORD_ID()="{record}"' for record in record_ids[start : start + _PAGE])
            page = self._page(target, {**_listing_of(target), "formula": f"OR({wanted})"})
            found.update((record["id"], record) for record in page["records"])
        return found

    def _page(self, target: Target, options: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            page: Mapping[str, Any] = self._requests.get(self._base_id, target.table, options=dict(options))
            return page
        except AirtableRefusedError as refused:
            raise read_refused(self._requests, self._base_id, target.table, refused) from refused

    def close(self) -> None:
        """Lets go of connections and of the budget's file."""
        self._requests.close()
        self.budget.close()

    def __enter__(self) -> AirtableMirror:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _listing_of(target: Target) -> dict[str, Any]:
    options: dict[str, Any] = {"page_size": _PAGE, "use_field_ids": not target.by_name}
    if not target.by_name:  # by name a column may be missing, and asking for it is refused
        options["fields"] = [target.key.id, *(column.id for column in target.columns.values())]
    return options


def _batches(changes: Sequence[LeadPush]) -> Iterator[tuple[Kind, Sequence[LeadPush]]]:
    """Ten of a kind; what is deleted goes first, because a base holds only so many records."""
    groups: dict[Kind, list[LeadPush]] = defaultdict(list)
    for change in changes:
        groups[kind_of(change)].append(change)
    for kind in ("delete", "patch", "upsert"):
        group = groups.get(kind, [])
        for start in range(0, len(group), BATCH):
            yield kind, group[start : start + BATCH]
