"""The twin's own requests under `/sandbox`: look at the state, edit as a person, set faults, move the clock, reset.

| request | body | what it does |
|---|---|---|
| `GET state?records=1` | | bases, tables, counts, with their records if wished |
| `GET requests?since=N` | | `total`, `reads`, `writes`, `hooks`, counts by route, the last requests after number N |
| `DELETE requests` | | count anew: the mark from which "a quiet system makes no write calls" is told |
| `GET`, `DELETE faults` | | the faults in force; none |
| `POST faults` | a fault, or `{"faults": […]}` | see `faults` |
| `POST clock` | `{"seconds": 3600}` or `{"skew": -90}` | move all time on; put the wall clock off |
| `POST reset` | | the bases of the start, no faults, counts from 0, no skew |
| `POST airtable/{base}` | `{"monthlyCalls": 0, "recordLimit": 5}` | settings of a base; null takes one away |
| `POST airtable/{base}/{table}` | `{"create": [{fields}], "update": [{"id", "fields"}], "delete": [ids]}` | edits |
| `PATCH`, `DELETE airtable/{base}/{table}` | `{"name": "People"}` | the table itself |
| `POST airtable/{base}/{table}/fields` | `{"name", "type", "options"?}` | a new field of any type |
| `PATCH airtable/{base}/{table}/fields/{field}` | `{"name"?, "type"?, "options"?, "choices"?: [names]}` | change it |
| `DELETE airtable/{base}/{table}/fields/{field}` | | remove it; hooks that watch it turn ill |
| `GET webhooks/{base}` | | every hook with its payloads |
| `POST webhooks/{base}`, `POST webhooks/{base}/{hook}` | `{"state": "expired"}`, `"invalid"`, `"disabled"` | all, one |
| `POST sheets/{id}` | `{"refuse": "login" or 401, 403, 404, null}` | share a sheet, or no longer |
| `POST sheets/{id}/edit` | `{"range": "B2", "values": [["x"]]}` | a person's edit of cells |
| | `{"append": [[…]]}`, `{"insert": {"before": 2, "values": [[…]]}}`, `{"delete": [3]}`, with `"tab"`? | of rows |

Edits of Airtable may name `source` (`client` unless said) and `user` (an id), and edits of records `typecast`, with
which a select option that is not there is made, as the screen offers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from leads_dagster.errors import ContentError
from leads_dagster.sandbox.airtable_handle import AirtableHandle
from leads_dagster.sandbox.airtable_world import AirtableWorld
from leads_dagster.sandbox.faults import Faults
from leads_dagster.sandbox.google_folder import SheetFolder
from leads_dagster.sandbox.google_handle import GoogleHandle
from leads_dagster.sandbox.http import Call, JsonObject, Reply, Route
from leads_dagster.sandbox.request_log import RequestLog


class AdminRoutes:
    def __init__(
        self,
        *,
        world: AirtableWorld,
        handle: AirtableHandle,
        sheets: GoogleHandle,
        folder: SheetFolder,
        faults: Faults,
        log: RequestLog,
        reset: Callable[[], None],
    ) -> None:
        self.world, self.handle, self.sheets, self.folder = world, handle, sheets, folder
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
            ("POST", "sandbox/clock", self.set_clock),
            ("GET", "sandbox/webhooks/{base}", self.list_hooks),
            ("POST", "sandbox/webhooks/{base}", self.change_hooks),
            ("POST", "sandbox/webhooks/{base}/{hook}", self.change_hooks),
            ("POST", "sandbox/airtable/{base}", self.set_flags),
            ("POST", "sandbox/airtable/{base}/{table}", self.edit),
            ("PATCH", "sandbox/airtable/{base}/{table}", self.rename_table),
            ("DELETE", "sandbox/airtable/{base}/{table}", self.remove_table),
            ("POST", "sandbox/airtable/{base}/{table}/fields", self.add_field),
            ("PATCH", "sandbox/airtable/{base}/{table}/fields/{field}", self.change_field),
            ("DELETE", "sandbox/airtable/{base}/{table}/fields/{field}", self.remove_field),
            ("POST", "sandbox/sheets/{id}", self.share),
            ("POST", "sandbox/sheets/{id}/edit", self.edit_sheet),
        ]
        return [Route(methods, path, handler, "admin") for methods, path, handler in table]

    def state(self, call: Call) -> Reply:
        records = call.first("records") in ("1", "true")
        return Reply({"bases": self.handle.state(records=records), "sheets": self.folder.ids()})

    def requests(self, call: Call) -> Reply:
        since = call.first("since") or "0"
        if not since.isdecimal():
            raise ContentError('"since" must be the number of a request.')
        return Reply(self.log.to_json(since=int(since)))

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

    def set_clock(self, call: Call) -> Reply:
        body = _body(call)
        seconds = body.get("seconds", 0 if "skew" in body else None)
        skew = body.get("skew", self.world.clock.skew_seconds)
        if not isinstance(seconds, (int, float)) or not isinstance(skew, (int, float)):
            raise ContentError('The body must hold "seconds" or "skew", a number.')
        self.world.clock.advance(seconds)
        self.world.clock.skew(skew)
        return Reply({"now": self.world.clock.stamp()})

    def list_hooks(self, call: Call) -> Reply:
        return Reply({"webhooks": self.handle.hooks(call.params["base"])})

    def change_hooks(self, call: Call) -> Reply:
        named = call.params.get("hook")
        handle = self.handle
        changes = {
            "expired": handle.expire_hooks,
            "invalid": handle.break_hooks,
            "disabled": handle.disable_hooks,
        }
        change = changes.get(str(_body(call).get("state")))
        if change is None:
            raise ContentError('The body must hold "state": "expired", "invalid" or "disabled".')
        return Reply({"webhooks": change(call.params["base"], None if named is None else [named])})

    def set_flags(self, call: Call) -> Reply:
        """`monthlyCalls`, `recordLimit` and the other twin's settings of a base, and its `permissionLevel`."""
        base, body = self.handle.session(call.params["base"]).base, _body(call)
        base.permission_level = body.pop("permissionLevel", base.permission_level)
        base.flags.update(body)
        self.world.changed()
        return Reply({"permissionLevel": base.permission_level, **base.flags})

    def _asked(self, call: Call) -> tuple[AirtableHandle, str, str, JsonObject]:
        """The handle of whoever edits, the base, the table and what is to be done."""
        body = _body(call)
        handle = self.handle.acting(source=body.pop("source", "client"), user_id=body.pop("user", None))
        return handle, call.params["base"], call.params["table"], body

    def edit(self, call: Call) -> Reply:
        handle, base, table, body = self._asked(call)
        typecast = body.get("typecast") is True
        adding, editing = _listed(body, "create", dict), _listed(body, "update", dict)
        removing = _listed(body, "delete", str)
        created = handle.create(base, table, adding, typecast=typecast)
        updated = handle.update(base, table, editing, typecast=typecast)
        handle.delete(base, table, removing)
        return Reply({"created": created, "updated": updated, "deleted": removing})

    def rename_table(self, call: Call) -> Reply:
        handle, base, table, body = self._asked(call)
        handle.rename_table(base, table, body)
        return Reply({})

    def remove_table(self, call: Call) -> Reply:
        handle, base, table, _ = self._asked(call)
        return Reply({"id": handle.remove_table(base, table), "deleted": True})

    def add_field(self, call: Call) -> Reply:
        handle, base, table, body = self._asked(call)
        return Reply(handle.add_field(base, table, body))

    def change_field(self, call: Call) -> Reply:
        handle, base, table, body = self._asked(call)
        return Reply(handle.change_field(base, table, call.params["field"], body))

    def remove_field(self, call: Call) -> Reply:
        handle, base, table, _ = self._asked(call)
        return Reply({"id": handle.remove_field(base, table, call.params["field"]), "deleted": True})

    def share(self, call: Call) -> Reply:
        """`{"refuse": "login" | 401 | 403 | 404 | null}`."""
        self.folder.refusals[call.params["id"]] = _body(call).get("refuse")
        return Reply({"id": call.params["id"], "refuse": self.folder.refusals[call.params["id"]]})

    def edit_sheet(self, call: Call) -> Reply:
        sheet, body = call.params["id"], _body(call)
        tab = body.get("tab")
        if "range" in body:
            self.sheets.edit(sheet, str(body["range"]), _listed(body, "values", list))
        if "append" in body:
            self.sheets.append(sheet, _listed(body, "append", list), tab)
        if isinstance(body.get("insert"), dict):
            given = body["insert"]
            self.sheets.insert_rows(sheet, given.get("before", 0), _listed(given, "values", list), tab)
        if "delete" in body:
            self.sheets.delete_rows(sheet, _listed(body, "delete", int), tab)
        return Reply({"rows": len(self.sheets.rows(sheet, tab))})


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
