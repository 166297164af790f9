"""The public database: leads in and out from Python, by the same road as every sheet.

What belongs here: the blocking class. What its operations do is in `lead_operations`; its twin is `AsyncLeadDatabase`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from typing_extensions import Self

from leads_dagster.store import lead_operations as operations
from leads_dagster.store.api_arguments import whole_number
from leads_dagster.store.damage import watch_for_damage
from leads_dagster.store.engine import open_engine, reading, writing
from leads_dagster.store.intake import Landed
from leads_dagster.store.lead_filter import LeadFilter
from leads_dagster.store.lead_operations import Lead, Operation
from leads_dagster.store.lead_search import LARGEST_PAGE, LeadPage, Order
from leads_dagster.store.metrics import store_metrics
from leads_dagster.store.newer_rules import match_by_todays_rules
from leads_dagster.store.opening import DEFAULT_ATTEMPTS, DEFAULT_DELAY_SECONDS, opening, tried
from leads_dagster.store.outbox import MirrorName
from leads_dagster.store.retry import StoreRetries, run_retried
from leads_dagster.store.schema import ensure_schema

R = TypeVar("R")
BATCH_ROWS = 500


class LeadDatabase:
    """A customer's leads in SQLite or PostgreSQL; one object may serve many threads, and many processes one database.

    What goes in is normalised, matched, merged and kept with its history; what cannot be a lead raises
    `InvalidLeadError`. A failure that may pass (locked, busy, connection lost) is tried again: three attempts in all,
    under one deadline of 30 seconds.

    Args:
        url: SQLAlchemy URL such as "sqlite:///leads.db" or "postgresql://…"; None for the configured database.
        customer: whose leads; need not be configured.
        who: who stands in the history; None for the user of this process.

    Raises:
        SettingsError: the URL or the settings cannot be used.
        StoreError, StoreBusyError: the database cannot be opened, made or upgraded.
    """

    def __init__(self, url: str | None = None, customer: str = "default", *, who: str | None = None) -> None:
        opened = opening(url, customer, who)
        self.customer = customer
        self.retries: StoreRetries = opened.retries
        self._caller = opened.caller
        self._matched_by_todays_rules = False
        self._engine = open_engine(opened.settings.database_url)
        watch_for_damage(self._engine, opened.settings)
        run_retried("schema upgrade", ensure_schema, self._engine, policy=self.retries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; the next operation would open new ones."""
        self._engine.dispose()

    def add_lead(self, data: Mapping[str, Any]) -> str:
        """Take a record in and return the id of the lead that it made or is part of.

        Args:
            data: field of a lead ("full_name", "email", "company", …), or part of one ("first_name", "city") ->
                value. `key` names the record, so that the same key again is the same record; without one it goes by
                its LinkedIn page, by e-mail and name, or by name, company and phone. `raw_data` and names that are no
                fields are kept beside the fields.

        Raises:
            InvalidLeadError: it names nobody, or a field cannot be what it says ("not an e-mail"); the field is named.
        """
        return lead_of(self._write("lead save", operations.save(data)))

    def upsert_lead(
        self,
        data: Mapping[str, Any],
        max_retries: int = DEFAULT_ATTEMPTS,
        retry_delay: float = DEFAULT_DELAY_SECONDS,
    ) -> tuple[str, bool]:
        """As `add_lead`, and whether a lead was made: one that lives again under its old id was not.

        Args:
            data: as in `add_lead`; with the `id` of a lead it changes that one, as `update_lead` does, and keeps what
                has no field beside.
            max_retries: attempts in all. retry_delay: seconds before the second; doubled each time.
        """
        retries = tried(self.retries, attempts=max_retries, delay_seconds=retry_delay)
        landed = self._write("lead save", operations.save(data), retries=retries)
        return lead_of(landed), landed.is_new_lead

    def upsert_leads(self, batch: Iterable[Mapping[str, Any]], *, batch_rows: int = BATCH_ROWS) -> Iterator[Landed]:
        """Take many records in, `batch_rows` in a transaction; lazily, so that it has to be iterated.

        Yields:
            Where each ended, in order. It is as with a sheet's rows: one that cannot be a lead goes to quarantine and
            stops no other; a value that its field should not hold is kept as it was, and flagged.
        """
        whole_number("batch_rows", batch_rows, least=1)
        remaining = iter(batch)
        while part := list(islice(remaining, batch_rows)):
            yield from self._write("lead save", operations.save_all(part))

    def get_lead(self, lead_id: str) -> Lead | None:
        """A lead by id, by column; archived and merged ones too (`archived_at`, `merged_into`). None: no such lead."""
        return self._read("lead read", operations.get(lead_id))

    def update_lead(self, lead_id: str, data: Mapping[str, Any]) -> bool:
        """Change fields of a lead; a newer edit in a sheet or in Airtable overtakes it. Returns whether any changed.

        Args:
            data: field -> value. A whole lead as `get_lead` gave it may be handed back: what is unchanged says
                nothing. `raw_data` adds to what is kept beside the fields; labels that it does not name stay.

        Raises:
            NotFoundError: no such lead.
            InvalidLeadError: no such field or no value for it; a column that the store alone sets differs; nothing
                would say any more who the lead is.
            ConflictError: the lead is archived, or a person's decision holds the field.
        """
        return self._write("lead update", operations.update(lead_id, data))

    def search_leads(
        self,
        query: str | Mapping[str, Any] | LeadFilter | None = None,
        *,
        limit: int = 50,
        after: str | None = None,
        offset: int = 0,
        order: Order = "relevance",
        **filters: Any,
    ) -> LeadPage:
        """A page of the leads that meet a filter, without archived and merged ones.

        Args:
            query: words to find in name, company, e-mail and notes, the last as far as it is typed; or a `LeadFilter`,
                or its fields by name.
            limit: 1 to 1,000. after: `next` of the page before. offset: leads to leave out.
            order: "relevance", "newest", "oldest", "updated" or "name".
            filters: fields of `LeadFilter`, over those of the query: `company="Acme"`, `verified=True`, ….

        Raises:
            SettingsError: no such filter, or a value of the wrong type.
        """
        find = operations.search(LeadFilter.of(query, **filters), limit=limit, after=after, offset=offset, order=order)
        return self._read("lead search", find)

    def count_leads(self, query: str | Mapping[str, Any] | LeadFilter | None = None, **filters: Any) -> int:
        """How many leads meet a filter; looks at each of them."""
        return self._read("lead search", operations.count(LeadFilter.of(query, **filters)))

    def get_all_leads(self) -> Iterator[Lead]:
        """All leads but archived and merged ones, oldest first, a thousand in memory at a time."""
        after: str | None = None
        while True:
            page = self.search_leads(limit=LARGEST_PAGE, after=after, order="oldest")
            yield from page
            after = page.next
            if after is None:
                return

    def mark_for_sync(
        self, lead_ids: str | Sequence[str], mirrors: MirrorName | Sequence[MirrorName] | None = None
    ) -> int:
        """Let mirrors look at leads again at the next sync; returns how many leads were marked.

        Args:
            lead_ids: one or several. mirrors: "crm", "airtable", one or several; None for those that the customer has.

        Raises:
            NotFoundError: no such lead; none is marked then.
            SettingsError: no such mirror.
        """
        return self._write("mark for sync", operations.mark_for_sync(lead_ids, mirrors))

    def get_sync_pending_leads(self, limit: int = 100, mirror: MirrorName | None = None) -> list[Lead]:
        """Leads that a mirror has still to hear of; each with `pending`: which mirrors.

        Raises:
            SettingsError: no such mirror, or a limit below 1.
        """
        return self._read("lead read", operations.sync_pending(limit=limit, mirror=mirror))

    @staticmethod
    def metrics() -> dict[str, Any]:
        """What the lead database cost this process: calls, retries, failures and waits for locks, by operation."""
        return store_metrics()

    def _write(self, operation: str, call: Operation[R], *, retries: StoreRetries | None = None) -> R:
        def attempt() -> R:
            with writing(self._engine, self.customer) as connection:
                return call(connection, self._caller)

        if not self._matched_by_todays_rules:
            match_by_todays_rules(self._engine, self._caller, self.retries)
            self._matched_by_todays_rules = True

        return run_retried(operation, attempt, policy=retries or self.retries)

    def _read(self, operation: str, call: Operation[R]) -> R:
        def attempt() -> R:
            with reading(self._engine) as connection:
                return call(connection, self._caller)

        return run_retried(operation, attempt, policy=self.retries)


def lead_of(landed: Landed) -> str:
    """The lead that a record became or is part of."""
    assert landed.lead_id is not None  # what cannot be a lead was refused before
    return landed.lead_id
