"""The plain shapes of phone numbers, decided from phonenumbers' own metadata without its general parser.

What belongs here: one `PhonePlan` a region, and when it may answer. It answers only where the rules of
`phonenumbers.parse` leave no choice (no carrier codes, no rewriting, no leading zeros), and says None everywhere else:
then `phones` asks the library. That both agree is held by a test over a generated corpus.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata

_SEPARATORS = str.maketrans("", "", " -.()/")
_PLAIN = re.compile(r"(\+?)([0-9 ().-]{7,24})(?: ?(?:[xX]|[eE]xt\.?) ?([0-9]{1,7}))?")
_SIMPLE_PREFIX = re.compile(r"\d")
_LONGEST_COUNTRY_CODE = 3


class PhonePlan:
    """How numbers are read in one region.

    Args:
        region: ISO 3166 code that phonenumbers knows.
    """

    __slots__ = ("_code", "_idd", "_lengths", "_national", "_prefix", "_prefix_digit")

    def __init__(self, region: str) -> None:
        metadata = PhoneMetadata.metadata_for_region(region)
        if metadata is None or metadata.general_desc is None:
            raise ValueError(f"phonenumbers knows no region {region!r}")
        parsing = metadata.national_prefix_for_parsing or ""
        self._code = str(metadata.country_code)
        general = metadata.general_desc
        # The library reads by the region's rules, but judges the length by those of its country code's main region.
        self._lengths = _lengths(metadata) & _lengths(_main_region(metadata))
        self._national = re.compile(general.national_number_pattern or "(?!)")
        self._idd = re.compile(metadata.international_prefix or "(?!)")
        self._prefix = re.compile(parsing or "(?!)")
        # Only where the trunk prefix is one bare digit can it be taken off without the library's other rules.
        self._prefix_digit = parsing if _SIMPLE_PREFIX.fullmatch(parsing) else ""

    def e164(self, text: str) -> tuple[str, str] | None:
        """(E.164, extension) of a cell of a plain shape; None where the library must decide."""
        shape = _PLAIN.fullmatch(text)
        if shape is None or text.endswith(".0"):  # a spreadsheet's float, perhaps
            return None
        digits = shape[2].translate(_SEPARATORS)
        number = _international(digits) if shape[1] else self._domestic(digits)
        return (number, shape[3] or "") if number else None

    def _domestic(self, digits: str) -> str | None:
        if self._idd.match(digits):
            return None
        if digits.startswith(self._code):
            return self._with_country_code(digits)
        if self._prefix_digit and digits.startswith(self._prefix_digit):
            return self._with_trunk_prefix(digits)
        if self._prefix.match(digits):
            return None
        return self.international(digits)

    def _with_country_code(self, digits: str) -> str | None:
        """1 504 621 8927 in the US: the code goes where only what remains is a number of the region."""
        rest = digits[len(self._code) :]
        if self._national.fullmatch(digits) or not self._national.fullmatch(rest):
            return None
        return self.international(rest)

    def _with_trunk_prefix(self, digits: str) -> str | None:
        """030 1234567 in Germany: the zero goes where the number is none with it."""
        rest = digits[1:]
        if self._national.fullmatch(digits) or self._prefix.match(rest):
            return None
        return self._formatted(rest)

    def international(self, national: str) -> str | None:
        """E.164 of a national number that follows its country code."""
        return None if self._prefix.match(national) else self._formatted(national)

    def _formatted(self, national: str) -> str | None:
        # A leading zero that belongs to the number (Italy) has rules of its own.
        if len(national) not in self._lengths or national[0] == "0":
            return None
        return f"+{self._code}{national}"


def _lengths(metadata: PhoneMetadata) -> frozenset[int]:
    general = metadata.general_desc
    if general is None:
        return frozenset()
    return frozenset(general.possible_length) - frozenset(general.possible_length_local_only)


def _main_region(metadata: PhoneMetadata) -> PhoneMetadata:
    region = phonenumbers.region_code_for_country_code(metadata.country_code or 0)
    return PhoneMetadata.metadata_for_region(region) or metadata


@lru_cache(maxsize=512)
def plan_of(region: str) -> PhonePlan | None:
    """The plan of a region; None where phonenumbers knows none."""
    return PhonePlan(region) if region in phonenumbers.SUPPORTED_REGIONS else None


def _international(digits: str) -> str | None:
    for length in range(1, _LONGEST_COUNTRY_CODE + 1):
        plan = _plan_of_code(digits[:length])
        if plan is not None:
            national = digits[length:]
            return plan.international(national) if national else None
    return None


@lru_cache(maxsize=2048)
def _plan_of_code(code: str) -> PhonePlan | None:
    """The plan of a country code's main region; None for no code and for codes without a country (satellites)."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ()) if code[:1] != "0" and code else ()
    return plan_of(regions[0]) if regions else None
