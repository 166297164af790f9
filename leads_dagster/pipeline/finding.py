"""What a check of the doctor found: the value only."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        check: what was looked at.
        verdict: "warn" works but should be looked at; "fail" does not work.
        message: what was found.
        mend: what to do about it; "" where there is nothing to do.
        customer: whose it is, or None for what all customers share.
    """

    check: str
    verdict: Verdict
    message: str
    mend: str = ""
    customer: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        return asdict(self)
