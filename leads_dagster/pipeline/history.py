"""The history of one lead, told: every change of a field, every merge, conflict and decision, newest first.

What belongs here: putting rows of different tables into one order, with the reason of each. How single entries are put
into words is `history_words`' business, how they look that of the interfaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from leads_dagster.errors import SettingsError
from leads_dagster.leads.survivorship import FoldedField
from leads_dagster.pipeline import history_words, lead_lookup
from leads_dagster.pipeline.arrival import arrival
from leads_dagster.pipeline.provenance import Told, all_told
from leads_dagster.pipeline.rule_words import why as in_words
from leads_dagster.pipeline.sheet_rows import Places
from leads_dagster.pipeline.workspace import Workspace
from leads_dagster.store import captures, lead_rows
from leads_dagster.store import history as rows
from leads_dagster.store.engine import reading
from leads_dagster.store.rulings import SETTINGS_FILE

Entry = dict[str, Any]
_EDGES_A_MERGE = 5


def history(ws: Workspace, named: str, *, field: str | None = None, limit: int = 100) -> dict[str, Any]:
    """What ever happened to a lead.

    Args:
        named: the lead's id, the beginning of it, or its e-mail address.
        field: of this field only, and of the lead as a whole.
        limit: how many entries at most.

    Returns:
        lead (in short, with state), stands_for (leads that were merged into it), lives_on_in (the lead that stands in
        its place, or None), arrival (how the last change travelled, or None: see `arrival`), entries (newest first,
        each with at, kind, told, run_id, who, source and what else its kind has: see `docs/store.md`), and total: how
        many entries there are.

    Raises:
        NotFoundError: no such lead, or several.
        SettingsError: no such field.
    """
    if field is not None and field not in lead_rows.SHOWN_FIELDS:
        raise SettingsError(f"There is no field {field}.", advice=f"Fields: {', '.join(lead_rows.SHOWN_FIELDS)}.")
    with reading(ws.engine) as connection:
        row = lead_lookup.the_one(connection, ws.name, named)
        telling = _Telling(ws, connection, row, field, limit)
        entries = telling.entries()
        return {
            "lead": lead_lookup.brief(row),
            "lives_on_in": lead_lookup.stands_for(connection, row) if row["merged_into"] else None,
            "stands_for": rows.merged_into(connection, row["id"]),
            "arrival": arrival(connection, ws.name, row["id"]),
            "entries": entries[:limit],
            "total": telling.unread + len(entries),
        }


def matches(ws: Workspace, named: str, *, limit: int = 50) -> list[Entry]:
    """Why the records of a lead are one: each pair that was compared, newest first.

    Returns:
        at, run_id, rule, score, why, evidence, and originals: both records as they were when they were compared.

    Raises:
        NotFoundError: no such lead, or several.
    """
    with reading(ws.engine) as connection:
        telling = _Telling(ws, connection, lead_lookup.the_one(connection, ws.name, named), None, limit)
        return telling.matches()


class _Telling:
    """One lead's history, put together."""

    def __init__(
        self, ws: Workspace, connection: Connection, lead: Mapping[str, Any], field: str | None, limit: int
    ) -> None:
        self.ws, self.connection, self.lead_id = ws, connection, lead["id"]
        self.field, self.limit = field, limit
        self.told: Told = all_told(ws, connection, lead)
        self.places = Places(ws, connection)
        self.edges = rows.edges_among(connection, list(self.told.records), limit=limit)
        pairs = rows.pair_decisions(connection, ws.name, self.told.records.keys())
        self.decisions = {one["id"]: one for one in [*self.told.decisions, *pairs]}
        self.decided_at = {one["decided_at"]: one for one in [*self.told.takers.values(), *self.decisions.values()]}
        self.unread = 0
        self._told_edges: set[int] = set()
        self._folds: dict[tuple[datetime, int], Mapping[str, FoldedField]] = {}

    def entries(self) -> list[Entry]:
        """Everything, newest first; of one moment, what caused it stands below what came of it."""
        stored = rows.rows(self.connection, self.lead_id, field=self.field, limit=self.limit)
        self.unread = rows.count_rows(self.connection, self.lead_id, field=self.field) - len(stored)
        found = [*self._stored(stored), *self._decided(stored), *self._conflicts()]
        if self.field is None:
            found += [*self._matched(), *self._captured()]
        for one in found:
            one["told"] = history_words.told(one)
        return sorted(found, key=lambda one: (one["at"], _RANK.get(one["kind"], 0)), reverse=True)

    def matches(self) -> list[Entry]:
        """The comparisons that made its records one lead."""
        return [{"at": one["matched_at"], "run_id": one["run_id"], **self._edge(one)} for one in self.edges]

    def _stored(self, stored: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
        for row in stored:
            entry = self._base(row)
            yield entry | self._more(row)

    def _base(self, row: Mapping[str, Any]) -> Entry:
        record = self.told.records.get(row["record_id"])
        place = self.places.of(record)
        return {
            "at": row["at"],
            "kind": row["operation"],
            **place,
            "source": row["source"] or place["source"],
            "record_id": row["record_id"],
            "run_id": row["run_id"],
            "who": row["who"],
        }

    def _more(self, row: Mapping[str, Any]) -> Entry:
        """What an entry has beside the common facts, by its kind."""
        kind = row["operation"]
        if row["field"] is not None:
            return {"field": row["field"], "old": row["old"], "new": row["new"], **self._why(row)}
        if kind == "created":
            values = _document(row["new"])
            return {"fields": values if self.field is None else {self.field: values.get(self.field)}}
        if kind == "merged":
            return self._merge(row)
        if kind == "decided":
            return {"decision": self._decision(row)}
        return {}

    def _why(self, row: Mapping[str, Any]) -> Entry:
        """The decision that made a value so, or the rule of the fold that chose it then; None where nothing tells."""
        decision = self.decided_at.get(row["at"]) if row["who"] is not None else None
        if decision is not None:
            words = history_words.decision(decision)
            by = {name: decision[name] for name in ("who", "reason")}
            return {"rule": decision["kind"], "why": words, "decision_id": decision["id"], **by}
        rule, why = self._rule_then(row)
        facts = {"rule": rule, "why": why, "decision_id": None, "reason": None}
        if row["who"] != SETTINGS_FILE:
            return facts
        ruling = self.told.ruling_at(row["at"]).id
        changed = f"the rules in {SETTINGS_FILE} changed (decision {ruling})"
        return {**facts, "why": f"{why}; {changed}" if why else changed, "decision_id": ruling}

    def _rule_then(self, row: Mapping[str, Any]) -> tuple[str | None, str | None]:
        """The rule that chose a value and why, by the rules in force then, or those of whoever wrote ahead of them.

        None where neither gives that value, because other records make the lead since.
        """
        at, name = row["at"], row["field"]
        for turn, rules in enumerate((self.told.ruling_at(at).rules, self.told.rules)):
            if (at, turn) not in self._folds:
                self._folds[at, turn] = self.told.folded(at, rules=rules).fields
            chosen = self._folds[at, turn].get(name)
            if chosen is not None and chosen.value == row["new"]:
                return chosen.rule, in_words(name, chosen, rules)
        return None, None

    def _merge(self, row: Mapping[str, Any]) -> Entry:
        if row["new"] is not None:
            return {"into": row["new"]}
        said = _document(row["old"])
        moved = said.get("records") or []
        joined = [edge for edge in self.edges if (edge["record_a"] in moved) != (edge["record_b"] in moved)]
        self._told_edges.update(edge["id"] for edge in joined[:_EDGES_A_MERGE])
        matches = [self._edge(edge) for edge in joined[:_EDGES_A_MERGE]]
        return {"lead": said.get("lead"), "records": moved, "matches": matches}

    def _matched(self) -> Iterator[Entry]:
        """Which records are one lead, and why: as they were when they were last compared."""
        for edge in self.edges:
            if edge["id"] in self._told_edges:
                continue
            match = self._edge(edge)
            yield {"at": edge["matched_at"], "kind": "matched", "run_id": edge["run_id"], "who": None, **match}

    def _captured(self) -> Iterator[Entry]:
        """What came of the captures that its records are of."""
        names = ("captured_at", "origin", "confidence", "outcome", "changed_lead", "key", "record_id", "run_id", "at")
        for one in captures.of_records(self.connection, self.told.records.keys()):
            place = self.places.of(self.told.records.get(one["record_id"]))
            yield {"kind": "captured", "who": None, **place, **{name: one[name] for name in names}}

    def _edge(self, edge: Mapping[str, Any]) -> Entry:
        explanation = edge["explanation"] or {}
        sides = [self._side(edge, record) for record in (edge["record_a"], edge["record_b"])]
        return {
            "rule": edge["rule"],
            "score": edge["score"],
            "why": explanation.get("rule"),
            "evidence": explanation.get("features", {}),
            "originals": sides,
        }

    def _side(self, edge: Mapping[str, Any], record: int) -> Entry:
        """A record as it was when it was compared."""
        kept = edge["originals"] or {}
        says = kept.get("a" if record == edge["record_a"] else "b")
        place = self.places.of(self.told.records.get(record))
        return {**place, "record_id": record, "fields": says or self._said(record, edge["matched_at"])}

    def _said(self, record: int, at: datetime) -> dict[str, str]:
        newest = {one.field: one.value for one in self.told.claims if one.record_id == record and one.changed_at <= at}
        return {name: value for name, value in newest.items() if value is not None}

    def _decided(self, stored: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
        """Decisions about the lead that its history does not name by itself."""
        named = {self._decision_id(row) for row in stored if row["operation"] == "decided"}
        for one in self.decisions.values():
            if one["id"] not in named and self._is_of_field(one["subject"].get("field")):
                common = {"at": one["decided_at"], "kind": "decided", "who": one["who"], "source": None}
                yield {**common, "run_id": None, "decision": _decision_facts(one)}

    def _is_of_field(self, name: str | None) -> bool:
        return self.field is None or name is None or name == self.field

    def _decision(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        number = self._decision_id(row)
        if number is None:
            return None
        known = self.decisions.get(number) or rows.decisions_by_id(self.connection, [number]).get(number)
        return None if known is None else _decision_facts(known)

    @staticmethod
    def _decision_id(row: Mapping[str, Any]) -> int | None:
        for text in (row["new"], row["old"]):
            found = _document(text)
            number = found.get("decision") or found.get("decision_id")
            if isinstance(number, int):
                return number
        return None

    def _conflicts(self) -> Iterator[Entry]:
        for one in rows.conflicts_of(self.connection, self.lead_id):
            if not self._is_of_field(one["field"]):
                continue
            names = ("field", "kept", "lost", "kept_source", "lost_source", "mirror", "status", "resolution")
            facts = {"conflict_id": one["id"], **{name: one[name] for name in names}}
            common = {"who": None, "source": one["kept_source"], "run_id": one["run_id"], **facts}
            yield {"at": one["detected_at"], "kind": "conflict", **common}
            if one["resolved_at"] is not None:
                yield {"at": one["resolved_at"], "kind": "settled", **common, "decision_id": one["decision_id"]}


# Of one moment, what stands higher is the later in thought: a lead is made, then matched, then decided about.
_RANK = {
    "captured": -1, "created": 0, "matched": 1, "merged": 2, "decided": 3, "conflict": 4, "updated": 5, "settled": 6,
}  # fmt: skip


def _decision_facts(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "kind", "subject", "who", "reason", "undoes", "undone_by", "decided_at")
    return {name: row[name] for name in names}


def _document(text: str | None) -> dict[str, Any]:
    """A JSON object kept as text; what is none is the id of a lead or of a decision."""
    if not text:
        return {}
    if text.isdigit() and len(text) < 19:
        return {"decision": int(text)}
    if not text.startswith("{"):
        return {"lead": text}
    found = orjson.loads(text)
    return found if isinstance(found, dict) else {}
