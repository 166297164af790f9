"""Numbers, times, names and sources as the pages say them.

What belongs here: filters of the templates. They return text; escaping is Jinja's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from leads_dagster.pipeline.history_words import RULES, place, short_source

FIELD_NAMES = {
    "full_name": "Name", "linkedin_url": "LinkedIn", "email": "E-mail", "phone": "Phone", "company": "Company",
    "title": "Title", "location": "Location", "industry": "Industry", "company_size": "Company size",
    "website": "Website", "status": "Status", "source": "Source", "confidence": "Confidence", "verified": "Verified",
    "enriched": "Enriched", "needs_enrichment": "Needs enrichment", "scraped_at": "Captured",
    "enriched_at": "Enriched at", "notes": "Notes", "raw_data": "Other columns",
}  # fmt: skip
FIELD_ORDER = {name: number for number, name in enumerate(FIELD_NAMES)}
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def field_name(name: str) -> str:
    """`full_name` -> "Name"."""
    return FIELD_NAMES.get(name, name.replace("_", " ").capitalize())


def number(value: float | None) -> str:
    """1234 -> "1,234"; nothing known -> "–"."""
    return "–" if value is None else f"{value:,.0f}"


def share(value: float | None) -> str:
    """0.031 -> "3.1 %"."""
    return "–" if value is None else f"{value * 100:.1f} %"


def seconds(value: float | None) -> str:
    """Seconds as people read them."""
    if value is None:
        return "–"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.2f} s" if value < 60 else f"{value / 60:,.1f} min"


def ago(at: datetime | None, *, now: datetime | None = None) -> str:
    """How long ago, in one unit; the pages' script counts on from there."""
    if at is None:
        return "never"
    passed = ((now or datetime.now(timezone.utc)) - at).total_seconds()
    for length, unit in _UNITS:
        if passed >= length:
            return f"{int(passed // length)} {unit} ago"
    return "just now"


def moment(at: datetime | None) -> str:
    """A time in full: UTC, to the second."""
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def counted(count: int, one: str, many: str = "") -> str:
    """(1, "row") -> "1 row"; (2, "row") -> "2 rows"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def where(facts: Mapping[str, Any]) -> str:
    """Where a record stands: "row 4 of leads.csv"."""
    return place(facts) if facts.get("source") or facts.get("record_id") else ""


def source_name(source: str | None) -> str:
    """A source in short, as a side of a conflict is headed."""
    return {"api": "A program", "crm": "The CRM"}.get(str(source), short_source(source) or "Unknown")


def rule_name(rule: str) -> str:
    """By which rule two records matched."""
    return RULES.get(rule, rule)


def host_of(sheet: str) -> str:
    """A sheet's address in short."""
    return short_source(sheet) or sheet


FILTERS = {
    one.__name__: one
    for one in (field_name, number, share, seconds, ago, moment, counted, where, source_name, rule_name, host_of)
}
