"""JSON files as records: arrays, JSON Lines, wrapped and paged exports, one file after the other.

What belongs here: finding files, reading their bytes, and telling where each record stands. Which values are records is
`json_shapes`, what is in one `json_fields`.

JSON Lines are read line by line, however long the file; of a list, one element at a time is taken apart, but its text
is in memory, and so has a limit. Nothing is passed over in silence: a value that is no record, and a text that breaks
off, come out as records with a fault, in their place.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from leads_dagster.errors import AccessError, LeadsError, SheetFormatError
from leads_dagster.leads.fields import Issue, IssueCode
from leads_dagster.sources.json_documents import Document, Place
from leads_dagster.sources.json_fields import flatten
from leads_dagster.sources.json_shapes import Shapes
from leads_dagster.sources.json_values import JsonError, next_value, plain, skip_space

LINES_SUFFIXES = (".jsonl", ".ndjson", ".ldjson")

_HEAD_BYTES = 64
_LONGEST_TRIED_LINE = 1_000_000
_CELL_SHOWN = 200
_MOST_KEPT = 100_000
_FOREIGN = re.compile("[\udc80-\udcff]+")
_DELIMITED = "[{"
_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """One record of a file, or what stands in a record's place.

    Attributes:
        index: 1-based, counting what is in a record's place from the top of the file.
        line: 1-based line on which it begins, where that is known; its envelope's line else.
        cells: label -> text; of a faulty one the JSON it was, under "json".
        fault: why it is none; its message names the place.
        breaks_off: whether nothing after it could be read.
    """

    index: int
    line: int
    cells: dict[str, str]
    fault: Issue | None = None
    breaks_off: bool = False


def read_records(path: Path, *, max_bytes: int, name: str = "") -> Iterator[JsonRecord]:
    """The records of a file, in order.

    Args:
        path: plain or gzip (".gz"). UTF-8, UTF-16 or UTF-32, with mark or without; other bytes are read as cp1252.
        max_bytes: of a file that is one JSON value, and of one line of JSON Lines.
        name: what it is called in messages; its own name without.

    Raises:
        AccessError: not readable, or a damaged archive.
        SheetFormatError: larger than `max_bytes`.
    """
    with _typed_errors(path), _open_text(path) as text:
        for index, place in enumerate(_places(text, path, max_bytes), start=1):
            yield _record(f"Record {index} of {name or path.name} (line {place.line})", index, place)


def _places(text: IO[str], path: Path, max_bytes: int) -> Iterator[Place]:
    first, number = _first_line(text, max_bytes)
    if _is_lines(first, path, text):
        yield from _lines(text, first, number, path, max_bytes)
        return
    rest = text.read(max_bytes + 1)
    if len(first) + len(rest) > max_bytes:
        raise _too_large(path, max_bytes)
    yield from Document(first + _mended(rest), number).places()


def _first_line(text: IO[str], max_bytes: int) -> tuple[str, int]:
    """The first line that is not blank, and its number."""
    number = 0
    while line := text.readline(max_bytes + 1):
        number += 1
        if line.strip("\ufeff \t\r\n\x1e"):
            return _mended(line), number
    return "", max(number, 1)


def _is_lines(first: str, path: Path, text: IO[str]) -> bool:
    """Whether a file is JSON Lines: by its name, or because its first line is whole and others follow."""
    named = path.name.lower().removesuffix(".gz").endswith(LINES_SUFFIXES)
    at = skip_space(first, 0)
    if not named and (len(first) > _LONGEST_TRIED_LINE or first[at : at + 1] not in _DELIMITED):
        return False
    try:
        _, end = next_value(first, at)
    except JsonError:
        return named and first[at:].strip() not in ("{", "[") and not first[at:].startswith("[")
    whole = skip_space(first, end) == len(first)
    return whole and (named or _goes_on(text))


def _goes_on(text: IO[str]) -> bool:
    """Whether another line follows at once that begins a value; looked up without moving on."""
    here = text.tell()
    following = text.read(_HEAD_BYTES).lstrip()
    text.seek(here)
    return following[:1] == "{"


def _lines(text: IO[str], first: str, number: int, path: Path, max_bytes: int) -> Iterator[Place]:
    shapes, line = Shapes(), first
    while line:
        if len(line) > max_bytes:
            raise _too_large(path, max_bytes)
        yield from _line(shapes, line, number)
        line, number = _mended(text.readline(max_bytes + 1)), number + 1


def _line(shapes: Shapes, line: str, number: int) -> Iterator[Place]:
    """The values of one line; there should be one, and exports that lost a line end have two."""
    at = skip_space(line, 0)
    while at < len(line):
        try:
            value, end = next_value(line, at)
        except JsonError as fault:
            yield Place(number, text=line[at:].rstrip(), fault=f"column {fault.at + 1}: {fault.message}")
            return
        for found in shapes.element(value):
            yield Place(number, found)
        at = skip_space(line, end)


def _record(called: str, index: int, place: Place) -> JsonRecord:
    if place.found is None:
        message = f"{called} cannot be read: {place.fault}."
        hint = "The file ends too early: fetch it again." if place.breaks_off else "Mend the line, and migrate again."
        issue = _issue("broken_json", place.text, message, hint)
        return JsonRecord(index, place.line, {"json": plain(place.text[:_MOST_KEPT])}, issue, place.breaks_off)
    value = place.found.value
    if not _is_shallow(value):
        return _no_record(f"{called} is nested too deeply to be read.", index, place.line, "")
    record = place.found.record()
    if record is not None:
        return JsonRecord(index, place.line, flatten(record))
    text = json.dumps(value, ensure_ascii=False)
    what = "is empty" if value in (None, {}, [], "") else "is no JSON object"
    return _no_record(f"{called} {what}.", index, place.line, text)


def _is_shallow(value: Any) -> bool:
    """Whether a value is nested no deeper than recursion may safely go; looked at level by level."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for one in level for inner in _inner(one)]
        if not level:
            return True
    return False


def _inner(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _no_record(message: str, index: int, line: int, text: str) -> JsonRecord:
    hint = 'A record is an object such as {"name": "…", "email": "…"}.'
    return JsonRecord(index, line, {"json": plain(text[:_MOST_KEPT])}, _issue("not_a_record", text, message, hint))


def _issue(code: IssueCode, text: str, message: str, suggestion: str) -> Issue:
    return Issue(code, "", "json", plain(text[:_CELL_SHOWN]), message, suggestion)


@contextmanager
def _open_text(path: Path) -> Iterator[IO[str]]:
    with open_bytes(path) as file:
        head = file.read(_HEAD_BYTES)
        file.seek(0)
        encoding = json.detect_encoding(head)
        errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
        with io.TextIOWrapper(file, encoding=encoding, errors=errors) as text:
            yield text


def open_bytes(path: Path) -> IO[bytes]:
    """The bytes of a file, unpacked where its name says that they are packed."""
    if path.suffix.lower() == ".gz":
        return io.BufferedReader(gzip.open(path))
    return path.open("rb")


def _mended(text: str) -> str:
    """Bytes that are no UTF-8, read as cp1252, so that no letter is lost."""
    return text if text.isascii() else _FOREIGN.sub(lambda run: _western(run[0]), text)


def _western(escaped: str) -> str:
    data = escaped.encode("utf-8", "surrogateescape")
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _too_large(path: Path, max_bytes: int) -> LeadsError:
    return SheetFormatError(
        f"{path} holds more than {max_bytes:,} bytes in one piece.",
        advice="Write it as JSON Lines (one record a line), of any length, or raise LEADS_MAX_SHEET_BYTES.",
    )


@contextmanager
def _typed_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise AccessError(f"{path} is a damaged archive: {error}.", advice="Fetch the file again.") from error
    except PermissionError as error:
        raise AccessError(f"{path} may not be read by this user.", advice="Give the file read permission.") from error
    except OSError as error:
        raise AccessError(f"{path} cannot be read: {error.strerror or error}.") from error
