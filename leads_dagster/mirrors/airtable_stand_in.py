"""An Airtable that is only read: reads go to the real one, everything else is answered here and changes nothing.

What belongs here: what Airtable would answer to a write. It is for a rehearsal: the same code that syncs runs against
it, so that what would be sent, and how many requests that takes, is found out by doing and not by a second reckoning.

What was "written" is known from then on: fields and tables that were made appear in the schema, records of listings
that passed through are found by an upsert, and a hook that was made has no payloads yet. Two things it cannot know: a
record with a key of ours that no listing showed, and a refusal for the rights of the token's owner.
"""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

import orjson
from requests import Request
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

Json = dict[str, Any]
Answer = tuple[int, Json]
_HOOK_LIVES = timedelta(days=7)
_RECORDS_WRITE, _SCHEMA_WRITE, _HOOKS = "data.records:write", "schema.bases:write", "webhook:manage"
_NEVER_SEEN = 422


class StandIn(BaseAdapter):
    """Stands between a client and Airtable; several clients of one rehearsal may share it.

    Attributes:
        made: how many requests were made or would be: "read", "write" (of records), "delete", "schema", "hook".
    """

    def __init__(self) -> None:
        super().__init__()
        self.made: Counter[str] = Counter()
        self._real = HTTPAdapter()
        self._slot: Callable[[], AbstractContextManager[None]] = nullcontext
        self._lock = threading.RLock()
        self._numbers = 0
        self._fields: dict[str, list[Json]] = {}
        self._tables: dict[str, Json] = {}
        self._hooks: set[str] = set()
        self._records: dict[str, dict[str, Json]] = {}
        self._by_keys: dict[tuple[str, ...], dict[tuple[Any, ...], str]] = {}  # table and merge fields -> record
        self._answers: dict[str, Answer] = {}  # address -> answer, of what is asked over and over
        self._asked: list[frozenset[str] | None] = []

    @property
    def calls(self) -> int:
        """All requests that were made or would be."""
        return sum(self.made.values())

    def pace(self, slot: Callable[[], AbstractContextManager[None]]) -> None:
        """Let requests that are made wait for their place in the budget; those that are not take none."""
        self._slot = slot

    def close(self) -> None:
        """Closes the connections."""
        self._real.close()

    def send(self, request: PreparedRequest, *_args: Any, **how: Any) -> Response:
        """The answer to one request, from Airtable or from here."""
        path = _path(request)
        if request.method == "GET" or path[-1] == "listRecords":
            return self._read(request, path, how)
        with self._lock:
            status, body = self._written(request, path, how)
        return self._answer(request, status, body)

    def _answer(self, request: PreparedRequest, status: int, body: Json) -> Response:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        raw = HTTPResponse(io.BytesIO(orjson.dumps(body)), headers, status=status, preload_content=False)
        return _builder.build_response(request, raw)

    # Reads.

    def _read(self, request: PreparedRequest, path: Sequence[str], how: Mapping[str, Any]) -> Response:
        self._count("read")
        if path[:1] == ["bases"] and len(path) > 3 and path[3] in self._hooks:
            return self._answer(request, 200, {"payloads": [], "cursor": 1, "mightHaveMore": False})
        if path[0] not in ("bases", "meta") and path[1] in self._tables:
            return self._answer(request, 200, {"records": []})
        if path[0] not in ("bases", "meta"):
            return self._listed(request, path[1], self._ask(request, how))
        status, body = self._asked_once(request, how)
        if path[0] == "meta" and path[-1] == "tables" and status == 200:
            return self._answer(request, 200, self._schema(body))
        return self._answer(request, status, body)

    def _asked_once(self, request: PreparedRequest, how: Mapping[str, Any]) -> Answer:
        """A rehearsal is one moment: what payloads and schema say is asked once, and costs one call of the budget."""
        address = str(request.url)
        if address not in self._answers:
            answer = self._ask(request, how)
            try:
                self._answers[address] = answer.status_code, answer.json()
            except ValueError:
                return answer.status_code, {}
        return self._answers[address]

    def _ask(self, request: PreparedRequest, how: Mapping[str, Any]) -> Response:
        with self._slot():
            return self._real.send(request, **how)

    def _schema(self, body: Json) -> Json:
        """The schema with what was made in this rehearsal."""
        with self._lock:
            tables = [
                {**table, "fields": [*table["fields"], *self._fields.get(table["id"], ())]}
                for table in [*body["tables"], *self._tables.values()]
            ]
        return {**body, "tables": tables}

    def _listed(self, request: PreparedRequest, table: str, answer: Response) -> Response:
        """Remembers what is listed; a field that is only made here is on no record yet."""
        if answer.status_code == _NEVER_SEEN and self._fields:
            return self._answer(request, 200, {"records": []})
        if answer.status_code == 200:
            body = answer.json()
            with self._lock:
                for record in body.get("records", ()):
                    self._of(table)[record["id"]] = record
                self._by_keys.clear()
        return answer

    # Writes.

    def _written(self, request: PreparedRequest, path: Sequence[str], how: Mapping[str, Any]) -> Answer:
        body: Json = orjson.loads(_bytes(request))
        kinds = {"meta": ("schema", _SCHEMA_WRITE, self._meta), "bases": ("hook", _HOOKS, self._hook)}
        kind, scope, act = kinds.get(path[0], ("write", _RECORDS_WRITE, self._record))
        self._count("delete" if kind == "write" and request.method == "DELETE" else kind)
        if not self._may(request, scope, how):
            said = "Invalid permissions, or the requested model was not found."
            return 403, {"error": {"type": "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND", "message": said}}
        return 200, act(request, path, body)

    def _may(self, request: PreparedRequest, scope: str, how: Mapping[str, Any]) -> bool:
        """Whether the token has a scope, as far as Airtable says."""
        if not self._asked:
            token = {"Authorization": request.headers["Authorization"]}
            asked = Request("GET", _root(request) + "meta/whoami", headers=token).prepare()
            answer = self._ask(asked, how)
            scopes = answer.json().get("scopes") if answer.status_code == 200 else None
            self._asked.append(None if scopes is None else frozenset(scopes))
        known = self._asked[0]
        return known is None or scope in known

    def _meta(self, request: PreparedRequest, path: Sequence[str], body: Json) -> Json:
        if request.method != "POST":
            return body
        if path[-1] == "fields":
            field = {"id": self._new("fld"), **body}
            self._fields.setdefault(path[-2], []).append(field)
            return field
        fields = [{"id": self._new("fld"), **field} for field in body["fields"]]
        table = {"id": self._new("tbl"), "views": [], **body, "primaryFieldId": fields[0]["id"], "fields": fields}
        self._tables[table["id"]] = table
        return table

    def _hook(self, request: PreparedRequest, path: Sequence[str], _body: Json) -> Json:
        if request.method == "DELETE":
            return {}
        if len(path) == 3:
            self._hooks.add(hook := self._new("ach"))
            return {"id": hook, "macSecretBase64": "", "expirationTime": _stamp(_HOOK_LIVES)}
        return {"expirationTime": _stamp(_HOOK_LIVES)}

    def _record(self, request: PreparedRequest, path: Sequence[str], body: Json) -> Json:
        known = self._of(path[1])
        if request.method == "DELETE":
            ids = path[2:3] or parse_qs(urlsplit(str(request.url)).query).get("records[]", [])
            for record in ids:
                known.pop(record, None)
            gone = [{"id": record, "deleted": True} for record in ids]
            return gone[0] if len(path) > 2 else {"records": gone}
        if len(path) > 2:
            return self._put(known, path[2], body["fields"])
        return self._put_all(path[1], body)

    def _put_all(self, table: str, body: Json) -> Json:
        known, keys = self._of(table), tuple(body.get("performUpsert", {}).get("fieldsToMergeOn", ()))
        there = self._index(table, keys) if keys else {}
        records, created = [], []
        for given in body["records"]:
            values = tuple(given["fields"].get(key) for key in keys)
            found = given.get("id") or (there.get(values) if there.get(values) in known else None)
            records.append(self._put(known, found or self._new("rec"), given["fields"]))
            there[values] = records[-1]["id"]
            created += [] if found else [records[-1]["id"]]
        updated = [record["id"] for record in records if record["id"] not in created]
        return {"records": records, "createdRecords": created, "updatedRecords": updated}

    def _index(self, table: str, keys: tuple[str, ...]) -> dict[tuple[Any, ...], str]:
        """The records that an upsert by these fields would meet, by what they say there."""
        name = (table, *keys)
        if name not in self._by_keys:
            found = {tuple(map(one["fields"].get, keys)): record for record, one in self._of(table).items()}
            self._by_keys[name] = found
        return self._by_keys[name]

    def _put(self, known: dict[str, Json], record: str, fields: Json) -> Json:
        before = known.get(record) or {"id": record, "createdTime": _stamp(), "fields": {}}
        cells = {**before["fields"], **fields}
        known[record] = {**before, "fields": {name: cell for name, cell in cells.items() if cell not in (None, "")}}
        return known[record]

    def _of(self, table: str) -> dict[str, Json]:
        return self._records.setdefault(table, {})

    def _new(self, kind: str) -> str:
        self._numbers += 1
        return f"{kind}Rehearsed{self._numbers:06d}"

    def _count(self, kind: str) -> None:
        with self._lock:
            self.made[kind] += 1


_builder = HTTPAdapter()  # for its way of making a response of what urllib3 gives; it opens no connection


def _root(request: PreparedRequest) -> str:
    """The address up to and with `/v0/`."""
    parts = urlsplit(str(request.url))
    return urlunsplit((parts.scheme, parts.netloc, parts.path.partition("/v0/")[0] + "/v0/", "", ""))


def _path(request: PreparedRequest) -> list[str]:
    """What stands behind `/v0/`, part by part."""
    path = urlsplit(str(request.url)).path.partition("/v0/")[2]
    return [unquote(part) for part in path.split("/")]


def _bytes(request: PreparedRequest) -> bytes:
    body = request.body or b"{}"
    return body if isinstance(body, bytes) else str(body).encode()


def _stamp(later: timedelta = timedelta(0)) -> str:
    return (datetime.now(timezone.utc) + later).strftime("%Y-%m-%dT%H:%M:%S.000Z")
