"""The commands that explain a lead and settle what is said of it: history, override, conflicts, and holds in full."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from leads_dagster_tests.interfaces.conftest import CommandLine

HEADER = "Name,Email,Company,Title\n"
JANE = "Jane Doe,jane@acme.example,Acme,CEO\n"


@pytest.fixture
def sheet(leads: CommandLine) -> Path:
    """A customer's sheet, not synced yet."""
    leads.configure('[[customers]]\nname = "acme"\nsheet = "mine.csv"\n[customers.guard]\nminimum = 1\nshare = 0.1\n')
    return leads.home / "mine.csv"


@pytest.fixture
def jane(leads: CommandLine, sheet: Path) -> Path:
    """Jane's sheet, synced; her title changed once."""
    for title in ("CEO", "Chair"):
        sheet.write_text(HEADER + JANE.replace("CEO", title))
        leads("sync")
    return sheet


@pytest.fixture
def conflict(leads: CommandLine, jane: Path) -> int:
    """The id of a conflict: somebody changed Jane's title in the CRM, and then the sheet changed it too."""
    with sqlite3.connect(leads.home / "crm.db") as crm:
        crm.execute("UPDATE leads_lead SET title = 'Owner'")
    crm.close()
    jane.write_text(HEADER + JANE.replace("CEO", "Founder"))
    leads("sync")
    (found,) = leads("conflicts", "--json").json
    return int(found["id"])


def test_a_history_reads_as_a_timeline_no_wider_than_a_page(leads: CommandLine, jane: Path) -> None:
    jane.write_text(HEADER + JANE.replace("CEO", "Chair") + JANE.replace("Jane", "J.").replace("CEO", "very " * 80))
    leads("sync")
    out = leads("history", "jane@acme.example").out
    text = " ".join(out.split())
    assert "title: “CEO” → “Chair” row 2 of mine.csv; only: " in text
    assert "row 3 of mine.csv are one lead, by e-mail address, score 1.00. Both give" in text
    assert max(map(len, out.splitlines())) <= 100


def test_the_rule_that_chose_a_value_is_named_and_a_change_of_the_rules_takes_effect_at_the_next_sync(
    leads: CommandLine, jane: Path
) -> None:
    jane.write_text(HEADER + JANE.replace("CEO", "Chair") + JANE.replace("Jane", "J."))
    leads("sync")
    rules = 'default = ["trusted", "longest"]\ntrusted_sources = ["sheet"]\n'
    leads.configure(f'[[customers]]\nname = "acme"\nsheet = "mine.csv"\n[customers.survivorship]\n{rules}')
    planned = leads("plan", "--json").json
    assert planned["leads"] == {"create": 0, "update": 1, "retire": 0, "by_new_rules": 1}
    leads("sync")
    fields = " ".join(leads("history", "jane@acme.example", "--fields").out.split())
    assert "title Chair row 2 of mine.csv; since" in fields
    assert "longest: the longest" in fields
    told = " ".join(leads("history", "jane@acme.example", "--field", "title").out.split())
    assert "title: “CEO” → “Chair” by leads.toml; row 2 of mine.csv; longest: the longest; the rules in" in told
    (decided,) = leads("undo", "list", "--json").json
    assert (decided["kind"], decided["who"]) == ("survivorship", "leads.toml")


def test_a_history_as_json_is_complete(leads: CommandLine, jane: Path) -> None:
    found = leads("history", "jane@acme.example", "--json").json
    assert (found["total"], [one["kind"] for one in found["entries"]]) == (2, ["updated", "created"])
    change = found["entries"][0]
    wanted = {"at", "kind", "field", "old", "new", "source", "record_id", "row", "run_id", "who", "rule", "why", "told"}
    assert wanted <= set(change)


def test_a_history_of_one_field_and_of_the_newest_only(leads: CommandLine, jane: Path) -> None:
    assert len(leads("history", "jane@acme.example", "--field", "company", "--json").json["entries"]) == 1
    assert "1 earlier; --limit shows more." in leads("history", "jane@acme.example", "--limit", "1").out
    assert leads("history", "jane@acme.example", "--field", "shoe_size").code == 2


def test_a_history_of_fields_says_where_each_comes_from(leads: CommandLine, jane: Path) -> None:
    fields = leads("history", "jane@acme.example", "--fields", "--json").json["fields"]
    assert (fields["title"]["value"], fields["title"]["rule"], fields["title"]["row"]) == ("Chair", "only", 2)
    out = leads("history", "jane@acme.example", "--fields").out
    assert "title                Chair" in out
    assert "row 2 of mine.csv; since 20" in out


def test_several_leads_that_may_be_meant_are_listed(leads: CommandLine, jane: Path) -> None:
    jane.write_text(HEADER + JANE + "Bob Stone,bob@zeta.example,Zeta,CTO\n" + "Ann Lee,ann@beta.example,Beta,COO\n")
    leads("sync")
    begins = leads("history", "bob@zeta.example", "--json").json["lead"]["id"][:6]
    assert len(leads("history", begins, "--json").json["several"]) == 3
    assert "ann@beta.example" in leads("history", begins).out


@pytest.mark.parametrize("named", ["nobody@acme.example", "abc", "0123456789"])
def test_a_lead_that_is_not_there_ends_with_1(leads: CommandLine, jane: Path, named: str) -> None:
    ended = leads("history", named, "--json")
    assert (ended.code, ended.json["error"]["type"]) == (1, "NotFoundError")


def test_control_characters_of_a_cell_reach_no_terminal(leads: CommandLine, sheet: Path) -> None:
    sheet.write_text(HEADER + JANE.replace("CEO", "C\x1b[31mEO"))
    leads("sync")
    for words in (("history", "jane@acme.example"), ("history", "jane@acme.example", "--fields")):
        assert "\x1b" not in leads(*words).out


def test_a_field_is_set_by_hand_obeyed_and_released(leads: CommandLine, jane: Path) -> None:
    done = leads("override", "jane@acme.example", "title", "Owner", "--reason", "she said so", "--json").json
    assert (done["before"], done["value"], done["reason"]) == ("Chair", "Owner", "she said so")
    jane.write_text(HEADER + JANE)
    leads("sync")
    (drifting,) = leads("drift", "--json").json
    assert (drifting["row"], drifting["lead"]) == (2, "Owner")
    assert drifting["said_by"].endswith("(decision 1: she said so)")
    assert "set title to “Owner”" in leads("history", "jane@acme.example").out
    assert leads("override", "jane@acme.example", "title", "--release", "--json").json["value"] == "CEO"
    assert leads("drift", "--json").json == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("title",), 2),
        (("title", "x", "--blank"), 2),
        (("shoe_size", "42"), 2),
        (("email", "nowhere"), 1),
        (("title", "--release"), 1),
    ],
)
def test_an_override_that_cannot_be_is_refused(
    leads: CommandLine, jane: Path, words: tuple[str, ...], code: int
) -> None:
    assert leads("override", "jane@acme.example", *words).code == code
    assert leads("history", "jane@acme.example", "--json").json["total"] == 2


def test_a_conflict_is_listed_shown_and_settled(leads: CommandLine, conflict: int) -> None:
    assert "Founder" in leads("conflicts").out
    shown = leads("conflicts", "show", str(conflict), "--json").json
    assert (shown["kept"], shown["lost"], shown["mirror"]) == ("Owner", "Founder", "crm")
    assert "over what the crm says" in leads("conflicts", "show", str(conflict)).out
    settled = leads("conflicts", "resolve", str(conflict), "--keep", "--reason", "the CRM is right", "--json").json
    assert (settled["status"], settled["resolution"]) == ("resolved", "keep")
    assert leads("conflicts").out == "No conflict waits for a decision.\n"
    assert [one["id"] for one in leads("conflicts", "list", "--all", "--json").json] == [conflict]
    assert "Owner" in leads("history", "jane@acme.example", "--fields").out


@pytest.mark.parametrize("words", [(), ("--keep", "--take"), ("--take", "--value", "x")])
def test_a_conflict_is_settled_one_way(leads: CommandLine, conflict: int, words: tuple[str, ...]) -> None:
    assert leads("conflicts", "resolve", str(conflict), *words).code == 2
    assert len(leads("conflicts", "--json").json) == 1


def test_a_held_plan_shows_every_field_as_it_is_and_would_be_and_what_comes_next(
    leads: CommandLine, sheet: Path
) -> None:
    rows = [f"Person N{number},p{number}@firm{number}.example,Firm {number},CEO\n" for number in range(6)]
    sheet.write_text(HEADER + "".join(rows))
    leads("sync")
    sheet.write_text(HEADER + "".join(row.replace("CEO", "Intern") for row in rows[:4]))
    leads("sync")
    (hold,) = leads("holds", "--json").json
    out = leads("holds", "show", str(hold["id"])).out
    assert "Intern" in out
    assert "its lead is archived" in out
    plan = leads("holds", "show", str(hold["id"]), "--json").json["plan"]
    assert plan[0]["row"] == 2
    assert plan[0]["changes"] == [{"field": "title", "old": "CEO", "new": "Intern"}]
    assert "next sync" in leads("holds", "approve", str(hold["id"]), "--json").json["next"]
    leads("sync")
    assert leads("holds", "--json").json == []
    assert [one["status"] for one in leads("holds", "list", "--all", "--json").json] == ["applied"]
