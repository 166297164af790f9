"""A request that came in, and what was found in it.

What belongs here: the two shapes that all senders share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """What a sender posted.

    Attributes:
        url: as the sender called it: scheme, host, path and query.
        headers: name -> value; names in any case.
        body: its bytes as they came; a signature is of them.
        received_at_ms: ms since 1970.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes
    received_at_ms: int
    method: str = "POST"

    def header(self, name: str) -> str:
        """A header's value, trimmed; "" where it is not there."""
        wanted = name.casefold()
        return next((value.strip() for key, value in self.headers.items() if key.casefold() == wanted), "")


@dataclass(frozen=True, slots=True)
class Submission:
    """One lead that a request holds.

    Attributes:
        data: label -> value.
        key: what the sender knows it by, the same when it is sent again; None where it says none.
        captured_at: when it was filled in: ISO text or ms since 1970; None where it is not said.
    """

    data: Mapping[str, object]
    key: str | None = None
    captured_at: object = None
