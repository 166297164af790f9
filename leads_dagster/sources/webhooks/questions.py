"""From the questions of a form to labels that headers know.

What belongs here: which of a question's names says what its answer is. "What is your first name?" is the header "first
name", and the answer to a question of the kind e-mail is an e-mail address whatever it is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from leads_dagster.sources.json_fields import target_of

_ASKING = re.compile(
    r"(?:please )?(?:(?:what(?:'s|’s| is| are)|enter|type|give(?: us)?|share|tell us|add) )?(?:(?:your|the) )?",
    re.IGNORECASE,
)
# "title" alone may be an honorific.
_LABELS = {"title": "job title"}
_END = " \t\n?:*.!…"


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody answered.

    Attributes:
        names: what the question is called, as people read it first; then what its sender calls it.
        value: text, a number, a boolean, or a list of texts.
        kind: the label that it has by its kind alone ("Email"); "" where its kind says nothing.
    """

    names: tuple[str, ...]
    value: object
    kind: str = ""


def labelled(answers: Iterable[Answer], fields: Mapping[str, str]) -> dict[str, object]:
    """Label -> value; unanswered questions are left out.

    Args:
        answers: in the order of the form.
        fields: field of a lead -> one of the names of its question, from `[customers.forms.NAME.fields]`.
    """
    chosen = {_folded(name): label_of(field) for field, name in fields.items()}
    found: dict[str, object] = {}
    by_kind: list[tuple[str, Answer]] = []
    for answer in answers:
        if answer.value in (None, "", []):
            continue
        if label := _label(answer, chosen):
            found[_free(label, found)] = answer.value
        else:
            by_kind.append((answer.kind, answer))
    for kind, answer in by_kind:
        known = kind and kind not in found
        found[kind if known else _free(_names(answer)[0], found)] = answer.value
    return found


def label_of(field: str) -> str:
    """The label that headers know a field of a lead by."""
    return _LABELS.get(field, field)


def _label(answer: Answer, chosen: Mapping[str, str]) -> str | None:
    """The field that leads.toml names, else the first way to call the question that headers know."""
    for name in answer.names:
        if field := chosen.get(_folded(name)):
            return field
    return next((way for name in answer.names for way in _ways(name) if target_of(way)), None)


def _ways(name: str) -> Iterator[str]:
    yield name
    short = name.strip(_END)
    yield short[_ASKING.match(short).end() :].strip(_END)  # type: ignore[union-attr] # it matches nothing, too


def _names(answer: Answer) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in answer.names))) or ("answer",)


def _free(label: str, taken: Mapping[str, object]) -> str:
    """The label, numbered where it is taken."""
    number, free = 2, label
    while free in taken:
        number, free = number + 1, f"{label} {number}"
    return free


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
