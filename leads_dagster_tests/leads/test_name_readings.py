"""Readings as numbers say what readings as texts say: a large block is taken apart by the one, a pair held to the
other."""

from __future__ import annotations

from itertools import product

import numpy as np

from leads_dagster.leads.name_readings import NameReadings
from leads_dagster.leads.readings import name_readings
from leads_dagster.leads.record_columns import RecordColumns
from leads_dagster_tests.leads.matching_cases import people

NAMES = (
    "John Smith", "Smith John", "Jon Smith", "Jhon Smith", "J. Smith", "John S.", "John", "Johnathan", "Bob Smith",
    "Robert Smith", "Robert Miller Smith", "Robert M. Smith", "Miller Smith", "Roberta Smith", "Yuri Iwanow",
    "Juri Ivanov", "Ivanow Yuri Petrovich", "Wu Li", "Li Wu", "Xiaoming Wang", "王伟", "johnsmith", "Smithjohn",
    "Annabella Schmidthausen", "Annabella Schmidthausem", "Ana Maria de la Cruz Garcia", "Ana Cruz Garcia", "Jo",
    "Ed Ng", "John Smith 2", "John Smith Jr.",
)  # fmt: skip


def test_two_names_share_as_many_numbers_as_texts() -> None:
    columns = RecordColumns(people({"company": "Nobody's"}, *({"name": name} for name in NAMES)))
    coded = NameReadings(columns).of(np.arange(len(columns.names)))
    texts = [(found.opens, found.guests) for found in map(name_readings, columns.names)]
    numbers: list[tuple[set[int], set[int]]] = [(set(), set()) for _ in columns.names]
    for place, code, guest in zip(coded.places.tolist(), coded.codes.tolist(), coded.guests.tolist(), strict=True):
        numbers[place][guest].add(code)

    for one, other in product(range(len(texts)), repeat=2):
        for mine, theirs in product((0, 1), repeat=2):
            shared = texts[one][mine] & texts[other][theirs]
            assert len(numbers[one][mine] & numbers[other][theirs]) == len(shared), (NAMES, one, other)
