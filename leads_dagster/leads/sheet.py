"""Reading a sheet whole: table and columns in one step.

What belongs here: putting `tabular` and `headers` together, so that the known header words find the header row.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from leads_dagster.leads.fields import ColumnMapping
from leads_dagster.leads.headers import header_words, map_headers
from leads_dagster.leads.tabular import Table, read_table

# Enough rows to tell what an ambiguous column holds; few enough to cost nothing each second.
SAMPLE_ROWS = 50

_NO_OVERRIDES: Mapping[str, str] = MappingProxyType({})


def read_sheet(
    data: bytes, *, overrides: Mapping[str, str] = _NO_OVERRIDES, learned: Mapping[str, str] = _NO_OVERRIDES
) -> tuple[Table, ColumnMapping]:
    """The table that the bytes hold, and where its columns go.

    Args:
        data: the export as fetched.
        overrides: field -> header, from `[customers.columns]`.
        learned: folded header -> field, as people confirmed it.

    Raises:
        SheetFormatError: the bytes are no table.
        UnknownHeadersError: no column makes a lead.
        SettingsError: an override names a field or header that does not exist.
    """
    table = read_table(data, score_header=partial(header_words, overrides=overrides, learned=learned))
    return table, map_headers(table.header, overrides=overrides, sample=sample_of(table), learned=learned)


def sample_of(table: Table) -> list[list[str]]:
    """Some of the first rows."""
    return list(table.rows(range(min(SAMPLE_ROWS, len(table)))))
