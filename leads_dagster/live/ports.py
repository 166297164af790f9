"""Where to serve: a port, the one that was asked for or the next free one; and whether others can reach it."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from leads_dagster.errors import SettingsError
from leads_dagster.settings import Settings

DEFAULT_WEB_PORT = 3000
DEFAULT_API_PORT = 8000
_TRIES = 100


def choose_port(host: str, asked: int | None, *, default: int = DEFAULT_WEB_PORT, setting: str = "LEADS_WEB") -> int:
    """`asked`, which must be free, 0 for any that is; where nothing was asked for the first free one from `default` on.

    Args:
        setting: how the settings of host and port begin, for words that help.

    Raises:
        SettingsError: it is taken, or the host is not one of this machine's.
    """
    if asked == 0:
        return _any_free(host)
    if asked is not None:
        if not _is_free(host, asked, setting):
            raise SettingsError(
                f"Port {asked} of {host} is taken by another program.",
                advice=f"Name another with --port or {setting}_PORT, or leave both out for the next free one.",
            )
        return asked
    for port in range(default, default + _TRIES):
        if _is_free(host, port, setting):
            return port
    raise SettingsError(f"No port of {host} from {default} on is free.", advice="Name one with --port.")


def _any_free(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def reachable_host(host: str) -> str:
    """The address at which this machine itself reaches what serves at `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}.get(host, host)  # noqa: S104


def in_url(host: str) -> str:
    """As a URL has it: an IPv6 address stands in brackets."""
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_open_door(settings: Settings, host: str) -> None:
    """Who can be reached from elsewhere asks for a token.

    Raises:
        SettingsError: the address is not this machine's own, and no token is set.
    """
    if settings.api_token or is_loopback(host):
        return
    raise SettingsError(
        f"At {host} others could reach the API, and no token is set.",
        advice="Set LEADS_API_TOKEN, or serve at 127.0.0.1.",
    )


def _is_free(host: str, port: int, setting: str) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will: a port lately used is free
        try:
            probe.bind((host, port))
        except socket.gaierror:
            raise SettingsError(f"{host} is no address of this machine.", advice=f"{setting}_HOST names it.") from None
        except OSError as error:
            if isinstance(error, PermissionError):
                raise SettingsError(f"Port {port} may not be used: {error.strerror}.", advice="Name another.") from None
            return False
    return True
