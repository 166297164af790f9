"""The fields of a lead, as a table, and the small values that the pure modules hand to each other.

What belongs here: names, kinds and frozen dataclasses. Rules live beside what they rule
(`normalization`, `matching`, `survivorship`, `reconciliation`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

FieldKind = Literal["name", "email", "phone", "linkedin", "company", "website", "text", "bool", "number", "time"]

# Every field a source may claim, in the order people read them, and what kind of value it holds.
LEAD_FIELDS: dict[str, FieldKind] = {
    "full_name": "name",
    "linkedin_url": "linkedin",
    "email": "email",
    "phone": "phone",
    "company": "company",
    "title": "text",
    "location": "text",
    "industry": "text",
    "company_size": "text",
    "website": "website",
    "status": "text",
    "source": "text",
    "confidence": "number",
    "verified": "bool",
    "enriched": "bool",
    "needs_enrichment": "bool",
    "scraped_at": "time",
    "enriched_at": "time",
    "notes": "text",
}

# What a row may say beside the fields of a lead; one JSON object text, claimed and folded like a field.
RAW_DATA = "raw_data"

# Facts that tell who a person is, and are no fields: they stand in `raw_data`, and matching reads them.
BIRTH_DATE, TAX_NUMBER = "birth_date", "tax_number"
FACT_TARGETS = (
    BIRTH_DATE, "national_number", "passport_number", "licence_number", TAX_NUMBER, "member_number", "employee_number",
    "student_number", "patient_number",
)  # fmt: skip

# Ranks of the parts of one address are alike in tens: city 10 and country 10 are of the second address of the sheet.
ADDRESS_RANK_STEP = 10

IssueCode = Literal[
    "empty_row", "no_identity", "invalid_name", "invalid_email", "invalid_phone", "invalid_linkedin_url",
    "invalid_website", "ambiguous_date", "invalid_date", "invalid_number", "invalid_bool", "cell_too_large",
    "extra_cells", "not_a_record", "broken_json", "invalid_value",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong with one cell, or with the row as a whole.

    Attributes:
        code: what is wrong, for machines.
        field: the lead field it concerns, or "" for the row.
        column: the header of the cell, or "".
        cell: the cell as it was (cut to 200 characters).
        message: what is wrong, in words.
        suggestion: what would mend it, in words; "" where nothing better than the message can be said.
    """

    code: IssueCode
    field: str
    column: str
    cell: str
    message: str
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class NormalizedRow:
    """What one row says, by today's rules.

    Attributes:
        fields: lead field -> normalised text; only what is not blank. Keys are those of `LEAD_FIELDS`.
            Booleans are "true"/"false", times ISO 8601 UTC, numbers plain decimals; all of it text.
        emails: every e-mail of the row, the chosen one first, as shown (lower-case domain, no folding).
        phones: every phone of the row in E.164 where that could be made, the chosen one first.
        extra: all that has no field of its own, column label -> cell as it was: unknown columns, further
            phones and e-mails, phone extensions, cells that could not be normalised.
        issues: cells that were kept as they were and flagged; they do not stop the row.
        rejection: set when the row cannot be a lead; it then goes to quarantine.
        addresses: whole postal addresses of a row that tells of a company and of nobody in it, or of a person and of
            no company, each three lines: street, postal code, city, of which one of the last two may be blank. Their
            cells stand in `extra` too.
        beside: what tells one `extra` from another, 32 hexadecimal digits, or "" where there is none; the sheet's own
            row id is left out of it, since a row that stands twice in a sheet has two.
        facts: what tells who the person is beside the fields, as "birth_date:19831024" or "passport_number:c01x00t47",
            one of a kind of `FACT_TARGETS`; their cells, too, stand in `extra`.
    """

    fields: dict[str, str]
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    extra: dict[str, str] = field(default_factory=dict)
    issues: tuple[Issue, ...] = ()
    rejection: Issue | None = None
    addresses: tuple[str, ...] = ()
    beside: str = ""
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NormalizationRules:
    """What a customer may set about normalising. Part of the sheet's fingerprint.

    Attributes:
        phone_region: ISO 3166 region assumed for numbers without a country code and rows without a country.
        date_order: "dmy" or "mdy" for dates such as 03/04/2026; None leaves them as they were, flagged.
        max_cell_characters: longer cells send the row to quarantine.
    """

    phone_region: str = "US"
    date_order: Literal["dmy", "mdy"] | None = None
    max_cell_characters: int = 1_000_000


@dataclass(frozen=True, slots=True)
class ColumnTarget:
    """Where one column of a sheet goes.

    Attributes:
        index: 0-based position in the row.
        label: the header, trimmed; blank headers become "column_5" (1-based), repeated ones "Notes_2".
        target: a field of `LEAD_FIELDS`, or a part of one: "first_name", "middle_name", "last_name",
            "name_prefix", "name_suffix", "country", "region", "city", "postal_code", "street",
            "street_number", "row_id" (the sheet's own id column), one of
            `FACT_TARGETS`, or None: the cell is kept in raw_data under its label.
        rank: order of preference among columns of one target, 0 best ("Phone" before "Fax number 2").
    """

    index: int
    label: str
    target: str | None
    rank: int = 0


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """How the columns of a sheet become fields; part of the sheet's fingerprint.

    Attributes:
        columns: one target a column, in sheet order.
        language: a guess from the headers ("en", "de", ...), for display.
    """

    columns: tuple[ColumnTarget, ...]
    language: str = "en"

    def labels(self) -> tuple[str, ...]:
        """The unique column labels in sheet order; keys of the raw base of a record."""
        return tuple(column.label for column in self.columns)
