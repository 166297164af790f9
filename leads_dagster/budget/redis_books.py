"""The books of a budget in Redis: for all processes of several hosts.

What belongs here: the keys, the scripts and the errors of Redis.

The windows are our own here, not those of pyrate-limiter's RedisBucket, for these reasons (read in its release 4.5):

- It counts entries up to now only. Ours stand ahead of now while a call is on its way (see `governor`), so that it
  would let a sixth call through.
- It enters the time that the caller names, and hosts' clocks differ. Here the time is the server's own (`TIME`).
- One bucket knows one limit, and its entries have random names: a call that the base lets through and the token does
  not could not be taken back, and two buckets cannot be asked at once.

So each wish for a place is one script and one round trip: Redis runs a script alone, which makes it all or nothing, and
nobody holds a lock that could outlive him. Counts of the month and of the hour are made in the same script. A server
that forgets (no persistence, a failover that loses the last writes) forgets the month's count with it; keep it with
`appendonly yes`. All keys share one hash tag, so that a Redis Cluster keeps them on one node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from leads_dagster.budget.books import (
    FUTURE_MS,
    KEPT,
    LONGEST_PARK_MS,
    LOOK_AGAIN_MS,
    MARGIN_MS,
    ON_ITS_WAY_MS,
    PROBE_MS,
    TEXTS,
    Entry,
    LimitFacts,
    is_parked,
    longest_rest_ms,
    settings_of,
    window_ms,
)
from leads_dagster.budget.limits import Limit
from leads_dagster.budget.plans import HOUR, PACE_HOURS
from leads_dagster.budget.redis_scripts import CLAIM, ENTER, NOTE_PULL, PARK, REST, SETTLE
from leads_dagster.redis_access import connect, said_in_words

if TYPE_CHECKING:
    from redis import Redis

PREFIX = "{leads:budget}"

_TIMEOUT_SECONDS = 10.0
_UNKNOWN = -3
_PARKED = -2


class RedisBooks:
    """Books in a Redis; see `books.Books`.

    Args:
        url: "redis://…", "rediss://…" or "unix://…".
        limits: those that calls are entered in.
        clock: seconds since the epoch; None for the server's own, which is what several hosts need.
        prefix: of all keys.
    """

    def __init__(
        self,
        url: str,
        limits: Sequence[Limit],
        clock: Callable[[], float] | None = None,
        *,
        prefix: str = PREFIX,
    ) -> None:
        self._limits = tuple(limits)
        self._clock = clock
        self._prefix = prefix
        self._redis = _connect(url)
        with redis_errors():
            texts = (ENTER, SETTLE, REST, PARK, CLAIM, NOTE_PULL)
            self._scripts = {text: self._redis.register_script(text) for text in texts}
            self._enrol()

    def _enrol(self) -> None:
        """Writes down what the limits are; again whenever the server has forgotten it."""
        now = self._now()
        with self._redis.pipeline() as pipe:
            for limit in self._limits:
                settings: dict[Any, Any] = settings_of(limit)
                pipe.sadd(f"{self._prefix}:names", limit.key)
                pipe.hset(self._key("limit", limit.key), mapping=settings)
                pipe.hsetnx(self._key("limit", limit.key), "since_ms", now)
            pipe.execute()

    def enter(self, ticket: str) -> Entry:
        """Enters a call in every limit, or in none."""
        arguments: list[Any] = [
            self._given(), ticket, ON_ITS_WAY_MS, FUTURE_MS, LOOK_AGAIN_MS, PROBE_MS, LONGEST_PARK_MS,
            HOUR * 1000, PACE_HOURS,
        ]  # fmt: skip
        for limit in self._limits:
            slow = limit.calls_when_spent or limit.calls
            arguments += [limit.calls, window_ms(limit), longest_rest_ms(limit), slow]
        kind, number, reason = self._run(ENTER, self._all_keys(), arguments)
        if kind == _UNKNOWN:
            with redis_errors():
                self._enrol()
            return Entry(wait_ms=1)
        if kind == _PARKED:
            return Entry(parked_until_ms=int(number), reason=_text(reason))
        if kind > 0:
            return Entry(wait_ms=int(kind))
        return Entry(began_ms=int(number), probing=bool(reason))

    def settle(self, ticket: str, began_ms: int, least_ms: int) -> int:
        """Moves a call to the time at which it can have arrived at the latest; returns the ms it took."""
        return int(self._run(SETTLE, self._slots(), [self._given(), ticket, began_ms, least_ms]))

    def rest(self, limit: Limit, seconds: float) -> None:
        """Nobody calls for so long."""
        rest_ms = min(int(seconds * 1000) + MARGIN_MS, longest_rest_ms(limit))
        self._run(REST, [self._key("limit", limit.key)], [self._given(), rest_ms])

    def park(self, name: str, until_ms: int, reason: str) -> bool:
        """Lets nothing through until then but probes; returns whether that is new."""
        before, now = self._run(PARK, [self._of(name)], [self._given(), until_ms, reason, PROBE_MS])
        return not is_parked(int(before), int(now))

    def unpark(self, names: tuple[str, ...]) -> None:
        """Ends every park of these limits."""
        with redis_errors(), self._redis.pipeline() as pipe:
            for name in names:
                pipe.hdel(self._of(name), "parked_until_ms", "parked_reason", "probe_at_ms")
            pipe.execute()

    def claim_pull(self, name: str, account: str, *, last_ms: int) -> bool:
        """Enters a look for edits, if the last one is still `last_ms`; returns whether it was."""
        keys = [self._of(one) for one in dict.fromkeys((name, account))]
        return bool(self._run(CLAIM, keys, [self._given(), last_ms]))

    def note_pull(self, name: str) -> None:
        """Enters that somebody looked as a part of something else."""
        self._run(NOTE_PULL, [self._of(name)], [self._given()])

    def facts(self) -> tuple[LimitFacts, ...]:
        """Every limit in these books, by name."""
        with redis_errors():
            return _read(self._redis, self._prefix, self._given())

    def _run(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        with redis_errors():
            return self._scripts[script](keys=keys, args=arguments)

    def _given(self) -> int:
        """The time that scripts are to take for now in ms; 0 for the server's."""
        return 0 if self._clock is None else int(self._clock() * 1000)

    def _now(self) -> int:
        return self._given() or _server_ms(self._redis)

    def _key(self, kind: str, key: str) -> str:
        return f"{self._prefix}:{kind}:{key}"

    def _of(self, name: str) -> str:
        return self._key("limit", Limit(name, 0).key)

    def _slots(self) -> list[str]:
        return [self._key("slots", limit.key) for limit in self._limits if limit.calls]

    def _all_keys(self) -> list[str]:
        """Three a limit: what is known of it, its calls, its hours."""
        return [self._key(kind, limit.key) for limit in self._limits for kind in ("limit", "slots", "hours")]

    def close(self) -> None:
        """Lets go of the connections."""
        self._redis.close()


def read_redis_books(
    url: str, clock: Callable[[], float] | None = None, *, prefix: str = PREFIX
) -> tuple[LimitFacts, ...]:
    """Every limit that was ever kept there."""
    redis = _connect(url)
    try:
        with redis_errors():
            return _read(redis, prefix, int(clock() * 1000) if clock else 0)
    finally:
        redis.close()


def _connect(url: str) -> Redis:
    return connect(url, "LEADS_BUDGET_URL", timeout_seconds=_TIMEOUT_SECONDS)


def _server_ms(redis: Redis) -> int:
    seconds, microseconds = redis.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


def _read(redis: Redis, prefix: str, given: int) -> tuple[LimitFacts, ...]:
    keys = sorted(_text(key) for key in redis.smembers(f"{prefix}:names"))
    found = [_found(redis, prefix, key) for key in keys]
    now = given or _server_ms(redis)  # after all else, so that nothing found is of a later time
    return tuple(sorted((_one(*one, now) for one in found if one[0]), key=lambda facts: facts.name))


def _found(redis: Redis, prefix: str, key: str) -> tuple[dict[str, Any], dict[int, int], list[float]]:
    """What is kept of a limit, its hours, and the times of its calls; nothing where the server has forgotten it."""
    with redis.pipeline(transaction=False) as pipe:
        pipe.hgetall(f"{prefix}:limit:{key}")
        pipe.hgetall(f"{prefix}:hours:{key}")
        pipe.zrange(f"{prefix}:slots:{key}", 0, -1, withscores=True)
        said, hours, slots = pipe.execute()
    row = {_text(name): value for name, value in said.items()}
    kept = {name: _read_as(name)(row[name]) for name in KEPT if name in row} if "name" in row else {}
    return kept, {int(hour): int(calls) for hour, calls in hours.items()}, [score for _, score in slots]


def _one(kept: dict[str, Any], hours: dict[int, int], slots: Sequence[float], now: int) -> LimitFacts:
    used = sum(moment > now - kept["window_ms"] for moment in slots)
    return LimitFacts(**kept, used=used, hours=hours, now_ms=now)


def _read_as(name: str) -> Callable[[Any], str | int | float]:
    if name in TEXTS:
        return _text
    return float if name == "write_share" else int


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def redis_errors() -> AbstractContextManager[None]:
    """Says in our words why Redis cannot be used; see `redis_access.said_in_words`."""
    return said_in_words("LEADS_BUDGET_URL", "Is it running? No call is made that nobody counts.")
