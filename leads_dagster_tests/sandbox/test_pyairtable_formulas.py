"""Every function that pyairtable.formulas can write filters records at the twin as Airtable's reference says."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pyairtable.formulas as spoken
import pytest
from pyairtable import Table
from pyairtable.formulas import Field, Formula

from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.sandbox.pyairtable_world import TYPED_BASE, api_of, typed_bases

NAME, COUNT, SCORE, DAY, AT, SEEN = (Field(each) for each in ("Name", "Count", "Score", "Day", "At", "Seen"))
ANN = {
    "Name": "Ann Lee",
    "Count": -12,
    "Score": 2.5,
    "Day": "2024-02-29",
    "At": "2024-02-29T13:45:10.000Z",
    "Seen": True,
}
F = spoken
# Each is what a formula is worth for Ann.
WORTH: dict[str, tuple[Any, Any]] = {
    "ABS": (F.ABS(COUNT), 12),
    "AVERAGE": (F.AVERAGE(1, 2, SCORE), 5.5 / 3),
    "BLANK": (F.IF(F.EQ(Field("Notes"), F.BLANK()), 1, 0), 1),
    "CEILING": (F.CEILING(SCORE, 1), 3),
    "CONCATENATE": (F.CONCATENATE(NAME, "-", COUNT), "Ann Lee--12"),
    "COUNT": (F.COUNT(1, "x", SCORE), 2),
    "COUNTA": (F.COUNTA(1, "x", ""), 2),
    "COUNTALL": (F.COUNTALL(1, "x", ""), 3),
    "CREATED_TIME": (F.DATETIME_DIFF(F.NOW(), F.CREATED_TIME(), "days"), 0),
    "DATEADD": (F.DATESTR(F.DATEADD(DAY, 1, "days")), "2024-03-01"),
    "DATESTR": (F.DATESTR(DAY), "2024-02-29"),
    "DATETIME_DIFF": (F.DATETIME_DIFF(AT, DAY, "hours"), 13),
    "DATETIME_FORMAT": (F.DATETIME_FORMAT(AT, "D.M.YYYY HH:mm"), "29.2.2024 13:45"),
    "DATETIME_PARSE": (F.DATESTR(F.DATETIME_PARSE("4 Mar 2017 23:00", "D MMM YYYY HH:mm")), "2017-03-04"),
    "DAY": (F.DAY(DAY), 29),
    "ENCODE_URL_COMPONENT": (F.ENCODE_URL_COMPONENT("a b&c"), "a%20b%26c"),
    "ERROR": (F.IF(F.ISERROR(F.ERROR()), 1, 0), 1),
    "EVEN": (F.EVEN(SCORE), 4),
    "EXP": (F.EXP(0), 1),
    "FALSE": (F.IF(F.FALSE(), 1, 2), 2),
    "FIND": (F.FIND("Lee", NAME), 5),
    "FLOOR": (F.FLOOR(SCORE, 1), 2),
    "FROMNOW": (F.FROMNOW(F.DATEADD(F.NOW(), 70, "hours")), "3 days"),
    "HOUR": (F.HOUR(AT), 13),
    "IF": (F.IF(SEEN, "yes", "no"), "yes"),
    "INT": (F.INT(SCORE), 2),
    "ISERROR": (F.IF(F.ISERROR(NAME), 1, 0), 0),
    "IS_AFTER": (F.IF(F.IS_AFTER(AT, DAY), 1, 0), 1),
    "IS_BEFORE": (F.IF(F.IS_BEFORE(AT, DAY), 1, 0), 0),
    "IS_SAME": (F.IF(F.IS_SAME(AT, DAY, "day"), 1, 0), 1),
    "LAST_MODIFIED_TIME": (F.DATETIME_DIFF(F.NOW(), F.LAST_MODIFIED_TIME(NAME), "days"), 0),
    "LEFT": (F.LEFT(NAME, 3), "Ann"),
    "LEN": (F.LEN(NAME), 7),
    "LOG": (F.LOG(1000, 10), 3.0),
    "LOWER": (F.LOWER(NAME), "ann lee"),
    "MAX": (F.MAX(COUNT, SCORE), 2.5),
    "MID": (F.MID(NAME, 5, 3), "Lee"),
    "MIN": (F.MIN(COUNT, SCORE), -12),
    "MINUTE": (F.MINUTE(AT), 45),
    "MOD": (F.MOD(7, 3), 1),
    "MONTH": (F.MONTH(DAY), 2),
    "NOW": (F.IF(F.IS_AFTER(F.NOW(), DAY), 1, 0), 1),
    "ODD": (F.ODD(SCORE), 3),
    "POWER": (F.POWER(2, 10), 1024),
    "RECORD_ID": (F.LEFT(F.RECORD_ID(), 3), "rec"),
    "REGEX_EXTRACT": (F.REGEX_EXTRACT(NAME, "[a-z]+"), "nn"),
    "REGEX_MATCH": (F.IF(F.REGEX_MATCH(NAME, "^Ann"), 1, 0), 1),
    "REGEX_REPLACE": (F.REGEX_REPLACE(NAME, "e+", "i"), "Ann Li"),
    "REPLACE": (F.REPLACE(NAME, 1, 3, "Bob"), "Bob Lee"),
    "REPT": (F.REPT("ab", 2), "abab"),
    "RIGHT": (F.RIGHT(NAME, 3), "Lee"),
    "ROUND": (F.ROUND(SCORE, 0), 3),
    "ROUNDDOWN": (F.ROUNDDOWN(SCORE, 0), 2),
    "ROUNDUP": (F.ROUNDUP(SCORE, 0), 3),
    "SEARCH": (F.SEARCH("lee", F.LOWER(NAME)), 5),
    "SECOND": (F.SECOND(AT), 10),
    "SET_LOCALE": (F.DATETIME_FORMAT(F.SET_LOCALE(DAY, "en"), "YYYY"), "2024"),
    "SET_TIMEZONE": (F.DATETIME_FORMAT(F.SET_TIMEZONE(AT, "Asia/Tokyo"), "HH:mm"), "22:45"),
    "SQRT": (F.SQRT(9), 3),
    "SUBSTITUTE": (F.SUBSTITUTE(NAME, "e", "i"), "Ann Lii"),
    "SUM": (F.SUM(1, COUNT, SCORE), -8.5),
    "SWITCH": (F.SWITCH(NAME, "Bob", 1, "Ann Lee", 2), 2),
    "T": (F.T(NAME), "Ann Lee"),
    "TIMESTR": (F.TIMESTR(AT), "13:45:10"),
    "TODAY": (F.IF(F.IS_SAME(F.TODAY(), F.NOW(), "day"), 1, 0), 1),
    "TONOW": (F.TONOW(F.DATEADD(F.NOW(), -70, "hours")), "3 days"),
    "TRIM": (F.TRIM("  x "), "x"),
    "TRUE": (F.IF(F.TRUE(), 1, 2), 1),
    "UPPER": (F.UPPER(NAME), "ANN LEE"),
    "VALUE": (F.VALUE("$1,000.5"), 1000.5),
    "WEEKDAY": (F.WEEKDAY(DAY), 4),
    "WEEKNUM": (F.WEEKNUM(DAY), 9),
    "WORKDAY": (F.DATESTR(F.WORKDAY(DAY, 2)), "2024-03-04"),
    "WORKDAY_DIFF": (F.WORKDAY_DIFF("2024-02-29", "2024-03-04"), 3),
    "XOR": (F.IF(F.XOR(SEEN, F.FALSE()), 1, 0), 1),
    "YEAR": (F.YEAR(DAY), 2024),
}
# Conditions that hold for Ann and for nobody else.
HOLDING: dict[str, Formula] = {
    "AND": F.AND(NAME.eq("Ann Lee"), SCORE.gt(2)),
    "OR": F.OR(NAME.eq("nobody"), SCORE.eq(2.5)),
    "NOT": F.NOT(SCORE.ne(2.5)),
    "match": F.match({"Name": "Ann Lee", "Count": ("<", 0), "Seen": True}),
    "match any": F.match({"Name": "nobody", "Score": 2.5}, match_any=True),
    "to_formula": F.AND(F.to_formula(True), NAME.eq("Ann Lee")),
    "comparisons": F.AND(SCORE.gte(2.5), SCORE.lte(2.5), COUNT.lt(-11), F.NOT(F.EQ(COUNT, 0))).flatten(),
    "field_name": F.Formula(f"{F.field_name('Name')} = {F.quoted('Ann Lee')}"),
    "operators": (NAME.eq("Ann Lee") & SCORE.gt(1)) | F.GT(SCORE, 100) ^ F.FALSE(),
    "inverted": ~F.NE(NAME, "Ann Lee"),
}
NOT_CONDITIONS = {"to_formula_str", "quoted", "escape_quotes", "field_name", "to_formula", "match"}


@pytest.fixture(scope="module")
def people() -> Iterator[Table]:
    with Sandbox(typed_bases()) as sandbox:
        api = api_of(sandbox)
        table = api.table(TYPED_BASE, "People")
        table.batch_create([ANN, {"Name": 'O\'Neil "Bob" \\ {x}', "Count": 7}])
        yield table
        api.session.close()


def found(people: Table, formula: Any) -> list[str]:
    return [each["fields"]["Name"] for each in people.all(formula=formula)]


@pytest.mark.parametrize("name", WORTH)
def test_a_function_is_worth_what_the_reference_says(people: Table, name: str) -> None:
    formula, value = WORTH[name]
    near = F.LT(F.ABS(F.Formula(f"{formula} - {value}")), 0.0001) if isinstance(value, float) else F.EQ(formula, value)
    assert found(people, F.AND(NAME.eq("Ann Lee"), near)) == ["Ann Lee"]
    assert found(people, F.AND(NAME.eq("Ann Lee"), F.NOT(near))) == []


@pytest.mark.parametrize("name", HOLDING)
def test_a_condition_finds_whom_it_describes(people: Table, name: str) -> None:
    assert found(people, HOLDING[name]) == ["Ann Lee"]


def test_text_with_quotes_and_braces_is_found_again(people: Table) -> None:
    name = 'O\'Neil "Bob" \\ {x}'
    assert found(people, F.match({"Name": name})) == [name]
    assert found(people, F.to_formula_str(NAME.eq(name))) == [name]


def test_no_function_is_left_out() -> None:
    # escape_quotes is deprecated in favour of quoted.
    functions = {
        name for name, each in inspect.getmembers(spoken, inspect.isfunction) if each.__module__ == spoken.__name__
    }
    assert functions - {*WORTH, *HOLDING} - NOT_CONDITIONS == set()
