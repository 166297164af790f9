"""Tables are read from exports as people make them, and nothing in a cell is changed."""

from __future__ import annotations

import csv
from collections.abc import Sequence

import pytest
import xxhash

from leads_dagster.errors import SheetFormatError
from leads_dagster.leads.tabular import Table, column_labels, read_table


def table_of(text: str) -> Table:
    return read_table(text.encode())


def rows_of(table: Table) -> list[list[str]]:
    return list(table.rows())


def knows(cells: Sequence[str]) -> int:
    return sum(cell.strip().lower() in {"name", "email", "phone", "company"} for cell in cells)


def test_cells_stay_the_strings_they_are() -> None:
    cells = ["007", " 5.10 ", "1e5", "TRUE", "=1+1", "12345678901234567890", "NULL", "é", "'x"]
    table = table_of("a,b,c,d,e,f,g,h,i\n" + ",".join(cells) + "\n")
    assert table.cells(0) == cells


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("last", ["", "end"])
def test_every_line_end_gives_the_same_rows(line_end: str, last: str) -> None:
    text = line_end.join(["Name,Email", "Jo,a@b.example", "Al,c@d.example"]) + (line_end if last else "")
    assert rows_of(table_of(text)) == [["Jo", "a@b.example"], ["Al", "c@d.example"]]


def test_a_quoted_line_break_stays_in_its_cell() -> None:
    table = table_of('Name,Notes\r\nJo,"first\r\nsecond, ""third"""\r\nAl,x\r\n')
    assert rows_of(table) == [["Jo", 'first\nsecond, "third"'], ["Al", "x"]]
    assert table.row_numbers == range(2, 4)


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("Name,Email\nJo,a@b.example\n", ","),
        ("Name;Email\nJo;a@b.example\n", ";"),
        ("Name\tEmail\nJo\ta@b.example\n", "\t"),
        ("Name|Email\nJo|a@b.example\n", "|"),
        ("Name;Address;City\nJo;1 High St, Flat 2, Leeds;Leeds\nAl;2 Low St, Hull, HU1, UK;Hull\n", ";"),
        ("Name;City, State;Zip\nJo;Berlin, DE;1\nAl;Ulm, DE;2\n", ";"),
        ('Name,Title\nJo,"CEO; Founder; Chair"\nAl,"CTO; Chair; x"\n', ","),
        ('"Name","Notes; and more"\n"Jo","a;b"\n"Al","c;d"\n', ","),
        ("Name|Skills\nJo|a,b,c\nAl|d,e\n", "|"),
        ("Name\tSalary\nJo\t1.000,50\nAl\t2.000,75\n", "\t"),
        ("Name;Salary\nJo;1.000,50\nAl;2.000,75\n", ";"),
        ("Email\na@b.example\nc@d.example\n", ","),
        ("Email\n", ","),
        ("sep=;\nName;Email\nJo;a@b.example\n", ";"),
        ("sep=|\r\nName|Email,x\r\nJo|a,b\r\n", "|"),
        ("sep=\t\nName\tEmail\nJo\ta\n", "\t"),
    ],
)
def test_the_delimiter_is_found(text: str, delimiter: str) -> None:
    assert table_of(text).delimiter == delimiter


def test_known_header_words_decide_where_widths_agree_on_another_delimiter() -> None:
    text = "Name;Company, City\nJo;Acme, Berlin\nAl;Initech, Ulm\n"
    assert read_table(text.encode(), score_header=knows).delimiter == ";"


def test_commas_in_a_sheet_of_one_column_separate_nothing() -> None:
    table = read_table(b"Name\nDoe, John\nRoe, Jane\n", score_header=knows)
    assert rows_of(table) == [["Doe, John"], ["Roe, Jane"]]


def test_excels_separator_line_is_no_row() -> None:
    table = table_of("sep=;\nName;Email\nJo;a@b.example\n")
    assert (table.header, table.first_row, len(table)) == (("Name", "Email"), 2, 1)


@pytest.mark.parametrize("score_header", [None, knows])
def test_a_preamble_above_the_header_is_set_aside(score_header: object) -> None:
    text = (
        'Notes:\n"When exporting, some addresses are missing."\n\nName,Email,Phone\nJo,a@b.example,1\n,c@d.example,\n'
    )
    table = read_table(text.encode(), score_header=knows if score_header else None)
    assert table.header == ("Name", "Email", "Phone")
    assert table.preamble == ("Notes:", '"When exporting, some addresses are missing."')
    assert (table.first_row, table.row_numbers) == (5, range(5, 7))


def test_a_preamble_padded_to_the_width_of_the_sheet_is_one_too() -> None:
    table = read_table(b"Our leads 2026,,,\n,,,\nName,Email,Phone,x\nJo,a,1,2\n", score_header=knows)
    assert table.header == ("Name", "Email", "Phone", "x")
    assert table.first_row == 4


def test_a_row_that_holds_header_words_is_not_taken_for_the_header() -> None:
    table = read_table(b"Alpha,Beta,Gamma\nEmail,Phone,x\n1,2,3\n", score_header=knows)
    assert table.header == ("Alpha", "Beta", "Gamma")


def test_a_header_repeated_in_the_middle_is_data() -> None:
    table = read_table(b"Name,Email\nJo,a@b.example\nName,Email\nAl,c@d.example\n", score_header=knows)
    assert rows_of(table)[1] == ["Name", "Email"]


def test_ragged_rows_keep_what_they_have() -> None:
    table = table_of("Name,Email,Phone\nJo\nAl,a@b.example\nMo,c@d.example,1,,,,stray\n")
    assert rows_of(table) == [["Jo"], ["Al", "a@b.example"], ["Mo", "c@d.example", "1", "", "", "", "stray"]]


def test_empty_lines_are_left_out_and_rows_of_delimiters_are_not() -> None:
    table = table_of("Name,Email\n\nJo,a\n,\n\n\nAl,b\n\n")
    assert rows_of(table) == [["Jo", "a"], ["", ""], ["Al", "b"]]
    assert list(table.row_numbers) == [3, 4, 7]
    assert table.first_row == 3


def test_rows_are_numbered_by_records_not_by_lines() -> None:
    table = table_of('Name,Notes\nJo,"1\n2\n3"\nAl,x\n')
    assert list(table.row_numbers) == [2, 3]


def test_a_signature_below_the_rows_is_set_aside() -> None:
    text = (
        'Name,Email,Phone\nJo,a@b.example,1\nAl,,\n\n\n"Report of leads"\n"Copyright (c) 2026, Acme Inc."\n\n"By: Jo"\n'
    )
    table = table_of(text)
    assert rows_of(table) == [["Jo", "a@b.example", "1"], ["Al", "", ""]]
    assert table.footer == ('"Report of leads"', '"Copyright (c) 2026, Acme Inc."', '"By: Jo"')


@pytest.mark.parametrize(
    "text",
    [
        "Name,Email,Phone\nJo,a,1\nAl\n",
        "Name,Email,Phone\nJo,a,1\n\nAl,b,2\n",
        "Email,Name,Phone\na,Jo,1\n\nb@c.example\n",
        "Name,Email\nJo,a\n\nAl\n",
        "Name,Email,Phone\n\nAl\n",
    ],
)
def test_what_may_be_a_row_is_no_footer(text: str) -> None:
    table = table_of(text)
    assert table.footer == ()
    assert len(table) == len([line for line in text.split("\n") if line]) - 1


def test_a_header_without_rows_is_an_empty_table() -> None:
    for text in ("Name,Email,Phone", "Name,Email,Phone\n", "Name,Email,Phone\r\n\r\n"):
        table = table_of(text)
        assert (table.header, len(table), table.first_row) == (("Name", "Email", "Phone"), 0, 2)
        assert rows_of(table) == []
        assert table.digests() == b""


@pytest.mark.parametrize("text", ["\n", " \n\t\n", ",,,\n,,,\n", "\ufeff", "sep=;\n", '""\n'])
def test_a_sheet_without_text_is_refused(text: str) -> None:
    with pytest.raises(SheetFormatError, match="empty"):
        table_of(text)


def test_a_quote_that_never_ends_is_refused_and_its_row_named() -> None:
    with pytest.raises(SheetFormatError, match="row 3 never ends") as caught:
        table_of('Name,Email\nJo,a\n"Al,b\nMo,c\n')
    assert caught.value.context == {"row": 3}


def test_digests_are_those_of_the_records_text() -> None:
    table = table_of('Name,Notes\nJo,"ä\nö"\nAl,x\n')
    assert table.digests() == b"".join(xxhash.xxh3_128_digest(record.encode()) for record in ('Jo,"ä\nö"', "Al,x"))


def test_digests_do_not_depend_on_line_ends_or_encoding() -> None:
    text = 'Näme,Notes\nJo,"ä\nö"\nAl,ß\n'
    digests = table_of(text).digests()
    assert read_table(text.replace("\n", "\r\n").encode("utf-16")).digests() == digests
    assert read_table(text.encode("cp1252")).digests() == digests


def test_rows_can_be_asked_for_in_any_order() -> None:
    table = table_of("Name,X\na,1\nb,2\nc,3\n")
    assert list(table.rows([2, 0, 2])) == [["c", "3"], ["a", "1"], ["c", "3"]]


def test_ten_megabytes_in_one_cell_are_a_cell() -> None:
    big = 'x"' * 5_000_000
    table = table_of('Name,Notes\nJo,"' + big.replace('"', '""') + '"\nAl,y\n')
    assert table.cells(0) == ["Jo", big]
    assert table.cells(1) == ["Al", "y"]


def test_two_thousand_columns_are_columns() -> None:
    names = ["Name", "Email", *(f"c{number}" for number in range(1998))]
    table = table_of(",".join(names) + "\n" + ",".join(map(str, range(2000))) + "\n")
    assert list(table.header) == names
    assert table.cells(0) == list(map(str, range(2000)))


def test_reading_leaves_the_csv_modules_limit_high_enough_for_other_readers() -> None:
    table_of("Name,X\na,1\n")
    assert csv.field_size_limit() >= 10_000_000


@pytest.mark.parametrize(
    ("header", "labels"),
    [
        (["Name", "Email"], ("Name", "Email")),
        ([" Name\t", "\u00a0Email\u00a0"], ("Name", "Email")),
        (["Name", "", " ", "X"], ("Name", "column_2", "column_3", "X")),
        (["Notes", "Notes", "Notes"], ("Notes", "Notes_2", "Notes_3")),
        (["Notes", "Notes", "Notes_2"], ("Notes", "Notes_3", "Notes_2")),
        (["", "column_1"], ("column_1_2", "column_1")),
        (["Notes", "notes"], ("Notes", "notes")),
    ],
)
def test_labels_are_trimmed_and_unique(header: list[str], labels: tuple[str, ...]) -> None:
    assert column_labels(header) == labels
