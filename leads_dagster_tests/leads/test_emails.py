"""E-mail cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.emails import library_email, parse_emails, plain_email, suggest_email
from leads_dagster_tests.leads import corpus


@pytest.mark.parametrize(
    ("cell", "addresses"),
    [
        ("Jane.Doe@Acme.COM", ["jane.doe@acme.com"]),
        ("jane+tag@gmail.com", ["jane+tag@gmail.com"]),
        ("mailto:jane@acme.com", ["jane@acme.com"]),
        ("mailto:jane@acme.com?subject=Hi", ["jane@acme.com"]),
        ("Jane <jane@acme.com>", ["jane@acme.com"]),
        ('"Doe, Jane" <jane@acme.com>, bob@x.org', ["jane@acme.com", "bob@x.org"]),
        ("<jane@acme.com>", ["jane@acme.com"]),
        ("jane@acme.com.", ["jane@acme.com"]),
        ("jane@acme.com (work)", ["jane@acme.com"]),
        ("Work: a@x.com, Home: b@y.com", ["a@x.com", "b@y.com"]),
        ("a@x.com; b@y.com", ["a@x.com", "b@y.com"]),
        ("a@x.com / b@y.com", ["a@x.com", "b@y.com"]),
        ("a@x.com/b@y.com", ["a@x.com", "b@y.com"]),
        ("a@x.com b@y.com a@x.com", ["a@x.com", "b@y.com"]),
        ("a@x.com|b@y.com", ["a@x.com", "b@y.com"]),
        ("jane@müller.de", ["jane@müller.de"]),
        ("jane@xn--mller-kva.de", ["jane@müller.de"]),
        ("jörg@acme.de", ["jörg@acme.de"]),
        ("o'neil@acme.com", ["o'neil@acme.com"]),
        ("jane@acme.test", ["jane@acme.test"]),
        ("=cmd@acme.com", ["=cmd@acme.com"]),
        ("-x@acme.com", ["-x@acme.com"]),
    ],
)
def test_every_address_of_a_cell_is_found(cell: str, addresses: list[str]) -> None:
    assert parse_emails(cell) == (tuple(addresses), True)


@pytest.mark.parametrize(
    "cell",
    ["jane", "jane@", "@acme.com", "jane@acme", "jane@@acme.com", "jane@acme..com", "jane@gmial,com", "jane @ x.com"],
)
def test_what_is_no_address_is_none(cell: str) -> None:
    found = parse_emails(cell)
    assert (found.addresses, found.complete) == ((), False)


@pytest.mark.parametrize("cell", ["jane@acme.com; bob@", "jane doe@acme.com", "jane@acme.com see notes"])
def test_a_cell_that_says_more_than_its_addresses_is_not_complete(cell: str) -> None:
    found = parse_emails(cell)
    assert len(found.addresses) == 1
    assert not found.complete


@pytest.mark.parametrize(
    ("cell", "suggestion"),
    [
        ("jane@gmial,com", "jane@gmail.com"),
        ("jane@acme,com", "jane@acme.com"),
        ("jane@acme..com", "jane@acme.com"),
        ("jane@@acme.com", "jane@acme.com"),
        ("jane @ acme.com", "jane@acme.com"),
        ("jane at acme.com", "jane@acme.com"),
        ("jane(at)acme(dot)com", "jane@acme.com"),
        ("jane＠acme.com", "jane@acme.com"),
        ("jane@gmailcom", "jane@gmail.com"),
        ("jane@acmecom", "jane@acme.com"),
        ("jane@acme", ""),
        ("jane", ""),
        ("@acme.com", ""),
    ],
)
def test_the_nearest_address_is_suggested(cell: str, suggestion: str) -> None:
    assert suggest_email(cell) == suggestion


def test_plain_addresses_come_out_as_email_validator_gives_them() -> None:
    values = set(corpus.emails(80_000))
    plain = [(value, address) for value in values if (address := plain_email(value))]
    assert len(values) > 50_000
    assert len(plain) > 25_000
    for value, address in plain:
        assert library_email.__wrapped__(value) == address


@given(st.emails())
def test_the_fast_path_agrees_on_any_address(address: str) -> None:
    plain = plain_email(address)
    assert plain is None or plain == library_email.__wrapped__(address)


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    found = parse_emails(text)
    assert all("@" in address for address in found.addresses)
    assert parse_emails(suggest_email(text)).complete or not suggest_email(text)
