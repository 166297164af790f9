"""`leads dedupe`: a line for every row of a file, and nothing else touched."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from leads_dagster.errors import SettingsError, SheetFormatError, StoreError, UnknownHeadersError
from leads_dagster.leads.fields import NormalizationRules
from leads_dagster.leads.matching import Thresholds
from leads_dagster.pipeline.dedupe import dedupe

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
    assert summary.reviews == 4  # the vendor's test accounts ("tv", "tv licenses" ...), of one building


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
