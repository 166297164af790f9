"""What a form sends, read once and bounded.

What belongs here: from a body to names and values. The door has seen to its size and to where it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from leads_dagster.errors import SettingsError
from leads_dagster.interfaces.dashboard.rendering import is_part

_MOST_FIELDS = 200


async def form_of(request: Request) -> dict[str, str]:
    """Name -> value of a form; of a name that comes several times, the last.

    Raises:
        SettingsError: it is no form, or has too many fields.
    """
    body = (await request.body()).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise SettingsError("The form has too many fields.", advice="Load its page again.") from None


def reason_of(form: Mapping[str, str]) -> str | None:
    """Why, where the person says so."""
    return form.get("reason", "").strip()[:1000] or None


def whole(text: str) -> int:
    """An id out of a form.

    Raises:
        SettingsError: it is no number.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 17):
        raise SettingsError("The form names nothing that there is.", advice="Load its page again.")
    return int(text)


def go(request: Request, path: str, **query: object) -> Response:
    """After a form: on to a page; HTMX is told so in its own way."""
    known = {name: str(value) for name, value in query.items() if value is not None}
    to = f"{path}?{urlencode(known)}" if known else path
    if is_part(request):
        return Response(status_code=204, headers={"HX-Redirect": to})
    return RedirectResponse(to, status_code=303)
