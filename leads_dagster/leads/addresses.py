"""Postal addresses: by them a company can be reached, and its offices told apart; and a person's household is known.

What belongs here: which columns are of one address, and whether a row gives a whole one. City, region and country as a
lead's location are read in `row_steps.LocationStep`; the cells themselves are kept beside the fields like any others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from leads_dagster.leads.fields import ADDRESS_RANK_STEP, ColumnTarget
from leads_dagster.leads.row_steps import Columns, Draft, ordered
from leads_dagster.leads.text import clean_line

# Columns of one address: number of the house, street, postal code, city; of each the preferred first.
AddressColumns = tuple[Columns, Columns, Columns, Columns]
_PARTS = ("street", "postal_code", "city")


class AddressStep:
    """The whole addresses of a row that tells of a company and of nobody in it, or of a person and of no company:
    street and city or postal code. Beside a person and a company it may be either's."""

    __slots__ = ("_addresses",)

    def __init__(self, addresses: Sequence[AddressColumns]) -> None:
        self._addresses = addresses

    def __call__(self, cells: Sequence[str], draft: Draft) -> None:
        if (draft.named or draft.linked) == ("company" in draft.fields):
            return
        for numbers, *columns in self._addresses:
            street, postal_code, city = (_first(part, cells) for part in columns)
            number = _first(numbers, cells)
            street = f"{number} {street}".strip() if number not in street.split() else street
            if street and (postal_code or city):
                draft.addresses.append(f"{street}\n{postal_code}\n{city}")


def address_step(targets: Mapping[str, Sequence[ColumnTarget]]) -> AddressStep | None:
    """The step of a sheet's addresses; None where none has columns for a street and for a postal code or city.

    A street and a city of different addresses ("Shipping Street", "City") belong together where the sheet has no other.

    Args:
        targets: target -> columns of the sheet.
    """
    parts = [_by_address(targets.get(part, ())) for part in _PARTS]
    if len(parts[0]) == 1 and len(parts[1].keys() | parts[2].keys()) == 1:
        parts = [dict.fromkeys([0], columns) for part in parts for columns in [next(iter(part.values()), ())]]
    streets, postal_codes, cities = parts
    numbers = sorted(streets.keys() & (postal_codes.keys() | cities.keys()))
    houses = _by_address(targets.get("street_number", ()))
    whole = [
        (houses.get(number, ()), streets[number], postal_codes.get(number, ()), cities.get(number, ()))
        for number in numbers
    ]
    return AddressStep(whole) if whole else None


def _by_address(columns: Iterable[ColumnTarget]) -> dict[int, Columns]:
    """The columns of one part by the number of their address in the sheet."""
    found: dict[int, list[ColumnTarget]] = {}
    for column in columns:
        found.setdefault(column.rank // ADDRESS_RANK_STEP, []).append(column)
    return {number: ordered(own) for number, own in found.items()}


def _first(columns: Columns, cells: Sequence[str]) -> str:
    """The first cell that says something: "???", left of letters that an export could not write, does not."""
    texts = (clean_line(cells[index]) for index, _ in columns)
    return next((text for text in texts if any(map(str.isalnum, text))), "")
