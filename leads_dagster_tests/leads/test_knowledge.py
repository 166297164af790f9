"""What people taught counts like what stands in the row."""

from __future__ import annotations

from leads_dagster.leads.fields import NormalizedRow
from leads_dagster.leads.knowledge import Knowledge
from leads_dagster.leads.match_features import company_name
from leads_dagster.leads.matching import MatchRecord, match_all, match_record

BIG_BLUE = Knowledge(companies={company_name("Big Blue").key: company_name("IBM").key})
XANDER = Knowledge(given_names={"xander": "lysander"})


def record(record_id: int, name: str, company: str, knowledge: Knowledge) -> MatchRecord:
    return match_record(record_id, NormalizedRow({"full_name": name, "company": company}), knowledge)


def outcomes(left: tuple[str, str], right: tuple[str, str], knowledge: Knowledge) -> list[str]:
    edges = match_all([record(1, *left, knowledge), record(2, *right, knowledge)])
    return [edge.outcome for edge in edges]


def test_a_company_is_met_under_its_other_name_once_that_is_known() -> None:
    left, right = ("Jane Doe", "Big Blue"), ("Jane Doe", "IBM")
    assert outcomes(left, right, Knowledge()) == []
    assert outcomes(left, right, BIG_BLUE) == ["match"]


def test_a_given_name_counts_as_the_one_that_people_said_it_is_short_for() -> None:
    left, right = ("Xander Doe", "Acme"), ("Lysander Doe", "Acme")
    assert outcomes(left, right, Knowledge()) == []
    assert outcomes(left, right, XANDER) == ["match"]


def test_what_the_row_says_is_kept_as_it_is() -> None:
    assert record(1, "Xander Doe", "Acme", XANDER).fields["full_name"] == "Xander Doe"
