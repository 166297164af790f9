"""The team, its sheet and its Airtable, before the day begins: all of it made up, and the same at every start.

What belongs here: names and cells. Addresses end in `.example`, telephone numbers in those that are kept free for
films (555-01xx), so that none is anybody's.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from leads_dagster.sandbox.bases_file import DEFAULT_BASES

SHEET = "leads"
BASE, TABLE = "appLeadsSandbox01", "Leads"
CUSTOMER = "sales"
ROWS = 300
HEADER = ("Name", "Email", "Phone", "Company", "Title", "City", "Status", "Notes")
BEN, CHLOE = "usrDemoBen0000001", "usrDemoChloe00001"

_FIRST = (
    "Alma", "Boris", "Clara", "Dario", "Edda", "Farid", "Greta", "Hugo", "Irma", "Jonas", "Kira", "Lasse", "Mona",
    "Nadir", "Olga", "Pablo", "Quentin", "Rosa", "Stefan", "Tilda", "Umberto", "Vera", "Walter", "Xenia", "Yusuf",
    "Zelda", "Amadou", "Bettina", "Cyril", "Dunja", "Emeka", "Fiona", "Gilles", "Hanna", "Ivo", "Judith", "Kenji",
)  # fmt: skip
_LAST = (
    "Abernathy", "Brockmann", "Castellano", "Dubrovsky", "Eriksen", "Fontaine", "Guzman", "Hartwig", "Ibarra",
    "Jablonski", "Kowalczyk", "Lindholm", "Moreau", "Nakagawa", "Okafor", "Pettersson", "Quiroga", "Rasmussen",
    "Sandoval", "Thorne", "Ueda", "Vandenberg", "Whitlock", "Xanthos", "Yamada", "Zimmer", "Ashcroft", "Bellini",
    "Carvalho",
)  # fmt: skip
_COMPANIES = (
    "Harbourline Logistics", "Talwerk Maschinenbau", "Kestrel Analytics", "Atelier Nord", "Brightwater Foods",
    "Cobalt Systems", "Dunmore Textiles", "Eastgate Clinics", "Fernhill Dairy", "Granite Insurance", "Helios Solar",
    "Ironbridge Steel", "Juniper Travel", "Kingfisher Media", "Larkspur Books", "Meridian Optics", "Northwind Rail",
    "Oakfield Timber", "Pinnacle Tours", "Quayside Hotels", "Redstart Robotics", "Saltmarsh Ceramics",
    "Tamarind Spices", "Umbra Lighting", "Vireo Software", "Wavecrest Marine", "Yellowtail Fisheries",
    "Zephyr Aviation", "Amberley Foundry", "Birchwood Schools", "Clearfield Water",
)  # fmt: skip
_TITLES = (
    "Head of Operations", "Sales Director", "Data Lead", "Office Manager", "Buyer", "Chief Engineer", "HR Partner",
    "Marketing Manager", "Plant Manager", "Finance Director", "Product Owner", "Founder", "Account Manager",
)  # fmt: skip
_CITIES = ("Boston", "Berlin", "London", "Lille", "Porto", "Malmö", "Denver", "Zürich", "Dublin", "Utrecht", "Austin")
_STATES = ("New", "Contacted", "Qualified", "Proposal")
_NOTES = ("Met at the spring fair", "", "Prefers e-mail", "", "", "Call after lunch", "")
_AREAS = ("202", "312", "415", "617", "646", "713", "818")
TYPO, MEANT = "Prodcut Owner", "Product Owner"
_TYPO_OF = 10


def lead(number: int) -> list[str]:
    """The cells of one person, in the order of `HEADER`; no two numbers below 1,000 are alike."""
    first, last = _FIRST[number % len(_FIRST)], _LAST[number % len(_LAST)]
    company = _COMPANIES[number % len(_COMPANIES)]
    return [
        f"{first} {last}",
        f"{first}.{last}@{company.split()[0]}.example".lower(),
        f"+1 {_AREAS[number // 100 % len(_AREAS)]} 555 01{number % 100:02d}",
        company,
        *(words[number % len(words)] for words in (_TITLES, _CITIES, _STATES, _NOTES)),
    ]


def write_sheet(folder: Path, rows: int = ROWS) -> Path:
    """The team's sheet as a CSV file, of which the twin makes a Google Sheet; gives its path."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{SHEET}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *map(_as_typed, range(rows))])
    return path


def row_of(number: int) -> int:
    """Which row of the sheet a person stands in, as the screen counts them."""
    return number + 2


def _as_typed(number: int) -> list[str]:
    """Somebody was in a hurry, once."""
    return [TYPO if number == _TYPO_OF and cell == MEANT else cell for cell in lead(number)]


def bases() -> dict[str, Any]:
    """The twin's own base, with two of the team working in it."""
    content: dict[str, Any] = json.loads(DEFAULT_BASES.read_text(encoding="utf-8"))
    people = ((BEN, "Ben"), (CHLOE, "Chloe"))
    content["users"] = [{"id": who, "email": f"{name.lower()}@team.example", "name": name} for who, name in people]
    return content
