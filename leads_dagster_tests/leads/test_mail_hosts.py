"""Which host is a company's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_dagster.leads.mail_hosts import company_host, is_free_mail


@pytest.mark.parametrize(
    "host",
    [
        *("gmail.com", "googlemail.com", "outlook.com", "icloud.com", "proton.me", "qq.com", "mail.ru", "naver.com"),
        *("web.de", "t-online.de", "orange.fr", "libero.it", "ziggo.nl", "bluewin.ch", "wp.pl", "seznam.cz"),
        *("btinternet.com", "comcast.net", "shaw.ca", "bigpond.com", "xtra.co.nz", "uol.com.br", "rediffmail.com"),
        *("yahoo.fr", "yahoo.com.br", "hotmail.co.uk", "live.nl", "austin.rr.com", "ms1.hinet.net", "mailinator.com"),
    ],
)
def test_free_mail_providers_and_throw_away_mailboxes_are_no_companies(host: str) -> None:
    assert is_free_mail(host)
    assert company_host(f"jane.doe@{host}") == ""


@pytest.mark.parametrize(
    "host",
    ["acme.com", "ibm.com", "microsoft.com", "alibaba.com", "meta.com", "live.events", "yahoo-it.com", "ox.ac.uk"],
)
def test_hosts_whose_own_people_write_from_there_are_no_free_mail(host: str) -> None:
    assert not is_free_mail(host)


@pytest.mark.parametrize(
    ("said", "domain"),
    [
        ("jane@acme.com", "acme.com"),
        ("jane@mail.acme.co.uk", "acme.co.uk"),
        ("www.acme.co.uk", "acme.co.uk"),
        ("blog.müller.de", "müller.de"),
        ("jane@linkedin.com", "linkedin.com"),
        ("jane@squarespace.com", "squarespace.com"),
        ("intranet", "intranet"),
    ],
)
def test_a_company_has_the_domain_that_it_registered(said: str, domain: str) -> None:
    assert company_host(said) == domain


@pytest.mark.parametrize(
    "said", ["acme.myshopify.com", "acme.wordpress.com", "facebook.com", "jane@acme.onmicrosoft.com", "t.me", ""]
)
def test_a_host_that_many_companies_share_says_nothing(said: str) -> None:
    assert company_host(said) == ""


@given(text=st.text(max_size=40))
def test_any_text_has_a_host_or_none(text: str) -> None:
    assert company_host(text) in ("", company_host(company_host(text)))
