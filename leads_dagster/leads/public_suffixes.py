"""Registrable domains by the Public Suffix List, as tldextract packages it.

What belongs here: host -> the part of it that somebody registered. tldextract needs a fifth of a second to import (it
can fetch the list over the network, which this project never asks it to), so its packaged list is read directly and
looked up by the list's own algorithm (https://publicsuffix.org/list/); a test holds that both agree.

Private suffixes count ("acme.github.io" is a domain, not a page of "github.io"). A host that ends in no public suffix
counts whole: its last label but one would be a guess.
"""

from __future__ import annotations

import importlib.util
import re
from functools import lru_cache
from pathlib import Path

_RULE = re.compile(r"^(?P<suffix>[.*!]*\w\S*)", re.M)


def registrable_domain(host: str) -> str:
    """What was registered: "blog.acme.co.uk" -> "acme.co.uk"; a host without a public suffix comes back whole.

    Args:
        host: lower-case, without port or trailing dot; punycode or Unicode.
    """
    labels = host.split(".")
    rules = suffix_rules()
    # The longest matching rule wins; an exception rule ("!www.ck") wins over all and takes one label less.
    for start in range(len(labels)):
        suffix = ".".join(labels[start:])
        if "!" + suffix in rules:
            return suffix
        if suffix in rules or _is_wildcard(labels, start, rules):
            return ".".join(labels[start - 1 :]) if start else host
    return host


def is_plain_domain(host: str) -> bool:
    """Whether a host of two labels was itself registered, with or without "www." before it."""
    top = host.partition(".")[2]
    rules = suffix_rules()
    return top in rules and rules.isdisjoint((host, f"*.{host}", f"*.{top}"))


def _is_wildcard(labels: list[str], start: int, rules: frozenset[str]) -> bool:
    return start + 1 < len(labels) and "*." + ".".join(labels[start + 1 :]) in rules


@lru_cache(maxsize=1)
def suffix_rules() -> frozenset[str]:
    """Every rule of the list, in Unicode and in punycode."""
    spec = importlib.util.find_spec("tldextract")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("tldextract is not installed", name="tldextract")
    text = Path(spec.origin).with_name(".tld_set_snapshot").read_text(encoding="utf-8")
    rules = frozenset(found["suffix"] for found in _RULE.finditer(text))
    return rules | frozenset(_punycode(rule) for rule in rules if not rule.isascii())


def _punycode(rule: str) -> str:
    return ".".join(
        label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii") for label in rule.split(".")
    )
