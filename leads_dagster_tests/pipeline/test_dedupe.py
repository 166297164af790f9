"""`leads dedupe`: a line for every row of a file, and nothing else touched."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest

from leads_dagster.errors import SettingsError, SheetFormatError, StoreError, UnknownHeadersError
from leads_dagster.leads.fields import NormalizationRules
from leads_dagster.leads.matching import Thresholds
from leads_dagster.pipeline.dedupe import ReportFile, dedupe

SHEET = """Name,Company,Email,Phone,LinkedIn
Bob Smith,Acme GmbH,bob@acme.com,,
Mary Baker,Acme GmbH,info@acme.com,,
,,,,
Robert Smith,Acme Inc.,,,
Mario Rossi,Borealis,,,
Maria Rossi,Borealis,,,
Anna Lee,,,,https://linkedin.com/in/anna-lee
Anna Schulz,,,,http://de.linkedin.com/in/Anna-Lee/
"""


def written(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def sheet(folder: Path, text: str = SHEET) -> Path:
    path = folder / "leads.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_row_gets_a_line_with_its_lead_rule_and_score(tmp_path: Path) -> None:
    dedupe(sheet(tmp_path), tmp_path / "out.csv")

    assert [tuple(line.values()) for line in written(tmp_path / "out.csv")] == [
        ("0", "lead-000001", "name_company", "0.9545"),
        ("1", "lead-000002", "new", ""),
        ("2", "", "quarantined", ""),
        ("3", "lead-000001", "name_company", "0.9545"),
        ("4", "lead-000003", "new", ""),
        ("5", "lead-000004", "new", ""),
        ("6", "lead-000005", "linkedin", "1.0"),
        ("7", "lead-000005", "linkedin", "1.0"),
    ]


def test_the_summary_adds_up(tmp_path: Path) -> None:
    summary = dedupe(sheet(tmp_path), tmp_path / "out.csv")

    assert summary.as_dict() == {
        "rows": 8,
        "leads": 5,
        "merged": 2,
        "reviews": 1,
        "quarantined": 1,
        "by_rule": {"linkedin": 2, "name_company": 2, "new": 3, "quarantined": 1},
    }


def test_the_same_file_gives_the_same_result(tmp_path: Path) -> None:
    dedupe(sheet(tmp_path), tmp_path / "one.csv")
    dedupe(sheet(tmp_path), tmp_path / "two.csv")

    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_the_thresholds_and_rules_are_the_customers(tmp_path: Path) -> None:
    path = sheet(tmp_path, "Name,Company,Phone\nMario Rossi,Borealis,\nMaria Rossi,Borealis,\n")
    summary = dedupe(path, tmp_path / "out.csv", thresholds=Thresholds(match=0.78))

    assert summary.leads == 1

    path = sheet(tmp_path, "Name,Phone\nMario Rossi,030 1234567\nMario Rossi,+49 30 1234567\n")
    assert dedupe(path, tmp_path / "out.csv", rules=NormalizationRules(phone_region="DE")).leads == 1
    assert dedupe(path, tmp_path / "out.csv", rules=NormalizationRules(phone_region="FR")).leads == 2


def test_rows_that_are_all_the_same_are_one_lead(tmp_path: Path) -> None:
    path = sheet(tmp_path, "Name,Company\n" + "Bob Smith,Acme\n" * 3000)

    assert dedupe(path, tmp_path / "out.csv").as_dict()["leads"] == 1


def test_progress_goes_from_nothing_to_a_hundred(tmp_path: Path) -> None:
    seen: list[tuple[int, str]] = []
    dedupe(sheet(tmp_path), tmp_path / "out.csv", progress=lambda percent, message: seen.append((percent, message)))

    percents = [percent for percent, _ in seen]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (0, 100)
    assert all(message for _, message in seen)


@pytest.mark.parametrize(
    ("name", "rows", "leads"),
    [
        ("us-500.csv", 500, 500),
        ("german-Kunden-utf16le-semicolon.csv", 50, 50),
        ("datablist-leads-100.csv", 100, 100),
        ("linkedin-sample_connections.csv", 140, 140),
        ("hubspot-style.csv", 4, 4),
    ],
)
def test_sample_files_hold_no_one_twice(shared_data: Path, tmp_path: Path, name: str, rows: int, leads: int) -> None:
    summary = dedupe(shared_data / "leads" / name, tmp_path / "out.csv")

    assert (summary.rows, summary.leads, summary.quarantined) == (rows, leads, 0)
    assert [line["row_id"] for line in written(tmp_path / "out.csv")] == [str(number) for number in range(rows)]


def test_companies_without_persons_stay_apart(shared_data: Path, tmp_path: Path) -> None:
    summary = dedupe(shared_data / "leads" / "salesforce-accountData.csv", tmp_path / "out.csv")

    assert (summary.rows, summary.leads, summary.merged, summary.quarantined) == (423, 420, 0, 3)
    assert summary.reviews == 3  # the vendor's test accounts ("tv", "tv licenses" ...), of one building


def test_a_file_without_a_lead_column_is_refused_and_nothing_is_written(shared_data: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownHeadersError, match="column1"):
        dedupe(shared_data / "leads" / "salesforce-csvtext_BOM_UTF8.csv", tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SheetFormatError):
        dedupe(sheet(tmp_path, ""), tmp_path / "out.csv")


def test_a_header_without_rows_gives_a_header_without_lines(tmp_path: Path) -> None:
    summary = dedupe(sheet(tmp_path, "Name,Company\n"), tmp_path / "out.csv")

    assert summary.as_dict()["rows"] == 0
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "row_id,lead_id,rule,score\n"


def test_the_file_that_is_read_is_never_overwritten(tmp_path: Path) -> None:
    path = sheet(tmp_path)

    with pytest.raises(SettingsError, match="is the file that is read"):
        dedupe(path, tmp_path / "." / "leads.csv")
    assert path.read_text(encoding="utf-8") == SHEET


def test_a_path_that_cannot_be_read_or_written_is_an_argument_that_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        dedupe(tmp_path / "missing.csv", tmp_path / "out.csv")
    with pytest.raises(SettingsError, match="no folder"):
        dedupe(sheet(tmp_path), tmp_path / "missing" / "out.csv")
    with pytest.raises(SettingsError, match="is a folder"):
        dedupe(sheet(tmp_path), tmp_path)


def test_a_disk_that_refuses_leaves_the_old_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out.csv").write_text("old", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("leads_dagster.pipeline.dedupe.write_csv", full)
    with pytest.raises(StoreError, match="No space left"):
        dedupe(sheet(tmp_path), tmp_path / "out.csv")

    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["leads.csv", "out.csv"]


def test_a_link_stays_a_link_and_a_device_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old", encoding="utf-8")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    dedupe(sheet(tmp_path), tmp_path / "link.csv")

    assert (tmp_path / "link.csv").is_symlink()
    assert len(written(tmp_path / "real.csv")) == 8
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SettingsError, match="not an ordinary file"):
        dedupe(sheet(tmp_path), tmp_path / "pipe")


def test_one_path_for_two_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--out and --reviews name the same file"):
        dedupe(sheet(tmp_path), tmp_path / "out.csv", reviews=tmp_path / "." / "out.csv")


def test_the_pairs_for_a_person_are_written_with_the_reason(tmp_path: Path) -> None:
    dedupe(sheet(tmp_path), tmp_path / "out.csv", reviews=tmp_path / "reviews.csv")

    (line,) = written(tmp_path / "reviews.csv")
    assert (line["row_a"], line["row_b"], line["rule"]) == ("4", "5", "name_company")
    assert 0.75 <= float(line["score"]) <= 0.85
    assert "nearly alike" in line["why"]


def test_an_interrupted_run_leaves_no_file_and_no_half_of_one(tmp_path: Path) -> None:
    path = sheet(tmp_path)

    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dedupe(
            path, tmp_path / "out.csv", reviews=tmp_path / "reviews.csv",
            report=ReportFile(tmp_path / "report.html", interrupted),
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == [path]


def test_streams_serve_as_well_as_files() -> None:
    out = io.StringIO()
    summary = dedupe(io.BytesIO(SHEET.encode()), out)

    assert summary.leads == 5
    assert out.getvalue().splitlines()[:2] == ["row_id,lead_id,rule,score", "0,lead-000001,name_company,0.9545"]


@pytest.mark.parametrize(
    ("text", "leads", "quarantined"),
    [
        ("E-Mail\nada@x.example\nADA@x.example\nbroken\n", 1, 1),
        ("LinkedIn\nlinkedin.com/in/ada\nhttps://www.linkedin.com/in/Ada/\n", 1, 0),
        ("Company\nAcme GmbH\nAcme GmbH\nBorealis\n", 2, 0),
        ("Company,City\nAcme GmbH,Berlin\nAcme GmbH,Paris\n", 2, 0),
        ("Name\nAda Lovelace\nBob Smith\n", 2, 0),
        ("Name,Email,Email,Name\nAda,ada@x.example,a2@x.example,L\nAda,a2@x.example,,L\n", 1, 0),
        ("Name,Email\nAda\nBob,b@x.example,more,cells\n", 2, 0),
        ("Name,Email\n,\n,\n", 0, 2),
    ],
    ids=["e-mail", "linkedin", "company", "company and city", "name", "headers twice", "ragged", "blank rows"],
)
def test_a_list_of_few_columns_gives_what_it_can(tmp_path: Path, text: str, leads: int, quarantined: int) -> None:
    summary = dedupe(sheet(tmp_path, text), tmp_path / "out.csv")

    assert (summary.leads, summary.quarantined) == (leads, quarantined)
    assert len(written(tmp_path / "out.csv")) == summary.rows == text.count("\n") - 1


def test_a_list_that_gives_little_to_go_by_is_told_so(tmp_path: Path) -> None:
    companies = dedupe(sheet(tmp_path, "Company\nAcme\n"), tmp_path / "out.csv").as_dict()
    names = dedupe(sheet(tmp_path, "Name\nAda Lovelace\n"), tmp_path / "out.csv").as_dict()

    assert "names companies and nothing" in companies["note"]
    assert "names people and nothing" in names["note"]


@pytest.mark.parametrize(
    "cell",
    ["x" * 100_000, "Bob\0Smith", "👩\u200d💻 Ada", "محمد علي", "\u202eAda \u200b", "Аda", "<script>", "=1+1"],
    ids=["100 kB", "NUL", "emoji", "right to left", "zero width", "homoglyph", "markup", "formula"],
)
def test_no_cell_is_too_odd_to_be_written_a_line(tmp_path: Path, cell: str) -> None:
    path = sheet(tmp_path, f"Name,Company,Email,Notes\n{cell},{cell},a@x.example,{cell}\n{cell},Acme,a@x.example,\n")
    summary = dedupe(path, tmp_path / "out.csv")

    assert summary.rows == len(written(tmp_path / "out.csv")) == 2


def test_columns_are_named_by_hand_where_no_header_is_known(tmp_path: Path) -> None:
    path = sheet(tmp_path, "Wer,Wo\nBob Smith,Acme GmbH\nRobert Smith,Acme\n")
    with pytest.raises(UnknownHeadersError, match='"Wer"') as refused:
        dedupe(path, tmp_path / "out.csv")
    assert '--column full_name="Wer"' in refused.value.advice

    columns = {"full_name": "Wer", "company": "wo"}
    assert dedupe(path, tmp_path / "out.csv", columns=columns).leads == 1


def test_a_column_that_looks_like_e_mail_is_offered_as_that(tmp_path: Path) -> None:
    with pytest.raises(UnknownHeadersError) as refused:
        dedupe(sheet(tmp_path, "Foo,Bar\nada@x.example,3\n"), tmp_path / "out.csv")

    assert '"Foo" looks like email' in refused.value.advice
    assert '--column email="Foo"' in refused.value.advice


def test_a_column_named_by_hand_must_be_there_the_customers_usual_ones_need_not(tmp_path: Path) -> None:
    path = sheet(tmp_path, "Name,Company\nBob,Acme\n")

    assert dedupe(path, tmp_path / "out.csv", usual_columns={"email": "Mail an"}).leads == 1
    with pytest.raises(SettingsError, match='--column email="Mail an": the file has no such column') as refused:
        dedupe(path, tmp_path / "out.csv", columns={"email": "Mail an"})
    assert '"Name", "Company"' in refused.value.advice
    with pytest.raises(SettingsError, match='gives "name" to full_name and to company'):
        dedupe(path, tmp_path / "out.csv", columns={"full_name": "Name", "company": "name"})


def test_what_is_named_by_hand_wins_over_the_customers_usual_column(tmp_path: Path) -> None:
    path = sheet(tmp_path, "A,B\nx,Bob Smith\n")
    usual = {"full_name": "A", "notes": "B"}

    assert dedupe(path, tmp_path / "out.csv", columns={"full_name": "B"}, usual_columns=usual).leads == 1
