"""`leads reviews`: what waits side by side, deciding one by one and by spreadsheet."""

from __future__ import annotations

from pathlib import Path

import pytest

from leads_dagster_tests.interfaces.conftest import CommandLine

# One personal mailbox in one company, and two names.
SHEET = (
    "Name,Email,Company\nJane Doe,jd7@acme.example,[b]Acme\nBob Stone,jd7@acme.example,[b]Acme\nAnn Lee,a@b.example,\n"
)


@pytest.fixture
def review(leads: CommandLine) -> str:
    """The id of the one that waits."""
    leads.configure('[[customers]]\nname = "acme"\nsheet = "mine.csv"\n')
    (leads.home / "mine.csv").write_text(SHEET)
    leads("sync")
    (one,) = leads("reviews", "--json").json
    return str(one["id"])


def test_what_waits_is_listed_in_a_line_each(leads: CommandLine, review: str) -> None:
    out = leads("reviews").out
    assert review in out
    assert all(word in out for word in ("Jane Doe ·", "Bob Stone ·", "· [b]Acme", "0.75"))


def test_where_nothing_waits_it_says_so(leads: CommandLine) -> None:
    leads("sync")
    assert leads("reviews").out == "No review waits for a decision.\n"
    assert leads("reviews", "--json").json == []


def test_one_is_shown_with_both_sides_next_to_each_other(leads: CommandLine, review: str) -> None:
    out = leads("reviews", "show", review).out
    (email,) = [line for line in out.splitlines() if line.startswith("email ")]
    assert email.split() == ["email", "jd7@acme.example", "=", "jd7@acme.example"]
    (name,) = [line for line in out.splitlines() if line.startswith("full_name ")]
    assert name.split() == ["full_name", "Jane", "Doe", "≠", "Bob", "Stone"]
    assert "the two stay apart" in out
    assert out.index("--same ") < out.index("--not-same ")


def test_one_is_settled_and_listed_only_on_request(leads: CommandLine, review: str) -> None:
    done = leads("reviews", "resolve", review, "--not-same", "--reason", "colleagues", "--json")
    assert (done.code, done.json["status"]) == (0, "not_same")
    assert leads("reviews", "--json").json == []
    assert "not the same" in leads("reviews", "list", "--all").out
    assert leads("reviews", "show", review, "--json").json["reason"] == "colleagues"
    assert leads("undo", "decision", str(done.json["decision_id"])).code == 0
    assert len(leads("reviews", "--json").json) == 1


@pytest.mark.parametrize("answers", [(), ("--same", "--not-same")])
def test_no_answer_and_two_answers_end_with_2(leads: CommandLine, review: str, answers: tuple[str, ...]) -> None:
    ended = leads("reviews", "resolve", review, *answers)
    assert ended.code == 2
    assert "--same" in ended.err


@pytest.mark.parametrize("verb", [("show",), ("resolve", "--same")])
@pytest.mark.parametrize("named", ["r4711-4712", "17"])
@pytest.mark.usefixtures("review")
def test_an_id_that_is_not_there_ends_with_1(leads: CommandLine, verb: tuple[str, ...], named: str) -> None:
    ended = leads("reviews", *verb, named, "--json")
    assert (ended.code, ended.json["error"]["type"]) == (1, "NotFoundError")


def test_a_spreadsheet_is_written_decided_and_taken_in(leads: CommandLine, review: str) -> None:
    assert leads("reviews", "export", "reviews.csv", "--json").json["reviews"] == 1
    path = Path("reviews.csv")
    path.write_text(path.read_text().replace(f"{review},,", f"{review},same,"))
    told = leads("reviews", "import", "reviews.csv", "--json")
    assert (told.code, told.json["same"], told.json["faults"]) == (0, 1, [])
    assert leads("status", "--json").json["leads"] == 2


def test_a_spreadsheet_with_a_wrong_line_ends_with_1_and_names_it(leads: CommandLine, review: str) -> None:
    leads("reviews", "export", "reviews.csv")
    path = Path("reviews.csv")
    path.write_text(path.read_text().replace(f"{review},,", f"{review},perhaps,"))
    told = leads("reviews", "import", "reviews.csv")
    assert told.code == 1
    assert "The decision is none." in told.out
    assert "1 line was not taken in" in told.out
