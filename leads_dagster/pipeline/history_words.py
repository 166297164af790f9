"""One entry of a lead's history as a sentence; the same words wherever it is told.

What belongs here: words. What happened, and why, is found out in `history`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from leads_dagster.store.pair_decisions import sides_of

Entry = Mapping[str, Any]
RULES = {
    "linkedin": "LinkedIn profile",
    "email": "e-mail address",
    "phone": "telephone",
    "name_company": "name and company",
    "decision": "a person's decision",
}


def told(entry: Entry) -> str:
    """The entry in a sentence."""
    if entry.get("field") is not None and entry["kind"] not in ("conflict", "settled"):
        return f"{entry['field']}: {quoted(entry['old'])} → {quoted(entry['new'])}"
    words = _WORDS.get(entry["kind"])
    return words(entry) if words is not None else f"{entry['kind'].capitalize()}."


def quoted(value: object) -> str:
    """A value as part of a sentence."""
    return "blank" if value is None else f"“{value}”"


def place(facts: Entry) -> str:
    """Where a record stands: "row 4 of file:leads.csv", or its key there, or its number here."""
    source = short_source(facts.get("source"))
    if facts.get("row"):
        return f"row {facts['row']} of {source}"
    if source == "Airtable":  # its key there is a record's id, which tells nobody anything
        return source
    if facts.get("source_key"):
        return f"{facts['source_key']} of {source}"
    record = facts.get("record_id")
    return f"record {record} of {source}" if record is not None and source else source or f"record {record}"


def short_source(source: str | None) -> str | None:
    """A file by its name alone, Airtable by its own; where they are is in the JSON."""
    if source and source.startswith("airtable:"):
        return "Airtable"
    return source.rpartition("/")[2] if source and source.startswith("file:") else source


def match(facts: Entry) -> str:
    """Which two records are one lead, by which rule and score, and why."""
    one, other = facts["originals"]
    by = RULES.get(facts["rule"], facts["rule"])
    why = f" {facts['why']}" if facts.get("why") else ""
    return f"{place(one)} and {place(other)} are one lead, by {by}, score {facts['score']:.2f}.{why}"


def decision(facts: Entry | None) -> str:
    """What a person decided."""
    if facts is None:
        return "a decision"
    words = _DECISIONS.get(facts["kind"])
    said = facts["kind"] if words is None else words(facts["subject"])
    return f"{said} (decision {facts['id']})"


def because(facts: Entry) -> str:
    """A decision and its reason, in short: "decision 7: she told us"."""
    return f"decision {facts['id']}: {facts['reason']}" if facts["reason"] else f"decision {facts['id']}"


def _created(entry: Entry) -> str:
    fields = ", ".join(f"{name} {quoted(value)}" for name, value in entry.get("fields", {}).items() if value)
    return f"Created with {fields}." if fields else "Created."


def _merged(entry: Entry) -> str:
    if entry.get("into"):
        return f"Merged into lead {entry['into']}."
    numbers = entry.get("records") or []
    records = f" with record{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}" if numbers else ""
    reasons = "".join(f" {match(one)}" for one in entry.get("matches", ()))
    return f"Lead {entry.get('lead')} was merged into this one{records}.{reasons}"


def _conflict(entry: Entry) -> str:
    sides = (
        f"{short_source(entry['kept_source'])} says {quoted(entry['kept'])}, "
        f"{short_source(entry['lost_source'])} {quoted(entry['lost'])}"
    )
    return f"Conflict {entry['conflict_id']} on {entry['field']}: {sides}."


def _settled(entry: Entry) -> str:
    if entry["resolution"] is None:
        return f"Conflict {entry['conflict_id']} on {entry['field']} settled itself."
    return f"Conflict {entry['conflict_id']} on {entry['field']} was settled by a person ({entry['resolution']})."


def _decided(entry: Entry) -> str:
    facts = entry.get("decision")
    taken_back = f" Taken back by decision {facts['undone_by']}." if facts and facts["undone_by"] else ""
    return f"{entry.get('who') or 'A person'} {decision(facts)}.{taken_back}"


def _override(subject: Entry) -> str:
    if subject["value"] is None:
        return f"said that {subject['field']} is blank"
    return f"set {subject['field']} to {quoted(subject['value'])}"


def _same(subject: Entry) -> str:
    return f"said that {_both_sides(subject)} are one lead"


def _not_same(subject: Entry) -> str:
    return f"said that {_both_sides(subject)} are not one lead"


def _both_sides(subject: Entry) -> str:
    return " and ".join(f"record {', '.join(map(str, side))}" for side in sides_of(subject))


def _captured(entry: Entry) -> str:
    """When, from where, with what confidence, and whether it changed anything."""
    origin = f" from {quoted(entry['origin'])}" if entry["origin"] else ""
    confidence = f", confidence {entry['confidence']:.2f}" if entry["confidence"] is not None else ""
    came = "it changed this lead" if entry["changed_lead"] else "it said nothing new"
    return f"Captured {entry['captured_at']:%Y-%m-%d %H:%M:%S}{origin}{confidence}: {came}."


_WORDS: dict[str, Callable[[Entry], str]] = {
    "captured": _captured,
    "created": _created,
    "merged": _merged,
    "matched": lambda entry: match(entry)[:1].upper() + match(entry)[1:],
    "archived": lambda _: "Archived: no row counts for it any more.",
    "restored": lambda _: "Restored: it has a row again.",
    "conflict": _conflict,
    "settled": _settled,
    "decided": _decided,
}
_DECISIONS: dict[str, Callable[[Entry], str]] = {
    "override": _override,
    "revert": lambda subject: f"took back what was said of {subject.get('field')}",
    "same": _same,
    "not_same": _not_same,
    "rollback": lambda subject: f"rolled back run {subject.get('run_id')}",
    "deleted": lambda _: "deleted the lead's record",
    "undo": lambda subject: f"took back an earlier decision ({subject.get('kind')})",
}
