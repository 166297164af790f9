"""What a report of `leads dedupe` chooses to show: bounded, the same each time, and with its reasons."""

from __future__ import annotations

import io
from pathlib import Path

from leads_dagster.pipeline.dedupe import ReportFile, dedupe
from leads_dagster.pipeline.dedupe_cards import MAX_CHARACTERS, Card
from leads_dagster.pipeline.dedupe_report import BLOCKED, REVIEWS, SAMPLES_A_RULE, DedupeReport

SHEET = """Name,Company,Email,Phone,LinkedIn
John Smith Sr.,Smith & Sons,john@smith.example,,
John Smith Jr.,Smith & Sons,john@smith.example,,
Mario Rossi,Borealis,,,
Maria Rossi,Borealis,,,
Anna Lee,Acme,,+1 212 555 0100,https://linkedin.com/in/anna-lee
ANNA LEE,,,(212) 555-0100,http://de.linkedin.com/in/Anna-Lee/
Anna Schulz,Acme Corp,,,linkedin.com/in/anna-lee
,,,,
Jane Roe,Acme,jane@nowhere,,
"""


def report_of(text: str, folder: Path) -> DedupeReport:
    seen: list[DedupeReport] = []

    def page(report: DedupeReport, _: object) -> str:
        seen.append(report)
        return ""

    dedupe(io.BytesIO(text.encode()), io.StringIO(), report=ReportFile(folder / "report.html", page))
    return seen[0]


def states(card: Card) -> dict[str, list[str]]:
    return {field.label: [cell.state for cell in field.cells] for field in card.fields}


def many(count: int) -> str:
    """People of whom each is there twice, once nearly, and once as somebody's father."""
    lines = ["Name,Company,Email"]
    for number in range(count):
        lines += [f"Ada Sample,Firm {number},p{number}@firm.example"] * 2
        lines += [f"Mario Rossi,Borealis {number},", f"Maria Rossi,Borealis {number},"]
        lines += [f"Bob Smith {kind},Sons {number},s{number}@sons.example" for kind in ("Sr.", "Jr.")]
    return "\n".join(lines)


def test_a_merged_lead_is_shown_with_its_rows_side_by_side(tmp_path: Path) -> None:
    (card,) = report_of(SHEET, tmp_path).samples["linkedin"]

    assert card.why == "Both give the same LinkedIn profile."
    assert sorted(row.row_id for row in card.rows) == [4, 5, 6]
    assert {row.lead_id for row in card.rows} == {"lead-000005"}
    assert [row.sheet_row for row in card.rows] == [row.row_id + 2 for row in card.rows]
    assert "linkedin" in {feature.name for feature in card.features}


def test_cells_are_the_same_or_alike_or_differ_or_say_nothing(tmp_path: Path) -> None:
    (card,) = report_of(SHEET, tmp_path).largest
    shown = states(card)

    assert shown["Name"] == ["same", "alike", "differs"]
    assert shown["Company"] == ["same", "blank", "differs"]
    assert shown["Phone"] == ["same", "alike", "blank"]
    assert "Email" not in shown


def test_reviews_and_contradictions_are_shown_as_pairs(tmp_path: Path) -> None:
    report = report_of(SHEET, tmp_path)

    assert [[row.row_id for row in card.rows] for card in report.reviews] == [[2, 3]]
    assert [[row.row_id for row in card.rows] for card in report.blocked] == [[0, 1]]
    assert "two generations" in report.blocked[0].why


def test_rows_and_cells_that_could_not_be_used_are_told_by_kind(tmp_path: Path) -> None:
    report = report_of(SHEET, tmp_path)

    assert [(fault.code, fault.count) for fault in report.quarantined] == [("empty_row", 1)]
    assert report.quarantined[0].first[0][:2] == (7, 9)
    assert [(fault.code, fault.field) for fault in report.unread] == [("invalid_email", "email")]


def test_it_says_how_the_columns_were_read(tmp_path: Path) -> None:
    assert report_of("Name,Email,Shoe size\nAda,a@x.example,3\n", tmp_path).columns == [
        ("Name", "full_name"), ("Email", "email"), ("Shoe size", ""),
    ]  # fmt: skip


def test_scores_are_counted_in_steps_of_a_hundredth(tmp_path: Path) -> None:
    histogram = report_of(SHEET, tmp_path).histogram

    assert sum(histogram.reviews) == 1
    assert histogram.matches[-1] == sum(histogram.matches) >= 2
    assert histogram.low <= 0.75


def test_however_many_rows_no_more_is_shown(tmp_path: Path) -> None:
    report = report_of(many(200), tmp_path)

    assert len(report.reviews) == REVIEWS < report.review_count
    assert len(report.blocked) == BLOCKED < report.blocked_count
    assert all(len(cards) == SAMPLES_A_RULE for cards in report.samples.values())


def test_the_same_file_shows_the_same_samples(tmp_path: Path) -> None:
    assert report_of(many(30), tmp_path) == report_of(many(30), tmp_path)


def test_long_cells_are_cut_with_the_number_of_characters_left_out(tmp_path: Path) -> None:
    notes = "x" * 100_000
    card = report_of(f"Name,Email,Notes\nAda,a@x.example,{notes}\nAda,a@x.example,\n", tmp_path).samples["email"][0]
    cell = next(field for field in card.fields if field.label == "Notes").cells[0]

    assert (len(cell.text), cell.more) == (MAX_CHARACTERS, 100_000 - MAX_CHARACTERS)


def test_a_file_of_many_columns_shows_the_first_and_counts_the_rest(tmp_path: Path) -> None:
    header, row = ",".join(f"c{number}" for number in range(300)), ",".join("z" * 300)
    card = report_of(f"Name,Email,{header}\n" + f"Ada,a@x.example,{row}\n" * 2, tmp_path).samples["email"][0]

    assert [field.label for field in card.fields][:2] == ["Name", "Email"]
    assert len(card.fields) + card.more_fields == 302
