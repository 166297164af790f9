"""From bytes to lines that may be shown: whole, printable, and without secrets.

What belongs here: text only. Where lines go is `stream`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from leads_dagster.settings_table import SETTINGS, split_keys

_LONGEST_BYTES = 65_536
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_LEAST_SECRET = 6  # shorter ones would black out ordinary words
_BLACK = "***"


class Lines:
    """Bytes in, whole lines out; what has no end yet waits. A line without end is cut, since memory has one."""

    def __init__(self) -> None:
        self._waiting = b""

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The lines that `chunk` completes."""
        *whole, self._waiting = (self._waiting + chunk).split(b"\n")
        for line in whole:
            yield shown(line)
        while len(self._waiting) > _LONGEST_BYTES:
            line, self._waiting = self._waiting[:_LONGEST_BYTES], self._waiting[_LONGEST_BYTES:]
            yield shown(line)

    def rest(self) -> Iterator[str]:
        """What is left when nothing more comes."""
        if self._waiting:
            yield shown(self._waiting)
        self._waiting = b""


def shown(line: bytes) -> str:
    """A line as it may reach a terminal: no colours or commands of its own, other control characters in words."""
    text = _ESCAPES.sub("", line.decode("utf-8", errors="replace").rstrip("\r"))
    return "".join(char if char.isprintable() or char == "\t" else repr(char)[1:-1] for char in text)


class Secrets:
    """What must not be shown, read from the environment and from the files that it names.

    Args:
        environ: the process's own.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._files = [Path(environ[name]).expanduser() for name in _secret_files() if environ.get(name, "").strip()]
        self._from_environ = {part for name in _secret_names() for part in _parts(environ.get(name, ""))}
        self.read_again()

    def read_again(self) -> None:
        """Read the files anew: a token may be changed at any time."""
        texts = self._from_environ | {part for path in self._files for part in _parts(_text_of(path))}
        ordered = sorted((text for text in texts if len(text) >= _LEAST_SECRET), key=len, reverse=True)
        self._found = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def hidden(self, text: str) -> str:
        """The text with every secret blacked out."""
        return self._found.sub(_BLACK, text) if self._found else text


def _secret_names() -> list[str]:
    return [setting.env for setting in SETTINGS if setting.secret]


def _secret_files() -> list[str]:
    """Files that hold what a secret variable may hold: AIRTABLE_API_KEY_FILE beside AIRTABLE_API_KEY."""
    return [
        setting.env
        for setting in SETTINGS
        if setting.env.removesuffix("_FILE") in _secret_names() and not setting.secret
    ]


def _parts(value: str) -> Iterator[str]:
    """What of a variable's value is secret: of an address its password, of keys each one."""
    if "://" not in value:
        # `read:` before a token of the API says what it may do, and is no part of it
        yield from (key.removeprefix("read:").removeprefix("write:") for key in split_keys(value))
        return
    try:
        password = urlsplit(value.strip()).password
    except ValueError:
        password = None
    if password:
        yield from (password, unquote(password))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
