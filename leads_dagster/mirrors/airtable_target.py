"""The target that a push works by, agreed on by its threads and corrected when Airtable refuses something.

What belongs here: when to look at the schema again, and what was learnt on the way. How it is looked at is
`airtable_schema`'s, what is sent by it `airtable_push`'s.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace

from leads_dagster.mirrors.airtable_errors import AirtableRefusedError
from leads_dagster.mirrors.airtable_schema import Schema, Target
from leads_dagster.mirrors.airtable_values import with_option


class TargetHolder:
    """The target that all threads of a push agree on; looked at again when Airtable refuses a cell."""

    def __init__(self, schema: Schema, target: Target, *, remembered: bool = False) -> None:
        self._schema = schema
        self._lock = threading.Lock()
        self._looked_again = False
        self._remembered = remembered
        self.target = target

    def looked_up(self, seen: Target) -> bool:
        """Whether the target is another than a remembered one by which a value cannot be sent; asks at most once."""
        with self._lock:
            if self.target is seen and self._remembered and not (seen.by_name or self._looked_again):
                self._looked_again = True
                self.target = self._schema.target(missing="withhold")
            return self.target is not seen

    def note_options(self, made: Mapping[str, str]) -> None:
        """Options that were made just now are there for those who come after; lead field -> option."""
        with self._lock:
            columns = dict(self.target.columns)
            for name, option in made.items():
                if name in columns:
                    columns[name] = with_option(columns[name], option)
            self.target = replace(self.target, columns=columns)

    @property
    def looked(self) -> bool:
        """Whether Airtable was asked for its columns again."""
        return self._looked_again

    def renewed(self, seen: Target, refused: AirtableRefusedError) -> bool:
        """Whether the target is another than the one that was refused; asks Airtable at most once, if by schema."""
        with self._lock:
            if self.target is seen and (seen.by_name or not self._looked_again):
                self._looked_again = True
                fresh = self._schema.after_refusal(seen, refused)
                if fresh != seen:
                    self.target = fresh
            return self.target is not seen
