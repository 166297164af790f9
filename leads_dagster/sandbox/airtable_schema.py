"""Airtable's meta requests: who am I, bases, tables, fields; reading, creating and renaming them."""

from __future__ import annotations

from collections.abc import Callable

from leads_dagster.sandbox import airtable_errors as errors
from leads_dagster.sandbox.airtable_fields import (
    add_inverse,
    add_table,
    checked_dependencies,
    checked_field,
    computed_options,
    field_name,
)
from leads_dagster.sandbox.airtable_model import Base, Table
from leads_dagster.sandbox.airtable_payloads import deliver
from leads_dagster.sandbox.airtable_routes import json_body
from leads_dagster.sandbox.airtable_transactions import Transaction, field_info, table_info
from leads_dagster.sandbox.airtable_world import AirtableWorld, Session, open_session
from leads_dagster.sandbox.bases_file import table_schema
from leads_dagster.sandbox.http import Call, JsonObject, Reply, Route
from leads_dagster.sandbox.ids import new_id

_READ, _WRITE = "schema.bases:read", "schema.bases:write"


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
        transaction = Transaction(session)
        transaction.created_table(table)
        deliver(transaction)
        self.world.changed()
        return Reply(table_schema(table))

    def update_table(self, call: Call) -> Reply:
        session = self._schema(call, write=True)
        table = session.table(call.params["table"])
        body = json_body(call)
        name = body.get("name", table.name)
        if any(other is not table and other.name == name for other in session.base.tables.values()):
            raise errors.refusal(422, "DUPLICATE_TABLE_NAME", f'A table named "{name}" already exists')
        transaction = Transaction(session)
        transaction.changed_table(table, before=table_info(table))
        table.name, table.description = name, body.get("description", table.description)
        if "dateDependencySettings" in body:
            table.extra["dateDependencySettings"] = checked_dependencies(table, body["dateDependencySettings"])
        deliver(transaction)
        self.world.changed()
        return Reply(table_schema(table))

    def create_field(self, call: Call) -> Reply:
        session = self._schema(call, write=True)
        table = session.table(call.params["table"])
        field = checked_field(session, table, json_body(call))
        transaction = Transaction(session)
        table.add_field(field)
        transaction.created_field(table, field)
        add_inverse(session, table, field, note=transaction.created_field)
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
        before = field_info(field)
        name = field_name(body.get("name", field.name))
        if name != field.name and table.field(name) is not None:
            raise errors.refusal(422, "DUPLICATE_OR_EMPTY_FIELD_NAME", f'A field named "{name}" already exists')
        field.name, field.description = name, body.get("description", field.description)
        if field.type == "formula" and isinstance(body.get("options"), dict):
            field.options = computed_options(table, field.type, body["options"])
        table.schema_changed()
        transaction = Transaction(session)
        transaction.changed_field(table, field, before=before)
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
