"""docs/matching.md: every example comes out as printed, and the tables are those that the engine goes by."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from leads_dagster.leads.match_weights import score_of_bits
from leads_dagster.leads.matching import cluster, match_all, match_record
from leads_dagster.leads.normalization import normalize_fields
from leads_dagster.leads.rule_tables import load_table
from leads_dagster_tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "matching.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("|")]
OUTCOMES = {"match", "review", "blocked", "new"}
EXAMPLES = [cells[:5] for cells in ROWS if len(cells) == 6 and cells[2] in OUTCOMES]
FIELDS = {"at": "company", "as": "title", "in": "location", "born": "birth_date", "passport": "passport_number"}
ADDRESS = ("street", "postal_code", "city")


def fields(short: str) -> dict[str, str]:
    """A row as the page writes it, as fields."""
    return {field: text for cell in short.split(" · ") for field, text in _fields(cell).items()}


def _fields(cell: str) -> dict[str, str]:
    if cell.startswith("in/"):
        return {"linkedin_url": f"https://www.linkedin.com/{cell}"}
    if "@" in cell:
        return {"email": cell}
    if cell.startswith("+"):
        return {"phone": cell}
    word, _, rest = cell.partition(" ")
    if word == "home":
        return dict(zip(ADDRESS, rest.split(", "), strict=True))
    return {FIELDS[word]: rest} if word in FIELDS else {"full_name": cell}


def judged(one: str, other: str) -> tuple[str, str, str]:
    """Outcome, rule and rounded score of two rows that stand alone in a list."""
    records = [match_record(number, normalize_fields(fields(row))) for number, row in enumerate((one, other))]
    edges = match_all(records)
    return (edges[0].outcome, edges[0].rule, f"{edges[0].score:.2f}") if edges else ("new", "", "")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return str(found)


def test_every_outcome_has_examples() -> None:
    assert {outcome for _, _, outcome, *_ in EXAMPLES} == OUTCOMES


@pytest.mark.parametrize(("one", "other", "outcome", "rule", "score"), EXAMPLES)
def test_an_example_comes_out_as_printed(one: str, other: str, outcome: str, rule: str, score: str) -> None:
    assert judged(one, other) == (outcome, rule, score)


def test_a_third_row_that_contradicts_stays_apart_though_it_matches_one() -> None:
    (paragraph,) = re.findall(r"^\*\*A third row\.\*\*.*$", PAGE, re.MULTILINE)
    first, *others = re.findall(r"`(.*?)`", paragraph)
    records = [match_record(number, normalize_fields(fields(row))) for number, row in enumerate((first, *others))]

    assert [judged(first, other)[0] for other in others] == ["match", "match"]
    assert sorted(len(found.members) for found in cluster(records, match_all(records))) == [1, 2]


def test_a_row_between_two_goes_to_one_of_them_and_only_the_two_are_asked_about() -> None:
    (paragraph,) = re.findall(r"^\*\*A row between two\.\*\*.*$", PAGE, re.MULTILINE)
    between, one, other = re.findall(r"`(.*?)`", paragraph)
    records = [match_record(number, normalize_fields(fields(row))) for number, row in enumerate((between, one, other))]

    assert [judged(*pair)[0] for pair in ((between, one), (between, other), (one, other))] == [
        "match",
        "match",
        "review",
    ]
    assert sorted(len(found.members) for found in cluster(records, match_all(records))) == [1, 2]
    assert {judged("J. Miller · at Acme", f"{name} Miller · at Acme")[0] for name in ("Jane", "John")} == {"review"}


def test_the_weights_are_those_of_the_table() -> None:
    printed = {cells[0].strip("`"): float(cells[1]) for cells in ROWS if re.match(r"`[a-z_]+\.[a-z_]+`$", cells[0])
               and re.match(r"-?[\d.]+$", cells[1])}  # fmt: skip
    table = load_table("match_weights")
    assert printed == {f"{part}.{name}": bits for part, weights in table.items() for name, bits in weights.items()}


def test_the_curve_goes_through_the_points_printed() -> None:
    bits, scores = ([float(cell) for cell in cells[1:]] for cells in ROWS if cells[0] in ("bits", "score"))
    assert np.round(score_of_bits(np.array(bits, dtype=np.float32)), 2).tolist() == pytest.approx(scores)


def test_the_thresholds_printed_are_the_defaults() -> None:
    (settings,) = re.findall(r"\[customers\.matching\]\nmatch = ([\d.]+).*\nreview = ([\d.]+)", PAGE)
    configuration = (REPOSITORY / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert f"| `match` | `{settings[0]}` |" in configuration
    assert f"| `review` | `{settings[1]}` |" in configuration


def test_the_list_to_try_gives_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text(block("csv"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "leads_dagster", *shlex.split(block("sh"))[1:]],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY), "LEADS_HOME": str(tmp_path / "home"), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == block("text")
    assert (tmp_path / "reviews.csv").read_text(encoding="utf-8").splitlines()[1].startswith("2,3,")


def test_every_link_to_a_section_leads_to_one() -> None:
    for page, section in re.findall(r"\]\(([a-z]+\.md)#([a-z-]+)\)", PAGE):
        text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        assert section in {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_table_of_knowledge_that_matching_reads_is_named_with_its_sources() -> None:
    named = {cells[0].split("`")[1] for cells in ROWS if re.match(r"`[a-z_]+\.(toml|txt)`", cells[0])}
    folder = REPOSITORY / "leads_dagster" / "leads" / "data"
    assert {path for path in named if not (folder / path).exists()} == set()
    assert {"nicknames.toml", "name_frequencies.txt", "match_weights.toml", "legal_forms.toml"} <= named
