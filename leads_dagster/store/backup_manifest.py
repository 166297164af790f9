"""What is known of a backup without opening it: its manifest, a JSON file beside it.

What belongs here: the value and its JSON. A backup counts as there when its manifest is: it is written last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

DatabaseKind = Literal["sqlite", "postgresql"]
Reason = Literal["asked", "scheduled", "before-restore", "before-migration"]

FORMAT = 1
MANIFEST_SUFFIX = ".json"


@dataclass(frozen=True)
class TableContent:
    """Of one table: how many rows, and a checksum over all of them that does not depend on their order."""

    rows: int
    checksum: str


@dataclass(frozen=True)
class Contents:
    """What a database holds.

    Attributes:
        schema: the stamp of its newest migration; None where it has no tables of ours.
        tables: name -> rows and checksum.
    """

    schema: str | None
    tables: Mapping[str, TableContent]

    @property
    def rows(self) -> int:
        """Of all tables together."""
        return sum(table.rows for table in self.tables.values())


@dataclass(frozen=True)
class Manifest:
    """One backup.

    Attributes:
        name: of its file.
        created_at: the moment that it holds.
        reason: why it was made.
        kind: of the database.
        database: its address without password; `$LEADS_HOME` stands for the state folder.
        contents: what the database held at that moment.
        size_bytes, sha256: of the file, as it lies there.
        key_id: of the key that it is encrypted with; None where it is not.
        verified_at: when it was last restored on trial and found equal; None: never, or it was not.
    """

    name: str
    created_at: datetime
    reason: Reason
    kind: DatabaseKind
    database: str
    contents: Contents
    size_bytes: int
    sha256: str
    key_id: str | None = None
    verified_at: datetime | None = None

    @property
    def encrypted(self) -> bool:
        """Whether a key is needed."""
        return self.key_id is not None

    def facts(self) -> dict[str, Any]:
        """What a list says of it."""
        return {
            "name": self.name,
            "created_at": self.created_at,
            "reason": self.reason,
            "kind": self.kind,
            "size_bytes": self.size_bytes,
            "rows": self.contents.rows,
            "leads": self.contents.tables["leads"].rows if "leads" in self.contents.tables else 0,
            "schema": self.contents.schema,
            "key_id": self.key_id,
            "verified_at": self.verified_at,
        }

    def to_json(self) -> str:
        """As it is written beside the backup."""
        said = {"format": FORMAT, **asdict(self)}
        return json.dumps(said, indent=1, default=datetime.isoformat) + "\n"


def manifest_from(text: str) -> Manifest:
    """The manifest that `to_json` wrote.

    Raises:
        ValueError: it is something else, or of a newer format.
    """
    said = json.loads(text)
    try:
        if said.pop("format") != FORMAT:
            raise ValueError("written by a newer version")
        contents = said.pop("contents")
        tables = {name: TableContent(**table) for name, table in contents["tables"].items()}
        times = {name: _time(said.pop(name)) for name in ("created_at", "verified_at")}
        return Manifest(**said, **times, contents=Contents(contents["schema"], tables))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError("not a manifest") from error


def _time(text: str | None) -> Any:
    return None if text is None else datetime.fromisoformat(text)
