"""The webhook of a base: made once, whatever becomes of the answer; read by cursor; gone, ill or not allowed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import httpx
import pytest
from pyairtable import Api

from leads_dagster.errors import ServiceUnavailableError
from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.mirrors.airtable_hooks import AirtableHooks, HookLostError, HooksRefusedError
from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.mirrors.airtable_cases import BASE, MakeMirror, bases

READ = ["data.records:read", "data.records:write", "schema.bases:read"]


@pytest.fixture
def hooks(mirror: AirtableMirror) -> AirtableHooks:
    return mirror.hooks


@pytest.fixture(scope="module")
def strict() -> Iterator[Sandbox]:
    tokens = {
        "patNoHooks": {"scopes": READ},
        "patNoSchema": {"scopes": ["data.records:read", "webhook:manage"]},
        "patAll": {"scopes": [*READ, "webhook:manage"]},
    }
    with Sandbox(bases(tokens=tokens)) as running:
        yield running


def admin(sandbox: Sandbox, where: str, **body: object) -> None:
    httpx.post(f"{sandbox.url}/sandbox/{where}", json=body).raise_for_status()


def type_name(sandbox: Sandbox, name: str) -> None:
    sandbox.airtable.create(BASE, "Leads", [{"Name": name}])


def test_a_hook_is_made_read_on_and_deleted(hooks: AirtableHooks, sandbox: Sandbox) -> None:
    made = hooks.make()
    assert [hook.id for hook in hooks.list()] == [made.id]
    type_name(sandbox, "Ada")
    page = hooks.payloads(made.id, 1)
    assert (len(page.payloads), page.cursor, page.more, page.ill) == (1, 2, False, None)
    assert hooks.payloads(made.id, 2).payloads == ()
    hooks.delete(made.id)
    hooks.delete(made.id)
    assert hooks.list() == []


def test_fifty_payloads_come_at_once_and_more_are_told_of(hooks: AirtableHooks, sandbox: Sandbox) -> None:
    made = hooks.make()
    for number in range(51):
        type_name(sandbox, str(number))
    page = hooks.payloads(made.id, 1)
    assert (len(page.payloads), page.cursor, page.more) == (50, 51, True)


def test_a_refreshed_hook_lives_seven_days_from_now(hooks: AirtableHooks) -> None:
    until = hooks.refresh(hooks.make().id)
    assert until is not None
    assert abs(until - datetime.now(timezone.utc) - timedelta(days=7)) < timedelta(days=1)


@pytest.mark.parametrize("kind", ["drop_after", "drop"])
def test_where_the_answer_is_lost_one_hook_is_left_at_most(
    hooks: AirtableHooks, sandbox: Sandbox, no_waiting: None, kind: str
) -> None:
    admin(sandbox, "faults", kind=kind, method="POST", path="webhooks", times=1)
    if kind == "drop":
        with pytest.raises(ServiceUnavailableError):
            hooks.make()
        assert hooks.list() == []
        return
    made = hooks.make()
    assert [hook.id for hook in hooks.list()] == [made.id]


def test_a_hook_of_ours_that_nobody_reads_any_more_is_removed_and_others_stay(
    hooks: AirtableHooks, sandbox: Sandbox
) -> None:
    stray = hooks.make()
    foreign = Api("patOther", endpoint_url=sandbox.url).base(BASE)
    spec = {"options": {"filters": {"dataTypes": ["tableData"], "fromSources": ["client"]}}}
    others = foreign.add_webhook("", spec)
    for hook in sandbox.world.bases[BASE].hooks.values():
        hook.expires_at = datetime.now(timezone.utc) + timedelta(days=4)
    made = hooks.make()
    assert {hook.id for hook in hooks.list()} == {others.id, made.id}
    assert stray.id != made.id
    second = hooks.make()
    assert {made.id, second.id} <= {hook.id for hook in hooks.list()}


@pytest.mark.parametrize("ask", ["payloads", "refresh"])
def test_a_hook_that_is_gone_is_lost(hooks: AirtableHooks, ask: str) -> None:
    made = hooks.make()
    hooks.delete(made.id)
    with pytest.raises(HookLostError, match=made.id):
        hooks.payloads(made.id, 1) if ask == "payloads" else hooks.refresh(made.id)


def test_a_cursor_that_the_hook_does_not_know_is_a_lost_hook(hooks: AirtableHooks) -> None:
    with pytest.raises(HookLostError):
        hooks.payloads(hooks.make().id, 99)


def test_an_ill_hook_says_so_after_what_it_heard(hooks: AirtableHooks, sandbox: Sandbox) -> None:
    made = hooks.make()
    type_name(sandbox, "Ada")
    admin(sandbox, f"webhooks/{BASE}", state="invalid")
    page = hooks.payloads(made.id, 1)
    assert (len(page.payloads), page.ill) == (2, "INVALID_HOOK")


def test_a_token_without_the_scope_is_told_which(make_mirror: MakeMirror, strict: Sandbox) -> None:
    hooks = make_mirror(strict, api_key="patNoHooks").hooks
    with pytest.raises(HooksRefusedError, match="webhook:manage") as caught:
        hooks.make()
    assert caught.value.context["scope"] == "webhook:manage"


def test_a_token_that_may_not_read_the_schema_hears_of_records_alone(make_mirror: MakeMirror, strict: Sandbox) -> None:
    strict.reset()
    hooks = make_mirror(strict, api_key="patNoSchema").hooks
    made = hooks.make()
    (hook,) = strict.world.bases[BASE].hooks.values()
    assert (hook.id, hook.filters["dataTypes"]) == (made.id, ["tableData"])


def test_an_owner_who_is_no_creator_is_told_so(make_mirror: MakeMirror, strict: Sandbox) -> None:
    strict.reset()
    admin(strict, f"airtable/{BASE}", permissionLevel="edit")
    hooks = make_mirror(strict, api_key="patAll").hooks
    with pytest.raises(HooksRefusedError, match="no webhook") as caught:
        hooks.make()
    assert "Creator" in caught.value.advice
    strict.reset()


def test_a_base_full_of_hooks_is_said(hooks: AirtableHooks, sandbox: Sandbox) -> None:
    base = Api("patOther", endpoint_url=sandbox.url).base(BASE)
    for _ in range(10):
        base.add_webhook("", {"options": {"filters": {"dataTypes": ["tableData"], "fromSources": ["client"]}}})
    with pytest.raises(HooksRefusedError, match="as many webhooks as it may"):
        hooks.make()
