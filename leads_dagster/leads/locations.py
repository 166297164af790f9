"""Places: one line "City, Region, Country", and the country that phone numbers are dialled from.

What belongs here: country names and the joining of parts. Cities and regions are taken as they are: no table of them is
small, and a wrong guess is worse than an abbreviation.
"""

from __future__ import annotations

import re
from functools import lru_cache

from leads_dagster.leads.folding import fold_text
from leads_dagster.leads.rule_tables import load_table

_COMMAS = re.compile(r"\s*,(?:\s*,)*\s*")


@lru_cache(maxsize=4096)
def country_code(text: str) -> str | None:
    """ISO 3166 code of a country by code or name ("DE", "deu", "Germany", "Allemagne"); None for anything else."""
    return _codes().get(fold_text(text))


@lru_cache(maxsize=4096)
def country_name(text: str) -> str:
    """The country's English name; text that names none comes back as it was."""
    folded = fold_text(text)
    code = _codes().get(folded)
    if code is None or folded in _parts():
        return text
    names: list[str] = load_table("countries")["countries"][code]
    return names[0]


def join_location(city: str, region: str, country: str) -> str:
    """ "City, Region, Country" of what is there; a part that repeats the one before it is said once."""
    shown = country_name(country) if country else ""
    parts: list[str] = []
    for part in (city, region, shown):
        if part and (not parts or part.casefold() != parts[-1].casefold()):
            parts.append(part)
    return ", ".join(parts)


def tidy_location(text: str) -> str:
    """A place from one cell: commas followed by one blank, none doubled or at an end."""
    return _COMMAS.sub(", ", text).strip(" ,") if "," in text else text


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    countries: dict[str, list[str]] = load_table("countries")["countries"]
    named = {fold_text(name): code for code, names in countries.items() for name in names}
    return named | _parts() | {code.lower(): code for code in countries}


@lru_cache(maxsize=1)
def _parts() -> dict[str, str]:
    return {fold_text(name): code for name, code in load_table("countries")["parts"].items()}
