"""The page of `leads dedupe --report`: whole in itself, short enough, and cells are never code."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from leads_dagster.interfaces.dedupe_charts import Scale, feature_bar
from leads_dagster.interfaces.dedupe_page import dedupe_page, visible
from leads_dagster.leads.matching import Edge
from leads_dagster.pipeline import dedupe as module
from leads_dagster.pipeline.dedupe import ReportFile, dedupe
from leads_dagster.pipeline.dedupe_cards import ShownFeature
from leads_dagster_tests.pipeline.test_dedupe_report import SHEET, many

_VOID = {"meta"}


class Page(HTMLParser):
    """The tags and the text of a page, which must close what it opens."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html, self.tags, self.attributes, self.words = html, [], [], []  # type: ignore[var-annotated]
        self.ids: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert not self._open

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.words.append(data)


def page_of(text: str, folder: Path) -> Page:
    path = folder / "report.html"
    dedupe(io.BytesIO(text.encode()), io.StringIO(), report=ReportFile(path, dedupe_page))
    return Page(path.read_text(encoding="utf-8"))


def test_it_says_what_became_of_the_rows(tmp_path: Path) -> None:
    page = page_of(SHEET, tmp_path)

    assert "9 rows are 6 leads." in page.text
    assert "2 rows repeat another one, 1 pair is left for you to judge and 1 row cannot be a lead." in page.text
    assert {"rules", "scores", "largest", "samples", "reviews", "blocked", "quarantined", "unread"} < set(page.ids)


def test_every_link_leads_to_a_place_in_the_page(tmp_path: Path) -> None:
    page = page_of(SHEET, tmp_path)
    links = [value or "" for name, value in page.attributes if name == "href"]

    assert links
    assert {link.removeprefix("#") for link in links} <= set(page.ids)


def test_it_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    page = page_of(SHEET, tmp_path)
    policy = next(value for name, value in page.attributes if name == "content" and "default-src" in (value or ""))
    style = re.search(r"<style>(.*?)</style>", page.html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()

    assert not {"script", "link", "img", "iframe", "object", "embed", "form"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name == "style" or name.startswith("on") or name == "src"]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in style[1]
    assert "@import" not in style[1]


@pytest.mark.parametrize(
    "cell",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</td></table><h1>x",
        "\"' onmouseover='alert(1)",
        "{{ 7 * 7 }} {% raise %}",
        "&lt;b&gt;",
        "]]><!--",
    ],
)
def test_cells_headers_and_names_are_data(cell: str, tmp_path: Path) -> None:
    quoted = cell.replace('"', '""')
    row = f'"{quoted} Smith","{quoted}",a@x.example,"{quoted}"\n'
    page = page_of(f'Name,Company,Email,"{quoted} h"\n' + row * 2 + f'"{quoted}",,,"{quoted}"\n', tmp_path)

    assert not {"script", "img", "b1"} & set(page.tags)
    assert page.tags.count("h1") == 1
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert " ".join(cell.split()) in page.text


def test_what_nobody_can_see_is_written_out() -> None:
    assert visible("a\u200bb\u202ec\x00\n") == (
        'a<span class="chip">U+200B</span>b<span class="chip">U+202E</span>c'
        '<span class="chip">U+0000</span><span class="chip">↵</span>'
    )


@pytest.mark.parametrize("text", ["👩\u200d💻", "محمد علي", "می\u200cخواهم", "Zoë"])
def test_what_belongs_to_a_script_or_an_emoji_stays(text: str) -> None:
    assert visible(text) == text


def test_a_lone_surrogate_does_not_break_the_page(tmp_path: Path) -> None:
    assert visible("\ud800") == '<span class="chip">U+D800</span>'


def test_a_page_of_long_odd_cells_stays_short(tmp_path: Path) -> None:
    odd = ",".join(["<&\u202e" * 100] * 12)
    lines = many(160).splitlines()
    page = page_of(
        "\n".join([f"{lines[0]},{','.join('abcdefghijkl')}", *(f"{line},{odd}" for line in lines[1:])]), tmp_path
    )

    assert len(page.html.encode()) < 2_000_000
    assert "more characters" in page.text


@pytest.mark.parametrize("text", ["Name,Email\n", "Name,Email\n,\n", "Name\nAda\n", "Company\nAcme\nAcme\n"])
def test_a_file_with_next_to_nothing_has_a_page_too(text: str, tmp_path: Path) -> None:
    assert "How the columns were read" in page_of(text, tmp_path).text


def test_contributions_are_drawn_to_both_sides_of_nothing() -> None:
    def feature(contribution: float | None, score: float | None = None) -> ShownFeature:
        return ShownFeature("name", (), shared=False, score=score, contribution=contribution)

    bits = Scale(bits=True, most=10.0)
    towards, against = feature_bar(feature(5.0), bits), feature_bar(feature(-20.0), bits)
    assert towards is not None
    assert against is not None
    assert (towards.x, towards.width, towards.kind, towards.label) == (50, 25, "f-match", "+5.0")
    assert (against.x, against.width, against.kind, against.label) == (0, 50, "f-against", "\u221220.0")
    assert feature_bar(feature(None), bits) is None


def test_without_contributions_scores_are_drawn() -> None:
    bar = feature_bar(ShownFeature("name", (), shared=False, score=0.9, contribution=None), Scale(bits=False))

    assert bar is not None
    assert (bar.width, bar.label) == (90, "0.90")


def test_the_page_shows_contributions_where_edges_have_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    match_all = module.match_all

    def with_contributions(*arguments: Any) -> Iterator[Edge]:
        edges = match_all(*arguments)
        for edge in edges:
            for said in edge.explanation["features"].values():
                said["contribution"] = -3.25
        return edges  # type: ignore[return-value]

    monkeypatch.setattr(module, "match_all", with_contributions)
    page = page_of(SHEET, tmp_path)
    assert "What speaks for it and against it, in bits" in page.text
    assert "\u22123.2" in page.text
