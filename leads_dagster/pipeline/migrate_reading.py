"""From the records of a JSON file to arrivals: which label is which field, and what each record is known by.

What belongs here: the first look at a file, which settles its fields as one header settles those of a sheet, and the
second, which hands its records on. Neither writes anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import xxhash

from leads_dagster.leads.fields import RAW_DATA, ColumnMapping, ColumnTarget, NormalizationRules, NormalizedRow
from leads_dagster.leads.headers import map_headers
from leads_dagster.leads.normalization import Normalizer
from leads_dagster.sources.json_fields import header_of, target_of
from leads_dagster.sources.json_files import JsonRecord, read_records
from leads_dagster.sources.json_folders import JsonFile
from leads_dagster.store.intake import Arrival

# Where a record that founds a lead says nothing of the lead's origin, the file's name is put under this label.
DEFAULT_SOURCE = "source (default)"

_SAMPLE_RECORDS = 200
# Labels of which a file may have many (one a day, one a customer): those beyond are kept beside the fields.
_MOST_LABELS = 1_000
_LONGEST_KEY = 200
_LAST_RANK = 1_000
_READ_BYTES = 1 << 20
_NOTHING_LEARNED: Mapping[str, str] = MappingProxyType({})
_PARTS = {
    "first_name": "full_name", "middle_name": "full_name", "last_name": "full_name", "name_prefix": "full_name",
    "name_suffix": "full_name", "city": "location", "region": "location", "country": "location",
    "postal_code": "location", "street": "location",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Survey:
    """What a first look at a file found.

    Attributes:
        file: which.
        checksum: xxh3_128 of its bytes, in hex.
        targets: label -> where its cells go.
        records: how many stand in it, faulty ones too.
        faulty: how many of them are no records.
        breaks_off: where and why the rest could not be read; "" where all could.
    """

    file: JsonFile
    checksum: str
    targets: Mapping[str, ColumnTarget]
    records: int
    faulty: int
    breaks_off: str = ""

    @property
    def id_label(self) -> str | None:
        """The label of the records' own ids."""
        return next((label for label, target in self.targets.items() if target.target == "row_id"), None)


@dataclass(slots=True)
class _Look:
    """What is gathered while a file is read for the first time."""

    labels: dict[str, None] = field(default_factory=dict)
    sample: list[dict[str, str]] = field(default_factory=list)
    records: int = 0
    faulty: int = 0
    breaks_off: str = ""

    def add(self, record: JsonRecord) -> None:
        self.records += 1
        if record.fault is not None:
            self.faulty += 1
            self.breaks_off = record.fault.message if record.breaks_off else ""
            return
        if len(self.labels) < _MOST_LABELS:
            self.labels.update(dict.fromkeys(record.cells))
        if len(self.sample) < _SAMPLE_RECORDS:
            self.sample.append(record.cells)


def survey(
    file: JsonFile,
    *,
    columns: Mapping[str, str],
    max_bytes: int,
    at: Path | None = None,
    learned: Mapping[str, str] = _NOTHING_LEARNED,
) -> Survey:
    """Read a file once and settle which of its labels is which field.

    Args:
        file: which.
        columns: `[customers.columns]`; those that name a label of this file win.
        learned: folded header -> field, as people confirmed it.
        max_bytes: as in `read_records`.
        at: where a copy of it is, to be read in its stead.

    Raises:
        AccessError, SheetFormatError: it cannot be read.
        UnknownHeadersError: nothing in it makes a lead.
    """
    look = _Look()
    path = at or file.path
    checksum = checksum_of_file(path)
    for record in read_records(path, max_bytes=max_bytes, name=file.path.name):
        look.add(record)
    targets = _targets(look, columns, learned) if look.labels else {}
    return Survey(file, checksum, targets, look.records, look.faulty, look.breaks_off)


def checksum_of_file(path: Path) -> str:
    """xxh3_128 of a file's bytes, in hex."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while part := file.read(_READ_BYTES):
            digest.update(part)
    return digest.hexdigest()


def _targets(look: _Look, columns: Mapping[str, str], learned: Mapping[str, str]) -> dict[str, ColumnTarget]:
    labels = list(look.labels)
    headers = [header_of(label) for label in labels]
    own = {field: headers[labels.index(name)] for field, name in columns.items() if name in look.labels}
    sample = [[record.get(label, "") for label in labels] for record in look.sample]
    mapping = map_headers(headers, overrides=own, sample=sample, learned=learned)
    return {label: replace(column, label=label) for label, column in zip(labels, mapping.columns, strict=True)}


class ArrivalReader:
    """Reads a surveyed file again, each record as an arrival with a key of its own.

    A key is the record's own id; without one, or where an id comes again in the file, its content decides, and for
    content that comes again, how often it came before. So the same file gives the same keys, and a record with an id
    keeps its key when it is edited.
    """

    def __init__(self, survey: Survey, rules: NormalizationRules) -> None:
        self._survey, self._rules = survey, rules
        self._taken: set[int] = set()
        self._came: Counter[int] = Counter()

    @property
    def source(self) -> str:
        """Canonical address of the file as a source."""
        return self._survey.file.source

    def arrivals(self, path: Path, *, after: int, max_bytes: int) -> Iterator[tuple[JsonRecord, Arrival]]:
        """The records behind the first `after` ones.

        Args:
            path: the surveyed file, or a copy of it.
            after: how many records to pass over; their keys count as taken.
            max_bytes: as in `read_records`.
        """
        for record in read_records(path, max_bytes=max_bytes, name=self._survey.file.path.name):
            key = self._key(record)
            if record.index > after:
                yield record, self._arrival(key, record)

    def read(self, raw: Mapping[str, str]) -> NormalizedRow:
        """What a record's labels and texts come to, by today's rules; of a faulty one, nothing."""
        return self._normalizer(tuple(raw)).row(list(raw.values()))

    def _arrival(self, key: str, record: JsonRecord) -> Arrival:
        row = NormalizedRow({}, rejection=record.fault) if record.fault else self.read(record.cells)
        covered = self._covered(tuple(record.cells), row)
        founding = {} if "source" in row.fields else {DEFAULT_SOURCE: self._survey.file.path.name}
        return Arrival(key, record.cells, row, covered=covered, row_number=record.index, founding=founding)

    def _key(self, record: JsonRecord) -> str:
        label = self._survey.id_label
        own = record.cells.get(label, "").strip() if label and not record.fault else ""
        if own and (digest := _short_digest(own)) not in self._taken:
            self._taken.add(digest)
            return own if len(own) <= _LONGEST_KEY else f"id:{xxhash.xxh3_128_hexdigest(own.encode())}"
        content = "\x1e".join(sorted(f"{name}\x1f{text}" for name, text in record.cells.items() if text))
        digest = _short_digest(content)
        self._came[digest] += 1
        copies = self._came[digest]
        return f"content:{xxhash.xxh3_128_hexdigest(content.encode())}" + (f":{copies}" if copies > 1 else "")

    def _covered(self, labels: tuple[str, ...], row: NormalizedRow) -> frozenset[str]:
        """Fields that a record speaks of: a name that is missing says nothing, one with null says blank."""
        named = {target.target for label in labels if (target := self._target(label)).target}
        fields = {_PARTS.get(target, target) for target in named if target}
        return frozenset(
            fields | ({RAW_DATA} if row.extra else set()) | ({"full_name"} if "company" in fields else set())
        )

    def _target(self, label: str) -> ColumnTarget:
        if (known := self._survey.targets.get(label)) is not None:
            return known
        if label == DEFAULT_SOURCE:
            return ColumnTarget(0, label, "source", _LAST_RANK)
        target = target_of(label)
        open_or_none = target is None or target.startswith("?") or target == "row_id"
        return ColumnTarget(0, label, None if open_or_none else target, _LAST_RANK)

    @lru_cache(maxsize=256)  # noqa: B019  # a reader lives for one file
    def _normalizer(self, labels: tuple[str, ...]) -> Normalizer:
        columns = [replace(self._target(label), index=index) for index, label in enumerate(labels)]
        return Normalizer(ColumnMapping(tuple(columns)), self._rules)


def _short_digest(text: str) -> int:
    """64 bits of a text: of a million keys, as many numbers are kept, and not the keys."""
    return xxhash.xxh3_64_intdigest(text.encode())
