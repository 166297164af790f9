"""Websites as domains."""

from __future__ import annotations

import pytest
import tldextract
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.public_suffixes import registrable_domain, suffix_rules
from leads_dagster.leads.urls import parse_websites, parse_websites_slowly
from leads_dagster_tests.leads import corpus


@pytest.mark.parametrize(
    ("cell", "domain"),
    [
        ("http://www.bentonjohnbjr.com", "bentonjohnbjr.com"),
        ("https://www.Acme.co.uk/about?x=1", "acme.co.uk"),
        ("acme.de", "acme.de"),
        ("https://blog.acme.com:8080/x", "acme.com"),
        ("http://user:pw@acme.com/", "acme.com"),
        ("http:/acme.com", "acme.com"),
        ("//acme.com", "acme.com"),
        ("acme.com.", "acme.com"),
        ("<https://acme.com>", "acme.com"),
        ("acme.github.io", "acme.github.io"),
        ("https://müller.de", "müller.de"),
        ("xn--mller-kva.de", "müller.de"),
        ("http://intranet.corp/x", "intranet.corp"),
        ("foo.bar.internal", "foo.bar.internal"),
        ("https://www.acme.internal", "acme.internal"),
        ("192.168.0.1", "192.168.0.1"),
        ("https://www.facebook.com/Acme/", "facebook.com/acme"),
        ("facebook.com/pages/Acme/123", "facebook.com/pages/acme"),
        ("https://www.facebook.com", "facebook.com"),
        ("sites.google.com/view/acme", "sites.google.com/view/acme"),
    ],
)
def test_a_web_address_comes_to_its_domain(cell: str, domain: str) -> None:
    assert parse_websites(cell) == (domain,)


@pytest.mark.parametrize(
    "cell",
    [
        "acme",
        "jane@acme.com",
        "mailto:jane@acme.com",
        "ftp://acme.com",
        "see notes",
        "N. A.",
        "1.5",
        "12.345",
        "http://",
        "",
    ],
)
def test_what_is_no_web_address_is_none(cell: str) -> None:
    assert parse_websites(cell) == ()


def test_several_addresses_are_all_found() -> None:
    assert parse_websites("acme.com, www.acme.de acme.com") == ("acme.com", "acme.de")


def test_domains_are_those_that_tldextract_finds() -> None:
    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
    rules = suffix_rules()
    hosts = {
        *corpus.hosts(sorted(rules)),
        *(f"x-{number}.{rule.lstrip('!*.')}" for number, rule in enumerate(sorted(rules))),
    }
    assert len(hosts) > 50_000
    for host in hosts:
        expected = extract(host).top_domain_under_public_suffix or host
        if registrable_domain(host) != expected:
            # Where a wildcard and a longer rule meet ("*.futurecms.at", "*.in.futurecms.at"), tldextract overlooks the
            # wildcard; by the list's own algorithm "in.futurecms.at" is a suffix and counts whole.
            assert f"*.{host.partition('.')[2]}" in rules
            assert any(rule.endswith(f".{host}") for rule in rules)
            assert registrable_domain(host) == host


def test_plain_addresses_come_out_as_the_slow_way_gives_them() -> None:
    values = set(corpus.websites(80_000))
    assert len(values) > 50_000
    for value in values:
        assert parse_websites(value) == parse_websites_slowly.__wrapped__(value), value


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert all(parse_websites(text))
