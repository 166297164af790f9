"""What two rows are to each other, one sentence a case."""

from __future__ import annotations

import json
from itertools import combinations

import pytest

from leads_dagster.leads.comparison import name_scores
from leads_dagster.leads.headers import map_headers
from leads_dagster.leads.match_features import person_name
from leads_dagster.leads.matching import Thresholds, compare_pairs, match_record
from leads_dagster.leads.normalization import Normalizer
from leads_dagster_tests.leads.matching_cases import groups, judged, outcome, record

ACME = {"company": "Acme GmbH"}
MAIL = {"email": "john@acme.com"}
PHONE = {"phone": "+13125550100"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("John Smith", "JOHN SMITH"),
        ("John Smith", "Smith, John"),
        ("John Smith", "Smith John"),
        ("Bob Smith", "Robert Smith"),
        ("Jhon Smith", "John Smith"),
        ("Jörg Köhler", "Joerg Koehler"),
        ("Łukasz Nowak", "Lukasz Nowak"),
        ("Anna Meier-Schulz", "Anna Meier"),
        ("Ludwig van Beethoven", "Ludwig Beethoven"),
        ("J. Robert Oppenheimer", "Robert Oppenheimer"),
        ("Dr. Ursula Weber", "Ursula Weber"),
        ("王伟", "王伟"),
    ],
)
def test_a_name_written_otherwise_in_one_company_matches(one: str, other: str) -> None:
    assert outcome({"name": one, **ACME}, {"name": other, **ACME}) == "match name_company"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("J. Smith", "John Smith"),
        ("Mario Rossi", "Maria Rossi"),
        ("Tim Cook", "Tom Cook"),
        ("Paul Berger", "Paula Berger"),
        ("John A. Smith", "John B. Smith"),
        ("John Smith Jr.", "John Smith"),
        ("John Andrew Smith", "John Albert Smith"),
        ("Ji-hoon Kim", "Ji-hyun Kim"),
        ("Xiaoming Li", "Xiaoling Li"),
        ("Zhang Xiaohong", "Zhang Xiaodong"),
        ("Chen Jing", "Chen Jiang"),
        ("Chen Jing", "Jiang Chen"),
        ("Kim Minjun", "Kim Minjung"),
        ("Seo-yeon Park", "Seo-yoon Park"),
        ("Nguyễn Văn Minh", "Nguyen Thi Minh"),
        ("Minh Van Le", "Minh Thi Le"),
        ("Anna", "Anna"),
    ],
)
def test_where_the_rows_cannot_tell_a_person_is_asked(one: str, other: str) -> None:
    assert outcome({"name": one, **ACME}, {"name": other, **ACME, "title": "CEO"}) == "review name_company"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("John Smith", "Mary Smith"),
        ("John Smith", "John Baker"),
        ("John Smith 3", "John Smith 4"),
        ("Mark Hoffmannstein", "John Hoffmannstein"),
        ("Robert Smith", "Richard Smith"),
    ],
)
def test_other_names_in_one_company_are_other_people(one: str, other: str) -> None:
    assert outcome({"name": one, **ACME}, {"name": other, **ACME}) == "nothing"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme GmbH", "Acme Inc."),
        ("Müller & Söhne KG", "Mueller und Soehne"),
        ("Data Works Ltd", "Dataworks"),
        ("Volkswagen AG", "Volkswagon"),
        ("Software Acme", "Acme Software"),
        ("IBM", "International Business Machines Corp."),
        ("The Boeing Company", "Boeing"),
    ],
)
def test_one_name_in_a_company_written_otherwise_matches(one: str, other: str) -> None:
    assert outcome({"name": "John Smith", "company": one}, {"name": "John Smith", "company": other}) == (
        "match name_company"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [("Siemens", "Siemens Energy"), ("Alfax", "Alfay"), ("Acme I", "Acme II"), ("ABC Consulting", "ABD Consulting")],
)
def test_one_name_in_companies_that_may_be_one_goes_to_review(one: str, other: str) -> None:
    assert outcome({"name": "John Smith", "company": one}, {"name": "John Smith", "company": other}) == (
        "review name_company"
    )


@pytest.mark.parametrize(("one", "other"), [("Acme 1", "Acme 2"), ("Acme", "Borealis"), ("Acme 1", "Acme")])
def test_one_name_in_different_companies_is_two_people(one: str, other: str) -> None:
    assert outcome({"name": "John Smith", "company": one}, {"name": "John Smith", "company": other}) == "nothing"


@pytest.mark.parametrize(
    "said", ["Freelance", "Self-employed", "selbständig", "Retired", "Confidential", "Stealth Startup", "Student"]
)
def test_what_stands_in_place_of_a_company_is_no_common_employer(said: str) -> None:
    one, other = {"name": "Michael Brown", "company": said}, {"name": "Michael Brown", "company": said}

    assert outcome({**one, "location": "Leeds"}, {**other, "location": "York"}) == "nothing"


def test_a_company_whose_name_holds_such_a_word_is_a_company() -> None:
    one, other = (
        {"name": "Michael Brown", "company": "The Independent"},
        {"name": "Mike Brown", "company": "Independent"},
    )

    assert outcome(one, dict(one)) == "match name_company"
    assert outcome(one, other) == "nothing"


def test_a_name_alone_is_never_enough() -> None:
    assert outcome({"name": "John Smith", **ACME}, {"name": "John Smith"}) == "nothing"
    assert outcome({"name": "John Smith"}, {"name": "John Smith"}) == "nothing"


def test_the_lower_of_name_and_company_is_the_score() -> None:
    edge = judged({"name": "Bob Smith", "company": "Volkswagen"}, {"name": "Robert Smith", "company": "Volkswagon"})

    assert edge is not None
    assert edge.explanation["features"]["name"]["score"] == pytest.approx(0.9545, abs=1e-4)
    assert edge.score == edge.explanation["features"]["company"]["score"] == pytest.approx(0.9)


def test_one_linkedin_profile_is_one_person_whatever_else_differs() -> None:
    one = {"name": "Anna Meier", "linkedin": "anna-m", **ACME}
    other = {"name": "Anna Schulz", "linkedin": "anna-m", "company": "Borealis"}

    assert outcome(one, other) == "match linkedin"


def test_one_linkedin_profile_under_two_names_of_which_no_word_fits_goes_to_review() -> None:
    john, mary = ({"name": name, "linkedin": "johns", **ACME} for name in ("John Smith", "Mary Jones"))

    assert outcome(john, mary) == "review linkedin"
    assert outcome(john, {**mary, "name": "Mary Smith"}) == "match linkedin"
    assert outcome(john, {"linkedin": "johns"}) == "match linkedin"
    trio = [record(number, **said) for number, said in enumerate((john, mary, {"linkedin": "johns"}))]
    assert not any({0, 1} <= members for members in groups(trio))


@pytest.mark.parametrize("name", ["王伟", "WANGWEISMITH"])
def test_one_profile_under_a_name_that_is_not_read_is_one_person(name: str) -> None:
    assert outcome({"name": "Wei Wang", "linkedin": "weiw"}, {"name": name, "linkedin": "weiw"}) == "match linkedin"


def test_two_linkedin_profiles_block_what_an_equal_mailbox_would_join() -> None:
    edge = judged({"name": "John Smith", "linkedin": "a", **MAIL}, {"name": "John Smith", "linkedin": "b", **MAIL})

    assert edge is not None
    assert (edge.outcome, edge.rule) == ("blocked", "email")
    assert edge.explanation["features"]["linkedin"] == {"a": "a", "b": "b", "score": 0.0, "contribution": -30.0}
    assert "two different LinkedIn profiles" in edge.explanation["rule"]


@pytest.mark.parametrize("shared", [MAIL, PHONE, ACME], ids=["mailbox", "telephone", "company"])
def test_father_and_son_are_kept_apart(shared: dict[str, str]) -> None:
    assert outcome({"name": "John Smith Jr.", **shared}, {"name": "John Smith Sr.", **shared}).startswith("blocked")


BORN = {"name": "John Smith", **ACME, "birth_date": "19831024"}


@pytest.mark.parametrize("shared", [{}, {"email": "smith@gmail.com"}, {"title": "CFO", "location": "Oslo"}])
def test_two_birth_dates_keep_two_of_one_name_apart(shared: dict[str, str]) -> None:
    father = {**BORN, "birth_date": "19510203"}

    assert outcome({**BORN, **shared}, {**father, **shared}).startswith("blocked ")
    assert outcome({**BORN, "linkedin": "johns"}, {**father, "linkedin": "johns"}) == "match linkedin"


@pytest.mark.parametrize("nearly", ["19831025", "19832410", "19381024"])
def test_birth_dates_that_are_nearly_the_same_keep_nobody_apart(nearly: str) -> None:
    assert outcome(BORN, {**BORN, "birth_date": nearly}) == "match name_company"


def test_one_generation_given_and_one_left_out_goes_to_review_even_with_one_mailbox() -> None:
    assert outcome({"name": "John Smith Jr.", **MAIL}, {"name": "John Smith", **MAIL}) == "review email"


@pytest.mark.parametrize(
    ("one", "other"),
    [("John Smith", "Jon Smith"), ("J. Smith", "John Smith"), ("John", "John Smith"), ("Bob Smith", "Robert Smith")],
)
def test_one_personal_mailbox_and_names_that_fit_match(one: str, other: str) -> None:
    assert outcome({"name": one, **MAIL}, {"name": other, **MAIL}) == "match email"


@pytest.mark.parametrize(
    ("one", "other"),
    [("John Smith", "Mary Baker"), ("John Smith", "Mary Smith"), ("Anna Meier", "Anna Schulz")],
)
def test_one_personal_mailbox_and_two_persons_names_go_to_review(one: str, other: str) -> None:
    assert outcome({"name": one, **MAIL}, {"name": other, **MAIL}) == "review email"


def test_one_personal_mailbox_without_a_name_is_the_person_who_gives_one() -> None:
    assert outcome(MAIL, {"name": "John Smith", **MAIL}) == "match email"


def test_gmail_dots_and_tags_do_not_make_another_mailbox() -> None:
    one = {"name": "Jane Doe", "email": "jane.doe+news@gmail.com"}

    assert outcome(one, {"name": "Jane Doe", "email": "janedoe@googlemail.com"}) == "match email"


@pytest.mark.parametrize("mailbox", ["info", "kontakt", "buero", "contact", "hola", "sales", "no-reply", "info2"])
def test_a_shared_mailbox_counts_only_with_the_name(mailbox: str) -> None:
    mail = {"email": f"{mailbox}@acme.com"}

    assert outcome({"name": "John Smith", **mail}, {"name": "Mary Baker", **mail}) == "nothing"
    assert outcome({"name": "John Smith", **mail}, {"name": "Jon Smith", **mail}) == "match email"
    assert outcome({"name": "J. Smith", **mail}, {"name": "John Smith", **mail}) == "review email"


def test_a_shared_mailbox_of_two_companies_is_none_of_theirs() -> None:
    one, other = {"name": "John Smith", "company": "Acme"}, {"name": "John Smith", "company": "Borealis"}

    assert outcome({**one, "email": "test@test.com"}, {**other, "email": "test@test.com"}) == "nothing"


@pytest.mark.parametrize("mailbox", ["no@email.com", "nobody@nowhere.com", "noemail@mail.example", "asdf@asdf.de"])
def test_what_is_typed_for_want_of_a_mailbox_joins_no_two_people(mailbox: str) -> None:
    one, other = {"name": "Nicole Shelstone", "company": "Acme"}, {"name": "Nicole Whitestone", "company": "Borealis"}

    assert outcome({**one, "email": mailbox}, {**other, "email": mailbox}) == "nothing"
    assert outcome({**one, "email": "n.stone@stone.de"}, {**other, "email": "n.stone@stone.de"}) == "match email"


def test_a_common_given_name_is_no_rarer_where_it_stands_last() -> None:
    work = {"title": "Recruiter", "location": "Paris"}

    assert outcome({"name": "C. Ashley", **work}, {"name": "Ashley Claybrook", **work}) == "review name_company"
    assert outcome({"name": "Claybrook Ashley", **work}, {"name": "Ashley Claybrook", **work}) == "match name_company"


def test_an_initial_of_a_short_form_says_less_than_one_of_the_name_itself() -> None:
    work = {"title": "CFO", "location": "London"}
    initial = {"name": "G. Bergdale", **work}

    assert outcome(initial, {"name": "Giovanni Bergdale", **work}) == "match name_company"
    assert outcome(initial, {"name": "John Bergdale", **work}) == "review name_company"


def test_two_letters_with_another_title_in_another_place_are_asked_about() -> None:
    one = {"name": "Susan Langstrom", **ACME, "title": "CFO", "location": "Oslo"}
    other = {"name": "Susan Sandstrom", **ACME, "title": "Recruiter", "location": "Bergen"}

    assert outcome(one, other) == "review name_company"
    assert outcome(one, {**other, "title": "CFO"}) == "match name_company"
    assert outcome(one, {**other, "location": "Oslo"}) == "match name_company"
    assert outcome(one, {**other, "name": "Susan Langstron"}) == "match name_company"


@pytest.mark.parametrize(
    ("one", "other", "mails"),
    [("Chris Doe", "Chris Doe", ("christopher", "christine")), ("J. Doe", "J. Doe", ("john", "jane"))],
)
def test_addresses_of_two_given_names_are_two_peoples(one: str, other: str, mails: tuple[str, str]) -> None:
    left, right = ({"email": f"{mail}@acme.com", **ACME} for mail in mails)

    assert not outcome({"name": one, **left}, {"name": other, **right}).startswith("match")


@pytest.mark.parametrize("phone", ["+15555555555", "+12345678900", "+49300000000"])
def test_a_number_typed_to_fill_a_field_is_nobodys(phone: str) -> None:
    one, other = {"name": "John Smith", "company": "Acme"}, {"name": "John Smith", "company": "Borealis"}

    assert outcome({**one, "phone": phone}, {**other, "phone": phone}) == "nothing"


def test_what_stands_in_place_of_a_name_is_nobody() -> None:
    one = {"name": "LinkedIn Member", **ACME, "title": "Software Engineer"}

    assert outcome({**one, "location": "London"}, {**one, "location": "Zurich"}) == "nothing"


@pytest.mark.parametrize("name", ["Nguyen Minh", "Nguyen Van Minh", "Kim Minjun"])
def test_a_common_family_name_is_common_where_it_stands_first(name: str) -> None:
    one = {"name": name, "title": "Software Engineer", "location": "Seoul"}

    assert outcome({**one, "notes": "met in May"}, {**one, "notes": "from a fair"}) != "match name_company"


def test_a_telephone_counts_only_with_the_name() -> None:
    assert outcome({"name": "John Smith", **PHONE}, {"name": "Jon Smith", **PHONE}) == "match phone"
    assert outcome({"name": "John Smith", **PHONE}, {"name": "Mary Smith", **PHONE}) == "nothing"


def test_a_company_never_matches_a_person_of_it() -> None:
    company = {"name": "Acme GmbH", **ACME, **PHONE, "email": "info@acme.com"}

    assert outcome(company, {"name": "John Smith", **ACME, **PHONE, "email": "info@acme.com"}) == "nothing"


def test_companies_match_by_name_and_telephone_place_or_website() -> None:
    acme = {"name": "Acme GmbH", **ACME}

    assert outcome({**acme, **PHONE}, {**acme, **PHONE, "location": "Berlin"}) == "match name_company"
    assert outcome({**acme, "location": "Berlin"}, {**acme, "location": "Berlin, Germany"}) == "match name_company"
    assert outcome({**acme, "website": "https://www.acme.com/"}, {**acme, "website": "acme.com"}) == (
        "match name_company"
    )


def test_one_company_name_in_other_cities_or_with_other_telephones_is_not_merged() -> None:
    acme = {"name": "Acme", "company": "Acme", "website": "acme.com"}
    other_phone = {"phone": "+13125550199"}

    assert outcome({**acme, "location": "Berlin"}, {**acme, "location": "Paris"}) == "review name_company"
    assert outcome({**acme, **PHONE}, {**acme, **other_phone}) == "review name_company"
    del acme["website"]
    assert outcome({**acme, "location": "Berlin"}, {**acme, "location": "Paris"}) == "nothing"
    assert outcome({**acme, **PHONE}, {**acme, **other_phone}) == "nothing"


def test_companies_whose_names_hold_no_letter_say_nothing() -> None:
    unreadable = {"name": "????????", "company": "????????", "location": "???"}

    assert outcome({**unreadable, "website": "a.example"}, {**unreadable, "website": "b.example"}) == "nothing"


def test_rows_that_say_exactly_the_same_are_one_lead() -> None:
    twice = {"name": "Cher", "company": "Cher Inc.", "title": "Singer"}

    assert outcome(twice, dict(twice)) == "match name_company"


def test_both_thresholds_are_the_callers() -> None:
    pair = (record(1, name="Tim Cook", **ACME), record(2, name="Tom Cook", **ACME))

    assert [edge.outcome for edge in compare_pairs([pair])] == ["review"]
    assert [edge.outcome for edge in compare_pairs([pair], Thresholds(match=0.78))] == ["match"]
    assert compare_pairs([pair], Thresholds(review=0.82)) == []


def test_equal_names_and_companies_match_even_where_nothing_less_would() -> None:
    pair = (record(1, name="John Smith", **ACME), record(2, name="John Smith", **ACME))

    assert [edge.outcome for edge in compare_pairs([pair], Thresholds(match=1.0, review=1.0))] == ["match"]


def test_an_explanation_names_rule_features_scores_and_thresholds_and_is_json() -> None:
    edge = judged({"name": "Bob Smith", **ACME, **MAIL, **PHONE}, {"name": "Robert Smith", **ACME, **MAIL, **PHONE})

    assert edge is not None
    told = json.loads(json.dumps(edge.explanation))
    assert told["rule"] == "Both give the same personal e-mail address, and their names do not speak against it."
    assert told["features"]["email"] == {"shared": ["john@acme.com"], "contribution": 20.0}
    assert told["features"]["phone"] == {"shared": ["+13125550100"], "contribution": 3.0}
    assert {told["features"]["name"]["a"], told["features"]["name"]["b"]} == {"Bob Smith", "Robert Smith"}
    assert [item["rule"] for item in told["evidence"] if item["outcome"] == "match"] == [
        "email",
        "phone",
        "name_company",
    ]
    assert told["thresholds"] == {"match": 0.85, "review": 0.75}


def test_two_of_a_common_name_in_one_place_are_two_however_equal_their_rows() -> None:
    common = {"name": "John Smith", "location": "London"}

    assert outcome(common, dict(common)) == "nothing"


def test_two_of_a_rare_name_in_one_place_are_one_where_their_rows_are_equal() -> None:
    rare = {"name": "Ottokar Woodbrook-Przybylski", "location": "Lindau"}

    assert outcome(rare, dict(rare)) == "match name_company"


@pytest.mark.parametrize(
    ("one", "other"),
    [("Xiaoming Li", "Xiaoling Li"), ("Zhang Xiaohong", "Zhang Xiaodong"), ("Seo-yeon Park", "Seo-yoon Park")],
)
def test_another_syllable_is_another_name_whatever_colleagues_have_in_common(one: str, other: str) -> None:
    common = {**ACME, "title": "Engineer", "location": "Shenzhen", "phone": "+8675512345679"}

    assert outcome({"name": one, **common}, {"name": other, **common}) == "review phone"


def test_what_is_no_syllable_is_mistyped() -> None:
    assert outcome({"name": "Xiaoming Li", **ACME}, {"name": "Xiaomnig Li", **ACME}) == "match name_company"
    assert outcome({"name": "Xiaoming Li", **ACME}, {"name": "Li Xiao Ming", **ACME}) == "match name_company"


@pytest.mark.parametrize("telling_nothing", [{"company": "Freelance"}, {"phone": "+15555555555"}])
def test_two_of_a_common_name_are_two_where_their_rows_say_nothing_more(telling_nothing: dict[str, str]) -> None:
    said = {"name": "Michael Brown", **telling_nothing}

    assert outcome(said, dict(said)) == "nothing"


@pytest.mark.parametrize("slug", ["me", "username", "your-profile", "Your-Name"])
def test_what_stands_in_place_of_a_profile_is_nobodys(slug: str) -> None:
    assert outcome({"name": "John Smith", "linkedin": slug}, {"name": "Mary Jones", "linkedin": slug}) == "nothing"


def test_rows_that_say_other_things_in_further_columns_do_not_say_the_same() -> None:
    mapping = map_headers(["Name", "Notes", "Plan", "Record ID"])
    cells = (["Cher", "called", "Gold", "1"], ["Cher", "called", "Gold", "2"], ["Cher", "called", "Silver", "3"])
    first, twin, other = map(match_record, range(3), Normalizer(mapping).rows(cells))

    assert groups([first, twin, other]) == {frozenset({0, 1}), frozenset({2})}


def test_it_does_not_matter_which_of_two_names_is_the_left_one() -> None:
    names = (
        "Ida Woodbrok",
        "Woodbrook Ida",
        "Ida Maria Woodbrook",
        "Woodbrook Maria Ida",
        "Idawoodbrook",
        "I. Woodbrook",
    )
    for one, other in combinations(map(person_name, names), 2):
        forwards, backwards = name_scores(one, other), name_scores(other, one)
        assert (forwards.bits, forwards.scores, forwards.agree) == (backwards.bits, backwards.scores, backwards.agree)


def test_two_mailboxes_at_one_company_are_colleagues_however_alike_their_names() -> None:
    one, other = {"name": "Ada Abson", "email": "p1@acme.com"}, {"name": "Ada Acson", "email": "p2@acme.com"}

    assert outcome(one, other) == "nothing"
    assert outcome(one, {"name": "Ada Abson", "company": "Acme Inc"}) == "match name_company"
