"""What people taught: listing it, teaching more, taking it back.

What belongs here: the use cases, for the command line and the API. What follows in the store is `store.learning`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from leads_dagster.errors import ContentError, SettingsError
from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster.leads.text import storable
from leads_dagster.pipeline.deciding import carried_out, tell_mirrors
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import learned
from leads_dagster.store.engine import reading
from leads_dagster.store.lead_writer import LeadWriter
from leads_dagster.store.learned import Line
from leads_dagster.store.learning import knowledge_may_change
from leads_dagster.store.rematching import match_again
from leads_dagster.store.undo import Undoing

R = TypeVar("R")
KINDS: tuple[learned.LearnedKind, ...] = ("header", "company", "nickname")
_SHOWN = ("id", "kind", "left", "right", "who", "learned_at", "decision_id")
_SHOWN_OF_ALL = ("removed_at", "removed_by", "undone_by")


def list_(ws: Workspace, *, every: bool = False, limit: int = 100) -> list[dict[str, Any]]:
    """What was learned, newest first; only what counts unless `every`.

    Returns:
        id, kind (header, company, nickname), left, right (of a header the field), who, learned_at, decision_id (that
        taught it, or None); with `every` also removed_at, removed_by and undone_by: what took its decision back.
    """
    with reading(ws.engine) as connection:
        found = learned.listed(connection, ws.name, every=every, limit=limit)
    names = (*_SHOWN, *_SHOWN_OF_ALL) if every else _SHOWN
    return [{name: one[name] for name in names} for one in found]


def add(ws: Workspace, kind: str, left: str, right: str, *, who: str | None = None, **how: Any) -> dict[str, Any]:
    """Teach that two names of a company, or given names, count as one; or which field a header means.

    Args:
        kind: "header", "company" or "nickname".
        left, right: the two names, in either order; of a header its text and the field.
        how: dry_run; see `deciding.carried_out`.

    Returns:
        id, kind, left, right, new (False where it was known already), and of names: records (matched anew),
        leads_joined, leads_parted, mirrors (what each heard); next: how to take it back.

    Raises:
        SettingsError: no such kind or field. ContentError: a text is no such name, or the two are one already.
    """
    line = _line(kind, storable(left.strip()), storable(right.strip()))

    def taught(undoing: Undoing) -> dict[str, Any]:
        connection, customer = undoing.connection, undoing.policy.customer
        if (known := learned.standing_like(connection, customer, line)) is not None:
            return {**_told(known), "new": False, **_NOTHING_CAME_OF_IT}
        number = 0

        def change() -> None:
            nonlocal number
            number = learned.add(connection, customer, line, who=undoing.who, at=undoing.at)

        came_of_it = _with_what_comes(undoing, change, lambda: number)
        return {**_told(learned.get(connection, customer, number)), "new": True, **came_of_it}

    return _carried_out(ws, taught, "`leads learned remove {id}` takes it back.", who=who, **how)


def remove(ws: Workspace, line_id: int, *, who: str | None = None, **how: Any) -> dict[str, Any]:
    """Take back what was learned: what it joined parts again where nothing else ties it.

    Returns:
        as `add`, without `new`.

    Raises:
        NotFoundError: no such line. ConflictError: it does not count any more.
    """

    def removed(undoing: Undoing) -> dict[str, Any]:
        connection, customer = undoing.connection, undoing.policy.customer
        found = learned.get(connection, customer, line_id)
        came_of_it = _with_what_comes(
            undoing,
            lambda: learned.remove(connection, customer, line_id, who=undoing.who, at=undoing.at),
            lambda: line_id,
        )
        return {**_told(found), **came_of_it}

    return _carried_out(ws, removed, "It counts no more; `leads learned list --all` still tells of it.", who=who, **how)


_NOTHING_CAME_OF_IT = {"records": 0, "leads_joined": 0, "leads_parted": 0}


def _with_what_comes(undoing: Undoing, change: Callable[[], Any], number: Callable[[], int]) -> dict[str, int]:
    """Change what is known and match anew whom it concerns; returns what came of it."""
    connection, policy = undoing.connection, undoing.policy
    with knowledge_may_change(connection, policy) as concerned:
        change()
    if not concerned:
        return dict(_NOTHING_CAME_OF_IT)
    writer = LeadWriter(policy, undoing.run_id, f"learned:{number()}", undoing.at, who=undoing.who)
    found = match_again(connection, policy, concerned, writer)
    return {
        "records": len(concerned),
        "leads_joined": len(found.merged),
        "leads_parted": len(found.new_leads) + len(found.restored),
    }


def _carried_out(ws: Workspace, work: Callable[[Undoing], dict[str, Any]], after: str, **how: Any) -> dict[str, Any]:
    done = carried_out(ws, work, **how)
    ws.forget_what_was_learned()
    if how.get("dry_run"):
        return {**done, "id": None, "dry_run": True, "next": "Nothing was written."}
    if done["kind"] == "header":
        done = {name: value for name, value in done.items() if name not in _NOTHING_CAME_OF_IT}
        return {**done, "next": f"The next sync reads the sheet with it. {after}".format(**done)}
    return {**done, "mirrors": tell_mirrors(ws), "next": after.format(**done)}


def _told(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: line[name] for name in _SHOWN}


def _line(kind: str, left: str, right: str) -> Line:
    if kind not in KINDS:
        raise SettingsError(f"There is no kind {kind!r} of what can be learned.", advice=f"Kinds: {', '.join(KINDS)}.")
    keys = {"header": _header_keys, "company": _company_keys, "nickname": _nickname_keys}[kind](left, right)
    if kind != "header" and keys[0] == keys[1]:
        raise ContentError(f"{left!r} and {right!r} count as one without being taught.")
    return Line(kind, left, right, *keys)


def _header_keys(header: str, field: str) -> tuple[str, str]:
    from leads_dagster.leads.header_aliases import fold_header
    from leads_dagster.leads.headers import PART_TARGETS

    if field not in LEAD_FIELDS and field not in PART_TARGETS:
        choices = ", ".join((*LEAD_FIELDS, *PART_TARGETS))
        raise SettingsError(f"There is no field {field!r}.", advice=f"The header comes first. Fields: {choices}.")
    if not (key := fold_header(header)):
        raise ContentError(f"{header!r} is no header: it holds no letter and no digit.")
    return key, field


def _company_keys(left: str, right: str) -> tuple[str, str]:
    from leads_dagster.leads.lessons import company_key

    what = "the name of a company"
    return _named(left, company_key(left), what), _named(right, company_key(right), what)


def _nickname_keys(left: str, right: str) -> tuple[str, str]:
    from leads_dagster.leads.lessons import nickname_key

    what = "one given name"
    return _named(left, nickname_key(left), what), _named(right, nickname_key(right), what)


def _named(text: str, key: str, what: str) -> str:
    if not key:
        raise ContentError(f"{text!r} is not {what}.", advice="Give each as it stands in the rows, without the rest.")
    return key
