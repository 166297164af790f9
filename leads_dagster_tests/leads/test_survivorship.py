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


SHEET, AIRTABLE = view(1), view(2, "airtable:b")


def titles(*said: tuple[int, str | None, int]) -> list[Claim]:
    """Claims on the title: record, value, hour; and before them both records' first words, on the name."""
    first = {record: min(hour for one, _, hour in said if one == record) for record, _, _ in said}
    return [
        *(Claim(record, "full_name", "Jane", at(hour)) for record, hour in first.items()),
        *(Claim(record, "title", value, at(hour)) for record, value, hour in said),
    ]


def test_two_sources_that_changed_a_field_since_they_agreed_make_a_conflict_and_the_newer_is_kept() -> None:
    claims = titles((1, "CEO", 0), (2, "CEO", 1), (1, "Chair", 2), (2, "Chief", 3))
    (conflict,) = fold([SHEET, AIRTABLE], claims).conflicts
    assert (conflict.kept, conflict.lost, conflict.lost_source) == ("Chief", "Chair", "sheet:a")


def test_where_only_one_source_changed_a_field_it_is_simply_the_newer() -> None:
    folded = fold([SHEET, AIRTABLE], titles((1, "CEO", 0), (2, "CEO", 1), (1, "Chair", 2), (1, "Boss", 3)))
    assert (folded.values()["title"], folded.conflicts) == ("Boss", ())


def test_two_sources_that_differ_from_the_first_are_no_conflict_until_both_changed() -> None:
    met = [(1, "CEO", 0), (1, "Chair", 1), (2, "Chief", 2)]
    assert fold([SHEET, AIRTABLE], titles(*met)).conflicts == ()
    assert fold([SHEET, AIRTABLE], titles(*met, (1, "Boss", 3))).conflicts == ()
    (conflict,) = fold([SHEET, AIRTABLE], titles(*met, (1, "Boss", 3), (2, "Founder", 4))).conflicts
    assert (conflict.kept, conflict.lost) == ("Founder", "Boss")


def test_sources_that_come_to_say_the_same_have_settled_their_conflict() -> None:
    claims = titles((1, "CEO", 0), (2, "CEO", 1), (1, "Chair", 2), (2, "Chief", 3), (1, "Chief", 4))
    assert fold([SHEET, AIRTABLE], claims).conflicts == ()
    assert fold([SHEET, AIRTABLE], [*claims, Claim(1, "title", "Boss", at(5))]).conflicts == ()


def test_filling_a_field_that_both_left_blank_with_two_values_is_a_conflict() -> None:
    names = [Claim(1, "full_name", "Jane", at(0)), Claim(2, "full_name", "Jane", at(1))]
    filled = [Claim(1, "title", "CEO", at(2)), Claim(2, "title", "Chief", at(3))]
    assert [one.lost for one in fold([SHEET, AIRTABLE], [*names, *filled]).conflicts] == ["CEO"]
    assert fold([SHEET, AIRTABLE], [*names, filled[0]]).conflicts == ()


def test_an_edit_of_a_lead_conflicts_with_what_a_source_says_after_it_and_not_with_what_it_was_made_upon() -> None:
    edit = RecordView(2, "api", bytes(16), edit=True)
    made_upon = [Claim(1, "title", "CEO", at(0)), Claim(1, "title", "Chair", at(1)), Claim(2, "title", "Boss", at(2))]
    assert fold([SHEET, edit], made_upon).conflicts == ()
    (conflict,) = fold([SHEET, edit], [*made_upon, Claim(1, "title", "Founder", at(3))]).conflicts
    assert (conflict.kept, conflict.lost, conflict.lost_source) == ("Founder", "Boss", "api")


def test_an_edit_of_a_lead_conflicts_with_a_source_that_came_after_it_and_overrules_it() -> None:
    edit = RecordView(3, "api", bytes(16), edit=True)
    claims = titles((1, "Boss", 0), (2, "Chair", 2))
    (conflict,) = fold([SHEET, AIRTABLE, edit], [*claims, Claim(3, "title", "Founder", at(1))]).conflicts
    assert (conflict.kept, conflict.lost, conflict.lost_source) == ("Chair", "Founder", "api")
    assert fold([SHEET, AIRTABLE, edit], [*claims, Claim(3, "title", "Chair", at(1))]).conflicts == ()
    machine = view(2, "capture", person=False)
    assert fold([SHEET, machine, edit], [*claims, Claim(3, "title", "Founder", at(1))]).conflicts == ()


def test_two_rows_of_one_source_are_no_conflict() -> None:
    claims = titles((1, "CEO", 0), (4, "CEO", 0), (1, "Chair", 1), (4, "Chief", 2))
    assert fold([SHEET, view(4)], claims).conflicts == ()


def test_a_field_that_a_person_decided_is_no_conflict_while_the_decision_stands() -> None:
    claims = titles((1, "CEO", 0), (2, "CEO", 1), (1, "Chair", 2), (2, "Chief", 3))
    decided = fold([SHEET, AIRTABLE], claims, [Override("title", "Founder", at(4), decision_id=7)])
    assert (decided.fields["title"].value, decided.fields["title"].decision_id) == ("Founder", 7)
    assert decided.conflicts == ()
    assert len(fold([SHEET, AIRTABLE], claims).conflicts) == 1


def test_columns_without_a_field_are_kept_from_every_record() -> None:
    claims = [Claim(1, "raw_data", '{"a":"1","b":"1"}', at(0)), Claim(2, "raw_data", '{"b":"2"}', at(1))]
    assert fold([view(1), view(2)], claims).values() == {"raw_data": '{"a":"1","b":"2"}'}


CLAIMS = st.lists(
    st.builds(
        Claim,
        record_id=st.integers(1, 5),
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
EDIT = RecordView(5, "api", b"5", edit=True)
VIEWS = [view(1), view(2, "airtable:b"), view(3, "capture", person=False), view(4), EDIT]


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


@given(claims=CLAIMS)
def test_a_record_alone_folds_as_it_does_beside_one_that_says_nothing(claims: list[Claim]) -> None:
    claims = [Claim(1, claim.field, claim.value, claim.changed_at) for claim in claims]
    assert fold([view(1)], claims) == fold([view(1), view(9)], claims)


@given(claims=CLAIMS)
def test_a_conflict_is_between_two_sources_that_differ_now_and_names_what_each_says(claims: list[Claim]) -> None:
    folded = fold(VIEWS, claims)
    source_of = {one.record_id: one.source for one in VIEWS}
    said = {(source_of[claim.record_id], claim.field, claim.value) for claim in claims}
    for one in folded.conflicts:
        assert one.kept_source != one.lost_source
        assert one.kept == folded.fields[one.field].value != one.lost
        assert {(one.kept_source, one.field, one.kept), (one.lost_source, one.field, one.lost)} <= said
