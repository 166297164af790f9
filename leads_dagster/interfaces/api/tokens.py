"""Tokens of LEADS_API_TOKEN, and the sessions and form tokens that come of them.

What belongs here: comparing and signing. What a request needs is `security`'s.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from leads_dagster.errors import StoreError
from leads_dagster.settings_table import split_keys

Scope = Literal["read", "write"]
SESSION_SECONDS = 12 * 3600
_LIMITED: dict[str, Scope] = {"read:": "read", "write:": "write"}
_SECRET_BYTES = 32


@dataclass(frozen=True)
class Token:
    """One token.

    Attributes:
        secret: what a caller shows.
        scope: "read" may look, "write" may do all.
    """

    secret: str = field(repr=False)
    scope: Scope = "write"

    @property
    def digest(self) -> str:
        """What names it in a session, which it ends when the token goes."""
        return hashlib.sha256(self.secret.encode()).hexdigest()[:16]


def read_tokens(text: str | None) -> tuple[Token, ...]:
    """The tokens of a setting: several separated by commas, `read:` or `write:` before one limits it."""
    return tuple(_token(part) for part in split_keys(text or ""))


def _token(part: str) -> Token:
    for prefix, scope in _LIMITED.items():
        if part.startswith(prefix):
            return Token(part.removeprefix(prefix), scope)
    return Token(part)


def find(tokens: Sequence[Token], shown: str) -> Token | None:
    """The token that was shown; all are compared, each in constant time."""
    given = shown.encode("utf-8", errors="surrogateescape")
    found: Token | None = None
    for token in tokens:
        if hmac.compare_digest(token.secret.encode(), given):
            found = token
    return found


class Signer:
    """Signs sessions and form tokens with a secret of this state folder, so that they outlive a restart.

    Args:
        secret: 32 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def session(self, token: Token, *, now: float | None = None) -> str:
        """The value of the session cookie of who signed in with this token."""
        until = int((time.time() if now is None else now) + SESSION_SECONDS)
        said = f"{token.digest}.{until}"
        return f"{said}.{self._sign('session', said)}"

    def token_of(self, cookie: str, tokens: Sequence[Token], *, now: float | None = None) -> Token | None:
        """Who a session is of; None where it is none of ours, has ended, or its token is no more."""
        said, _, signature = cookie.rpartition(".")
        digest, _, until = said.partition(".")
        if not self._is_signed("session", said, signature) or not until.isdigit():
            return None
        if int(until) < (time.time() if now is None else now):
            return None
        return next((token for token in tokens if token.digest == digest), None)

    def form_token(self, session: str) -> str:
        """What a form of this session must bring along; `session` is "" where nobody has to sign in."""
        return self._sign("form", session)

    def is_form_token(self, given: str, session: str) -> bool:
        """Whether a form brought it along."""
        return self._is_signed("form", session, given)

    def _sign(self, kind: str, text: str) -> str:
        return hmac.new(self._secret, f"{kind}:{text}".encode(errors="surrogateescape"), hashlib.sha256).hexdigest()

    def _is_signed(self, kind: str, text: str, signature: str) -> bool:
        given = signature.encode("utf-8", errors="surrogateescape")
        return hmac.compare_digest(self._sign(kind, text).encode(), given)


def signer_of(home: Path) -> Signer:
    """The signer of a state folder; its secret is made when first needed, for the owner only.

    Raises:
        StoreError: the folder cannot be written.
    """
    path = home / "api.secret"
    try:
        found = path.read_bytes() if path.is_file() else b""
        return Signer(found if len(found) == _SECRET_BYTES else _make(path))
    except OSError as error:
        raise StoreError(
            f"The file {path} cannot be read or made: {error.strerror}.", advice="Check its owner, mode and space."
        ) from error


def _make(path: Path) -> bytes:
    """A fresh secret. Of two processes that make one at once, the second takes the first's."""
    secret = secrets.token_bytes(_SECRET_BYTES)
    fresh = path.with_suffix(f".{secrets.token_hex(4)}")
    fresh.touch(mode=0o600)
    fresh.write_bytes(secret)
    fresh.replace(path)
    return secret
