"""Rules that a customer sets for a field: what each prefers, what overrules them, and that order decides nothing."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster.leads.survivorship import Claim, FoldedField, Override, RecordView, fold
from leads_dagster.leads.survivorship_rules import OWNERS, RULES, USUAL, WITHOUT_LENGTH, Rule, Survivorship

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
SHEET, OTHER_ROW = RecordView(1, "sheet:a#0", b"1" * 16), RecordView(2, "sheet:a#0", b"2" * 16)
AIRTABLE = RecordView(3, "airtable:appX/Leads", b"3" * 16)
CAPTURE = RecordView(4, "capture:web", b"4" * 16, person=False)
EDIT, LATER_EDIT = RecordView(5, "api", b"5" * 16, edit=True), RecordView(6, "api", b"6" * 16, edit=True)
FILE = RecordView(7, "file:/data/crm.csv", b"7" * 16)
VIEWS = [SHEET, OTHER_ROW, AIRTABLE, CAPTURE, EDIT, LATER_EDIT, FILE]
LONGEST = Survivorship({"title": ("longest",)})
VERIFIED = Survivorship({"title": ("verified",)})
TRUSTED = Survivorship({"title": ("trusted",)}, trusted_sources=("airtable", "sheet"))


def said(record: RecordView, value: str | None, hour: int, field: str = "title") -> Claim:
    return Claim(record.record_id, field, value, START + timedelta(hours=hour))


def title(rules: Survivorship, *claims: Claim) -> FoldedField:
    return fold(VIEWS, claims, rules=rules).fields["title"]


def test_the_longest_wins_over_a_newer_one_and_the_newest_of_two_as_long() -> None:
    claims = [said(SHEET, "Chief Executive Officer", 0), said(OTHER_ROW, "CEO", 5)]
    assert (title(LONGEST, *claims).value, title(LONGEST, *claims).rule) == ("Chief Executive Officer", "longest")
    alike = [said(SHEET, "CEO", 0), said(OTHER_ROW, "CTO", 5)]
    assert (title(LONGEST, *alike).value, title(LONGEST, *alike).rule) == ("CTO", "newest")


def test_the_most_trusted_source_wins_and_says_before_which_and_one_that_is_not_named_comes_last() -> None:
    found = title(TRUSTED, said(AIRTABLE, "CEO", 0), said(FILE, "Chair", 9))
    assert (found.value, found.rule, found.trust) == ("CEO", "trusted", ("airtable", "sheet"))
    edited = title(TRUSTED, said(SHEET, "CEO", 2), said(EDIT, "Boss", 1))
    assert (edited.value, edited.trust) == ("CEO", ("sheet", "any other source"))


def test_a_source_is_named_by_its_kind_or_by_its_address() -> None:
    rules = Survivorship({}, ("trusted",), ("file:*/crm.csv", "sheet:a#?", "sheet"))
    addresses = ("file:/data/crm.csv", "sheet:a#0", "url:https://x.example/a.csv", "published:b#0", "api")
    assert [rules.trust(one) for one in addresses] == [0, 1, 2, 2, 3]
    assert rules.trust("sheet:a#12") == 2  # ? is one letter
    assert Survivorship(trusted_sources=("api",)).trust("apiary:x") == 1


def test_verified_records_come_first_and_of_several_the_newest() -> None:
    verified = [said(SHEET, "true", 0, "verified"), said(AIRTABLE, "true", 0, "verified")]
    claims = [said(SHEET, "CEO", 0), said(AIRTABLE, "Chair", 1), said(OTHER_ROW, "Boss", 9), *verified]
    found = title(VERIFIED, *claims)
    assert (found.value, found.before, found.rule) == ("Chair", ("verified",), "newest")


def test_several_rules_decide_in_their_order() -> None:
    trust_then_length = Survivorship({"title": ("trusted", "longest")}, trusted_sources=("sheet",))
    claims = [said(SHEET, "Founder", 0), said(OTHER_ROW, "CEO", 5), said(AIRTABLE, "Chief Executive Officer", 9)]
    found = title(trust_then_length, *claims)
    assert (found.value, found.before, found.rule) == ("Founder", ("trusted",), "longest")


@pytest.mark.parametrize("rules", [LONGEST, TRUSTED, VERIFIED])
def test_a_blank_never_beats_a_value_but_is_the_record_s_own_word(rules: Survivorship) -> None:
    verified = said(AIRTABLE, "true", 0, "verified")
    assert title(rules, said(AIRTABLE, None, 9), said(SHEET, "CEO", 0), verified).value == "CEO"
    blanked = [said(AIRTABLE, "Chief Executive Officer", 0), said(AIRTABLE, None, 9)]
    assert title(rules, *blanked, said(SHEET, "CEO", 0), verified).value == "CEO"
    assert title(rules, *blanked, said(SHEET, None, 0), verified).value is None


@pytest.mark.parametrize("rules", [LONGEST, TRUSTED, VERIFIED])
def test_an_edit_of_the_lead_overrules_what_was_said_before_it_whatever_the_rules(rules: Survivorship) -> None:
    before = [said(AIRTABLE, "Chief Executive Officer", 0), said(AIRTABLE, "true", 0, "verified")]
    found = title(rules, *before, said(EDIT, "CEO", 1))
    assert (found.value, found.rule) == ("CEO", "edited")
    assert title(rules, *before, said(EDIT, None, 1)).value is None
    assert title(rules, *before, said(EDIT, "CEO", 1), said(LATER_EDIT, "B", 2)).value == "B"


@pytest.mark.parametrize("rules", [LONGEST, TRUSTED, VERIFIED])
def test_what_is_said_after_an_edit_is_held_against_it_by_the_rules(rules: Survivorship) -> None:
    since = [said(AIRTABLE, "Chief Executive Officer", 2), said(AIRTABLE, "true", 0, "verified")]
    assert title(rules, said(EDIT, "CEO", 1), *since).value == "Chief Executive Officer"
    assert title(LONGEST, said(EDIT, "Chief Executive Officer", 1), said(SHEET, "CEO", 2)).rule == "longest"


def test_people_come_before_machines_and_an_override_before_everything_whatever_the_rules() -> None:
    claims = [said(CAPTURE, "Chief Executive Officer", 9), said(SHEET, "CEO", 0)]
    assert (title(LONGEST, *claims).value, title(LONGEST, *claims).rule) == ("CEO", "person")
    held = fold(VIEWS, claims, [Override("title", "B", START)], rules=LONGEST).fields["title"]
    assert (held.value, held.rule) == ("B", "override")


def test_fields_without_rules_of_their_own_go_by_the_default_and_without_one_the_newest_wins() -> None:
    rules = Survivorship({"title": ("newest",)}, ("longest",))
    assert rules.rules_of("title") == USUAL
    assert rules.rules_of("company") == ("longest", "newest", "verified")
    assert Survivorship().rules_of("company") == USUAL


def test_length_says_nothing_of_numbers_times_and_yes_or_no() -> None:
    rules = Survivorship(default=("longest",))
    assert {name for name in LEAD_FIELDS if rules.rules_of(name) == USUAL} == WITHOUT_LENGTH
    claims = [said(SHEET, "false", 0, "verified"), said(OTHER_ROW, "true", 1, "verified")]
    assert fold(VIEWS, claims, rules=rules).values() == {"verified": "true"}


def test_further_columns_are_joined_as_ever_whatever_the_default() -> None:
    claims = [said(SHEET, '{"a":"long"}', 0, "raw_data"), said(OTHER_ROW, '{"a":"b"}', 1, "raw_data")]
    rules = Survivorship(default=("longest",))
    assert fold(VIEWS, claims, rules=rules).values() == {"raw_data": '{"a":"b"}'}


def test_two_sources_that_both_changed_a_field_conflict_and_the_one_the_rules_prefer_is_kept() -> None:
    agreed = [said(SHEET, "Chair", 0), said(AIRTABLE, "Chair", 1)]
    changed = [said(AIRTABLE, "Founder", 2), said(SHEET, "Chief Executive Officer", 3)]
    (conflict,) = fold([SHEET, AIRTABLE], [*agreed, *changed], rules=TRUSTED).conflicts
    assert (conflict.kept, conflict.lost) == ("Founder", "Chief Executive Officer")
    assert (conflict.kept_source, conflict.lost_source) == (AIRTABLE.source, SHEET.source)
    (other,) = fold([SHEET, AIRTABLE], [*agreed, *changed], rules=LONGEST).conflicts
    assert (other.kept, other.lost) == ("Chief Executive Officer", "Founder")
    assert fold([SHEET, AIRTABLE], [*agreed, changed[1]], rules=TRUSTED).conflicts == ()


def test_what_an_edit_overruled_is_no_conflict_and_what_is_said_since_is() -> None:
    views = [SHEET, OTHER_ROW, EDIT]
    before = [said(SHEET, "Chief Executive Officer", 0), said(OTHER_ROW, "Chair", 0), said(EDIT, "Founder", 1)]
    assert fold(views, before, rules=LONGEST).conflicts == ()
    (conflict,) = fold(views, [*before, said(OTHER_ROW, "CEO", 2)], rules=LONGEST).conflicts
    assert (conflict.kept, conflict.lost) == ("Founder", "CEO")


def test_a_field_says_what_its_owner_says_however_old_and_what_others_where_the_owner_says_nothing() -> None:
    rules = Survivorship(owners={"title": "airtable"})
    found = title(rules, said(AIRTABLE, "CEO", 0), said(SHEET, "Chair", 9))
    assert (found.value, found.rule) == ("CEO", "owner")
    assert title(rules, said(SHEET, "Chair", 9)).value == "Chair"
    assert title(rules, said(AIRTABLE, None, 0), said(SHEET, "Chair", 9)).value is None
    sheets = Survivorship(default_owner="sheet", owners={"phone": "latest"})
    assert title(sheets, said(SHEET, "Chair", 0), said(FILE, "Boss", 1), said(AIRTABLE, "CEO", 9)).value == "Boss"
    assert sheets.as_document()["owners"].keys() == LEAD_FIELDS.keys() - {"phone"}
    assert Survivorship.from_document(sheets.as_document()).owner_of("title") == "sheet"


def test_who_changes_a_field_that_is_another_s_is_told_by_a_conflict() -> None:
    rules = Survivorship(owners={"title": "sheet"})
    edit = RecordView(8, "airtable:appX/tblY", b"8" * 16, edit=True)
    (conflict,) = fold([SHEET, edit], [said(SHEET, "CEO", 0), said(edit, "Chair", 5)], rules=rules).conflicts
    assert (conflict.kept, conflict.lost, conflict.lost_source) == ("CEO", "Chair", "airtable:appX/tblY")
    assert fold([SHEET, edit], [said(SHEET, "CEO", 0), said(edit, "Chair", 5)]).conflicts == ()
    assert (
        fold([SHEET, edit], [said(edit, "Chair", 5), said(SHEET, "CEO", 9)], rules=rules).fields["title"].value == "CEO"
    )


def test_settings_that_mean_the_same_are_the_same_document() -> None:
    assert Survivorship({"title": ("newest",)}, ("newest", "verified")).as_document() == Survivorship().as_document()
    spelled_out = Survivorship({"title": ("longest", "newest", "verified")})
    assert spelled_out.as_document() == LONGEST.as_document() != Survivorship().as_document()
    assert Survivorship(trusted_sources=("api",)).as_document() == Survivorship().as_document()


RULE_LISTS = st.lists(st.sampled_from(RULES), unique=True, max_size=4).map(tuple)
SETTINGS = st.builds(
    Survivorship,
    fields=st.dictionaries(st.sampled_from(["phone", "title"]), RULE_LISTS),
    default=RULE_LISTS,
    trusted_sources=st.lists(st.sampled_from(["airtable", "sheet", "api", "file:*"]), unique=True).map(tuple),
    owners=st.dictionaries(st.sampled_from(["phone", "title"]), st.sampled_from(OWNERS)),
    default_owner=st.sampled_from(OWNERS),
)
CLAIMS = st.lists(
    st.builds(
        said,
        st.sampled_from(VIEWS),
        st.none() | st.sampled_from(["true", "a", "bb", "cc"]),
        st.integers(0, 3),
        st.sampled_from(["phone", "title", "verified"]),
    ),
    max_size=14,
)


@given(claims=CLAIMS, rules=SETTINGS, random=st.randoms(use_true_random=False))
def test_folding_in_any_order_gives_the_same_lead_by_any_rules(
    claims: list[Claim], rules: Survivorship, random: object
) -> None:
    shuffled, views = list(claims), list(VIEWS)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    random.shuffle(views)  # type: ignore[attr-defined]
    assert fold(views, shuffled, rules=rules) == fold(VIEWS, claims, rules=rules)


@given(claims=CLAIMS, rules=SETTINGS)
def test_by_any_rules_a_value_is_what_a_record_says_now_and_conflicts_name_what_is_said(
    claims: list[Claim], rules: Survivorship
) -> None:
    folded = fold(VIEWS, claims, rules=rules)
    sources = {view.record_id: view.source for view in VIEWS}
    told = {(sources[claim.record_id], claim.field, claim.value) for claim in claims}
    for name, chosen in folded.fields.items():
        mine = [one for one in claims if (one.record_id, one.field) == (chosen.record_id, name)]
        assert chosen.changed_at == max(one.changed_at for one in mine)
    for one in folded.conflicts:
        assert one.kept == folded.fields[one.field].value != one.lost
        assert {(one.kept_source, one.field, one.kept), (one.lost_source, one.field, one.lost)} <= told


@given(claims=CLAIMS, rules=SETTINGS)
def test_the_rules_that_a_document_keeps_choose_the_same(claims: list[Claim], rules: Survivorship) -> None:
    kept = Survivorship.from_document(rules.as_document())
    assert kept.as_document() == rules.as_document()
    assert fold(VIEWS, claims, rules=kept).values() == fold(VIEWS, claims, rules=rules).values()


@given(claims=CLAIMS, rules=RULE_LISTS)
def test_newest_first_is_what_holds_without_rules_but_for_ties(claims: list[Claim], rules: tuple[Rule, ...]) -> None:
    moments = [START + timedelta(hours=hour) for hour in range(len(claims))]
    apart = [Claim(one.record_id, one.field, one.value, at) for one, at in zip(claims, moments, strict=True)]
    newest_first = Survivorship(default=("newest", *(rule for rule in rules if rule != "newest")))
    assert fold(VIEWS, apart, rules=newest_first).values() == fold(VIEWS, apart).values()
