"""Clusters are a function of the records alone: not of their order, batches, ids, or of who else is there."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leads_dagster.leads import block_pairs
from leads_dagster.leads.matching import Edge, MatchRecord, cluster, match_all, match_new
from leads_dagster_tests.leads.matching_cases import groups, index, record

NAMES = (
    "Bob Smith",
    "Robert Smith",
    "Smith Robert",
    "R. Smith",
    "Bob Smith Jr.",
    "Bob Smith Sr.",
    "Mary Smith",
    "Anna Lee",
    "Ida Woodbrook",
    "I. Woodbrook",
    "Ida Woodbrok",
    "IdaWoodbrook",
    "Woodbrook Ida",
)
COMPANIES = ("Acme GmbH", "Acme Inc", "Acmee", "Acme 2", "Borealis")
EMAILS = ("bob@acme.com", "b.smith@gmail.com", "info@acme.com", "anna@acme.com", "ida.woodbrook@acme.com")
TITLES = ("CTO", "Chief Technology Officer", "Buyer")
PHONES = ("+13125550100", "+13125550101")
SLUGS = ("bob-1", "bob-2")
PLACES = ("Berlin", "Berlin, Germany", "Paris")
ADDRESSES = ("Main St 1\n10115\nBerlin", "Main Street 1\n10115\n", "Main St 7\n10115\nBerlin")

said = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(NAMES),
        "company": st.sampled_from(COMPANIES),
        "email": st.sampled_from(EMAILS),
        "phone": st.sampled_from(PHONES),
        "linkedin": st.sampled_from(SLUGS),
        "location": st.sampled_from(PLACES),
        "title": st.sampled_from(TITLES),
        "website": st.just("acme.com"),
        "address": st.sampled_from(ADDRESSES),
    },
)
companies = st.fixed_dictionaries(
    {"company": st.sampled_from(COMPANIES)},
    optional={
        "email": st.just("info@acme.com"),
        "phone": st.sampled_from(PHONES),
        "location": st.sampled_from(PLACES),
        "website": st.just("acme.com"),
        "address": st.sampled_from(ADDRESSES),
    },
)


def _cells(**cells: tuple[str, ...]) -> st.SearchStrategy[dict[str, str]]:
    """Rows with each of the cells drawn from the texts given, "" for none."""
    drawn = st.fixed_dictionaries({cell: st.sampled_from(texts) for cell, texts in cells.items()})
    return drawn.map(lambda row: {cell: text for cell, text in row.items() if text})


# Few texts, so that nearly every row is connected to many and contradicts some.
entangled = _cells(
    name=("", "Bob Smith", "Bob Smith", "Robert Smith", "Bob Smith Jr."),
    company=("", "Acme GmbH", "Acme Inc"),
    email=("", "bob@acme.com"),
    phone=("", PHONES[0]),
    linkedin=("", "", "bob-1", "bob-2"),
    notes=("", "called"),
)
# Names that only company, title, place, telephone and mailbox together can tell apart.
colleagues = _cells(
    name=("Ida Woodbrook", "I. Woodbrook", "Ivo Woodbrook", "Ida Woodbrok", "IdaWoodbrook", "Woodbrook I."),
    company=("", "Acme GmbH", "Acne"),
    email=("", "ida.woodbrook@acme.com", "ivo.woodbrook@acme.com", "info@acme.com"),
    phone=("", PHONES[0]),
    title=("CTO", "CTO", "Buyer"),
    location=("", "Berlin", "Berlin, Germany"),
)
# One LinkedIn profile under many names: married, mistyped, in another script, filled down.
profiled = _cells(
    name=(
        "",
        "Anna Smith",
        "Anna Stone",
        "Ana Smith",
        "Bob Stone",
        "Mary Jones",
        "ANNASMITH",
        "王伟",
        "Anna Smith Jr.",
    ),
    company=("", "Acme GmbH", "Borealis"),
    email=("", "", "anna@acme.com"),
    linkedin=("bob-1", "bob-1", "bob-1", "bob-2", ""),
)
# Colleagues of one name whose birth dates tell them apart, or nearly do.
dated = _cells(
    name=("Bob Smith", "Bob Smith", "Robert Smith", "Bob Smyth"),
    company=("Acme GmbH", "Acme GmbH", "Acme Inc", ""),
    birth_date=("", "19831024", "19832410", "19831025", "19831026", "19501224"),
    email=("", "", "bob@acme.com", "info@acme.com"),
    national_number=("", "", "8099933", "1234999"),
    phone=("", "", PHONES[0]),
    linkedin=("", "", "", "bob-1", "bob-2"),
)
# Persons of whom birth dates, numbers and addresses tell.
residents = _cells(
    name=("Ida Woodbrook", "I. Woodbrook", "Woodbrook", "Ivo Woodbrook", "Ida Woodbrok", "Woodbrook Ida", "Ida Stone"),
    address=("", *ADDRESSES, "Haupt St 7\n10117\nBerlin"),
    birth_date=("", "19831024", "19831024", "19832410", "19831025", "19501224"),
    national_number=("", "8099933", "8099993", "1234999"),
    company=("", "", "", "Acme GmbH"),
    phone=("", "", PHONES[0]),
    linkedin=("", "", "", "bob-1", "bob-2"),
)
populations = st.one_of(
    st.lists(residents, min_size=3, max_size=10),
    st.lists(profiled, min_size=3, max_size=10),
    st.lists(dated, min_size=3, max_size=10),
    st.lists(colleagues, min_size=3, max_size=10),
    st.lists(said, max_size=14),
    st.lists(companies, max_size=14),
    st.lists(entangled, min_size=3, max_size=10),
    st.lists(entangled, min_size=3, max_size=10),
)


def numbered(rows: Sequence[dict[str, str]]) -> list[MatchRecord]:
    return [record(number, **cells) for number, cells in enumerate(rows)]


def components(records: Sequence[MatchRecord], edges: Sequence[Edge]) -> list[list[MatchRecord]]:
    """Records connected by match edges."""
    home = {one.id: {one.id} for one in records}
    for edge in edges:
        if edge.outcome == "match" and home[edge.a] is not home[edge.b]:
            joined = home[edge.a] | home[edge.b]
            for member in joined:
                home[member] = joined
    distinct = {min(members): members for members in home.values()}
    return [[one for one in records if one.id in members] for members in distinct.values()]


@settings(max_examples=100, deadline=None)
@given(populations, st.data())
def test_the_order_of_arrival_does_not_matter(rows: list[dict[str, str]], data: st.DataObject) -> None:
    records = numbered(rows)
    shuffled = data.draw(st.permutations(records))

    assert groups(shuffled) == groups(records)


@settings(max_examples=100, deadline=None)
@given(populations, st.data())
def test_the_numbers_of_the_records_do_not_matter(rows: list[dict[str, str]], data: st.DataObject) -> None:
    numbers = data.draw(st.permutations(range(len(rows))))
    renumbered = [record(number, **cells) for number, cells in zip(numbers, rows, strict=True)]
    expected = {frozenset(numbers[member] for member in members) for members in groups(numbered(rows))}

    assert _contents(groups(renumbered), renumbered) == _contents(expected, renumbered)


def _contents(clusters: set[frozenset[int]], records: Sequence[MatchRecord]) -> list[list[bytes]]:
    """Clusters by what their records say: twins are as good as one another."""
    says = {one.id: one.content_hash for one in records}
    return sorted(sorted(says[member] for member in members) for members in clusters)


@settings(max_examples=100, deadline=None)
@given(populations, st.data())
def test_batches_one_after_another_give_what_all_at_once_gives(rows: list[dict[str, str]], data: st.DataObject) -> None:
    records = numbered(rows)
    arriving = list(data.draw(st.permutations(records)))
    known: list[MatchRecord] = []
    edges: list[Edge] = []
    while arriving:
        size = data.draw(st.integers(1, len(arriving)))
        batch, arriving = arriving[:size], arriving[size:]
        edges += match_new(batch, index(known))
        known += batch

    assert {frozenset(found.members) for found in cluster(known, edges)} == groups(records)


@settings(max_examples=100, deadline=None)
@given(populations, st.data())
def test_decisions_are_obeyed_alike_in_one_batch_and_in_many(rows: list[dict[str, str]], data: st.DataObject) -> None:
    records = numbered(rows)
    pairs = st.frozensets(st.integers(0, max(len(rows) - 1, 1)), min_size=2, max_size=2)
    same, not_same = data.draw(st.sets(pairs, max_size=2)), data.draw(st.sets(pairs, max_size=2))
    cut = data.draw(st.integers(0, len(records)))
    edges = [*match_new(records[:cut], {}), *match_new(records[cut:], index(records[:cut]))]

    at_once = cluster(records, match_all(records), same=same, not_same=not_same)
    in_two = cluster(records, edges, same=same, not_same=not_same)

    assert [found.members for found in in_two] == [found.members for found in at_once]
    assert not any(pair <= set(found.members) for found in at_once for pair in not_same)


@settings(max_examples=100, deadline=None)
@given(populations)
def test_a_component_alone_gives_what_it_gives_within_the_whole(rows: list[dict[str, str]]) -> None:
    records = numbered(rows)
    edges = match_all(records)
    alone: set[frozenset[int]] = set()
    for part in components(records, edges):
        ids = {one.id for one in part}
        inner = [edge for edge in edges if {edge.a, edge.b} <= ids]
        alone |= {frozenset(found.members) for found in cluster(part, inner)}
        assert alone >= groups(part)

    assert alone == groups(records)


@settings(max_examples=100, deadline=None)
@given(populations, st.data())
def test_after_a_removal_the_rest_of_the_component_matched_anew_gives_what_the_rest_gives(
    rows: list[dict[str, str]], data: st.DataObject
) -> None:
    records = numbered(rows)
    gone = data.draw(st.sets(st.sampled_from(range(len(rows))))) if rows else set()
    rest = [one for one in records if one.id not in gone]
    edges: list[Edge] = []
    for part in components(records, match_all(records)):
        edges += match_all([one for one in part if one.id not in gone])

    assert {frozenset(found.members) for found in cluster(rest, edges)} == groups(rest)


@settings(max_examples=100, deadline=None)
@given(populations)
def test_what_a_large_block_leaves_out_changes_no_cluster(rows: list[dict[str, str]]) -> None:
    records = numbered(rows)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(block_pairs, "SMALL_BLOCK", 1)
        patched.setattr(block_pairs, "MANY_IN_BLOCK", 1)
        as_if_large = groups(records)

    assert as_if_large == groups(records)


@settings(max_examples=100, deadline=None)
@given(populations)
def test_no_cluster_holds_records_that_contradict(rows: list[dict[str, str]]) -> None:
    records = {one.id: one for one in numbered(rows)}

    for found in cluster(list(records.values()), match_all(list(records.values()))):
        members = [records[member] for member in found.members]
        assert len({one.slug for one in members if one.slug}) <= 1
        assert len({one.kind for one in members}) == 1
        assert len(found.edges) == len(members) - 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=5, max_size=5), st.lists(st.text(max_size=40), min_size=5, max_size=5))
def test_any_text_can_be_matched(one: list[str], other: list[str]) -> None:
    cells = ("name", "company", "email", "phone", "location")
    rows = [{cell: text for cell, text in zip(cells, texts, strict=True) if text} for texts in (one, other)]
    records = numbered(rows)

    assert sum(len(found.members) for found in cluster(records, match_all(records))) == 2
