"""Whatever people paste as "the sheet" leads to one address with one name, or to advice."""

from __future__ import annotations

from pathlib import Path

import pytest

from leads_dagster.errors import SettingsError
from leads_dagster.sources.sheet_address import parse_sheet, safe_url, without_secrets

ID = "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms"
PUBLISHED = "2PACX-1vQx0Zr3mJp-7yQwErTy_UiOpAsDfGhJkLzXcVbNm"
DOCS = "https://docs.google.com/spreadsheets"

SAME_TAB = [
    f"{DOCS}/d/{ID}/edit#gid=7",
    f"{DOCS}/d/{ID}/edit?gid=7#gid=7",
    f"{DOCS}/d/{ID}/edit?gid=7",
    f"{DOCS}/d/{ID}/edit?usp=sharing#gid=7",
    f"{DOCS}/d/{ID}/edit#gid=7&range=B5:C9",
    f"{DOCS}/u/0/d/{ID}/edit#gid=7",
    f"https://docs.google.com/a/example.com/spreadsheets/d/{ID}/edit#gid=7",
    f"{DOCS}/d/{ID}/view#gid=7",
    f"{DOCS}/d/{ID}/preview?gid=7",
    f"{DOCS}/d/{ID}/htmlview#gid=7",
    f"{DOCS}/d/{ID}/#gid=7",
    f"{DOCS}/d/{ID}#gid=7",
    f"{DOCS}/d/{ID}/export?format=csv&gid=7",
    f"{DOCS}/d/{ID}/export?format=xlsx&gid=7",
    f"{DOCS}/d/{ID}/gviz/tq?tqx=out:csv&gid=7",
    f"{DOCS}/d/{ID}/gviz/tq?tqx=out:csv&sheet=Leads&gid=7",
    f"http://docs.google.com/spreadsheets/d/{ID}/edit#gid=7",
    f"HTTPS://Docs.Google.com/spreadsheets/d/{ID}/edit#gid=7",
    f"docs.google.com/spreadsheets/d/{ID}/edit#gid=7",
    f"  <{DOCS}/d/{ID}/edit#gid=7>\n",
    f'"{DOCS}/d/{ID}/edit#gid=7"',
    f"sheet:{ID}#7",
]

FIRST_TAB = [
    ID,
    f"{DOCS}/d/{ID}",
    f"{DOCS}/d/{ID}/edit",
    f"{DOCS}/d/{ID}/edit?usp=sharing",
    f"{DOCS}/d/{ID}/edit#gid=0",
    f"{DOCS}/d/{ID}/export?format=csv",
    f"https://drive.google.com/open?id={ID}",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", SAME_TAB)
def test_every_form_of_link_to_one_tab_has_one_name(text: str) -> None:
    address = parse_sheet(text)
    assert (address.kind, address.canonical) == ("google", f"sheet:{ID}#7")
    assert address.csv_url() == f"{DOCS}/d/{ID}/export?format=csv&gid=7"


@pytest.mark.parametrize("text", FIRST_TAB)
def test_a_link_that_names_no_tab_means_tab_0(text: str) -> None:
    assert parse_sheet(text).canonical == f"sheet:{ID}#0"


@pytest.mark.parametrize(
    ("text", "called"),
    [
        (f"{DOCS}/d/e/{PUBLISHED}/pub?output=csv&gid=7", f"/d/e/{PUBLISHED}/pub?output=csv&single=true&gid=7"),
        (f"{DOCS}/d/e/{PUBLISHED}/pubhtml?gid=7&single=true", f"/d/e/{PUBLISHED}/pub?output=csv&single=true&gid=7"),
        (f"{DOCS}/d/e/{PUBLISHED}/pubhtml#gid=7", f"/d/e/{PUBLISHED}/pub?output=csv&single=true&gid=7"),
        (f"{DOCS}/d/e/{PUBLISHED}/pubhtml", f"/d/e/{PUBLISHED}/pub?output=csv"),
        (PUBLISHED, f"/d/e/{PUBLISHED}/pub?output=csv"),
        (f"{DOCS}/d/{ID}/pub?output=html&gid=7", f"/d/{ID}/pub?output=csv&single=true&gid=7"),
    ],
)
def test_a_published_sheet_is_asked_for_its_csv(text: str, called: str) -> None:
    address = parse_sheet(text)
    assert address.kind == "published"
    assert address.canonical.startswith("published:")
    assert address.csv_url() == DOCS + called


def test_google_may_be_stood_in_for() -> None:
    assert parse_sheet(ID).csv_url("http://127.0.0.1:9/") == f"http://127.0.0.1:9/spreadsheets/d/{ID}/export?format=csv"


@pytest.mark.parametrize(
    ("text", "canonical", "called"),
    [
        ("https://example.com/a.csv", "url:https://example.com/a.csv", "https://example.com/a.csv"),
        ("HTTPS://Example.COM:443/a.csv#top", "url:https://example.com/a.csv", "https://example.com/a.csv"),
        ("http://example.com:8080/A.csv?k=1", "url:http://example.com:8080/A.csv?k=1", "http://example.com:8080/A.csv?k=1"),
        ("https://example.com", "url:https://example.com/", "https://example.com/"),
        ("http://me:pw@example.com/a", "url:http://example.com/a", "http://me:pw@example.com/a"),
        ("http://[::1]:80/a.csv", "url:http://[::1]/a.csv", "http://[::1]/a.csv"),
        ("url:https://example.com/a.csv", "url:https://example.com/a.csv", "https://example.com/a.csv"),
    ],
)  # fmt: skip
def test_any_other_address_is_itself(text: str, canonical: str, called: str) -> None:
    address = parse_sheet(text)
    assert (address.kind, address.canonical, address.csv_url()) == ("url", canonical, called)


@pytest.mark.parametrize("form", ["edit#gid=7", "edit?gid=7#gid=7", "export?format=csv&gid=7", "htmlview#gid=7"])
def test_a_link_to_something_that_stands_for_google_is_exported_there(form: str) -> None:
    address = parse_sheet(f"http://127.0.0.1:8080/spreadsheets/d/leads/{form}")
    assert address.canonical == "url:http://127.0.0.1:8080/spreadsheets/d/leads/export?format=csv&gid=7"


def test_paths_are_made_absolute(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder / "home"))
    known = folder / "my leads.csv"
    known.write_text("Name\n")
    forms = ["my leads.csv", "./my leads.csv", str(known), f"file://{folder}/my%20leads.csv", f"file:{known}"]
    assert {parse_sheet(form).canonical for form in forms} == {f"file:{known}"}
    assert parse_sheet(f"file://localhost{known}").path == known
    assert parse_sheet("~/leads.tsv").path == folder / "home" / "leads.tsv"


def test_a_relative_path_may_be_relative_to_another_folder(folder: Path) -> None:
    assert parse_sheet("data/leads.csv", folder=Path("/srv")).path == Path("/srv/data/leads.csv")


def test_a_link_keeps_its_own_name(folder: Path) -> None:
    (folder / "today.csv").write_text("Name\n")
    (folder / "leads.csv").symlink_to(folder / "today.csv")
    assert parse_sheet("leads.csv").path == folder / "leads.csv"


def test_a_file_wins_over_an_id_or_address_that_looks_the_same(folder: Path) -> None:
    for name in (ID, "odd:name.csv", "leads"):
        (folder / name).write_text("Name\n")
        assert parse_sheet(name).path == folder / name


def test_a_path_that_is_not_there_yet_is_still_a_path(folder: Path) -> None:
    assert parse_sheet("leads.csv").kind == "file"
    assert parse_sheet("data/leads").kind == "file"


@pytest.mark.parametrize(
    "text", [*SAME_TAB[:1], ID, PUBLISHED, "https://me:pw@example.com/a.csv?k=1", "/srv/leads.csv"]
)
def test_the_name_leads_to_the_same_address(text: str) -> None:
    canonical = parse_sheet(text).canonical
    assert parse_sheet(canonical).canonical == canonical


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "No sheet is given"),
        ("   ", "No sheet is given"),
        ("leads", "neither a file here nor the id"),
        ("my-own-sheet-of-november-leads", "neither a file here nor the id"),
        ("ftp://example.com/a.csv", "ftp: addresses are not read"),
        ("s3://bucket/leads.csv", "s3: addresses are not read"),
        ("https://", "not a valid http"),
        ("https://exa mple.com/a.csv", "not a valid http"),
        ("https://example.com:port/a.csv", "not a valid one"),
        ("https://[half/a.csv", "not a valid one"),
        ("file://server/share/leads.csv", "another machine"),
        (f"{DOCS}/d/{ID}/gviz/tq?tqx=out:csv&sheet=Leads", "names its tab by title"),
        (f"{DOCS}/d/{ID}/gviz/tq?tq=select%20A&gid=0", "a selection of the sheet"),
        (f"{DOCS}/d/{ID}/export?format=csv&gid=0&range=A1:C9", "a range of the sheet"),
        (f"{DOCS}/d/{ID}/edit#gid=first", "is not a number"),
        (f"https://drive.google.com/file/d/{ID}/view", "not a Google Sheet"),
        (f"https://docs.google.com/document/d/{ID}/edit", "does not lead to a Google Sheet"),
        ("https://docs.google.com/spreadsheets/", "does not lead to a Google Sheet"),
        ("https://drive.google.com/drive/folders/abc", "does not lead to a Google Sheet"),
    ],
)
def test_what_cannot_be_read_is_refused_with_advice(folder: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as refused:
        parse_sheet(text)
    assert refused.value.advice


@pytest.mark.parametrize("text", ["x" * 100_000, "https://example.com/" + "x" * 5000, "a\0b", "~nobody-here/leads.csv"])
def test_odd_text_never_breaks(folder: Path, text: str) -> None:
    assert _kind_or_refusal(text) in {"url", "file", "refused"}


def _kind_or_refusal(text: str) -> str:
    try:
        return parse_sheet(text).kind
    except SettingsError:
        return "refused"


def test_secrets_of_an_address_are_not_shown() -> None:
    address = parse_sheet("https://me:pw@example.com/a.csv?token=s3cret#x")
    assert address.display == "https://example.com/a.csv?…"
    assert safe_url("https://example.com/a.csv") == "https://example.com/a.csv"


@pytest.mark.parametrize(
    "name",
    [
        "key", "token", "sig", "access_token", "accessToken", "api_key", "apiKey", "X-API-Key", "auth", "password",
        "pwd", "secret", "client_secret", "X-Amz-Signature", "X-Amz-Credential", "jwt", "access%5Ftoken",
    ],
)  # fmt: skip
def test_what_lets_somebody_in_is_no_part_of_the_name_of_a_source(name: str) -> None:
    address = parse_sheet(f"https://me:pw@example.com/a.csv?list=7&{name}=s3cret&x")
    assert address.canonical == f"url:https://example.com/a.csv?list=7&{name}=***&x"
    assert address.csv_url() == f"https://me:pw@example.com/a.csv?list=7&{name}=s3cret&x"
    assert "s3cret" not in repr(address)
    assert parse_sheet(f"https://example.com/a.csv?list=7&{name}=other&x").canonical == address.canonical
    assert parse_sheet(f"https://example.com/a.csv?list=8&{name}=s3cret&x").canonical != address.canonical


@pytest.mark.parametrize(
    "query", ["country_code=DE", "sort_key=name", "tokens=7", "monkey=1", "key", "key=", "author=x"]
)
def test_ordinary_parameters_tell_sources_apart(query: str) -> None:
    assert parse_sheet(f"https://example.com/a.csv?{query}").canonical == f"url:https://example.com/a.csv?{query}"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("http://me:pw@example.com/a.csv?key=tok&b=1#x", "http://***@example.com/a.csv?key=***&b=1"),
        ("https://tok@example.com/a.csv", "https://***@example.com/a.csv"),
        ("https://example.com/a.csv?b=1", "https://example.com/a.csv?b=1"),
        ("leads.csv", "leads.csv"),
        (SAME_TAB[0], SAME_TAB[0]),
    ],
)
def test_an_address_is_kept_without_what_lets_somebody_in(text: str, kept: str) -> None:
    assert without_secrets(text) == kept


@pytest.mark.parametrize("text", ["http://***@example.com/a.csv", "url:https://example.com/a.csv?key=***&b=1"])
def test_an_address_as_it_is_kept_cannot_be_read_and_says_why(text: str) -> None:
    with pytest.raises(SettingsError, match="without its password or token"):
        parse_sheet(text)
