"""A base with a field of every type, for tests that drive pyairtable; and a session that finds the content host."""

from __future__ import annotations

from typing import Any

import requests
from pyairtable import Api
from requests.adapters import HTTPAdapter

from leads_dagster.sandbox import Sandbox

TYPED_BASE = "appEveryFieldType"
CONTENT_HOST = "http://content.airtable.com"
PLAIN = {"isReversed": False, "prefersSingleRecordLink": False}
LINK = {"linkedTableId": "tblFirms000000001", "inverseLinkFieldId": "fldFirmPeople0001", **PLAIN}
BACK = {"linkedTableId": "tblPeople00000001", "inverseLinkFieldId": "fldFirm0000000001", **PLAIN}
ISO = {"name": "iso", "format": "YYYY-MM-DD"}
MOMENT = {"dateFormat": ISO, "timeFormat": {"name": "24hour", "format": "HH:mm"}, "timeZone": "utc"}
STAGES = {"choices": [{"id": "selNew00000000001", "name": "new"}, {"id": "selWon00000000001", "name": "won"}]}
LOOKUP = {"isValid": True, "recordLinkFieldId": "fldFirm0000000001", "fieldIdInLinkedTable": "fldFirmCity000001"}

TYPES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("Name", "singleLineText", None),
    ("Notes", "multilineText", None),
    ("Rich", "richText", None),
    ("Mail", "email", None),
    ("Site", "url", None),
    ("Phone", "phoneNumber", None),
    ("Count", "number", {"precision": 0}),
    ("Score", "number", {"precision": 2}),
    ("Price", "currency", {"precision": 2, "symbol": "€"}),
    ("Share", "percent", {"precision": 1}),
    ("Stars", "rating", {"max": 5, "icon": "star", "color": "redBright"}),
    ("Length", "duration", {"durationFormat": "h:mm"}),
    ("Seen", "checkbox", {"icon": "check", "color": "greenBright"}),
    ("Day", "date", {"dateFormat": ISO}),
    ("End", "date", {"dateFormat": ISO}),
    ("At", "dateTime", MOMENT),
    ("Stage", "singleSelect", STAGES),
    ("Tags", "multipleSelects", {"choices": [{"id": "selRed00000000001", "name": "red"}]}),
    ("Owner", "singleCollaborator", None),
    ("Team", "multipleCollaborators", None),
    ("Files", "multipleAttachments", {"isReversed": False}),
    ("Code", "barcode", None),
    ("Firm", "multipleRecordLinks", LINK),
    ("Cities", "multipleLookupValues", LOOKUP),
    ("Firms", "count", {"isValid": True, "recordLinkFieldId": "fldFirm0000000001"}),
    ("Loud", "formula", {"isValid": True, "formula": "UPPER({Name})"}),
    ("Serial", "autoNumber", None),
    ("Made", "createdTime", None),
    ("Maker", "createdBy", None),
    ("Changed", "lastModifiedTime", {"isValid": True, "referencedFieldIds": []}),
    ("Changer", "lastModifiedBy", None),
    ("Open", "button", {"label": "Open", "url": "https://example.com"}),
    ("Origin", "externalSyncSource", {"choices": []}),
    ("Guess", "aiText", {"prompt": [], "referencedFieldIds": []}),
    ("Order", "manualSort", None),
]


def _field(name: str, kind: str, options: dict[str, Any] | None) -> dict[str, Any]:
    made = {"id": f"fld{name}".ljust(16, "0") + "1", "name": name, "type": kind}
    return made if options is None else {**made, "options": options}


def typed_bases() -> dict[str, Any]:
    """A bases file with people, of every field type, and the firms that they are linked to."""
    firms = [
        {"id": "fldFirmName000001", "name": "Name", "type": "singleLineText"},
        {"id": "fldFirmCity000001", "name": "City", "type": "singleLineText"},
        {"id": "fldFirmPeople0001", "name": "People", "type": "multipleRecordLinks", "options": BACK},
    ]
    people = {"id": "tblPeople00000001", "name": "People", "fields": [_field(*each) for each in TYPES]}
    acme = {"id": "recAcme0000000001", "fields": {"Name": "Acme", "City": "Bonn"}}
    tables = [people, {"id": "tblFirms000000001", "name": "Firms", "fields": firms, "records": [acme]}]
    base = {"id": TYPED_BASE, "name": "Every type", "permissionLevel": "create", "tables": tables}
    return {"bases": [base], "users": [{"id": "usrAnn00000000001", "email": "ann@example.com", "name": "Ann"}]}


class _ContentHost(HTTPAdapter):
    """Takes what pyairtable sends to Airtable's content host to the twin: one server stands for both."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        assert request.url is not None
        request.url = request.url.replace(CONTENT_HOST, self._url, 1)
        return super().send(request, *args, **options)


def api_of(sandbox: Sandbox, **options: Any) -> Api:
    """pyairtable's client, pointed at the twin, its content host too. To be closed by `api.session.close()`."""
    api = Api("patAnyKey", endpoint_url=sandbox.url, retry_strategy=None, **options)
    api.session.mount(CONTENT_HOST, _ContentHost(sandbox.url))
    return api
