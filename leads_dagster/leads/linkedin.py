"""LinkedIn addresses in one form, and what kind of page they are.

What belongs here: taking a LinkedIn URL apart, whatever way it was copied. Whether a row may live by it is decided in
`normalization`; other web addresses are in `urls`.

One form is `https://www.linkedin.com/in/<slug>`: no country or mobile host, no locale path, no query, no trailing
slash, the slug lower-case and percent-encoded as RFC 3986 asks. Two exceptions keep their own canonical shape: the old
public form `/pub/<name>/<a>/<b>/<c>`, because LinkedIn alone knows which slug it became, and member ids such as
`ACoAAB…`, whose letter case matters.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple
from urllib.parse import quote, unquote

from leads_dagster.leads.rule_tables import load_table

LinkedInKind = Literal["person", "company", "sales", "other"]

BASE_URL = "https://www.linkedin.com/"

# Words after a blank belong to a slug that was typed with one, so an address followed by words is not an address.
_ADDRESS = re.compile(
    r"(?<![\w.@/=%-])(?:https?:/{1,3}|//)?(?:[\w-]+\.)*linkedin\.com(?P<path>[/?#]\S*)?(?![\w.@-])(?=\s*$|\s*[,;|(<>)\]\n])",
    re.I,
)
_PATH_ONLY = re.compile(r"/?(?P<path>in/[^/\s?#]+)/?", re.I)
_PLAIN = re.compile(r"https?://(?:www\.)?linkedin\.com/in/([a-z0-9-]+)/?")
_MEMBER_ID = re.compile(r"A[A-Za-z]{2,3}AA[A-Za-z0-9_-]{10,}")
_SLUG = re.compile(r"[^\s/?#<>\"\\^`{|}]+")
_NEXT_IN_CELL = re.compile(r"[,;|]")
_HEX_PART = re.compile(r"[0-9a-f]{1,4}")
_MOBILE_PREFIXES = frozenset({"m", "mwlite", "mobile"})
_COMPANY_PATHS = frozenset({"company", "school", "showcase", "edu", "organization", "companies"})
_SALES_PATHS = frozenset({"sales", "talent", "recruiter"})
_TRAILING = ".,;:)>]}'\""


class LinkedInPage(NamedTuple):
    """A LinkedIn address taken apart.

    Attributes:
        kind: "person" for /in/ and /pub/; "company" for company, school and showcase pages; "sales" for Sales
            Navigator and Recruiter links, which name a person only to whoever is logged in there; "other" for the rest,
            and for what stands in a profile's place (/in/me).
        url: the address in its one form.
        slug: what identifies a person ("janedoe", "pub/jane-doe/1a/2b/3c"), decoded; "" for other kinds.
    """

    kind: LinkedInKind
    url: str
    slug: str = ""


def parse_linkedin(text: str) -> LinkedInPage | None:
    """The LinkedIn page that a cell names, or None where it names none.

    Schemes, hosts, locale paths and queries may be missing or in excess; a label before the address is
    ignored, and so is a second address after it.
    """
    plain = _PLAIN.fullmatch(text)
    if plain and not _is_placeholder(plain[1]):
        return LinkedInPage("person", f"{BASE_URL}in/{plain[1]}", plain[1])
    found = _ADDRESS.search(text) or _PATH_ONLY.fullmatch(text.strip())
    if found is None:
        return None
    return _page(re.split(r"[?#]", found["path"] or "", maxsplit=1)[0].rstrip(_TRAILING))


def linkedin_slug(text: str) -> str | None:
    """What identifies the person behind a LinkedIn URL, for matching; None where it names no person."""
    page = parse_linkedin(text)
    return page.slug or None if page else None


def _page(path: str) -> LinkedInPage:
    parts = [part for part in path.split("/") if part]
    if parts and parts[0].lower() in _MOBILE_PREFIXES:
        parts = parts[1:]
    head = parts[0].lower() if parts else ""
    if head == "in" and len(parts) > 1:
        return _person(parts[1])
    if head == "pub" and len(parts) > 1:
        return _public(parts[1:])
    return LinkedInPage(_kind(head), BASE_URL + "/".join(parts))


def _kind(head: str) -> LinkedInKind:
    if head in _COMPANY_PATHS:
        return "company"
    return "sales" if head in _SALES_PATHS else "other"


def _person(raw: str) -> LinkedInPage:
    slug = _decoded(_NEXT_IN_CELL.split(raw, maxsplit=1)[0])
    if not _SLUG.fullmatch(slug) or _is_placeholder(slug):
        return LinkedInPage("other", f"{BASE_URL}in/{raw}")
    return LinkedInPage("person", f"{BASE_URL}in/{quote(slug, safe='-._~')}", slug)


def _is_placeholder(slug: str) -> bool:
    """Whether it stands where a profile's name would: /in/me, /in/your-profile."""
    return slug.replace("-", "").lower() in _placeholders()


@lru_cache(maxsize=1)
def _placeholders() -> frozenset[str]:
    return frozenset(load_table("placeholders")["profiles"])


def _public(parts: list[str]) -> LinkedInPage:
    """`/pub/name/a/b/c`; `/pub/name` alone is the short form of `/in/name`, and `/pub/dir/…` is a search page."""
    if parts[0].lower() == "dir":
        return LinkedInPage("other", f"{BASE_URL}pub/{'/'.join(parts)}")
    codes = [part.lower() for part in parts[1:4]]
    if len(codes) < 3 or not all(map(_HEX_PART.fullmatch, codes)):
        return _person(parts[0])
    person = _person(parts[0])
    tail = "/".join(codes)
    return LinkedInPage(
        person.kind, person.url.replace("/in/", "/pub/", 1) + f"/{tail}", person.slug and f"pub/{person.slug}/{tail}"
    )


def _decoded(raw: str) -> str:
    """The slug without percent signs; encoded twice by some tools, so decoded twice where that leaves an escape."""
    once = unquote(raw)
    slug = unquote(once) if "%" in once else once
    if _MEMBER_ID.fullmatch(slug):
        return slug
    return unicodedata.normalize("NFC", slug).lower()
