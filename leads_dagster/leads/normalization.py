"""From the cells of a row to what the row says of a lead: the one way in for every source.

What belongs here: putting a sheet's columns together with the steps that read them, once, and running rows through
them. What a step does is in `row_steps` and `identity_steps`; the rules of values, in the modules that those name.

The rules, wherever a row comes from: a cell that cannot be normalised is kept as it was and flagged; a row that names
nobody is rejected with reason, cell and suggestion; whatever has no field of its own is kept beside the fields, as it
was. Cells that begin with "=", "+", "-" or "@" are data like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from leads_dagster.leads.addresses import address_step
from leads_dagster.leads.digests import content_digest
from leads_dagster.leads.facts import fact_step
from leads_dagster.leads.fields import (
    LEAD_FIELDS,
    ColumnMapping,
    ColumnTarget,
    FieldKind,
    Issue,
    NormalizationRules,
    NormalizedRow,
)
from leads_dagster.leads.identity import is_company_only, rejection
from leads_dagster.leads.identity_steps import EmailStep, LinkedInStep, NameStep, PhoneStep, WebsiteStep
from leads_dagster.leads.row_steps import (
    CELL_SHOWN,
    Columns,
    Draft,
    ExtraStep,
    LocationStep,
    ScalarStep,
    Step,
    TimeStep,
    addresses_of,
    company_step,
    ordered,
    text_step,
)
from leads_dagster.leads.scalars import parse_bool, parse_number

# Part of a sheet's fingerprint: raise it whenever the same cells come out otherwise.
NORMALIZATION_VERSION = "4"

_NAME_PARTS = ("first_name", "middle_name", "last_name", "name_suffix")
_PLACE_PARTS = ("city", "region", "country")
_READ = frozenset({*LEAD_FIELDS, *_NAME_PARTS, *_PLACE_PARTS})
_LONGEST_ADDRESS = 400  # characters; PostgreSQL's indexes take 2,700 bytes
_DEFAULT_RULES = NormalizationRules()


class Normalizer:
    """Normalises the rows of one sheet.

    Args:
        mapping: where each column goes.
        rules: what the customer has set.
    """

    def __init__(self, mapping: ColumnMapping, rules: NormalizationRules = _DEFAULT_RULES) -> None:
        self._labels = {column.index: column.label for column in mapping.columns}
        self._width = max(self._labels, default=-1) + 1
        self._longest = rules.max_cell_characters
        self._ids = frozenset(column.label for column in mapping.columns if column.target == "row_id")
        self._steps = _steps(mapping, rules)

    def row(self, cells: Sequence[str]) -> NormalizedRow:
        """What one row says.

        Args:
            cells: the row as it was. Missing cells at its end are blank; cells beyond the header are kept as
                "extra_1", "extra_2" ….
        """
        draft = Draft()
        if len(cells) != self._width:
            cells = self._fitted(cells, draft)
        if len(max(cells, key=len, default="")) > self._longest:
            return self._too_large(cells)
        for step in self._steps:
            step(cells, draft)
        return self._finished(cells, draft)

    def rows(self, rows: Iterable[Sequence[str]]) -> Iterator[NormalizedRow]:
        """What each row says, in order."""
        return map(self.row, rows)

    def _finished(self, cells: Sequence[str], draft: Draft) -> NormalizedRow:
        why_not = None
        if draft.issues:
            _keep_long_addresses_beside(draft)
        if not (draft.named or draft.emails or draft.linked):
            why_not = rejection(draft, cells, self._labels)
            if is_company_only(draft):
                _name_after_company(draft)
        return NormalizedRow(
            draft.fields, tuple(draft.emails), tuple(draft.phones), draft.extra, tuple(draft.issues), why_not,
            tuple(draft.addresses), self._beside(draft.extra), tuple(draft.facts),
        )  # fmt: skip

    def _beside(self, extra: Mapping[str, str]) -> str:
        """As in `NormalizedRow`."""
        said = sorted(item for item in extra.items() if item[0] not in self._ids)
        return content_digest(said).hex() if said else ""

    def _fitted(self, cells: Sequence[str], draft: Draft) -> list[str]:
        """The row with as many cells as the header has columns; what is beyond goes beside the fields, flagged."""
        beyond = [cell for cell in cells[self._width :] if cell.strip()]
        for number, cell in enumerate(cells[self._width :], start=1):
            if cell.strip():
                draft.keep(f"extra_{number}", cell)
        if beyond:
            message = "The row has more cells than the sheet has columns."
            hint = "Give the column a header, or quote the cell that holds the delimiter."
            draft.flag("extra_cells", ("", ""), beyond[0], message, hint)
        return [*cells[: self._width], *[""] * (self._width - len(cells))]

    def _too_large(self, cells: Sequence[str]) -> NormalizedRow:
        index = next(index for index, cell in enumerate(cells) if len(cell) > self._longest)
        message = f"The cell holds {len(cells[index]):,} characters; {self._longest:,} are allowed."
        label = self._labels.get(index, "")
        cell = cells[index][:CELL_SHOWN]
        return NormalizedRow({}, rejection=Issue("cell_too_large", "", label, cell, message, "Shorten the cell."))


def normalize_fields(fields: Mapping[str, str], rules: NormalizationRules = _DEFAULT_RULES) -> NormalizedRow:
    """What a record says whose texts are named by field, by the same rules as a sheet's row.

    Args:
        fields: field of `LEAD_FIELDS` or part of one ("first_name", "country") -> text; other names are kept beside.
        rules: what the customer has set.
    """
    return _normalizer_of(tuple(fields), rules).row(tuple(fields.values()))


@lru_cache(maxsize=64)
def _normalizer_of(names: tuple[str, ...], rules: NormalizationRules) -> Normalizer:
    columns = [ColumnTarget(index, name, name) for index, name in enumerate(names)]
    return Normalizer(ColumnMapping(tuple(columns)), rules)


def _keep_long_addresses_beside(draft: Draft) -> None:
    """Leads are looked up by these fields; a text that is no address stays in one only if an index can hold it."""
    for name in ("email", "linkedin_url"):
        if len(draft.fields.get(name, "")) > _LONGEST_ADDRESS:
            draft.keep(name, draft.fields.pop(name))


def _name_after_company(draft: Draft) -> None:
    """A lead without a person goes by the company's name; what stood in the name's place is kept."""
    written = draft.fields.get("full_name")
    if written:
        draft.keep("full_name", written)
    draft.fields["full_name"] = draft.fields["company"]


def _steps(mapping: ColumnMapping, rules: NormalizationRules) -> tuple[Step, ...]:
    """The steps that a sheet's columns call for, in the order of the fields; what no step reads is kept beside."""
    targets: dict[str, list[ColumnTarget]] = {}
    for column in mapping.columns:
        targets.setdefault(column.target or "", []).append(column)
    steps = [step for field in LEAD_FIELDS if (step := _step(field, targets, rules))]
    if (address := address_step(targets)) is not None:
        steps.append(address)
    if (fact := fact_step(targets, rules.date_order)) is not None:
        steps.append(fact)
    beside = [column for column in mapping.columns if column.target not in _READ]
    return (*steps, ExtraStep(ordered(beside))) if beside else tuple(steps)


def _step(field: str, targets: Mapping[str, Sequence[ColumnTarget]], rules: NormalizationRules) -> Step | None:
    """The step of one field, or None where no column says anything of it."""
    own = ordered(targets.get(field, ()))
    names = [ordered(targets.get(part, ())) for part in _NAME_PARTS]
    places = [targets.get(part, ()) for part in _PLACE_PARTS]
    if field == "full_name" and (own or any(names)):
        first, middle, last, suffix = names
        return NameStep(own, first=first, middle=middle, last=last, suffix=suffix)
    if field == "location" and (own or any(places)):
        return LocationStep(own, addresses_of(*places) if any(places) else ())
    if not own:
        return None
    if field == "phone":
        return PhoneStep(own, countries=ordered(targets.get("country", ())), region=rules.phone_region.upper())
    return _plain_step(field, own, rules)


def _plain_step(field: str, columns: Columns, rules: NormalizationRules) -> Step:
    kind = LEAD_FIELDS[field]
    if kind == "time":
        return TimeStep(field, columns, order=rules.date_order)
    if kind == "number":
        return ScalarStep(field, columns, parse=parse_number, code="invalid_number", wanted="a number")
    if kind == "bool":
        return ScalarStep(field, columns, parse=parse_bool, code="invalid_bool", wanted="yes or no")
    step = _STEPS_OF_KIND.get(kind)
    return step(columns) if step else text_step(field, columns)


_STEPS_OF_KIND: dict[FieldKind, Callable[[Columns], Step]] = {
    "company": company_step,
    "email": EmailStep,
    "linkedin": LinkedInStep,
    "website": WebsiteStep,
}
