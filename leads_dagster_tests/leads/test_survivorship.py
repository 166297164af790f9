"""The fold: the same lead whatever the order, and the rule that chose each value."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.survivorship import Claim, FoldedLead, Override, RecordView, fold

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def at(hours: int) -> datetime:
    return START + timedelta(hours=hours)


def view(record: int, source: str = "sheet:a", *, person: bool = True) -> RecordView:
    return RecordView(record, source, bytes([record]) * 16, person)


def test_the_newest_claim_wins() -> None:
    claims = [Claim(1, "phone", "old", at(0)), Claim(2, "phone", "new", at(1))]
    folded = fold([view(1), view(2)], claims)
    assert folded.values() == {"phone": "new"}
    assert folded.fields["phone"].rule == "newest"


def test_a_person_wins_over_a_newer_machine() -> None:
    claims = [Claim(1, "title", "CEO", at(0)), Claim(2, "title", "Chief", at(5))]
    folded = fold([view(1), view(2, "capture", person=False)], claims)
    assert folded.fields["title"].value == "CEO"
    assert folded.fields["title"].rule == "person"


def test_an_override_wins_over_everything_and_the_newest_override_over_the_others() -> None:
    claims = [Claim(1, "title", "CEO", at(9))]
    overrides = [Override("title", "Founder", at(2)), Override("title", "Boss", at(1))]
    assert fold([view(1)], claims, overrides).fields["title"].value == "Founder"


def test_blanking_a_cell_blanks_the_lead_when_nobody_said_otherwise_since() -> None:
    claims = [Claim(1, "phone", "1", at(0)), Claim(1, "phone", None, at(1)), Claim(2, "phone", "2", at(0))]
    assert fold([view(1), view(2)], claims).values() == {}


def test_of_claims_that_arrive_together_the_verified_then_the_longest_survives() -> None:
    together = [Claim(1, "company", "Acme", at(0)), Claim(2, "company", "Acme Incorporated", at(0))]
    assert fold([view(1), view(2)], together).values()["company"] == "Acme Incorporated"
    verified = [*together, Claim(1, "verified", "true", at(0))]
    assert fold([view(1), view(2)], verified).values()["company"] == "Acme"


def test_claims_of_records_that_left_do_not_count() -> None:
    claims = [Claim(1, "phone", "1", at(0)), Claim(2, "phone", "2", at(1))]
    assert fold([view(1)], claims).values() == {"phone": "1"}


def test_two_sources_that_differ_make_a_conflict_and_two_rows_of_one_source_do_not() -> None:
    claims = [Claim(1, "phone", "1", at(0)), Claim(2, "phone", "2", at(1))]
    (conflict,) = fold([view(1), view(2, "airtable:b")], claims).conflicts
    assert (conflict.kept, conflict.lost, conflict.lost_source) == ("2", "1", "sheet:a")
    assert fold([view(1), view(2)], claims).conflicts == ()


def test_columns_without_a_field_are_kept_from_every_record() -> None:
    claims = [Claim(1, "raw_data", '{"a":"1","b":"1"}', at(0)), Claim(2, "raw_data", '{"b":"2"}', at(1))]
    assert fold([view(1), view(2)], claims).values() == {"raw_data": '{"a":"1","b":"2"}'}


CLAIMS = st.lists(
    st.builds(
        Claim,
        record_id=st.integers(1, 4),
        field=st.sampled_from(["phone", "title", "verified"]),
        value=st.none() | st.sampled_from(["true", "a", "bb", "cc"]),
        changed_at=st.integers(0, 3).map(at),
    ),
    max_size=14,
)
OVERRIDES = st.lists(
    st.builds(
        Override,
        field=st.sampled_from(["phone", "title"]),
        value=st.none() | st.text(max_size=2),
        decided_at=st.integers(0, 3).map(at),
    ),
    max_size=3,
)
VIEWS = [view(1), view(2, "airtable:b"), view(3, "capture", person=False), view(4)]


def folded_in(order: list[int], claims: list[Claim], overrides: list[Override]) -> FoldedLead:
    shuffled = [claims[index % len(claims)] for index in order] if claims else []
    return fold(VIEWS[::-1], shuffled, overrides[::-1])


@given(claims=CLAIMS, overrides=OVERRIDES, random=st.randoms(use_true_random=False))
def test_folding_again_in_any_order_gives_the_same_lead(
    claims: list[Claim], overrides: list[Override], random: object
) -> None:
    order = list(range(len(claims)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert folded_in(order, claims, overrides) == fold(VIEWS, claims, overrides)


@given(claims=CLAIMS)
def test_every_folded_value_was_claimed_by_a_record_of_the_lead(claims: list[Claim]) -> None:
    said = {(claim.record_id, claim.field, claim.value) for claim in claims}
    for name, chosen in fold(VIEWS, claims).fields.items():
        assert (chosen.record_id, name, chosen.value) in said
