"""No public method of pyairtable goes untried: each is called by a test of this suite, or stands here with a reason."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import pydantic
import pytest
from pyairtable import Api, Base, Enterprise, Table, Workspace
from pyairtable.models import Comment, Webhook, WebhookNotification, schema
from pyairtable.orm import Model
from pyairtable.orm.lists import AttachmentsList
from pyairtable.orm.model import SaveResult

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.sandbox import (
    test_pyairtable_enterprise,
    test_pyairtable_hooks,
    test_pyairtable_orm,
    test_pyairtable_records,
    test_pyairtable_schema,
)
from leads_dagster_tests.sandbox.conftest import BASE
from leads_dagster_tests.sandbox.pyairtable_world import api_of, typed_bases

PLAIN: list[ModuleType] = [
    test_pyairtable_enterprise,
    test_pyairtable_hooks,
    test_pyairtable_records,
    test_pyairtable_schema,
]
CLASSES: list[type] = [
    Api,
    Base,
    Table,
    Workspace,
    Enterprise,
    Webhook,
    WebhookNotification,
    Comment,
    schema.Bases,
    schema.BaseSchema,
    schema.TableSchema,
    schema.ViewSchema,
    schema._FieldSchemaBase,
    schema.BaseCollaborators,
    Model,
    SaveResult,
    AttachmentsList,
]
# Objects that an Airtable without an enterprise account never hands out, so that nobody can call their methods:
# InviteLink, WorkspaceCollaborators, BaseShares.Info, InterfaceCollaborators, UserInfo, UserGroup, Package, audit log.
EXCUSED = {
    "from_api": "the models' own constructor; all that a test reads has gone through it",
    "disable_tracking": "of the list alone, sends nothing",
}
Called = set[tuple[CodeType, type]]


@contextmanager
def recording(called: Called) -> Iterator[None]:
    """Notes every function of pyairtable that is run, with the class of the object that it is run for."""

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and "pyairtable" in frame.f_code.co_filename:
            owner = frame.f_locals.get("self", frame.f_locals.get("cls"))
            called.add((frame.f_code, owner if isinstance(owner, type) else type(owner)))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)


def parameterless(module: ModuleType) -> list[Callable[..., Any]]:
    """The tests that need no parameters."""
    found = [each for name, each in vars(module).items() if name.startswith("test_")]
    return [each for each in found if not getattr(each, "pytestmark", [])]


def run(test: Callable[..., Any], **given: Any) -> None:
    test(**{name: given[name] for name in inspect.signature(test).parameters})


def public_methods(owner: type) -> dict[str, Callable[..., Any]]:
    found: dict[str, Callable[..., Any]] = {}
    for name, value in inspect.getmembers(owner):
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if name.startswith("_") or not inspect.isfunction(function) or hasattr(pydantic.BaseModel, name):
            continue
        found[name] = inspect.unwrap(function)
    return found


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Called:
    """What the tests of the suite call."""
    noted: Called = set()
    with Sandbox() as sandbox, Sandbox(typed_bases()) as typed, recording(noted):
        _run_plain(sandbox, tmp_path_factory.mktemp("files"))
        _run_mapper(typed)
        _run_enterprise_objects(sandbox)
    return noted


def _run_plain(sandbox: Sandbox, folder: Path) -> None:
    for test in [each for module in PLAIN for each in parameterless(module)]:
        sandbox.reset()
        api = api_of(sandbox)
        run(test, sandbox=sandbox, api=api, table=api.table(BASE, "tblLeadsSandbox01"), tmp_path=folder)
        api.session.close()


def _run_mapper(typed: Sandbox) -> None:
    for test in parameterless(test_pyairtable_orm):
        with test_pyairtable_orm.person_model(typed) as person:
            run(test, typed=typed, person=person)


def _run_enterprise_objects(sandbox: Sandbox) -> None:
    sandbox.reset()
    api = api_of(sandbox)
    for ask in test_pyairtable_schema.OF_A_SHARED_BASE.values():
        with pytest.raises(Exception, match="404"):
            ask(Base(api, BASE))
    api.session.close()


@pytest.mark.parametrize("owner", CLASSES, ids=lambda owner: owner.__name__)
def test_every_public_method_is_called(called: Called, owner: type) -> None:
    missing = [
        name
        for name, function in public_methods(owner).items()
        if name not in EXCUSED and not _was_called(called, function, owner)
    ]
    assert missing == []


def _was_called(called: Called, function: Callable[..., Any], owner: type) -> bool:
    return any(code is function.__code__ and issubclass(whose, owner) for code, whose in called)


def test_no_class_that_sends_requests_is_forgotten() -> None:
    never_seen = {
        "BaseInviteLink",
        "InterfaceInviteLink",
        "InviteLink",
        "UserInfo",
        "WorkspaceCollaborators",
        "WorkspaceInviteLink",
        "_Collaborators",
    }
    sending = {
        name
        for name, each in vars(schema).items()
        if inspect.isclass(each) and issubclass(each, schema.RestfulModel) and each.__module__ == schema.__name__
    }
    tried = {each.__name__ for each in CLASSES}
    assert {each for each in sending - never_seen - tried if not each.endswith("FieldSchema")} == set()
