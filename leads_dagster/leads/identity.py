"""Whether a row can be a lead, and if not, why and what would mend it.

What belongs here: the one rule of identity. A row needs a person's name, an e-mail address, a LinkedIn profile, or a
company that can be reached: by phone, by website, or at a whole postal address (a street with a city or postal code).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leads_dagster.leads.companies import tidy_company
from leads_dagster.leads.fields import Issue
from leads_dagster.leads.row_steps import CELL_SHOWN, Draft
from leads_dagster.leads.text import clean_line

# Of several broken identities, the one whose mending is most likely to save the row.
_BROKEN_IDENTITIES = ("invalid_email", "invalid_linkedin_url", "invalid_name")
_NEEDED = (
    "A row needs a person's name, an e-mail address, a LinkedIn profile, or a company with a phone, website or postal "
    "address."
)

# What says whom a lead is about, the plainest first.
_IDENTIFYING = ("full_name", "email", "linkedin_url", "company")


def last_identity(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> str | None:
    """The field whose blanking leaves a known lead without anything that says who it is; None where something does.

    Args:
        before, after: field -> text, of one lead.
    """
    if any(after.get(name) for name in _IDENTIFYING):
        return None
    return next((name for name in _IDENTIFYING if before.get(name)), None)


def is_company_only(draft: Draft) -> bool:
    """Whether the row tells a company and nobody in it: the lead then goes by the company's name."""
    known = draft.named or draft.emails or draft.linked
    return not known and "company" in draft.fields and bool(draft.phones or draft.reachable or draft.addresses)


def rejection(draft: Draft, cells: Sequence[str], labels: Mapping[int, str]) -> Issue | None:
    """Why the row cannot be a lead; None where it can.

    Args:
        draft: what was read of the row.
        cells: the row as it was.
        labels: column label of every index, to name the cell that is shown.
    """
    if draft.named or draft.emails or draft.linked or is_company_only(draft):
        return None
    for code in _BROKEN_IDENTITIES:
        for issue in draft.issues:
            if issue.code == code:
                return issue
    return _without_identity(draft, cells, labels)


def _without_identity(draft: Draft, cells: Sequence[str], labels: Mapping[int, str]) -> Issue:
    index = next((index for index, cell in enumerate(cells) if clean_line(cell)), None)
    if index is None:
        return Issue("empty_row", "", "", "", "The row is empty.", "Delete the row, or fill it in.")
    company = draft.fields.get("company")
    if company:
        message = "The row names a company, but neither a person nor a way to reach it."
        column = _column_of(company, cells, labels)
        hint = "Add a phone, website or postal address (a street with a city or postal code), or a contact."
        return Issue("no_identity", "company", column, company[:CELL_SHOWN], message, hint)
    return Issue("no_identity", "", labels.get(index, ""), cells[index][:CELL_SHOWN], "The row names nobody.", _NEEDED)


def _column_of(company: str, cells: Sequence[str], labels: Mapping[int, str]) -> str:
    texts = ((label, clean_line(cells[index])) for index, label in labels.items())
    return next((label for label, text in texts if text and tidy_company(text) == company), "")
