"""One JSON text as the records in it, as far as it can be read.

What belongs here: walking over a text one value at a time, and what is saved of one that breaks off. Which values are
records is `json_shapes`; files and lines are `json_files`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from leads_dagster.sources.json_shapes import Found, Shapes, keeps_records
from leads_dagster.sources.json_values import JsonError, next_value, skip_space

_SHOWN_BEFORE = 100
_DEEPEST_ENVELOPE = 8


@dataclass(slots=True)
class Place:
    """What stands in a record's place.

    Attributes:
        line: 1-based line on which it begins.
        found: the value. None where there is a fault instead: what is wrong and in which column, and the text there.
        breaks_off: whether nothing after it could be read.
    """

    line: int
    found: Found | None = None
    text: str = ""
    fault: str = ""
    breaks_off: bool = False


@dataclass(slots=True)
class Document:
    """One text with one JSON value in it, or several one after the other.

    Attributes:
        text: all of it.
        line: 1-based line of its first character.
    """

    text: str
    line: int = 1
    _shapes: Shapes = field(default_factory=Shapes)
    _counted: int = 0

    def places(self) -> Iterator[Place]:
        """What stands in records' places, in order; a text that breaks off ends with a fault."""
        at = skip_space(self.text, 0)
        while at < len(self.text):
            try:
                at = yield from self._value(at)
            except JsonError as fault:
                at = self._next_line_with_a_value(at, fault.at)
                yield self._broken(fault, until=at)
            at = skip_space(self.text, at)
            if self.text[at : at + 1] == ",":
                at = skip_space(self.text, at + 1)

    def _value(self, at: int) -> Generator[Place, None, int]:
        """The records of the value at `at`; returns where it ends."""
        if self.text[at] == "[":
            return (yield from self._elements(at))
        line = self._line_at(at)
        try:
            value, end = next_value(self.text, at)
        except JsonError:
            yield from self._before_the_break(at)
            raise
        for found in self._shapes.document(value):
            yield Place(line, found)
        return end

    def _elements(self, at: int) -> Generator[Place, None, int]:
        """The records of a list, one element decoded at a time; returns where it ends."""
        at = skip_space(self.text, at + 1)
        while self.text[at : at + 1] != "]":
            line = self._line_at(at)
            value, at = next_value(self.text, at)
            for found in self._shapes.element(value):
                yield Place(line, found)
            at = skip_space(self.text, at)
            mark = self.text[at : at + 1]
            if mark not in (",", "]") or not mark:
                raise JsonError("Expecting ',' delimiter", at)
            at = skip_space(self.text, at + 1) if mark == "," else at
        return at + 1

    def _before_the_break(self, at: int, levels: int = _DEEPEST_ENVELOPE) -> Iterator[Place]:
        """Of an envelope that breaks off inside its list of records, the whole records before the break."""
        if self.text[at] != "{" or not levels:
            return
        at = skip_space(self.text, at + 1)
        while self.text[at : at + 1] == '"':
            name, at = next_value(self.text, at)
            at = skip_space(self.text, skip_space(self.text, at) + 1)
            try:
                _, end = next_value(self.text, at)
            except JsonError:
                yield from self._inside(name, at, levels - 1)
                return
            at = skip_space(self.text, skip_space(self.text, end) + 1)

    def _inside(self, name: str, at: int, levels: int) -> Iterator[Place]:
        opener = self.text[at : at + 1]
        if opener == "{":
            yield from self._before_the_break(at, levels)
        elif opener == "[" and keeps_records(name):
            yield from self._elements(at)

    def _next_line_with_a_value(self, at: int, broken_at: int) -> int:
        """Where reading can go on: a line after the break that begins with an object; the end of the text else."""
        found = self.text.find("\n{", broken_at) if self.text[at] == "{" else -1
        return len(self.text) if found < 0 else found + 1

    def _broken(self, fault: JsonError, *, until: int) -> Place:
        line = self._line_at(fault.at)
        column = fault.at - self.text.rfind("\n", 0, fault.at)
        rest = self.text[max(0, min(fault.at, until) - _SHOWN_BEFORE) : until]
        return Place(line, text=rest, fault=f"column {column}: {fault.message}", breaks_off=until == len(self.text))

    def _line_at(self, at: int) -> int:
        """The line of a place; places are asked for in order, so that each line is counted once."""
        if at < self._counted:
            return self.line - self.text.count("\n", at, self._counted)
        self.line += self.text.count("\n", self._counted, at)
        self._counted = at
        return self.line
