"""Which host is a company's own: not the one of a free mailbox, and not the one of a builder of sites and shops.

What belongs here: looking hosts up in `data/free_mail.toml` and `data/websites.toml`, which name their sources. What
was registered of a host tells `public_suffixes`.
"""

from __future__ import annotations

from functools import lru_cache

from leads_dagster.leads.public_suffixes import registrable_domain, suffix_rules
from leads_dagster.leads.rule_tables import load_table

_COUNTRY_CODE_LENGTH = 2


@lru_cache(maxsize=1 << 16)
def is_free_mail(host: str) -> bool:
    """Whether anybody can have a mailbox at this host: free mail, access providers, mailboxes to throw away.

    Args:
        host: lower-case, what stands behind the "@".
    """
    domain = registrable_domain(host)
    return not _free().isdisjoint((host, domain)) or _is_of_family(domain)


@lru_cache(maxsize=1 << 16)
def company_host(email_or_host: str) -> str:
    """The domain that a company registered: "jane@mail.acme.co.uk" and "www.acme.co.uk" -> "acme.co.uk".

    Args:
        email_or_host: an address, or a website's host; lower-case.

    Returns:
        "" where the host says nothing about the company: free mail, and hosts where many companies have a page.
    """
    _, at, host = email_or_host.rpartition("@")
    host = host.rstrip(".")
    if not host or is_free_mail(host) or _is_shared(host, for_mail=bool(at)):
        return ""
    return registrable_domain(host)


def _is_shared(host: str, *, for_mail: bool) -> bool:
    """The people of a platform write from its very domain; as a website, it belongs to the page's owner."""
    labels = host.split(".")
    above = {".".join(labels[start:]) for start in range(1 if for_mail else 0, len(labels))}
    return not above.isdisjoint(_hosted()) or (not for_mail and not above.isdisjoint(_platforms()))


def _is_of_family(domain: str) -> bool:
    name, _, suffix = domain.partition(".")
    if name not in _families() or suffix not in suffix_rules():
        return False
    return suffix in {"com", "net"} or len(suffix.rpartition(".")[2]) == _COUNTRY_CODE_LENGTH


@lru_cache(maxsize=1)
def _free() -> frozenset[str]:
    table = load_table("free_mail")
    return frozenset(table["free"].split()) | frozenset(table["disposable"].split())


@lru_cache(maxsize=1)
def _families() -> frozenset[str]:
    return frozenset(load_table("free_mail")["families"])


@lru_cache(maxsize=1)
def _hosted() -> frozenset[str]:
    return frozenset(load_table("free_mail")["hosted"])


@lru_cache(maxsize=1)
def _platforms() -> frozenset[str]:
    return frozenset(load_table("websites")["platforms"])
