"""What one customer's people taught the matcher: companies of two names, given names of one person.

What belongs here: the value that matching takes. Where it is kept, and how it is learned, is the store's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """Names that count as another one.

    Attributes:
        companies: folded company name (`CompanyName.key`) -> the folded name that it counts as.
        given_names: folded given name (`PersonName.given`) -> the one that it counts as.
    """

    companies: Mapping[str, str] = field(default_factory=dict)
    given_names: Mapping[str, str] = field(default_factory=dict)


NO_KNOWLEDGE = Knowledge()
