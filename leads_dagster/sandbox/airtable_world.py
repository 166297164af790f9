"""All of the Airtable stand-in's state: bases, users, tokens, open listings, and who is asking for what.

Access rules (token, scope, permission level, unknown base or table) are here; what happens to records is elsewhere.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from leads_dagster.sandbox import airtable_errors as errors
from leads_dagster.sandbox.airtable_model import Base, Table, Token, User
from leads_dagster.sandbox.bases_file import load_base, load_tokens, load_users
from leads_dagster.sandbox.clock import Clock
from leads_dagster.sandbox.http import Call, JsonObject

Source = Literal[
    "publicApi",
    "client",
    "anonymousUser",
    "automation",
    "formPageSubmission",
    "formSubmission",
    "sync",
    "system",
    "unknown",
]
SOURCES: frozenset[str] = frozenset(get_args(Source))
_LEVELS = ("none", "read", "comment", "edit", "create", "owner")
_MAX_LISTINGS = 64
LISTING_SECONDS = 300.0


@dataclass(slots=True)
class Listing:
    """A listing with pages left: the ids it found at its first page, and where each later page begins."""

    table_id: str
    ids: tuple[str, ...]
    starts: dict[str, int]
    used_at: float


@dataclass
class AirtableWorld:
    clock: Clock
    bases: dict[str, Base] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    listings: OrderedDict[str, Listing] = field(default_factory=OrderedDict)
    changed: Callable[[], None] = lambda: None
    ping: Callable[[Any, bytes], object] = lambda hook, body: None

    def load(self, content: JsonObject) -> None:
        """Start again from the content of a bases file."""
        self.users = load_users(content)
        self.tokens = load_tokens(content, self.owner)
        self.listings.clear()
        self.bases = {}
        for given in content["bases"]:
            base = load_base(given, users=self.users, clock=self.clock)
            self.bases[base.id] = base

    @property
    def owner(self) -> User:
        return next(iter(self.users.values()))

    def user(self, user_id: str) -> User:
        return self.users.get(user_id, self.owner)

    def token(self, call: Call) -> Token:
        """Whoever asks. Any key is good; none at all is refused."""
        text = call.bearer or call.first("api_key") or ""
        if not text:
            raise errors.authentication_required()
        return self.tokens.get(text) or Token(text, self.owner.id)

    def keep_listing(self, key: str, listing: Listing) -> None:
        self.listings[key] = listing
        self.listings.move_to_end(key)
        while len(self.listings) > _MAX_LISTINGS:
            self.listings.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Session:
    """One request's standing: the world, the base it asked for, and on whose behalf it changes things."""

    world: AirtableWorld
    base: Base
    token: Token
    source: Source = "publicApi"

    @property
    def user(self) -> User:
        return self.world.user(self.token.user_id)

    def require(self, scope: str) -> None:
        if not self.token.allows(scope):
            raise errors.no_permission_or_model()

    def require_level(self, level: str) -> None:
        if not self.may(level):
            raise errors.no_permission()

    def may(self, level: str) -> bool:
        have = self.base.permission_level
        return have not in _LEVELS or _LEVELS.index(have) >= _LEVELS.index(level)

    def table(self, name_or_id: str) -> Table:
        table = self.base.table(name_or_id)
        if table is not None:
            return table
        if self.base.flags.get("unknownTable") == "2022":
            raise errors.table_not_found_2022(name_or_id, self.base.id)
        raise errors.no_permission_or_model()


def open_session(world: AirtableWorld, call: Call, *scopes: str) -> Session:
    """The session of a request under `/v0/{base}/…`. Refuses a missing key, an unknown base, a scope."""
    token = world.token(call)
    base_id = call.params["base"]
    base = world.bases.get(base_id)
    if base is None:
        raise errors.not_found()
    if token.bases is not None and base_id not in token.bases:
        raise errors.no_permission_or_model()
    session = Session(world, base, token)
    for scope in scopes:
        session.require(scope)
    return session
