"""The services' limits: how often they let themselves be called, as their makers say.

What belongs here: what a limit is, and the numbers with their sources. Keeping them is `governor`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

REST_SECONDS = 30.0
# Airtable goes on answering the Team plan beyond its month, this often (docs.softr.io, "Troubleshooting Airtable API
# call limit exceeded", after Airtable's own pages).
CALLS_WHEN_SPENT = 2
# Calls that are kept for writing, of all that are left; see `plans.calls_for_pulls`.
WRITE_SHARE = 0.05

_A_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Limit:
    """What all who share `name` may call.

    Attributes:
        name: whose limit.
        calls: at most so many in any `seconds`; 0 where they are only counted.
        seconds: length of the window.
        rest_seconds: how long nobody calls after a refusal.
        calls_when_spent: at most so many in the window once a month's calls are used up; 0 for as many as before.
        monthly_calls: calls in a calendar month (UTC); None where there is no limit.
        write_share: share of the calls left that is not spent on looking for edits.
        account: name of the limit whose month pays for looking for edits; "" where nobody looks.
    """

    name: str
    calls: int
    seconds: float = 1.0
    rest_seconds: float = REST_SECONDS
    calls_when_spent: int = 0
    monthly_calls: int | None = None
    write_share: float = WRITE_SHARE
    account: str = ""

    @property
    def key(self) -> str:
        """Letters and digits only, whatever the name."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:16]

    @property
    def slots(self) -> str:
        """The name of its table of calls."""
        return f"slots_{self.key}"


def airtable_limits(
    base_id: str,
    token: str,
    *,
    monthly_calls: int | None = None,
    write_share: float = WRITE_SHARE,
    workspace: str | None = None,
) -> tuple[Limit, ...]:
    """Airtable's limits, the base first: 5 requests a second a base, 50 a token over all bases, and the plan's month.

    A plan's calls are a workspace's (support.airtable.com/docs/managing-api-call-limits-in-airtable). The API does not
    say to which workspace a base belongs, so each base counts as one of its own unless `workspace` names it.

    Source: airtable.com/developers/web/api/rate-limits

    Args:
        monthly_calls: what the plan allows; None for no limit.
        write_share: share of the calls left (0 to 1) that is kept for writing.
        workspace: any name; bases of one name share one month.
    """
    base, owner = f"airtable base {base_id}", _hidden(token)
    pace, windows = Limit(base, 5, calls_when_spent=CALLS_WHEN_SPENT), Limit(f"airtable token {owner}", 50)
    if workspace is None:
        own = replace(pace, monthly_calls=monthly_calls, write_share=write_share, account=base)
        return own, windows
    shared = Limit(f"airtable workspace {workspace}", 0, monthly_calls=monthly_calls, write_share=write_share)
    return replace(pace, account=shared.name), windows, shared


def google_limits(user: str, project: str) -> tuple[Limit, Limit]:
    """Reads of the Sheets API, the user's first: 60 a minute a user and 300 a project.

    Source: developers.google.com/workspace/sheets/api/limits ("refilled every minute": a refusal is over by then).
    """
    return (
        Limit(f"google reads of user {_hidden(user)}", 60, _A_MINUTE, rest_seconds=_A_MINUTE),
        Limit(f"google reads of project {_hidden(project)}", 300, _A_MINUTE, rest_seconds=_A_MINUTE),
    )


def _hidden(text: str) -> str:
    """Enough to tell one from another, too little to be one."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
