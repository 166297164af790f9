"""What is committed together, and in which batch an edge lands."""

from __future__ import annotations

from leads_dagster_tests.pipeline.conftest import Road

# One mailbox and two profiles: the matcher keeps them apart, and says so on an edge between two leads.
HEADER = ("Name", "Email", "LinkedIn", "Title")
ONE = ("Robert Stone", "robert@zeta.example", "https://www.linkedin.com/in/robert-stone", "CTO")
OTHER = ("Roberta Stein", "robert@zeta.example", "https://www.linkedin.com/in/roberta-stein", "CTO")


def edges_of(road: Road) -> set[tuple[int, int, str]]:
    return {(one["record_a"], one["record_b"], one["outcome"]) for one in road.all("matches")}


def test_an_edge_between_two_changed_rows_survives_whichever_is_written_first(road: Road) -> None:
    settings = road.settings
    object.__setattr__(settings, "batch_size", 1)
    road.sync([ONE, OTHER], header=HEADER)
    before = edges_of(road)
    assert [outcome for _, _, outcome in before] == ["blocked"]
    road.sync([(*OTHER[:3], "COO"), (*ONE[:3], "COO")], header=HEADER)
    assert edges_of(road) == before
