"""Airtable's meta requests: who am I, bases, tables, fields; reading, creating and renaming them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from leads_dagster.sandbox import airtable_errors as errors
from leads_dagster.sandbox.airtable_model import COMPUTED_TYPES, Base, Field, Table
from leads_dagster.sandbox.airtable_routes import json_body
from leads_dagster.sandbox.airtable_values import PARSERS
from leads_dagster.sandbox.airtable_webhooks import Transaction, deliver
from leads_dagster.sandbox.airtable_world import AirtableWorld, Session, open_session
from leads_dagster.sandbox.bases_file import table_schema
from leads_dagster.sandbox.http import Call, JsonObject, RefusedError, Reply, Route
from leads_dagster.sandbox.ids import new_id

_READ, _WRITE = "schema.bases:read", "schema.bases:write"
_REFERENCE_TYPES = frozenset(
    {"multipleAttachments", "multipleCollaborators", "multipleRecordLinks", "singleCollaborator"}
)
CREATABLE_TYPES = frozenset(PARSERS) | _REFERENCE_TYPES
_DATE_FORMATS = {"local": "l", "friendly": "LL", "us": "M/D/YYYY", "european": "D/M/YYYY", "iso": "YYYY-MM-DD"}
_TIME_FORMATS = {"12hour": "h:mma", "24hour": "HH:mm"}
_NEEDED_OPTIONS: dict[str, tuple[str, ...]] = {
    "checkbox": ("icon", "color"),
    "currency": ("precision", "symbol"),
    "date": ("dateFormat",),
    "dateTime": ("dateFormat", "timeFormat", "timeZone"),
    "duration": ("durationFormat",),
    "multipleRecordLinks": ("linkedTableId",),
    "multipleSelects": ("choices",),
    "number": ("precision",),
    "percent": ("precision",),
    "rating": ("icon", "max", "color"),
    "singleSelect": ("choices",),
}
_PRIMARY_TYPES = frozenset(
    [
        "singleLineText",
        "email",
        "url",
        "multilineText",
        "phoneNumber",
        "number",
        "percent",
        "currency",
        "date",
        "dateTime",
        "duration",
        "autoNumber",
        "formula",
        "barcode",
    ]
)


class AirtableSchemaRoutes:
    """The handlers of `/v0/meta/…`."""

    def __init__(self, world: AirtableWorld) -> None:
        self.world = world

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, Callable[[Call], Reply]]] = [
            ("GET", "v0/meta/whoami", self.whoami),
            ("GET", "v0/meta/bases", self.list_bases),
            ("POST", "v0/meta/bases", self.create_base),
            ("GET", "v0/meta/bases/{base}", self.get_base),
            ("DELETE", "v0/meta/bases/{base}", self.delete_base),
            ("GET", "v0/meta/bases/{base}/tables", self.list_tables),
            ("POST", "v0/meta/bases/{base}/tables", self.create_table),
            ("PATCH", "v0/meta/bases/{base}/tables/{table}", self.update_table),
            ("POST", "v0/meta/bases/{base}/tables/{table}/fields", self.create_field),
            ("PATCH", "v0/meta/bases/{base}/tables/{table}/fields/{field}", self.update_field),
            ("GET", "v0/meta/bases/{base}/views", self.list_views),
            ("GET", "v0/meta/bases/{base}/views/{view}", self.get_view),
            ("DELETE", "v0/meta/bases/{base}/views/{view}", self.delete_view),
        ]
        return [Route(methods, path, handler, "airtable") for methods, path, handler in table]

    def whoami(self, call: Call) -> Reply:
        token = self.world.token(call)
        user = self.world.user(token.user_id)
        answer: JsonObject = {"id": user.id}
        if token.scopes is not None:
            answer["scopes"] = sorted(token.scopes)
        if token.scopes and "user.email:read" in token.scopes:
            answer["email"] = user.email
        return Reply(answer)

    def list_bases(self, call: Call) -> Reply:
        token = self.world.token(call)
        if not token.allows(_READ):
            raise errors.no_permission_or_model()
        bases = [each for each in self.world.bases.values() if token.bases is None or each.id in token.bases]
        return Reply(
            {"bases": [{"id": each.id, "name": each.name, "permissionLevel": each.permission_level} for each in bases]}
        )

    def _schema(self, call: Call, *, write: bool = False) -> Session:
        session = open_session(self.world, call, _WRITE if write else _READ)
        if session.base.flags.get("metaAccess") is False:
            raise errors.refusal(404, "NOT_FOUND")
        if write:
            session.require_level("create")
        return session

    def create_base(self, call: Call) -> Reply:
        token = self.world.token(call)
        if not token.allows(_WRITE):
            raise errors.no_permission_or_model()
        body = json_body(call)
        if not body.get("name") or not body.get("workspaceId") or not body.get("tables"):
            raise errors.bad_request()
        base = Base(new_id("app"), body["name"], created_time=self.world.clock.stamp())
        base.workspace_id = body["workspaceId"]
        session = Session(self.world, base, token)
        for given in body["tables"]:
            add_table(session, given)
        self.world.bases[base.id] = base
        self.world.changed()
        return Reply({"id": base.id, "tables": [table_schema(each) for each in base.tables.values()]})

    def get_base(self, call: Call) -> Reply:
        session = open_session(self.world, call, "workspacesAndBases:read")
        base = session.base
        owner = self.world.owner
        person = {
            "userId": owner.id,
            "email": owner.email,
            "permissionLevel": base.permission_level,
            "createdTime": base.created_time,
            "grantedByUserId": owner.id,
        }
        return Reply(
            {
                "id": base.id,
                "name": base.name,
                "createdTime": base.created_time,
                "permissionLevel": base.permission_level,
                "workspaceId": base.workspace_id,
                "interfaces": {},
                "individualCollaborators": {"baseCollaborators": [person], "workspaceCollaborators": []},
                "groupCollaborators": {"baseCollaborators": [], "workspaceCollaborators": []},
                "inviteLinks": {"baseInviteLinks": [], "workspaceInviteLinks": []},
            }
        )

    def delete_base(self, call: Call) -> Reply:
        session = open_session(self.world, call, "workspacesAndBases:write")
        session.require_level("owner" if session.base.permission_level == "owner" else "create")
        del self.world.bases[session.base.id]
        self.world.changed()
        return Reply({"id": session.base.id, "deleted": True})

    def list_tables(self, call: Call) -> Reply:
        base = self._schema(call).base
        visible = "visibleFieldIds" in call.all("include", "include[]")
        return Reply({"tables": [_with_visible(table, visible) for table in base.tables.values()]})

    def create_table(self, call: Call) -> Reply:
        session = self._schema(call, write=True)
        table = add_table(session, json_body(call))
        self.world.changed()
        return Reply(table_schema(table))

    def update_table(self, call: Call) -> Reply:
        session = self._schema(call, write=True)
        table = session.table(call.params["table"])
        body = json_body(call)
        name = body.get("name", table.name)
        if any(other is not table and other.name == name for other in session.base.tables.values()):
            raise errors.refusal(422, "DUPLICATE_TABLE_NAME", f'A table named "{name}" already exists')
        table.name, table.description = name, body.get("description", table.description)
        self.world.changed()
        return Reply(table_schema(table))

    def create_field(self, call: Call) -> Reply:
        session = self._schema(call, write=True)
        table = session.table(call.params["table"])
        field = checked_field(session, table, json_body(call))
        table.add_field(field)
        _add_inverse(session, table, field)
        transaction = Transaction(session, table)
        transaction.created_fields[field.id] = {"name": field.name, "type": field.type}
        deliver(transaction)
        self.world.changed()
        return Reply(field.to_json())

    def update_field(self, call: Call) -> Reply:
        session = self._schema(call, write=True)
        table = session.table(call.params["table"])
        field = table.field(call.params["field"])
        if field is None:
            raise errors.no_permission_or_model()
        body = json_body(call)
        before = {"name": field.name, "type": field.type}
        name = _field_name(body.get("name", field.name))
        if name != field.name and table.field(name) is not None:
            raise errors.refusal(422, "DUPLICATE_OR_EMPTY_FIELD_NAME", f'A field named "{name}" already exists')
        field.name, field.description = name, body.get("description", field.description)
        table.schema_changed()
        transaction = Transaction(session, table)
        transaction.changed_fields[field.id] = {"current": {"name": name, "type": field.type}, "previous": before}
        deliver(transaction)
        self.world.changed()
        return Reply(field.to_json())

    def list_views(self, call: Call) -> Reply:
        base = self._schema(call).base
        return Reply({"views": [view for table in base.tables.values() for view in table.views]})

    def _view(self, call: Call, *, write: bool) -> tuple[Table, JsonObject]:
        session = self._schema(call, write=write)
        for table in session.base.tables.values():
            for view in table.views:
                if view["id"] == call.params["view"]:
                    return table, view
        raise errors.no_permission_or_model()

    def get_view(self, call: Call) -> Reply:
        return Reply(self._view(call, write=False)[1])

    def delete_view(self, call: Call) -> Reply:
        table, view = self._view(call, write=True)
        table.views.remove(view)
        self.world.changed()
        return Reply({"id": view["id"], "deleted": True})


def _with_visible(table: Table, visible: bool) -> JsonObject:
    shown = table_schema(table)
    if visible:
        ids = list(table.fields)
        views = [{"visibleFieldIds": ids, **view} if view["type"] == "grid" else view for view in table.views]
        shown["views"] = views
    return shown


def add_table(session: Session, given: Any) -> Table:
    """A new table with its fields, the first of which is the primary one. All of it is checked before it is added."""
    name = given.get("name") if isinstance(given, dict) else None
    fields = given.get("fields") if isinstance(given, dict) else None
    if not isinstance(name, str) or not name or not isinstance(fields, list) or not fields:
        raise errors.bad_request()
    if session.base.table(name) is not None:
        raise errors.refusal(422, "DUPLICATE_TABLE_NAME", f'A table named "{name}" already exists')
    view = {"id": new_id("viw"), "name": "Grid view", "type": "grid"}
    table = Table(new_id("tbl"), name, "", {}, [view], given.get("description"))
    for each in fields:
        table.add_field(checked_field(session, table, each))
    table.primary_field_id = next(iter(table.fields))
    if table.primary.type not in _PRIMARY_TYPES:
        raise errors.refusal(422, "INVALID_FIELD_TYPE_FOR_PRIMARY", "The first field cannot be the primary field")
    session.base.tables[table.id] = table
    for field in list(table.fields.values()):
        _add_inverse(session, table, field)
    return table


def _field_name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise errors.refusal(422, "DUPLICATE_OR_EMPTY_FIELD_NAME", "A field must have a name of its own")
    return value


def checked_field(session: Session, table: Table, given: Any) -> Field:
    if not isinstance(given, dict):
        raise errors.bad_request()
    name, kind, options = _field_name(given.get("name")), given.get("type"), given.get("options")
    if table.field(name) is not None:
        raise errors.refusal(422, "DUPLICATE_OR_EMPTY_FIELD_NAME", f'A field named "{name}" already exists')
    if kind not in CREATABLE_TYPES:
        raise _not_creatable(str(kind))
    missing = [key for key in _NEEDED_OPTIONS.get(kind, ()) if key not in (options or {})]
    if missing:
        raise errors.refusal(
            422, "INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE", f"Invalid options for {name}: missing {', '.join(missing)}"
        )
    return Field(new_id("fld"), name, kind, _made_options(session, kind, options), given.get("description"))


def _not_creatable(kind: str) -> RefusedError:
    if kind in COMPUTED_TYPES:
        message = f"Creating {kind} fields is not supported at this time"
        return errors.refusal(422, "UNSUPPORTED_FIELD_TYPE_FOR_CREATE", message)
    return errors.bad_request()


def _made_options(session: Session, kind: str, options: JsonObject | None) -> JsonObject | None:
    """The options as Airtable answers them, completed."""
    if kind in ("singleSelect", "multipleSelects"):
        choices = [{"id": new_id("sel"), "color": "blueLight2", **each} for each in (options or {})["choices"]]
        return {"choices": choices}
    if kind == "multipleRecordLinks":
        linked = session.base.tables.get((options or {})["linkedTableId"])
        if linked is None:
            raise errors.no_permission_or_model()
        return {"isReversed": False, "prefersSingleRecordLink": False, **(options or {})}
    if kind == "multipleAttachments":
        return {"isReversed": False}
    if kind in ("date", "dateTime"):
        return _date_options(options or {})
    return options


def _date_options(options: JsonObject) -> JsonObject:
    made = dict(options)
    for key, formats in (("dateFormat", _DATE_FORMATS), ("timeFormat", _TIME_FORMATS)):
        name = made.get(key, {}).get("name")
        if name is not None:
            made[key] = {"format": formats.get(name, ""), **made[key]}
    return made


def _add_inverse(session: Session, table: Table, field: Field) -> None:
    """A link makes its other end in the linked table."""
    if field.type != "multipleRecordLinks" or field.option("inverseLinkFieldId"):
        return
    linked = session.base.tables[str(field.option("linkedTableId"))]
    name, number = table.name, 2
    while linked.field(name) is not None:
        name, number = f"{table.name} {number}", number + 1
    options = {
        "linkedTableId": table.id,
        "isReversed": False,
        "prefersSingleRecordLink": False,
        "inverseLinkFieldId": field.id,
    }
    inverse = Field(new_id("fld"), name, "multipleRecordLinks", options)
    field.options = {**(field.options or {}), "inverseLinkFieldId": inverse.id}
    linked.add_field(inverse)
