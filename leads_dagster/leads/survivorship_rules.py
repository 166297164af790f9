"""Which claim survives, field by field, as a customer sets it: the newest, the longest, the most trusted, the verified.

What belongs here: the settings as a value, and the order of steps they come to. Carrying the steps out is `choosing`'s
business, reading them from leads.toml `survivorship_toml`'s.

    a rule     prefers
    newest     what was said last
    longest    the most characters; says nothing of numbers, times and yes or no
    trusted    the source that stands first in `trusted_sources`; who is not named there comes last
    verified   records that say of themselves that they are verified

A field may belong to the sheet or to Airtable (`owners`): what its owner says of it then comes before what others say,
however new; where the owner never said anything, the others are asked.

A field has one rule or several in order; where they tie, those of newest, verified, longest that were not named decide,
in this order. Nothing set is "newest".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, get_args

from leads_dagster.leads.claims import FoldRule
from leads_dagster.leads.fields import LEAD_FIELDS

Rule = Literal["newest", "longest", "trusted", "verified"]
Owner = Literal["sheet", "airtable", "latest"]
OWNERS: tuple[Owner, ...] = get_args(Owner)
RULES: tuple[Rule, ...] = get_args(Rule)
# What a field is ruled by where nothing is set; also what decides where the rules that are set tie.
USUAL: tuple[Rule, ...] = ("newest", "verified", "longest")
# Fields of which no value is better for being longer: "false" is no better word than "true".
WITHOUT_LENGTH = frozenset(name for name, kind in LEAD_FIELDS.items() if kind in ("number", "bool", "time"))
# Kinds of sources that `trusted_sources` may name, and how the addresses of such begin.
SOURCE_KINDS: Mapping[str, tuple[str, ...]] = {
    "airtable": ("airtable",),
    "sheet": ("sheet", "published", "url", "file"),
    "api": ("api",),
    "json": ("json",),
    "capture": ("capture",),
}
_UNNAMED = "any other source"


@dataclass(frozen=True, slots=True)
class Survivorship:
    """How a customer wants values chosen; the empty one is how they are chosen where nothing is set.

    Attributes:
        fields: lead field -> rules in their order. default: the rules of every other field.
        trusted_sources: the most trusted first: kinds of sources (`SOURCE_KINDS`) or addresses with * and ?.
        owners: lead field -> whose word counts; default_owner: of every other field; "latest": of nobody.
    """

    fields: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    default: tuple[Rule, ...] = ()
    trusted_sources: tuple[str, ...] = ()
    owners: Mapping[str, Owner] = field(default_factory=dict)
    default_owner: Owner = "latest"

    def owner_of(self, name: str) -> Owner:
        """Whose word on a field counts before all others'."""
        return self.owners.get(name, self.default_owner) if name in LEAD_FIELDS else "latest"

    def is_owner(self, name: str, source: str) -> bool:
        """Whether a source is the owner of a field."""
        return _is_meant(self.owner_of(name), source)

    def rules_of(self, name: str) -> tuple[Rule, ...]:
        """The rules of a field, with those that decide where they tie."""
        if name not in LEAD_FIELDS:
            return USUAL
        chosen = self.fields.get(name, self.default)
        if name in WITHOUT_LENGTH and name not in self.fields:
            chosen = tuple(rule for rule in chosen if rule != "longest")
        return (*chosen, *(rule for rule in USUAL if rule not in chosen))

    def steps_of(self, name: str) -> tuple[FoldRule, ...]:
        """By what claims of a field are told apart, in order."""
        return _steps(self.rules_of(name), owned=self.owner_of(name) != "latest")

    def goes_by_age(self, name: str) -> bool:
        """Whether the newest claim of a field wins, whatever else holds."""
        return self.rules_of(name)[0] == "newest"

    def trust(self, source: str) -> int:
        """The place of a source in `trusted_sources`, from 0; those that are not named share the last."""
        return _place(self.trusted_sources, source)

    def trust_name(self, source: str) -> str:
        """What `trusted_sources` calls a source."""
        place = self.trust(source)
        return self.trusted_sources[place] if place < len(self.trusted_sources) else _UNNAMED

    def as_document(self) -> dict[str, Any]:
        """What is different from nothing set, spelled out: two settings that mean the same are the same here."""
        ruled = {name: list(self.rules_of(name)) for name in LEAD_FIELDS if self.rules_of(name) != USUAL}
        by_trust = any("trusted" in rules for rules in ruled.values())
        owned = {name: owner for name in LEAD_FIELDS if (owner := self.owner_of(name)) != "latest"}
        trusted = list(self.trusted_sources) if by_trust else []
        return {"rules": ruled, "trusted_sources": trusted, **({"owners": owned} if owned else {})}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Survivorship:
        """The reverse of `as_document`."""
        fields = {name: tuple(rules) for name, rules in document["rules"].items()}
        return cls(fields, trusted_sources=tuple(document["trusted_sources"]), owners=document.get("owners", {}))


@lru_cache(maxsize=256)
def _steps(rules: tuple[Rule, ...], *, owned: bool = False) -> tuple[FoldRule, ...]:
    """People come before machines, the field's owner before others; from the first rule on that is not the newest, a
    value comes before a blank.

    Where age does not decide first, an edit of the lead still overrules what was said before it.
    """
    steps: list[FoldRule] = ["person", "owner"] if owned else ["person"]
    if rules[0] != "newest":
        steps.append("edited")
    for rule in rules:
        if rule != "newest" and "filled" not in steps:
            steps.append("filled")
        steps.append(rule)
    return tuple(steps)


@lru_cache(maxsize=4096)
def _place(trusted: tuple[str, ...], source: str) -> int:
    return next((place for place, named in enumerate(trusted) if _is_meant(named, source)), len(trusted))


def _is_meant(named: str, source: str) -> bool:
    if named in SOURCE_KINDS:
        return source.partition(":")[0] in SOURCE_KINDS[named]
    return _pattern(named).fullmatch(source) is not None


@lru_cache(maxsize=256)
def _pattern(named: str) -> re.Pattern[str]:
    escaped = re.escape(named).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(escaped, re.DOTALL)
