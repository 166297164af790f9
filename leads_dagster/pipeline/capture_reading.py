"""An item of the capture queue as an arrival on the road: its JSON read, its names mapped, its values normalised.

What belongs here: reading. Whether it is taken is decided by `leads.criteria`, what comes of it by `store.intake`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import orjson

from leads_dagster.capture_queue.items import Leased
from leads_dagster.errors import UnknownHeadersError
from leads_dagster.leads.fields import ColumnMapping, ColumnTarget, Issue, NormalizationRules, NormalizedRow
from leads_dagster.leads.headers import map_headers
from leads_dagster.leads.normalization import Normalizer
from leads_dagster.sources.json_fields import flatten, header_of
from leads_dagster.store.intake import Arrival

# So many shapes of records, each the labels that it has, are remembered.
_SHAPES = 1_000


class CaptureReader:
    """Reads captures of one customer.

    Args:
        rules: how its cells are normalised.
        columns: field of a lead -> label, from `[customers.columns]`; those that a capture has win.
        learned: folded header -> field, as people confirmed it.
    """

    def __init__(self, rules: NormalizationRules, *, columns: Mapping[str, str], learned: Mapping[str, str]) -> None:
        self._rules, self._columns, self._learned = rules, columns, learned
        self._normalizer = lru_cache(maxsize=_SHAPES)(self._made)

    def arrival(self, item: Leased) -> Arrival:
        """What an item says; one that is no record of a lead comes with the reason as its rejection."""
        try:
            record = orjson.loads(item.body)
        except orjson.JSONDecodeError:
            return _nothing(item.key, "broken_json", "It is no JSON.")
        if not isinstance(record, dict):
            return _nothing(item.key, "not_a_record", "It is no JSON object.")
        cells = flatten(record)
        return Arrival(item.key, cells, self.read(cells))

    def read(self, raw: Mapping[str, str]) -> NormalizedRow:
        """What labels and texts come to, by today's rules."""
        return self._normalizer(tuple(raw)).row(list(raw.values()))

    def _made(self, labels: tuple[str, ...]) -> Normalizer:
        headers = [header_of(label) for label in labels]
        own = {field: headers[labels.index(name)] for field, name in self._columns.items() if name in labels}
        try:
            columns = map_headers(headers, overrides=own, learned=self._learned).columns
        except UnknownHeadersError:  # it is rejected then, as a row that names nobody
            columns = tuple(ColumnTarget(index, label, None) for index, label in enumerate(labels))
        named = tuple(
            ColumnTarget(column.index, label, None if column.target == "row_id" else column.target, column.rank)
            for column, label in zip(columns, labels, strict=True)
        )
        return Normalizer(ColumnMapping(named), self._rules)


def _nothing(key: str, code: str, message: str) -> Arrival:
    issue = Issue(code, "", "", "", message, 'Enqueue an object such as {"name": …, "email": …}.')  # type: ignore[arg-type]
    return Arrival(key, {}, NormalizedRow({}, rejection=issue))
