"""LinkedIn addresses in one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.linkedin import parse_linkedin
from leads_dagster_tests.leads import corpus

ONE_FORM = "https://www.linkedin.com/in/jane-doe"


@pytest.mark.parametrize(
    "text",
    [
        "https://www.linkedin.com/in/jane-doe",
        "https://www.linkedin.com/in/jane-doe/",
        "http://linkedin.com/in/jane-doe",
        "linkedin.com/in/jane-doe",
        "//www.linkedin.com/in/jane-doe",
        "HTTPS://WWW.LINKEDIN.COM/IN/Jane-Doe/",
        "https://de.linkedin.com/in/jane-doe",
        "https://m.linkedin.com/in/jane-doe",
        "https://www.linkedin.com/mwlite/in/jane-doe",
        "https://www.linkedin.com/in/jane-doe/de",
        "https://www.linkedin.com/in/jane-doe/?originalSubdomain=de",
        "https://www.linkedin.com/in/jane-doe?trk=public_profile#about",
        "https://www.linkedin.com/in/jane-doe/details/experience/",
        "https://www.linkedin.com/in/jane%2Ddoe",
        "https://www.linkedin.com/in/jane%252Ddoe",
        "https://www.linkedin.com/pub/jane-doe",
        "LinkedIn: https://www.linkedin.com/in/jane-doe",
        "<https://www.linkedin.com/in/jane-doe>",
        "(linkedin.com/in/jane-doe).",
        "https://www.linkedin.com/in/jane-doe, https://www.linkedin.com/in/joe",
        "/in/jane-doe",
        "in/jane-doe/",
    ],
)
def test_every_way_to_copy_a_profile_comes_to_one_form(text: str) -> None:
    page = parse_linkedin(text)
    assert page is not None
    assert (page.kind, page.url, page.slug) == ("person", ONE_FORM, "jane-doe")


@pytest.mark.parametrize(
    ("text", "kind", "url"),
    [
        ("linkedin.com/in/j%C3%BCrgen", "person", "https://www.linkedin.com/in/j%C3%BCrgen"),
        ("linkedin.com/in/Jürgen", "person", "https://www.linkedin.com/in/j%C3%BCrgen"),
        ("linkedin.com/in/ACoAAB123456789abcDEF", "person", "https://www.linkedin.com/in/ACoAAB123456789abcDEF"),
        ("linkedin.com/pub/Jane-Doe/1A/2b3/4C5", "person", "https://www.linkedin.com/pub/jane-doe/1a/2b3/4c5"),
        ("linkedin.com/company/acme/", "company", "https://www.linkedin.com/company/acme"),
        ("linkedin.com/school/mit", "company", "https://www.linkedin.com/school/mit"),
        ("linkedin.com/sales/lead/ACw,NAME", "sales", "https://www.linkedin.com/sales/lead/ACw,NAME"),
        ("linkedin.com/feed", "other", "https://www.linkedin.com/feed"),
        ("linkedin.com", "other", "https://www.linkedin.com/"),
        ("linkedin.com/in/", "other", "https://www.linkedin.com/in"),
        ("linkedin.com/pub/dir/Jane/Doe", "other", "https://www.linkedin.com/pub/dir/Jane/Doe"),
    ],
)
def test_other_pages_keep_their_kind_and_shape(text: str, kind: str, url: str) -> None:
    page = parse_linkedin(text)
    assert page is not None
    assert (page.kind, page.url) == (kind, url)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Jane Doe",
        "notlinkedin.com/in/jane",
        "linkedin.com.evil.com/in/jane",
        "https://evil.com/?u=linkedin.com/in/jane",
        "jane@linkedin.com",
        "https://www.linkedin.com/in/jane doe",
        "facebook.com/in/jane",
    ],
)
def test_what_only_looks_like_linkedin_is_none(text: str) -> None:
    assert parse_linkedin(text) is None


def test_the_one_form_is_a_fixed_point() -> None:
    for text in set(corpus.linkedin_urls(50_000)):
        page = parse_linkedin(text)
        assert page is not None, text
        if page.kind != "other":
            assert parse_linkedin(page.url) == page, text


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    page = parse_linkedin(f"https://www.linkedin.com/in/{text}")
    assert page is None or page.url.startswith("https://www.linkedin.com/")
