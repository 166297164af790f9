"""The webhook of a base, kept alive: made, refreshed, given up and made anew.

What belongs here: what is booked of it. The requests are `mirrors.airtable_hooks`', reading on is `pull`'s business.
A hook is made before the tables of its base are first compared as a whole, so that nothing falls between the two.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from leads_dagster.mirrors.airtable_hooks import AirtableHooks, HookLostError, HooksRefusedError
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import airtable_state
from leads_dagster.store.airtable_state import NEVER, HookState
from leads_dagster.store.engine import reading, writing

logger = logging.getLogger(__name__)

_ASK_AGAIN = timedelta(days=1)  # after a refusal; until then every record is compared at each look
_REFRESH_BEFORE = timedelta(days=2)


def booked_hook(ws: Workspace, base_id: str) -> HookState:
    """What is known of a base's hook."""
    with reading(ws.engine) as connection:
        return airtable_state.hook_of(connection, base_id)


def listening_hook(ws: Workspace, base_id: str, hooks: AirtableHooks) -> HookState:
    """The base's hook, made where there is none; its status is "refused" where none can be had.

    Raises:
        HookLostError: it was gone when it was to be refreshed.
        LeadsError: Airtable cannot be asked.
    """
    hook = booked_hook(ws, base_id)
    if hook.status == "active":
        return _refreshed(ws, hook, hooks)
    if hook.status == "refused" and timedelta(0) <= ws.now() - (hook.asked_at or NEVER) < _ASK_AGAIN:
        return hook
    return _made(ws, hook, hooks)


def lose_hook(ws: Workspace, hook: HookState, error: HookLostError, hooks: AirtableHooks) -> None:
    """Give a hook up, as `give_up`, and let Airtable forget it: a base has ten at most."""
    with writing(ws.engine) as connection:
        give_up(connection, hook, error.message, at=ws.now())
    logger.warning("%s Another is made, and all records of the base are compared.", error.message)
    hooks.delete(str(hook.hook_id))


def give_up(connection: Connection, hook: HookState, why: str, *, at: datetime) -> None:
    """Book a hook as lost, once however many noticed: what it did not tell is found by comparing all records."""
    current = airtable_state.hook_of(connection, hook.base_id)
    if current.hook_id == hook.hook_id and current.status == "active":
        airtable_state.save_hook(connection, replace(current, status="lost", asked_at=at, error=why))
        airtable_state.ask_for_sweeps(connection, hook.base_id)


def _refreshed(ws: Workspace, hook: HookState, hooks: AirtableHooks) -> HookState:
    """Reading it prolongs a hook's life as well, but is not booked: so this asks more often than it must."""
    now = ws.now()
    if hook.expires_at is None or hook.expires_at - now > _REFRESH_BEFORE:
        return hook
    until = hooks.refresh(str(hook.hook_id))
    with writing(ws.engine) as connection:
        current = airtable_state.hook_of(connection, hook.base_id)
        if current.hook_id != hook.hook_id:
            return current
        fresh = replace(current, expires_at=until)
        airtable_state.save_hook(connection, fresh)
    return fresh


def _made(ws: Workspace, before: HookState, hooks: AirtableHooks) -> HookState:
    began = ws.now()
    try:
        made = hooks.make()
    except HooksRefusedError as error:
        logger.warning("%s", error)
        refused = HookState(before.base_id, status="refused", asked_at=ws.now(), error=error.message)
        with writing(ws.engine) as connection:
            airtable_state.save_hook(connection, refused)
        return refused
    fresh = HookState(
        before.base_id, made.id, "active", 1, read_at=began, expires_at=made.expires_at, made_at=began, asked_at=began,
        error=before.error if before.status == "lost" else None,
    )  # fmt: skip
    with writing(ws.engine) as connection:
        current = airtable_state.hook_of(connection, before.base_id)
        if current.status != "active":
            airtable_state.save_hook(connection, fresh)
            airtable_state.ask_for_sweeps(connection, before.base_id)
            return fresh
    hooks.delete(made.id)  # another process was faster
    return current
