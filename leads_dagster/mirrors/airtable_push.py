"""Sends parcels ten a request and finds out what became of each, whatever Airtable refuses.

What belongs here: batches, and the way from a refused batch to the record at fault. Not: pacing and retries
(`airtable_requests`), nor what is sent of a lead (`airtable_records`).

Airtable takes or refuses a request as a whole. A refused batch is halved until the record at fault stands alone, so
that nine of ten land; then it is asked what is wrong with that one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from leads_dagster.errors import AccessError, ServiceUnavailableError, TargetMissingError
from leads_dagster.mirrors.airtable_access import base_full, probe_without_schema, read_refused, write_refused
from leads_dagster.mirrors.airtable_errors import AirtableRefusedError
from leads_dagster.mirrors.airtable_records import Kind, Parcel, landed, parcel, unsent
from leads_dagster.mirrors.airtable_requests import AirtableRequests
from leads_dagster.mirrors.airtable_schema import Target
from leads_dagster.mirrors.airtable_target import TargetHolder
from leads_dagster.mirrors.push import LeadPush, PushOutcome

if TYPE_CHECKING:
    from pyairtable import Api, Table

BATCH = 10  # records in one request

# Refusals of a cell's value: the record itself is at fault, or the columns changed since they were looked at.
_CELL_FAULTS = frozenset({"INVALID_VALUE_FOR_COLUMN", "INVALID_MULTIPLE_CHOICE_OPTIONS", "UNKNOWN_FIELD_NAME"})


class Sender:
    """Sends pushes of one kind, at most ten at a time; may be used by several threads.

    Args:
        book: told of every outcome as soon as it is one, from the thread that learnt it.
        create_options: let Airtable make options of select fields.
        full: why the base takes no new record, if that was learnt before; kept up to date.
    """

    def __init__(
        self,
        requests: AirtableRequests,
        base_id: str,
        holder: TargetHolder,
        *,
        book: Callable[[PushOutcome], None],
        create_options: bool = False,
        full: AccessError | None = None,
    ) -> None:
        self.full = full
        self._tell = book
        self._booked: set[str] = set()
        self._requests = requests
        self._base_id = base_id
        self._holder = holder
        self._create_options = create_options

    def _book(self, outcome: PushOutcome) -> None:
        self._booked.add(outcome.lead_id)
        self._tell(outcome)

    def send(self, kind: Kind, changes: Sequence[LeadPush]) -> None:
        """Sends them and books what became of each.

        Raises:
            LeadsError: Airtable refuses for a reason that no single record has.
        """
        if kind == "delete":
            return self._send_deletes(changes)
        if kind == "upsert" and self.full is not None:
            return self._fail_full(changes, self.full)
        target = self._holder.target
        try:
            return self._together(target, kind, changes)
        except AirtableRefusedError as refused:
            changes = [change for change in changes if change.lead_id not in self._booked]
            if refused.kind in _CELL_FAULTS and self._holder.renewed(target, refused):
                return self.send(kind, changes)
            if refused.status == 403 and kind == "upsert" and not refused.base_full:
                probe_without_schema(self._requests, self._base_id, target.table)
                raise write_refused(self._requests, self._base_id, target.table, refused) from refused
            if len(changes) == 1:
                return self._send_one(target, kind, changes[0], refused)
        middle = len(changes) // 2
        self.send(kind, changes[:middle])
        return self.send(kind, changes[middle:])

    def _together(
        self, target: Target, kind: Kind, changes: Sequence[LeadPush], without: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Sends them in one request, and in another one those for which Airtable must make options."""
        items = [self._parcel(target, change, without=without) for change in changes]
        if any(item.refused.keys() - without.keys() for item in items) and self._holder.looked_up(target):
            target = self._holder.target
            items = [self._parcel(target, change, without=without) for change in changes]
        for item in items:
            if item.kind == "nothing":
                self._book(unsent(item))
        for typecast in (False, True):
            sent = [item for item in items if item.kind == kind and item.typecast == typecast]
            if sent:
                for outcome in self._upsert(target, sent) if kind == "upsert" else self._patch(target, sent):
                    self._book(outcome)
                self._note_options(sent)

    def _note_options(self, sent: Sequence[Parcel]) -> None:
        for item in sent:
            if item.typecast:
                self._holder.note_options(item.new_options)

    def _parcel(
        self,
        target: Target,
        change: LeadPush,
        *,
        record_id: str | None = None,
        without: Mapping[str, str] = MappingProxyType({}),
    ) -> Parcel:
        return parcel(target, change, record_id=record_id, create_options=self._create_options, without=without)

    def _fail_full(self, changes: Sequence[LeadPush], full: AccessError) -> None:
        for change in changes:
            self._book(PushOutcome(change.lead_id, "failed", error=full.message, patient=True))

    def _send_one(self, target: Target, kind: Kind, change: LeadPush, refused: AirtableRefusedError) -> None:
        """One record, refused by itself: without the options that Airtable refuses, or as `_alone` finds."""
        without: dict[str, str] = {}
        while name := self._refused_option(target, change, refused, without):
            without[name] = f'"{target.columns[name].name}" has no such option, and Airtable refuses to make it'
            try:
                return self._together(target, kind, [change], without)
            except AirtableRefusedError as again:
                refused = again
        return self._book(self._alone(target, kind, change, refused))

    def _refused_option(
        self, target: Target, change: LeadPush, refused: AirtableRefusedError, without: Mapping[str, str]
    ) -> str | None:
        """The lead field whose value Airtable says to be no option."""
        if refused.kind != "INVALID_MULTIPLE_CHOICE_OPTIONS":
            return None
        sent = self._parcel(target, change, without=without).sent
        named = [name for name, value in sent.items() if isinstance(value, str) and f'"{value}"' in refused.said]
        return min(named, key=lambda name: target.columns[name].type != "singleSelect", default=None)

    def _upsert(self, target: Target, items: Sequence[Parcel]) -> list[PushOutcome]:
        def call(api: Api) -> Any:
            return self._table(api, target).batch_upsert(
                [{"fields": dict(item.cells)} for item in items],
                key_fields=[target.key.id],
                typecast=any(item.typecast for item in items),
                use_field_ids=not target.by_name,
            )

        answer = self._requests.send(call)
        created = set(answer["createdRecords"])
        records = {record["fields"].get(target.key.id): record for record in answer["records"]}
        landings = [(item, _one_of(records, item.change.lead_id)) for item in items]
        return [
            landed(target, item, record, action="created" if record["id"] in created else "updated")
            for item, record in landings
        ]

    def _patch(self, target: Target, items: Sequence[Parcel]) -> list[PushOutcome]:
        def call(api: Api) -> Any:
            return self._table(api, target).batch_update(
                [{"id": str(item.record_id), "fields": dict(item.cells)} for item in items],
                typecast=any(item.typecast for item in items),
                use_field_ids=not target.by_name,
            )

        records = {record["id"]: record for record in self._requests.send(call)}
        return [landed(target, item, _one_of(records, item.record_id), action="updated") for item in items]

    def _alone(self, target: Target, kind: Kind, change: LeadPush, refused: AirtableRefusedError) -> PushOutcome:
        """One record, refused by itself: gone, one of several with its key, or at fault."""
        if kind == "patch" and refused.record_gone:
            self._require_gone(target, str(change.external_id), refused)
            return self._adopt(target, change) or PushOutcome(change.lead_id, "gone")
        if kind == "upsert" and refused.kind not in _CELL_FAULTS:
            adopted = self._adopt(target, change)
            if adopted is not None:
                return adopted
        if kind == "upsert" and refused.base_full:
            self.full = base_full(self._base_id, refused)
            return PushOutcome(change.lead_id, "failed", error=self.full.message, patient=True)
        return _failed(change, refused)

    def _require_gone(self, target: Target, record_id: str, refused: AirtableRefusedError) -> None:
        """Raises unless the record itself is not there: what we may not write, or no longer see, is not gone."""
        if refused.names_record:
            return
        try:
            self._requests.get(self._base_id, target.table, record_id)
        except AirtableRefusedError:
            probe_without_schema(self._requests, self._base_id, target.table)
            return
        raise write_refused(self._requests, self._base_id, target.table, refused) from refused

    def _adopt(self, target: Target, change: LeadPush) -> PushOutcome | None:
        """Patches the record that carries the lead's key, the oldest if there are several; None if there is none."""
        found = self._by_keys(target, [change.lead_id]).get(change.lead_id)
        if not found:
            return None
        item = self._parcel(target, change, record_id=found[0]["id"])
        duplicates = tuple(record["id"] for record in found[1:])
        if item.kind == "nothing":
            return landed(target, item, found[0], action="unchanged", duplicates=duplicates)
        try:
            record = self._patch_record(target, item)
        except AirtableRefusedError as refused:
            return _failed(change, refused)
        return landed(target, item, record, action="updated", duplicates=duplicates)

    def _patch_record(self, target: Target, item: Parcel) -> Mapping[str, Any]:
        def call(api: Api) -> Any:
            return self._table(api, target).update(
                str(item.record_id), dict(item.cells), typecast=item.typecast, use_field_ids=not target.by_name
            )

        record: Mapping[str, Any] = self._requests.send(call)
        return record

    def _by_keys(self, target: Target, keys: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
        """The records with these keys, the oldest first."""
        from pyairtable.formulas import EQ, OR, Field, to_formula_str

        formula = to_formula_str(OR(*(EQ(Field(target.key.name), key) for key in keys)))
        options = {"formula": formula, "use_field_ids": not target.by_name}
        try:
            records = self._requests.get(self._base_id, target.table, options=options)["records"]
        except AirtableRefusedError as refused:
            raise read_refused(self._requests, self._base_id, target.table, refused) from refused
        found: dict[str, list[Mapping[str, Any]]] = {}
        for record in sorted(records, key=lambda record: (record["createdTime"], record["id"])):
            found.setdefault(record["fields"].get(target.key.id), []).append(record)
        return found

    def _send_deletes(self, changes: Sequence[LeadPush]) -> None:
        target = self._holder.target
        unknown = [change.lead_id for change in changes if not change.external_id]
        found = self._by_keys(target, unknown) if unknown else {}
        ids = [change.external_id for change in changes if change.external_id]
        ids += [str(record["id"]) for records in found.values() for record in records]
        for start in range(0, len(ids), BATCH):
            self._delete(target, ids[start : start + BATCH])
        for change in changes:
            self._book(PushOutcome(change.lead_id, "deleted"))

    def _delete(self, target: Target, record_ids: Sequence[str]) -> None:
        """Deletes them; those that are not there are deleted already."""
        try:
            self._requests.send(lambda api: self._table(api, target).batch_delete(record_ids))
        except AirtableRefusedError as refused:
            if len(record_ids) == 1:
                if not refused.record_gone:
                    raise TargetMissingError(f"Airtable refuses to delete records: {refused.said}.") from refused
                self._require_gone(target, record_ids[0], refused)
                return
            middle = len(record_ids) // 2
            self._delete(target, record_ids[:middle])
            self._delete(target, record_ids[middle:])

    def _table(self, api: Api, target: Target) -> Table:
        return api.table(self._base_id, target.table)


def _one_of(records: Mapping[Any, Mapping[str, Any]], name: str | None) -> Mapping[str, Any]:
    try:
        return records[name]
    except KeyError:
        raise ServiceUnavailableError("Airtable's answer lacks a record that was written.") from None


def _failed(change: LeadPush, refused: AirtableRefusedError) -> PushOutcome:
    return PushOutcome(
        change.lead_id,
        "failed",
        external_id=change.external_id,
        answered=None if change.base is None else dict(change.base),
        error=f"Airtable refuses this lead: {refused.in_words}.",
        permanent=True,
    )
