"""The formula language: every function that pyairtable can write, precedence, blanks, dates, errors."""

from __future__ import annotations

import inspect
import math
from datetime import date, datetime, timezone
from typing import Any

import pyairtable.formulas as spoken
import pytest
from pyairtable import Table

from leads_dagster.sandbox.formula_functions import FUNCTIONS
from leads_dagster.sandbox.formula_parser import compile_formula
from leads_dagster.sandbox.formula_values import FormulaSyntaxError, FormulaValueError, shown

CELLS: dict[str, Any] = {
    "Name": "Ann Lee",
    "Empty": None,
    "Number": 12.5,
    "Flag": True,
    "Tags": ["red", "blue"],
    "Day": datetime(2024, 2, 29, tzinfo=timezone.utc),
    "At": datetime(2024, 2, 29, 13, 45, 10, tzinfo=timezone.utc),
    "A } brace": "odd",
}


class FixedRow:
    """A record whose fields are their own names."""

    record_id = "recAnn00000000001"

    def value(self, field: str) -> Any:
        return CELLS[field]

    def created_time(self) -> datetime:
        return datetime(2024, 1, 1, tzinfo=timezone.utc)

    def modified_time(self, fields: list[str]) -> datetime:
        return datetime(2024, 1, 2 + len(fields), tzinfo=timezone.utc)

    def now(self) -> datetime:
        return datetime(2024, 3, 1, 12, tzinfo=timezone.utc)


def evaluate(text: str) -> Any:
    lookup = {name: name for name in CELLS}.get
    return shown(compile_formula(text, lookup=lookup, functions=FUNCTIONS)(FixedRow()))


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("1+2*3-4/2", 5),
        ("(1+2)*3", 9),
        ("-2+5", 3),
        ("1+1&'x'", "2x"),
        ("1 = 1", 1),
        ("'a' != 'A'", 1),
        ("2 <> 2", 0),
        ("10 > 9", 1),
        ("'10' < '9'", 1),
        ("{Name}", "Ann Lee"),
        ("Number*2", 25),
        (r"{A \} brace}", "odd"),
        (r"'it\'s'&\"\n\"".replace('\\"', '"'), "it's\n"),
        ("{Empty} = ''", 1),
        ("{Empty} = 0", 1),
        ("{Empty} = BLANK()", 1),
        ("{Name} = BLANK()", 0),
        ("{Empty} & 'x'", "x"),
        ("{Empty} + 1", 1),
        ("{Tags}", ["red", "blue"]),
        ("{Tags} = 'red, blue'", 1),
        ("FIND('blue', {Tags}) > 0", 1),
        ("AND({Flag}, {Number} > 5)", 1),
        ("OR(FALSE(), {Empty})", 0),
        ("XOR(TRUE(), TRUE(), TRUE())", 1),
        ("NOT({Empty})", 1),
        ("IF({Empty}, 'yes', 'no')", "no"),
        ("IF({Flag}, 'yes')", "yes"),
        ("IF(1, 1, ERROR())", 1),
        ("SWITCH({Number}, 1, 'one', 12.5, 'this', 'other')", "this"),
        ("SWITCH(9, 1, 'one', 'other')", "other"),
        ("ISERROR(1/0)", 1),
        ("IFERROR(1/0, 'none')", "none"),
        ("FIND('e', 'Leeds')", 2),
        ("FIND('e', 'Leeds', 3)", 3),
        ("FIND('x', 'Leeds')", 0),
        ("SEARCH('EE', 'Leeds')", 2),
        ("SEARCH('x', 'Leeds')", None),
        ("LEFT('Leeds', 2)&RIGHT('Leeds', 2)&MID('Leeds', 2, 3)", "Ledseed"),
        ("LEN('Leeds')", 5),
        ("LOWER('ÄB')&UPPER('äb')", "äbÄB"),
        ("TRIM('  x ')", "x"),
        ("REPT('ab', 3)", "ababab"),
        ("REPLACE('database', 2, 5, 'o')", "dose"),
        ("SUBSTITUTE('a-b-c', '-', '+')", "a+b+c"),
        ("SUBSTITUTE('a-b-c', '-', '+', 2)", "a-b+c"),
        ("CONCATENATE('a', 1, {Name})", "a1Ann Lee"),
        ("ENCODE_URL_COMPONENT('a b&c')", "a%20b%26c"),
        ("T('x')", "x"),
        ("T(1)", None),
        ("VALUE('$1,200.50')", 1200.5),
        ("REGEX_MATCH('abc123', '[0-9]+')", 1),
        ("REGEX_EXTRACT('abc123', '[0-9]+')", "123"),
        ("REGEX_REPLACE('abc123', '([0-9])', '<$1>')", "abc<1><2><3>"),
        ("SUM(1, 2, {Empty}, 3)", 6),
        ("AVERAGE(1, 2, 3)", 2),
        ("MAX(1, 5, 3)", 5),
        ("MIN(4, 2, 3)", 2),
        ("COUNT(1, 'a', {Empty})", 1),
        ("COUNTA(1, 'a', {Empty})", 2),
        ("COUNTALL(1, 'a', {Empty})", 3),
        ("ROUND(2.345, 2)", 2.35),
        ("ROUND(-2.5, 0)", -3),
        ("ROUNDUP(2.1, 0)&ROUNDDOWN(-2.9, 0)", "3-2"),
        ("CEILING(2.1)", 3),
        ("FLOOR(7, 5)", 5),
        ("INT(-1.5)", -2),
        ("EVEN(3)&ODD(4)", "45"),
        ("MOD(7, 3)", 1),
        ("ABS(-4)", 4),
        ("POWER(2, 10)", 1024),
        ("SQRT(16)", 4),
        ("LOG(1000)", pytest.approx(3)),
        ("LOG(8, 2)", 3),
        ("EXP(0)", 1),
        ("RECORD_ID()", "recAnn00000000001"),
        ("CREATED_TIME()", "2024-01-01T00:00:00.000Z"),
        ("LAST_MODIFIED_TIME()", "2024-01-02T00:00:00.000Z"),
        ("LAST_MODIFIED_TIME({Name})", "2024-01-03T00:00:00.000Z"),
        ("TODAY()", "2024-03-01T00:00:00.000Z"),
        ("NOW()", "2024-03-01T12:00:00.000Z"),
        ("YEAR({Day})&MONTH({Day})&DAY({Day})", "2024229"),
        ("HOUR({At})&':'&MINUTE({At})&':'&SECOND({At})", "13:45:10"),
        ("WEEKDAY({Day})", 4),
        ("WEEKDAY({Day}, 'Monday')", 3),
        ("WEEKNUM({Day})", 9),
        ("DATEADD({Day}, 1, 'month')", "2024-03-29T00:00:00.000Z"),
        ("DATEADD('2024-01-31', 1, 'months')", "2024-02-29T00:00:00.000Z"),
        ("DATEADD({Day}, -2, 'days')", "2024-02-27T00:00:00.000Z"),
        ("DATETIME_DIFF('2024-03-01', {Day}, 'days')", 1),
        ("DATETIME_DIFF('2024-03-01', '2023-02-15', 'months')", 12),
        ("DATETIME_DIFF({At}, {Day}, 'minutes')", 825),
        ("DATETIME_FORMAT({At}, 'YYYY-MM-DD HH:mm')", "2024-02-29 13:45"),
        ("DATETIME_FORMAT({At}, '[Q]Q, dddd Do MMMM, h:mm A')", "Q1, Thursday 29th February, 1:45 PM"),
        ("DATETIME_FORMAT(SET_TIMEZONE({At}, 'America/New_York'), 'HH:mm')", "08:45"),
        ("DATETIME_PARSE('29/02/2024', 'DD/MM/YYYY')", "2024-02-29T00:00:00.000Z"),
        ("DATETIME_PARSE('2024-02-29T13:45:10.000Z') = {At}", 1),
        ("DATESTR({At})&' '&TIMESTR({At})", "2024-02-29 13:45:10"),
        ("IS_SAME({At}, {Day}, 'day')", 1),
        ("IS_SAME({At}, {Day})", 0),
        ("IS_AFTER({At}, {Day})", 1),
        ("IS_BEFORE({At}, {Day})", 0),
        ("{Day} < {At}", 1),
        ("{Day} = '2024-02-29'", 1),
        ("WORKDAY('2024-03-01', 1)", "2024-03-04T00:00:00.000Z"),
        ("WORKDAY('2024-03-01', 1, '2024-03-04')", "2024-03-05T00:00:00.000Z"),
        ("WORKDAY_DIFF('2024-03-01', '2024-03-04')", 2),
        ("FROMNOW('2024-02-28')", "3 days"),
        ("ARRAYJOIN({Tags}, '+')", "red+blue"),
    ],
)
def test_a_formula_has_this_value(formula: str, expected: Any) -> None:
    assert evaluate(formula) == expected


@pytest.mark.parametrize(
    "formula",
    ["1/0", "ERROR()", "REGEX_EXTRACT('a', '[0-9]')", "VALUE('x')", "SQRT(-1)", "DAY({Empty})", "'a'+1", "LEFT()"],
)
def test_a_formula_without_a_value_is_an_error(formula: str) -> None:
    with pytest.raises(FormulaValueError):
        evaluate(formula)


@pytest.mark.parametrize(
    ("formula", "detail"),
    [
        ("AND(", "Invalid formula. Please check your formula text."),
        ("1 +", "Invalid formula. Please check your formula text."),
        ("{Name", "Invalid formula. Please check your formula text."),
        ("'open", "Invalid formula. Please check your formula text."),
        ("1 1", "Invalid formula. Please check your formula text."),
        ("(" * 5000 + ")" * 5000, "Invalid formula. Please check your formula text."),
        ("{Nope}=1", "Unknown field names: nope"),
        ("FOO(1)", "Unknown function names: foo"),
    ],
)
def test_what_is_no_formula_is_refused(formula: str, detail: str) -> None:
    with pytest.raises(FormulaSyntaxError) as caught:
        evaluate(formula)
    assert str(caught.value) == detail


def test_an_average_of_nothing_is_not_a_number() -> None:
    assert evaluate("AVERAGE()") == {"specialValue": "NaN"}
    assert shown(math.inf) == {"specialValue": "Infinity"}


def test_every_function_that_pyairtable_can_write_is_known() -> None:
    names = {name for name, made in vars(spoken).items() if name.isupper() and inspect.isfunction(made)}
    assert len(names) > 70
    assert names - set(FUNCTIONS) == set()


def test_what_pyairtable_writes_finds_the_record(table: Table) -> None:
    made = table.create({"Name": 'O\'Neil \\ "Q"', "Confidence": 0.5, "Verified": True})
    other = table.create({"Name": "Other", "Confidence": 5})
    name, confidence, verified = (spoken.Field(each) for each in ("Name", "Confidence", "Verified"))
    not_other = spoken.NOT(name.eq("Other"))
    found = {
        "quotes": spoken.match({"Name": 'O\'Neil \\ "Q"'}),
        "match": spoken.match({"Confidence": (">", 0.1), "Verified": True}),
        "id": spoken.EQ(spoken.RECORD_ID(), made["id"]),
        "compound": confidence.lt(1) & ~name.eq("Other"),
        "xor": spoken.XOR(verified, confidence.gt(100)) & confidence.lt(1),
        "created": spoken.IS_AFTER(spoken.CREATED_TIME(), date(2020, 1, 1)) & not_other,
        "text": spoken.FIND("Neil", name).gt(0),
        "dates": spoken.DATETIME_DIFF(spoken.NOW(), spoken.CREATED_TIME(), "days").lt(1) & not_other,
    }
    for label, formula in found.items():
        assert [each["id"] for each in table.all(formula=formula)] == [made["id"]], label
    assert [each["id"] for each in table.all(formula=spoken.match({"Name": "Other"}))] == [other["id"]]
