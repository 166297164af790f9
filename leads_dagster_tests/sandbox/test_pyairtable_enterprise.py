"""What pyairtable can ask of an enterprise account: there is none, so the answer is 404, as for any usual token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from pyairtable import Api, Enterprise, Workspace

USER, ACCOUNT, SPACE = "usrAny00000000001", "entAny00000000001", "wspAny00000000001"

ASKED: dict[str, Callable[[Enterprise], Any]] = {
    "access_tokens": lambda account: list(account.access_tokens()),
    "allow_ai": lambda account: account.allow_ai({SPACE: True}),
    "audit_log": lambda account: list(account.audit_log()),
    "claim_users": lambda account: account.claim_users({USER: "managed"}),
    "create_base_from_package": lambda account: account.create_base_from_package(SPACE, "Name", "pkgAny00000000001"),
    "create_descendant": lambda account: account.create_descendant("Name"),
    "create_workspace": lambda account: account.create_workspace("Name"),
    "delete_users": lambda account: account.delete_users(["ann@example.com"]),
    "grant_admin": lambda account: account.grant_admin(USER),
    "group": lambda account: account.group("ugpAny00000000001"),
    "info": lambda account: account.info(),
    "move_groups": lambda account: account.move_groups(["ugpAny00000000001"], ACCOUNT),
    "move_workspaces": lambda account: account.move_workspaces([SPACE], ACCOUNT),
    "package": lambda account: account.package("pkgAny00000000001"),
    "packages": lambda account: account.packages(),
    "remove_user": lambda account: account.remove_user(USER),
    "revoke_access_tokens": lambda account: account.revoke_access_tokens(["tok"]),
    "revoke_admin": lambda account: account.revoke_admin(USER),
    "user": lambda account: account.user(USER),
    "users": lambda account: account.users([USER]),
}
OF_A_WORKSPACE: dict[str, Callable[[Workspace], Any]] = {
    "bases": lambda space: space.bases(),
    "collaborators": lambda space: space.collaborators(),
    "delete": lambda space: space.delete(),
    "move_base": lambda space: space.move_base("appAny00000000001", "wspAny00000000002", 0),
    "name": lambda space: space.name,
}


def test_nothing_of_an_enterprise_account_is_found(api: Api) -> None:
    account = api.enterprise(ACCOUNT)
    for name, ask in ASKED.items():
        with pytest.raises(requests.HTTPError) as caught:
            ask(account)
        assert (name, caught.value.response.status_code) == (name, 404)


def test_a_base_is_made_by_way_of_an_account_too_because_that_is_the_same_request(api: Api) -> None:
    tables = [{"name": "T", "fields": [{"name": "Name", "type": "singleLineText"}]}]
    assert [each.name for each in api.enterprise(ACCOUNT).create_base(SPACE, "Name", tables).tables()] == ["T"]


def test_nothing_of_a_workspace_is_found_but_the_making_of_a_base(api: Api) -> None:
    for name, ask in OF_A_WORKSPACE.items():
        with pytest.raises(requests.HTTPError) as caught:
            ask(api.workspace(SPACE))
        assert (name, caught.value.response.status_code) == (name, 404)
