"""Websites as domains: what tells that two firms share one, whatever page was copied.

What belongs here: web addresses other than LinkedIn's (`linkedin`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from leads_dagster.leads.public_suffixes import is_plain_domain, registrable_domain
from leads_dagster.leads.rule_tables import folded_set

_PLAIN = re.compile(r"(?:https?://)?(?:www\.)?([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.[a-z]{2,24})/?")
_URL = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*):/{1,3}|//)?(?:[^/?#@\s]*@)?(?P<host>[^/?#:@\s\\]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{0,5}))?"
    r"(?P<path>[/\\][^?#\s]*)?(?:[?#]\S*)?",
    re.I,
)
_HOST = re.compile(r"(?=.{4,253}\Z)(?:(?!-)[^\W](?:[\w-]{0,61}[^\W_])?\.)+(?!-)[^\W_](?:[\w-]{0,61}[^\W_])?")
_ADDRESS_V4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_ALL_DIGITS = re.compile(r"[\d.]+")
_WEB_SCHEMES = frozenset({"http", "https", "htp", "hhttp", "htttp", "ttp", "htpp", "htttps"})
_WRAPPING = " \"'<>()[]“”‘’"
_SPLITS = re.compile(r"[\s,;|]+")
_LONGEST = 2_048


def parse_websites(cell: str) -> tuple[str, ...]:
    """The domains of the web addresses in a cell, in their order; () where one of its words is none.

    "https://www.Acme.co.uk/about?x=1" -> "acme.co.uk"; "facebook.com/acme" keeps its path, because many share the host;
    "192.0.2.1" and "intranet.corp" count whole. Unicode domains are given in Unicode.

    Args:
        cell: a cleaned cell.
    """
    plain = _PLAIN.fullmatch(cell)
    if plain and "xn--" not in cell and plain[1] not in _PLATFORMS and is_plain_domain(plain[1]):
        return (plain[1],)
    return parse_websites_slowly(cell) if len(cell) <= _LONGEST else ()


@lru_cache(maxsize=1 << 14)
def parse_websites_slowly(cell: str) -> tuple[str, ...]:
    words = [word for word in _SPLITS.split(cell.strip(_WRAPPING)) if word]
    domains = [_domain(word.strip(_WRAPPING).rstrip(".")) for word in words]
    return tuple(dict.fromkeys(domain for domain in domains if domain)) if all(domains) else ()


def _domain(word: str) -> str | None:
    found = _URL.fullmatch(word)
    if found is None or (found["scheme"] or "http").lower() not in _WEB_SCHEMES or _is_mail(word, found):
        return None
    host = _unicode(found["host"].lower().replace("。", ".").rstrip("."))
    if _ADDRESS_V4.fullmatch(host):
        return host if all(int(part) < 256 for part in host.split(".")) else None
    if not _HOST.fullmatch(host) or _ALL_DIGITS.fullmatch(host):
        return None
    return _with_path(host, found["path"] or "")


def _is_mail(word: str, found: re.Match[str]) -> bool:
    return "@" in word[: found.start("host")] and not found["scheme"]


def _with_path(host: str, path: str) -> str:
    bare = host.removeprefix("www.")
    # "www.intranet.corp" ends in no public suffix and counts whole, but for the "www." that nobody means.
    registered = registrable_domain(host)
    domain = bare if registered == host and "." in bare else registered
    platform = next((name for name in (bare, domain) if name in _PLATFORMS), "")
    return "/".join([platform, *_page(path)]) if platform else domain


def _page(path: str) -> list[str]:
    """The parts of a path that name whose page it is: "/pages/Acme/info" -> ["pages", "acme"]."""
    parts = [part.lower() for part in re.split(r"[/\\]", path) if part]
    return parts[:2] if parts and parts[0] in _SHELVES else parts[:1]


def _unicode(host: str) -> str:
    """Punycode labels as people read them; left alone where they are not valid punycode."""
    if "xn--" not in host:
        return host
    try:
        return host.encode("ascii").decode("idna")
    except UnicodeError:
        return host


_PLATFORMS = folded_set("websites", "platforms")
_SHELVES = folded_set("websites", "shelves")
