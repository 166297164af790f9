"""What each page shows, over HTTP; what stands in cells is text."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import httpx
import pytest

from leads_dagster.pipeline import conflicts, holds
from leads_dagster_tests.interfaces.api.conftest import served
from leads_dagster_tests.interfaces.dashboard.conftest import FORMULA, NAME, SCRIPT, World, post
from leads_dagster_tests.pipeline.conftest import Road

PATHS = (
    "/", "/customers/acme", "/customers/acme/card", "/customers/acme/runs", "/leads", "/inboxes/quarantine",
    "/inboxes/conflicts", "/inboxes/reviews", "/inboxes/holds", "/inboxes/holds/1", "/inboxes/outbox",
    "/inboxes/drift", "/queue", "/budget", "/decisions",
)  # fmt: skip
ESCAPED = "&lt;script&gt;"


def test_every_page_answers_with_html_that_holds_no_script_or_style_of_its_own(pages: httpx.Client) -> None:
    for path in PATHS:
        answer = pages.get(path)

        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8"), path
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", answer.text), path
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"


def test_every_page_answers_where_nothing_was_synced_yet(tmp_path: Path) -> None:
    with served(Road(tmp_path / "home").settings) as client:
        for path in PATHS:
            expected = 404 if path == "/inboxes/holds/1" else 200
            assert client.get(path).status_code == expected, path

        assert "Nothing was synced yet." in client.get("/").text


def test_the_overview_says_how_each_customer_stands_and_counts_what_waits(pages: httpx.Client) -> None:
    text = pages.get("/").text

    assert "4 things wait for you" in text
    for inbox in ("conflicts", "reviews", "holds", "quarantine"):
        assert f'href="/inboxes/{inbox}"' in text
    assert "waits for you" in text


def test_the_last_error_comes_with_what_to_do(tmp_path: Path) -> None:
    road = Road(tmp_path / "home")
    road.write([["Ann", "ann@a.example", "", ""]])
    road.sync()
    road.sheet.unlink()
    with pytest.raises(Exception, match="no file"):
        road.sync()

    with served(road.settings) as client:
        text = client.get("/").text
    assert "1 customer could not be synced" in text
    assert "Correct the path of the sheet." in text


def test_a_customer_page_has_its_figures_and_its_runs(pages: httpx.Client) -> None:
    text = pages.get("/customers/acme").text

    assert "Last runs" in text
    assert text.count("<tr><td><time") == 5
    assert "Sync now" in text


@pytest.mark.parametrize(("span", "steps"), [("day", 24), ("week", 28), ("month", 28)])
def test_charts_are_drawn_from_the_steps_of_a_span(pages: httpx.Client, span: str, steps: int) -> None:
    found = pages.get(f"/customers/acme/series/{span}").json()

    assert len(found) == steps
    assert found[-1]["inserted"] > 40
    assert found[-1]["freshnessP95"] >= found[-1]["freshnessP50"] > 0
    assert found[0]["errorRate"] is None


def test_html_and_formulas_in_cells_are_shown_as_text(pages: httpx.Client, world: World) -> None:
    hostile = world.lead(NAME)
    for path in ("/leads", f"/leads/{hostile}"):
        text = pages.get(path).text

        assert ESCAPED in text
        assert SCRIPT not in text
        assert "<img src=x" not in text
        assert "=HYPERLINK(&#34;http://evil.example&#34;)" in text


def test_words_of_a_search_go_in_the_body_and_find_leads(pages: httpx.Client) -> None:
    text = post(pages, "/leads", htmx=True, q="ada").text

    assert "Ada King" in text
    assert "1 lead" in text
    assert "<html" not in text
    assert "No lead is like that" in post(pages, "/leads", htmx=True, q="nobody at all").text


def test_pages_of_leads_go_forth_and_back_in_the_order_asked_for(pages: httpx.Client, world: World) -> None:
    world.road.sync([[f"Name {number:03}", f"n{number}@n.example", "", ""] for number in range(60)])

    first = post(pages, "/leads", htmx=True, order="name", q="name")
    second = post(pages, "/leads", htmx=True, go="next", **_hidden(first.text), q="name")
    again = post(pages, "/leads", htmx=True, go="back", **_hidden(second.text), q="name")

    assert "Name 000" in first.text
    assert "51 to 60" in second.text
    assert "Name 059" in second.text
    assert "Name 000" in again.text


def _hidden(text: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(order|back|at|next)" value="([^"]*)">', text))


def test_leads_are_taken_along_as_csv_that_runs_nothing(pages: httpx.Client) -> None:
    answer = post(pages, "/leads/export", q="tables")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["full_name"], row["company"]) == (NAME, f"'{FORMULA}")


def test_a_lead_page_tells_sources_history_and_why_two_rows_are_one(pages: httpx.Client, world: World) -> None:
    text = pages.get(f"/leads/{world.lead('Jane M. Doe')}").text

    assert "Why these 2 rows are one lead" in text
    assert "Both give the same LinkedIn profile." in text
    assert "row 2 of sheet.csv" in text
    assert "<mark>Chief Executive</mark>" in text
    assert "Undo the merge" in text
    assert "History" in text


def test_the_inboxes_show_both_sides_and_what_would_be_done(pages: httpx.Client, world: World) -> None:
    conflict, review = pages.get("/inboxes/conflicts").text, pages.get("/inboxes/reviews").text
    hold, quarantine = pages.get("/inboxes/holds/1").text, pages.get("/inboxes/quarantine").text

    assert "Founder" in conflict
    assert "Chair" in conflict
    assert "Nora Lindqvist" in review
    assert "Erik Holm" in review
    assert "34 removals" in hold
    assert "Person N39" in hold
    assert "Nobody Ltd" in quarantine
    with world.road.open() as ws:
        assert (len(conflicts.list_(ws)), len(holds.list_(ws))) == (1, 1)


@pytest.mark.parametrize("path", ["/leads/0000000000", "/customers/nobody", "/inboxes/holds/99", "/inboxes/nothing"])
def test_what_there_is_not_is_said_on_a_page(pages: httpx.Client, path: str) -> None:
    answer = pages.get(path)

    assert answer.status_code in (400, 404)
    assert "To the overview" in answer.text


def test_shipped_files_may_be_kept_for_good_and_nothing_else_is_served(pages: httpx.Client) -> None:
    address = re.search(r'src="(/static/htmx\.min\.js\?v=[0-9a-f]+)"', pages.get("/").text)
    assert address is not None

    answer = pages.get(address[1])
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    for name in ("nothing.js", "..%2fpages.py", "%2e%2e/words.py", "pages.py"):
        assert pages.get(f"/static/{name}").status_code in (400, 404), name
