"""Why a value stands, in words, by the rules that chose it.

What belongs here: words. How a value is chosen is `leads.choosing`'s business.
"""

from __future__ import annotations

from leads_dagster.leads.claims import FoldedField, FoldRule
from leads_dagster.leads.survivorship_rules import Survivorship

# Where the customer set no rules for the field: its newest claim wins, and the others tell claims of one moment apart.
_USUAL: dict[FoldRule, str] = {
    "override": "a person decided it",
    "only": "nobody else says anything of it",
    "person": "a person said it, the others are machines",
    "owner": "the field is its source's",
    "newest": "it is the newest that was said",
    "filled": "said at the same time as a blank",
    "verified": "said by a verified record, at the same time as others",
    "longest": "the longest of what was said at the same time",
    "content": "said at the same time as others as good; the order of contents chose",
}
# Where it did.
_SET: dict[FoldRule, str] = {
    **_USUAL,
    "edited": "somebody changed the lead itself since the others were said",
    "newest": "the newest",
    "filled": "the others are blank",
    "verified": "said by a verified record",
    "longest": "the longest",
    "trusted": "most trusted source",
    "content": "the others are as good; the order of contents chose",
}


def why(name: str, chosen: FoldedField, rules: Survivorship) -> str:
    """Why a field has its value: "most trusted source (airtable before sheet), then the newest"."""
    if rules.goes_by_age(name):
        return _USUAL.get(chosen.rule, _SET[chosen.rule])
    return ", then ".join(_words(rule, chosen) for rule in (*chosen.before, chosen.rule))


def _words(rule: FoldRule, chosen: FoldedField) -> str:
    if rule == "trusted" and chosen.trust is not None:
        preferred, other = chosen.trust
        return f"{_SET[rule]} ({preferred} before {other})"
    return _SET[rule]
