"""Getting to a Redis, and saying in our words why it cannot be used.

What belongs here: the client and the errors, for the call budget and the capture queue. What they keep there is theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from leads_dagster.errors import LeadsError, SettingsError, StoreBusyError, StoreError

if TYPE_CHECKING:
    from redis import Redis


def connect(url: str, variable: str, *, timeout_seconds: float) -> Redis:
    """A client, which connects when it is first used; safe for threads and after a fork.

    Args:
        variable: the setting that the address is from.

    Raises:
        SettingsError: the client is not installed, or this is no address of a Redis.
    """
    try:
        from redis import Redis
    except ImportError as error:
        raise SettingsError(
            f"{variable} names a Redis, and its client is not installed.",
            advice='Install it: pip install "leads-dagster[redis]".',
        ) from error
    try:
        return Redis.from_url(url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds)
    except ValueError as error:
        raise SettingsError(f"{variable} is no address of a Redis, such as redis://host:6379/0.") from error


@contextmanager
def said_in_words(variable: str, advice: str) -> Iterator[None]:
    """Turn the client's errors into ours.

    Args:
        advice: what to do where it cannot be reached.

    Raises:
        StoreBusyError: it cannot be reached, or is loading; the same call may succeed later.
        StoreError: it refuses.
    """
    from redis import exceptions

    try:
        yield
    except LeadsError:
        raise
    except (exceptions.AuthenticationError, exceptions.AuthorizationError) as error:
        wrong = f"Check user and password in {variable}."
        raise StoreError(f"The Redis of {variable} does not let us in.", advice=wrong) from error
    except (exceptions.ConnectionError, exceptions.TimeoutError, OSError) as error:
        raise StoreBusyError(f"The Redis of {variable} cannot be reached.", advice=advice) from error
    except exceptions.RedisError as error:
        raise StoreError(f"The Redis of {variable} refuses: {error}.") from error
