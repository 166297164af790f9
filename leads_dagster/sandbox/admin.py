"""The twin's own requests under `/sandbox`: look at the state, edit as a person, set faults, move the clock, reset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from leads_dagster.errors import ContentError, NotFoundError
from leads_dagster.sandbox import airtable_webhooks
from leads_dagster.sandbox.airtable_handle import AirtableHandle
from leads_dagster.sandbox.airtable_world import AirtableWorld
from leads_dagster.sandbox.faults import Faults
from leads_dagster.sandbox.google_folder import SheetFolder
from leads_dagster.sandbox.http import Call, JsonObject, Reply, Route
from leads_dagster.sandbox.request_log import RequestLog


class AdminRoutes:
    def __init__(
        self,
        *,
        world: AirtableWorld,
        handle: AirtableHandle,
        folder: SheetFolder,
        faults: Faults,
        log: RequestLog,
        reset: Callable[[], None],
    ) -> None:
        self.world, self.handle, self.folder = world, handle, folder
        self.faults, self.log, self._reset = faults, log, reset

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, Callable[[Call], Reply]]] = [
            ("GET", "sandbox/state", self.state),
            ("GET", "sandbox/requests", self.requests),
            ("DELETE", "sandbox/requests", self.clear_requests),
            ("GET", "sandbox/faults", self.list_faults),
            ("POST", "sandbox/faults", self.set_faults),
            ("DELETE", "sandbox/faults", self.clear_faults),
            ("POST", "sandbox/reset", self.reset),
            ("POST", "sandbox/clock", self.advance),
            ("POST", "sandbox/airtable/{base}/{table}", self.edit),
            ("DELETE", "sandbox/airtable/{base}/{table}/fields/{field}", self.remove_field),
            ("POST", "sandbox/airtable/{base}", self.set_flags),
            ("POST", "sandbox/sheets/{id}", self.share),
        ]
        return [Route(methods, path, handler, "admin") for methods, path, handler in table]

    def state(self, call: Call) -> Reply:
        records = call.first("records") in ("1", "true")
        return Reply({"bases": self.handle.state(records=records), "sheets": self.folder.ids()})

    def requests(self, call: Call) -> Reply:
        return Reply(self.log.to_json())

    def clear_requests(self, call: Call) -> Reply:
        self.log.clear()
        return Reply({})

    def list_faults(self, call: Call) -> Reply:
        return Reply({"faults": self.faults.to_json()})

    def set_faults(self, call: Call) -> Reply:
        """`{"faults": […]}` replaces all, one fault alone is added."""
        body = _body(call)
        if "faults" in body:
            self.faults.replace(_listed(body, "faults", object))
        else:
            self.faults.add(body)
        return Reply({"faults": self.faults.to_json()})

    def clear_faults(self, call: Call) -> Reply:
        self.faults.replace([])
        return Reply({"faults": []})

    def reset(self, call: Call) -> Reply:
        self._reset()
        return Reply({})

    def advance(self, call: Call) -> Reply:
        seconds = _body(call).get("seconds")
        if not isinstance(seconds, (int, float)):
            raise ContentError('The body must hold "seconds", a number.')
        self.world.clock.advance(seconds)
        return Reply({"now": self.world.clock.stamp()})

    def edit(self, call: Call) -> Reply:
        """A person's edits: `{"create": [{fields}], "update": [{"id", "fields"}], "delete": [ids]}`."""
        base, table, body = call.params["base"], call.params["table"], _body(call)
        adding, editing = _listed(body, "create", dict), _listed(body, "update", dict)
        removing = _listed(body, "delete", str)
        created = self.handle.create(base, table, adding)
        updated = self.handle.update(base, table, editing)
        self.handle.delete(base, table, removing)
        return Reply({"created": created, "updated": updated, "deleted": removing})

    def remove_field(self, call: Call) -> Reply:
        """A person deletes a field, which the API does not offer; hooks that watch it turn ill."""
        session = self.handle.session(call.params["base"])
        table = session.table(call.params["table"])
        field = table.field(call.params["field"])
        if field is None:
            raise NotFoundError(f"There is no field {call.params['field']}.")
        del table.fields[field.id]
        for record in table.records.values():
            if field.id in record.cells:
                table.replace_cells(record, {key: value for key, value in record.cells.items() if key != field.id})
        table.schema_changed()
        airtable_webhooks.invalidate(session, field.id)
        self.world.changed()
        return Reply({"id": field.id, "deleted": True})

    def set_flags(self, call: Call) -> Reply:
        """`monthlyCalls`, `recordLimit` and the other twin's settings of a base, and its `permissionLevel`."""
        base, body = self.handle.session(call.params["base"]).base, _body(call)
        base.permission_level = body.pop("permissionLevel", base.permission_level)
        base.flags.update(body)
        self.world.changed()
        return Reply({"permissionLevel": base.permission_level, **base.flags})

    def share(self, call: Call) -> Reply:
        """`{"refuse": "login" | 401 | 403 | 404 | null}`."""
        self.folder.refusals[call.params["id"]] = _body(call).get("refuse")
        return Reply({"id": call.params["id"], "refuse": self.folder.refusals[call.params["id"]]})


def _listed(body: JsonObject, name: str, kind: type) -> list[Any]:
    value = body.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, kind) for each in value):
        raise ContentError(f"{name!r} must be a list of {kind.__name__}.")
    return value


def _body(call: Call) -> JsonObject:
    try:
        body: Any = orjson.loads(call.body or b"{}")
    except orjson.JSONDecodeError as error:
        raise ContentError(f"The body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ContentError("The body must be an object.")
    return body
