"""Telling people, through Apprise: mail, Slack, Teams, webhooks, and a hundred other ways.

What belongs here: addresses and sending. An address holds passwords and tokens: only its kind is ever shown.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from leads_dagster.errors import CredentialsError
from leads_dagster.settings import Settings

Severity = Literal["info", "warning", "error"]
# Apprise's words for how bad it is.
_KINDS = {"info": "info", "warning": "warning", "error": "failure"}


@dataclass(frozen=True, slots=True)
class Sent:
    """How one address took a message.

    Attributes:
        name: the kind of the address ("slack"), and which of them it is, from 1.
        ok: whether it was taken. why: why not.
    """

    name: str
    ok: bool
    why: str = ""


def addresses(settings: Settings) -> tuple[str, ...]:
    """Where people are to be told: LEADS_NOTIFY_URLS, else the lines of the file; empty where nobody is to be.

    Raises:
        CredentialsError: the file cannot be read.
    """
    if settings.notify_urls:
        return tuple(settings.notify_urls.split())
    if settings.notify_urls_file is None:
        return ()
    return _lines(settings.notify_urls_file)


def _lines(path: Path) -> tuple[str, ...]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError(
            f"The file of notification addresses, {path}, cannot be read: {type(error).__name__}.",
            advice="LEADS_NOTIFY_URLS_FILE names it.",
        ) from error
    return tuple(line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))


def named(urls: Sequence[str]) -> list[str]:
    """The kinds of addresses, numbered: "1 slack", "2 mailtos"."""
    return [f"{number} {url.partition(':')[0].lower()}" for number, url in enumerate(urls, 1)]


def tell(urls: Sequence[str], *, title: str, body: str, severity: Severity) -> list[Sent]:
    """Send a message to every address; one that fails does not keep it from the others.

    Args:
        urls: addresses as Apprise reads them.
        title, body: plain text.
    """
    return [
        _send(url, name, title=title, body=body, severity=severity) for url, name in zip(urls, named(urls), strict=True)
    ]


def _send(url: str, name: str, *, title: str, body: str, severity: Severity) -> Sent:
    with _apprise_silenced():
        import apprise

        sender = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False, app_id="leads", app_desc="leads"))
        if not sender.add(url):
            return Sent(
                name, False, "Apprise knows no such address; https://github.com/caronc/apprise lists all kinds."
            )
        ok = bool(sender.notify(body=body, title=title, notify_type=_KINDS[severity], body_format="text"))
        return Sent(name, ok, "" if ok else "It was not taken: wrong token, or the service is away.")


@contextmanager
def _apprise_silenced() -> Iterator[None]:
    """Its log lines hold addresses, and so passwords; and it imports modules that Python is about to drop."""
    logger = logging.getLogger("apprise")
    before, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.disabled = before
