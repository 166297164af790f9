"""What a capture must meet to be recorded.

What belongs here: a customer's criteria, and what one that fails them is told. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leads_dagster.leads.fields import NormalizedRow


@dataclass(frozen=True)
class Criteria:
    """What a customer takes from the capture queue.

    Attributes:
        enabled: False: its captures stay in the queue.
        allowed_sources: values of `source` that are taken, whatever their case; empty: all, and those without one.
        min_confidence: 0 to 1; what says less is refused, what says nothing passes.
        required: fields of a lead that must be there.
        blocked_domains: domains of e-mail addresses, and those below them, that are refused.
    """

    enabled: bool = True
    allowed_sources: tuple[str, ...] = ()
    min_confidence: float = 0.85
    required: tuple[str, ...] = ()
    blocked_domains: tuple[str, ...] = ()


def confidence_of(row: NormalizedRow) -> float | None:
    """What a capture says of its confidence, 0 to 1; None where it says nothing that can be read.

    A number above 1 and up to 100 is a percentage: 92 is 0.92.
    """
    text = row.fields.get("confidence")
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value / 100 if 1 < value <= 100 else value


def refusal(row: NormalizedRow, criteria: Criteria) -> str | None:
    """Why a capture is not taken, in words without personal data; None where it is.

    Args:
        row: what it comes to, normalised.
        criteria: of the customer.
    """
    for check in (_source, _confidence, _required, _domain):
        if (why := check(row, criteria)) is not None:
            return why
    return None


def _source(row: NormalizedRow, criteria: Criteria) -> str | None:
    if not criteria.allowed_sources:
        return None
    named = row.fields.get("source")
    if named is None:
        return "It names no source, and only some sources are allowed."
    allowed = {one.casefold() for one in criteria.allowed_sources}
    return None if named.casefold() in allowed else "Its source is not one of those allowed."


def _confidence(row: NormalizedRow, criteria: Criteria) -> str | None:
    if any(issue.field == "confidence" for issue in row.issues):
        return "Its confidence cannot be read as a number."
    value = confidence_of(row)
    if value is None or criteria.min_confidence <= value <= 1:
        return None
    if value > 1 or value < 0:
        return "Its confidence is no share from 0 to 1."
    return f"Its confidence of {value:.2f} is below {criteria.min_confidence:.2f}."


def _required(row: NormalizedRow, criteria: Criteria) -> str | None:
    missing = [name for name in criteria.required if name not in row.fields]
    return f"It has no {' and no '.join(missing)}." if missing else None


def _domain(row: NormalizedRow, criteria: Criteria) -> str | None:
    domains = [email.rpartition("@")[2].casefold() for email in row.emails]
    blocked = [one.casefold().lstrip("@.") for one in criteria.blocked_domains]
    found = any(domain == one or domain.endswith(f".{one}") for domain in domains for one in blocked)
    return "Its e-mail domain is blocked." if found else None


def criteria_words(criteria: Criteria) -> Mapping[str, object]:
    """The criteria as people see them."""
    return {
        "enabled": criteria.enabled,
        "allowed_sources": list(criteria.allowed_sources),
        "min_confidence": criteria.min_confidence,
        "required": list(criteria.required),
        "blocked_domains": list(criteria.blocked_domains),
    }
