"""From the bytes of an export to text.

What belongs here: telling what the bytes are and which encoding they are in, and refusing what is no table at all.
What does not: rows and cells (`tabular`), and mending text that was already broken when it was exported
(`normalization`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass

from leads_dagster.errors import SheetFormatError
from leads_dagster.leads.encoding_evidence import guess_multi_byte, guess_single_byte

# Byte order marks, longest first: the one of UTF-16LE begins the one of UTF-32LE.
_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_AS_CSV = "Export the sheet as CSV (File > Download or Save as > CSV) and give that file or its address."
_UNPACK = "Unpack it and give the CSV file inside."

# First bytes of what people take for a CSV: what it is, and what to do.
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "an Excel workbook or another zip archive", _AS_CSV),
    (b"PK\x05\x06", "an empty zip archive", _UNPACK),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls) or another Office file", _AS_CSV),
    (b"%PDF-", "a PDF", _AS_CSV),
    (b"\x1f\x8b", "a gzip archive", _UNPACK),
    (b"BZh", "a bzip2 archive", _UNPACK),
    (b"\xfd7zXZ\x00", "an xz archive", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture", _AS_CSV),
    (b"\xff\xd8\xff", "a JPEG picture", _AS_CSV),
    (b"GIF8", "a GIF picture", _AS_CSV),
    (b"SQLite format 3\x00", "an SQLite database", "Export the table with the leads as CSV."),
    (b"PAR1", "a Parquet file", "Export the table as CSV."),
    (b"{\\rtf", "a rich text document", _AS_CSV),
)

_MARKUP = re.compile(
    r"\s*<(?:!doctype|!--|\?xml|html|head|body|table|script|meta|div|svg|rss|feed|workbook|error)\b"
    r"|\s*<(?:!doctype|!--|\?xml)",
    re.IGNORECASE,
)
_JSON = re.compile(r'\s*(?:\{\s*["}]|\[\s*[\[{"\]])')

_SAMPLE_BYTES = 8192
_CONTROL_BYTES = bytes(code for code in range(1, 32) if code not in (9, 10, 11, 12, 13, 26, 27))
_MAX_CONTROL_SHARE = 0.01
# Of a UTF-16 text without mark: this share of one byte lane is NUL, and that many times the share of the other.
_MIN_NUL_SHARE = 0.05
_MIN_NUL_RATIO = 4
_MIN_WIDE_SHARE = 0.9
_PRINTABLE = range(0x20, 0x7F)
# UTF-8 in which fewer than one multi-byte character in ten is broken is UTF-8 with some foreign bytes.
_MAX_BROKEN_SHARE = 0.1

_FOREIGN_BYTES = re.compile("[\udc80-\udcff]+")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text and how it was found.

    Attributes:
        text: without byte order mark and NUL characters; line ends as they were.
        encoding: a Python codec name, such as "utf-8" or "cp1252".
        had_bom: a byte order mark said so.
        replaced: how many characters could not be read in that encoding (foreign bytes inside UTF-8 are read as
            cp1252, cut UTF-16 pairs become U+FFFD) or were NUL and left out.
    """

    text: str
    encoding: str
    had_bom: bool = False
    replaced: int = 0


def decode(data: bytes) -> Decoded:
    """Decodes an export; byte order mark first, then UTF-16/32 by their NULs, UTF-8, then single-byte code pages.

    cp1252 is what a file without other evidence is taken for (it holds all of Latin-1 that is printable); Polish,
    Czech, Turkish, Greek, Cyrillic, old Mac and DOS code pages are told by the letters they would make.

    Raises:
        SheetFormatError: the bytes are empty, binary, a web page or JSON.
    """
    _refuse_known_files(data)
    decoded = _without_nul(_by_mark(data) or _by_nul_lanes(data) or _by_content(data))
    _refuse_other_text(decoded.text)
    return decoded


def _refuse_known_files(data: bytes) -> None:
    if not data:
        raise SheetFormatError("The sheet is empty: 0 bytes.", advice="Check that the right sheet or file was given.")
    for signature, name, advice in _SIGNATURES:
        if data.startswith(signature):
            raise SheetFormatError(f"This is {name}, not a CSV.", advice=advice)


def _refuse_other_text(text: str) -> None:
    if _MARKUP.match(text):
        raise SheetFormatError(
            "This is a web page or XML, not a CSV.",
            advice="Share the sheet so that anyone with the link may view it, or give the address of its CSV export.",
        )
    if _JSON.match(text):
        raise SheetFormatError("This is JSON, not a CSV.", advice="JSON files come in with `leads migrate`.")


def _by_mark(data: bytes) -> Decoded | None:
    for mark, encoding in _MARKS:
        if not data.startswith(mark):
            continue
        if encoding == "utf-32-le" and len(data) % 4:
            continue  # UTF-16LE whose first character is NUL
        if encoding == "utf-8":
            return _utf_8(data[len(mark) :], had_bom=True)
        return _wide(data[len(mark) :], encoding, had_bom=True)
    return None


def _by_nul_lanes(data: bytes) -> Decoded | None:
    """UTF-16 and UTF-32 without mark: Latin letters, separators and line ends leave NULs in fixed places."""
    sample = data[:_SAMPLE_BYTES]
    if b"\x00" not in sample:
        return None
    lanes = [sample[lane::4].count(0) / max(1, len(sample[lane::4])) for lane in range(4)]
    encoding = _wide_encoding(lanes)
    if encoding is None or _has_ascii_pairs(sample):
        return None
    return _wide(data, encoding, had_bom=False)


def _has_ascii_pairs(sample: bytes) -> bool:
    """Two ASCII characters in most pairs of bytes: the NULs are stray. In UTF-16 such a pair is a Chinese character."""
    printable = [byte in _PRINTABLE for byte in sample]
    pairs = sum(first and second for first, second in zip(printable[::2], printable[1::2], strict=False))
    return pairs > len(sample) / 4


def _wide_encoding(lanes: Sequence[float]) -> str | None:
    """The encoding by the share of NULs in each place of four bytes."""
    first, second, third, fourth = lanes
    if min(third, fourth) > _MIN_WIDE_SHARE > first:
        return "utf-32-le"
    if min(first, second) > _MIN_WIDE_SHARE > fourth:
        return "utf-32-be"
    even, odd = (first + third) / 2, (second + fourth) / 2
    if odd >= _MIN_NUL_SHARE and odd >= _MIN_NUL_RATIO * even:
        return "utf-16-le"
    if even >= _MIN_NUL_SHARE and even >= _MIN_NUL_RATIO * odd:
        return "utf-16-be"
    return None


def _wide(data: bytes, encoding: str, *, had_bom: bool) -> Decoded:
    try:
        return Decoded(data.decode(encoding), encoding, had_bom)
    except UnicodeDecodeError:
        text = data.decode(encoding, "replace")
        return Decoded(text, encoding, had_bom, text.count("\ufffd"))


def _by_content(data: bytes) -> Decoded:
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        first_foreign = error.start
    _refuse_binary(data)
    if _is_utf_8_with_foreign_bytes(data, first_foreign):
        return _utf_8(data, had_bom=False)
    return _by_code_page(data, first_foreign)


def _refuse_binary(data: bytes) -> None:
    sample = data[:_SAMPLE_BYTES]
    controls = len(sample) - len(sample.translate(None, _CONTROL_BYTES))
    if controls > _MAX_CONTROL_SHARE * len(sample):
        raise SheetFormatError("This is a binary file, not a CSV.", advice=_AS_CSV)


def _is_utf_8_with_foreign_bytes(data: bytes, first_foreign: int) -> bool:
    """Two exports glued together, or one cell pasted in as bytes: most multi-byte characters still make sense.

    Counted up to a megabyte past the first fault: enough evidence, and a long file is not decoded twice.
    """
    window = data[: first_foreign + 1_000_000].decode("utf-8", "surrogateescape")
    foreign = sum(map(len, _FOREIGN_BYTES.findall(window)))
    beyond_ascii = len(window) - len(window.encode("ascii", "ignore"))
    return foreign <= _MAX_BROKEN_SHARE * (beyond_ascii - foreign)


def _utf_8(data: bytes, *, had_bom: bool) -> Decoded:
    """UTF-8 in which bytes that are none are read as cp1252, so that no letter is lost."""
    try:
        return Decoded(data.decode("utf-8"), "utf-8", had_bom)
    except UnicodeDecodeError:
        escaped = data.decode("utf-8", "surrogateescape")
    text, replaced = _FOREIGN_BYTES.subn(lambda run: _single_byte(_escaped_bytes(run[0]), "cp1252")[0], escaped)
    return Decoded(text, "utf-8", had_bom, replaced)


def _escaped_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _by_code_page(data: bytes, first_foreign: int) -> Decoded:
    guess = guess_single_byte(data, first_foreign)
    if guess is None and (wide := guess_multi_byte(data, first_foreign)):
        return Decoded(data.decode(wide), wide)
    text, encoding = _single_byte(data, guess or "cp1252")
    return Decoded(text, encoding)


def _single_byte(data: bytes, encoding: str) -> tuple[str, str]:
    """The text in `encoding`, or in Latin-1, which has a character for every byte."""
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def _without_nul(decoded: Decoded) -> Decoded:
    """Leaves NULs out (no cell can mean them, databases refuse them), second marks and the DOS end-of-file mark too."""
    text = decoded.text
    nul = text.count("\x00") if "\x00" in text else 0
    if nul:
        text = text.replace("\x00", "")
    if text.startswith("\ufeff"):
        text = text.lstrip("\ufeff")
    if text.endswith("\x1a"):
        text = text.rstrip("\x1a")
    return Decoded(text, decoded.encoding, decoded.had_bom, decoded.replaced + nul)
