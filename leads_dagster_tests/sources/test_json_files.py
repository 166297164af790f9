"""Reading records out of JSON files as people have them."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads_dagster.errors import AccessError, LeadsError, SettingsError, SheetFormatError
from leads_dagster.sources.json_fields import flatten, header_of
from leads_dagster.sources.json_files import JsonRecord, read_records
from leads_dagster.sources.json_folders import find_files

LIMIT = 10_000_000


def read(folder: Path, content: str | bytes | Any, name: str = "leads.json") -> list[JsonRecord]:
    """The records of a file with this content; anything but text and bytes is written as JSON."""
    if not isinstance(content, (str, bytes)):
        content = json.dumps(content)
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_records(path, max_bytes=LIMIT))


def cells(folder: Path, content: Any, name: str = "leads.json") -> list[dict[str, str]]:
    return [record.cells for record in read(folder, content, name)]


ANNA, BOB = {"name": "Anna"}, {"name": "Bob"}


@pytest.mark.parametrize(
    "document",
    [
        [ANNA, BOB],
        {"leads": [ANNA, BOB]},
        {"data": {"leads": [ANNA, BOB]}, "meta": {"total": 2}},
        {"results": [ANNA, BOB], "meta": "x", "name": "an export"},
        [{"page": 1, "items": [ANNA]}, {"page": 2, "items": [BOB]}],
        [[ANNA], [BOB]],
        {"acme_export_2024": [ANNA, BOB], "version": 1},
        {"response": {"result": {"records": [ANNA, BOB]}}},
        {"columns": ["name"], "index": [0, 1], "data": [["Anna"], ["Bob"]]},
        [["name"], ["Anna"], ["Bob"]],
        {"name": {"0": "Anna", "1": "Bob"}},
        {"leads": [ANNA], "contacts": [BOB]},
    ],
)
def test_records_are_found_whatever_is_wrapped_around_them(tmp_path: Path, document: Any) -> None:
    assert cells(tmp_path, document) == [ANNA, BOB]


def test_a_single_record_is_one(tmp_path: Path) -> None:
    assert cells(tmp_path, {"name": "Anna", "company": {"name": "Acme"}}) == [{"name": "Anna", "company.name": "Acme"}]


def test_the_lists_of_a_person_are_no_records(tmp_path: Path) -> None:
    found = cells(tmp_path, {"name": "Anna", "email": "a@b.de", "items": [{"title": "Bike"}]})
    assert found == [{"name": "Anna", "email": "a@b.de", "items.1.title": "Bike"}]


def test_an_object_of_records_by_id_gives_them_their_ids(tmp_path: Path) -> None:
    found = cells(tmp_path, {"leads": {"id1": ANNA, "id2": {"id": "own", **BOB}}})
    assert found == [{"id": "id1", "name": "Anna"}, {"id": "own", "name": "Bob"}]


def test_records_by_email_get_their_email(tmp_path: Path) -> None:
    found = cells(tmp_path, {"anna@acme.com": ANNA, "bob@acme.com": {"email": "b@acme.com", **BOB}})
    assert found == [{"email": "anna@acme.com", "name": "Anna"}, {"email": "b@acme.com", "name": "Bob"}]


def test_what_an_envelope_says_of_the_company_is_said_of_its_people(tmp_path: Path) -> None:
    found = cells(tmp_path, {"company": "Acme", "contacts": [ANNA, {"name": "Bob", "companyName": "Other"}]})
    assert found == [{"name": "Anna", "company": "Acme"}, {"name": "Bob", "companyName": "Other"}]


def test_json_lines_keep_their_line_numbers_over_blank_lines_and_crlf(tmp_path: Path) -> None:
    found = read(tmp_path, '{"name":"Anna"}\r\n\r\n   \r\n{"name":"Bob"}\r\n', "leads.jsonl")
    assert [(record.index, record.line, record.cells) for record in found] == [(1, 1, ANNA), (2, 4, BOB)]


def test_a_broken_line_costs_only_itself(tmp_path: Path) -> None:
    found = read(tmp_path, '{"name":"Anna"}\n{"name":\n{"name":"Bob"}\n', "leads.ndjson")
    assert [record.cells for record in found if record.fault is None] == [ANNA, BOB]
    broken = found[1]
    assert broken.fault is not None
    assert (broken.line, broken.fault.code, broken.cells) == (2, "broken_json", {"json": '{"name":'})
    assert "leads.ndjson" in broken.fault.message
    assert not broken.breaks_off


@pytest.mark.parametrize(
    "text",
    ['{"name":"Anna"}\n{"name":"Bob"}\n', '{\n"name":"Anna"}\n{\n"name":"Bob"}', '{"name":"Anna"}{"name":"Bob"}'],
)
def test_values_one_after_the_other_are_records_whatever_the_file_is_called(tmp_path: Path, text: str) -> None:
    assert cells(tmp_path, text) == [ANNA, BOB]


def test_a_list_in_a_file_called_jsonl_is_read_as_a_list(tmp_path: Path) -> None:
    assert cells(tmp_path, '[\n{"name":"Anna"},\n{"name":"Bob"}\n]', "leads.jsonl") == [ANNA, BOB]


@pytest.mark.parametrize(
    "text", ['[{"name":"Anna"},\n{"name":"Bob"},\n{"na', '{"data":{"leads":[{"name":"Anna"},\n{"name":"Bob"},\n{"na']
)
def test_of_a_file_that_breaks_off_the_records_before_the_break_are_read(tmp_path: Path, text: str) -> None:
    *good, broken = read(tmp_path, text)
    assert [record.cells for record in good] == [ANNA, BOB]
    assert broken.fault is not None
    assert broken.breaks_off
    assert broken.line == 3


@pytest.mark.parametrize("value", [7, "text", None, True, [], {}, ["a", "b"]])
def test_what_is_no_record_is_told_with_its_place(tmp_path: Path, value: Any) -> None:
    found = read(tmp_path, [ANNA, value, BOB])
    fault = found[1].fault
    assert [record.cells for record in found if record.fault is None] == [ANNA, BOB]
    assert fault is not None
    assert fault.code == "not_a_record"
    assert "Record 2 of leads.json" in fault.message


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("4915112345678", "4915112345678"),
        ("4915112345678.0", "4915112345678"),
        ("4.915112345678e12", "4915112345678"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("0.95", "0.95"),
        ("1e999999999", "1e999999999"),
        ("NaN", ""),
        ("-Infinity", "-Infinity"),
        ("null", ""),
        ("true", "true"),
        ("false", "false"),
        ('{"$oid": "5f"}', "5f"),
        ('["a", "b", null]', "a; b"),
        ('["a;b", "c"]', '["a;b", "c"]'),
        (r'"a\ud800b\u0000c"', "a\ufffdbc"),
    ],
)
def test_values_become_text_without_loss(tmp_path: Path, written: str, text: str) -> None:
    assert cells(tmp_path, f'[{{"x": {written}}}]') == [{"x": text}]


def test_a_name_that_comes_twice_keeps_both_values(tmp_path: Path) -> None:
    assert cells(tmp_path, '[{"email":"a@b.de","email":"c@d.de","email":"a@b.de"}]') == [
        {"email": "a@b.de", "email 2": "c@d.de"}
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be", "cp1252"])
def test_every_usual_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    assert cells(tmp_path, '[{"name":"Jörg Müller"}]'.encode(encoding)) == [{"name": "Jörg Müller"}]


def test_packed_files_are_unpacked_and_damaged_ones_refused(tmp_path: Path) -> None:
    packed = gzip.compress(b'[{"name":"Anna"}]' + b" " * 10_000)
    assert cells(tmp_path, packed, "leads.json.gz") == [ANNA]
    with pytest.raises(AccessError, match="damaged archive"):
        read(tmp_path, packed[:-9], "cut.json.gz")
    with pytest.raises(AccessError, match="damaged archive"):
        read(tmp_path, b"[]", "plain.json.gz")


def test_a_document_above_the_limit_is_refused_and_lines_are_not(tmp_path: Path) -> None:
    path = tmp_path / "leads.json"
    path.write_text(json.dumps([ANNA] * 100))
    with pytest.raises(SheetFormatError, match="JSON Lines"):
        list(read_records(path, max_bytes=200))
    lines = tmp_path / "leads.jsonl"
    lines.write_text('{"name": "Anna"}\n' * 100)
    assert len(list(read_records(lines, max_bytes=200))) == 100


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, '{"name":"Anna","a":' + "[" * 500 + "]" * 500 + "}"]
)
def test_a_document_nested_too_deeply_is_told_of(tmp_path: Path, text: str) -> None:
    (record,) = read(tmp_path, text)
    assert record.fault is not None


@pytest.mark.parametrize("text", ["", "  \n ", "[]", '{"results": [], "meta": 1}'])
def test_a_file_without_records_has_none(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == []


@pytest.mark.parametrize(
    ("label", "header"),
    [
        ("properties.firstname", "firstname"),
        ("_source.email", "email"),
        ("name.first", "first name"),
        ("contact.name.last", "contact last name"),
        ("owner.name.last", "owner.name.last"),
        ("location.city", "city"),
        ("social.linkedin", "linkedin"),
        ("company.name", "company.name"),
        ("owner.email", "owner.email"),
    ],
)
def test_a_path_amounts_to_the_header_that_people_would_write(label: str, header: str) -> None:
    assert header_of(label) == header


def test_numbers_and_addresses_in_lists_go_by_their_kind() -> None:
    record = {
        "phones": [{"type": "mobile", "number": "+49"}, {"number": "1", "primary": True}],
        "emails": [{"value": "a"}],
    }
    assert flatten(record) == {"phones.mobile.1": "+49", "phones.2": "1", "phones.2.primary": "true", "emails.1": "a"}


def test_a_record_of_very_many_names_loses_none_of_them() -> None:
    found = flatten({f"key{number}": number for number in map(str, range(2_010))})
    assert len(found) == 2_001
    assert "key2009: 2009" in found["…"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["name", "data", "leads", "id", "emails", "0", ""]) | st.text(max_size=5), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=JSON, cut=st.integers(0, 60), lines=st.booleans())
def test_any_json_cut_anywhere_gives_records_or_an_error_of_ours(
    tmp_path: Path, value: Any, cut: int, lines: bool
) -> None:
    text = json.dumps(value)
    try:
        found = read(tmp_path, text[: len(text) - cut], "x.jsonl" if lines else "x.json")
    except LeadsError:
        return
    assert [record.index for record in found] == list(range(1, len(found) + 1))
    assert all(isinstance(text, str) for record in found for text in record.cells.values())
    json.dumps([record.cells for record in found], ensure_ascii=False).encode()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=60))
def test_any_bytes_give_records_or_an_error_of_ours(tmp_path: Path, data: bytes) -> None:
    try:
        found = read(tmp_path, data)
    except LeadsError:
        return
    assert all(record.fault or record.cells for record in found)


def test_a_folder_gives_its_json_in_order_and_counts_the_rest(tmp_path: Path) -> None:
    for name in ("b.json", "a.jsonl", "sub/c.JSON.gz", ".hidden.json", ".git/d.json", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("[]")
    found = find_files([tmp_path, tmp_path / "b.json"])
    assert [file.path.name for file in found.files] == ["a.jsonl", "b.json", "c.JSON.gz"]
    assert +found.left_out == {"hidden": 2, "not JSON": 1, "named twice": 1}


def test_links_out_of_a_folder_are_left_out(tmp_path: Path) -> None:
    outside, inside = tmp_path / "secret.json", tmp_path / "folder"
    outside.write_text("[]")
    inside.mkdir()
    (inside / "link.json").symlink_to(outside)
    (inside / "loop").symlink_to(inside, target_is_directory=True)
    found = find_files([inside])
    assert found.files == []
    assert +found.left_out == {"links out of the folder": 1, "links to folders": 1}


def test_a_file_named_itself_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    path = tmp_path / "export.txt"
    path.write_text("[]")
    (file,) = find_files([path]).files
    assert file.source == f"json:{path.resolve()}"


def test_a_path_that_is_not_there_or_no_file_is_a_wrong_argument(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("none.json", "pipe"):
        with pytest.raises(SettingsError):
            find_files([tmp_path / name])
