"""Reading `[customers.survivorship]` and `[customers.owner]`: which claim survives, by field; every fault at once.

What belongs here: the way from those tables to checked rules. What the rules mean is `leads.survivorship_rules`'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster.leads.survivorship_rules import (
    OWNERS,
    RULES,
    SOURCE_KINDS,
    WITHOUT_LENGTH,
    Owner,
    Rule,
    Survivorship,
)
from leads_dagster.spelling import with_guess

Fault = Callable[[str, str], None]
DEFAULT, TRUSTED = "default", "trusted_sources"
_BEGINNINGS = tuple(sorted({word for words in SOURCE_KINDS.values() for word in words}))


def read_survivorship(table: Mapping[str, Any], fault: Fault) -> Survivorship:
    """The rules that a table sets.

    Args:
        table: as it stands in the file.
        fault: told of each fault and its key; what is then returned is of no use.
    """
    known = (DEFAULT, TRUSTED, *LEAD_FIELDS)
    for key in table.keys() - set(known):
        fault(with_guess(f"unknown key {key}", key, known), key)
    ruled = {name: _rules(name, value, fault) for name, value in table.items() if name in known and name != TRUSTED}
    trusted = _trusted(table[TRUSTED], fault) if TRUSTED in table else ()
    _check_together(ruled, table, fault)
    default = ruled.pop(DEFAULT, ())
    return Survivorship(ruled, default, trusted)


def read_owners(table: Mapping[str, Any], fault: Fault) -> tuple[dict[str, Owner], Owner]:
    """Field -> its owner, and the owner of every other field; `fault` as in `read_survivorship`."""
    known = (DEFAULT, *LEAD_FIELDS)
    owners: dict[str, Owner] = {}
    for name, value in table.items():
        if name not in known:
            fault(with_guess(f"unknown key {name}", name, known), name)
        elif value not in OWNERS:
            message = f"owner.{name} must be one of {', '.join(OWNERS)}, not {value!r}"
            fault(with_guess(message, str(value), OWNERS), name)
        else:
            owners[name] = value
    return owners, owners.pop(DEFAULT, "latest")


def _rules(name: str, value: object, fault: Fault) -> tuple[Rule, ...]:
    """One rule or a list of them."""
    listed = _texts(value)
    if listed is None or not listed:
        fault(f"survivorship.{name} must be one of {', '.join(RULES)}, or a list of them, not {value!r}", name)
        return ()
    for word in listed:
        if word not in RULES:
            message = f"survivorship.{name} must be one of {', '.join(RULES)}, or a list of them, not {word!r}"
            fault(with_guess(message, word, RULES), name)
    if len(set(listed)) < len(listed):
        fault(f"survivorship.{name} names one rule twice", name)
    if name in WITHOUT_LENGTH and "longest" in listed:
        fault(f"survivorship.{name} cannot be longest: {name} is no text, and no value better for being longer", name)
    return tuple(rule for word in listed for rule in RULES if rule == word)


def _trusted(value: object, fault: Fault) -> tuple[str, ...]:
    listed = _texts(value)
    if listed is None or not listed:
        fault(f"survivorship.{TRUSTED} must be a list of texts in quotes, not {value!r}", TRUSTED)
        return ()
    for source in listed:
        if not _can_be_source(source):
            message = (
                f"survivorship.{TRUSTED} holds kinds of sources ({', '.join(SOURCE_KINDS)}) or addresses as "
                f"`leads history` shows them, * for any letters (file:*/leads.csv), not {source!r}"
            )
            fault(with_guess(message, source, tuple(SOURCE_KINDS)), TRUSTED)
    if len(set(listed)) < len(listed):
        fault(f"survivorship.{TRUSTED} names one source twice", TRUSTED)
    return tuple(listed)


def _can_be_source(text: str) -> bool:
    beginning, colon, rest = text.partition(":")
    return text in SOURCE_KINDS or text.startswith("*") or (beginning in _BEGINNINGS and bool(colon and rest))


def _texts(value: object) -> list[str] | None:
    """A text or a list of texts, trimmed, as a list; None for anything else."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        return None
    return [one.strip() for one in listed]


def _check_together(ruled: Mapping[str, tuple[Rule, ...]], table: Mapping[str, Any], fault: Fault) -> None:
    """A rule that nothing feeds, or the other way round, would be a setting that does nothing."""
    by_trust = [name for name, rules in ruled.items() if "trusted" in rules]
    if by_trust and TRUSTED not in table:
        fault(f"survivorship.{by_trust[0]} goes by trust, and survivorship.{TRUSTED} is missing", by_trust[0])
    if TRUSTED in table and not by_trust:
        fault(f"survivorship.{TRUSTED} does nothing: no field and no default has the rule trusted", TRUSTED)
