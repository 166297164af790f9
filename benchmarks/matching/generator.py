"""Leads with known truth: seeded, a quarter of them repeated and corrupted, with people who only look alike.

    python -m benchmarks.matching.generator ROWS SEED leads.csv

What belongs here: putting people and their repeated rows together, and writing them as CSV. Beside `leads.csv`, a sheet
like any other, lies `leads.truth.csv`: for every data row its number from 0, the person, the kinds of corruption that
show in it, and where the person is a look-alike, of what kind and of whom. Rules are tuned on seeds 1 to 5 only;
reported are seeds from 100 on.

Words, nicknames and corruptions are the benchmark's own (words.json) and are not read from the tables that matching
uses, so that a good figure is not a table meeting itself.
"""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.matching.corruption import Corruption
from benchmarks.matching.people import People, Person
from leads_dagster.leads.fields import NormalizedRow

COLUMNS = ("full_name", "email", "phone", "linkedin_url", "company", "title", "location")
TRUTH_COLUMNS = ("row_id", "person", "corruptions", "hard_negative", "looks_like")


@dataclass(frozen=True)
class Labelled:
    """One row, and the person it is about.

    Attributes:
        row: the row after normalising.
        person: equal for rows about one person.
        corruptions: kinds that show in the row; none in a person's first row.
        hard_negative: kind of look-alike that the person is, "" for others.
        looks_like: the person whom this one looks like, 0 for others.
    """

    row: NormalizedRow
    person: int
    corruptions: frozenset[str] = frozenset()
    hard_negative: str = ""
    looks_like: int = 0


def synthetic_leads(count: int, seed: int, duplicates: float = 0.25) -> list[Labelled]:
    """`count` rows in random order, a share of them repeating another row's person.

    Args:
        count: rows in all.
        seed: the same seed gives the same rows.
        duplicates: share of rows that are corrupted repetitions.
    """
    source = random.Random(seed)
    people = People(source, count)
    first = people.take(round(count * (1 - duplicates)))
    corruption = Corruption(source, people)
    leads = [_labelled(person, person.fields) for person in first]
    for person in source.choices(first, k=count - len(first)):
        leads.append(_labelled(person, *corruption.repeated(person)))
    source.shuffle(leads)
    return leads


def _labelled(person: Person, fields: dict[str, str], corruptions: frozenset[str] = frozenset()) -> Labelled:
    emails = (fields["email"],) if "email" in fields else ()
    phones = (fields["phone"],) if "phone" in fields else ()
    row = NormalizedRow(fields, emails=emails, phones=phones)
    return Labelled(row, person.number, corruptions, person.hard_negative, person.looks_like)


def write_leads(leads: Sequence[Labelled], path: Path) -> Path:
    """Write the rows as a sheet, and the truth beside it; gives the truth's path."""
    truth = path.with_name(f"{path.stem}.truth.csv")
    _write(path, COLUMNS, ([lead.row.fields.get(name, "") for name in COLUMNS] for lead in leads))
    _write(truth, TRUTH_COLUMNS, ([number, *_truth(lead)] for number, lead in enumerate(leads)))
    return truth


def _truth(lead: Labelled) -> tuple[int, str, str, int]:
    return lead.person, "; ".join(sorted(lead.corruptions)), lead.hard_negative, lead.looks_like


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def main(arguments: Sequence[str]) -> int:
    """Write leads and their truth; 2 where the arguments are not what is wanted."""
    if len(arguments) != 3 or not all(argument.isdigit() for argument in arguments[:2]):
        print("usage: python -m benchmarks.matching.generator ROWS SEED leads.csv", file=sys.stderr)
        return 2
    path = Path(arguments[2])
    truth = write_leads(synthetic_leads(int(arguments[0]), int(arguments[1])), path)
    print(f"Wrote {path} and {truth}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
