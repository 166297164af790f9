"""`leads doctor`: what is looked at, and what is said about it."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Iterator
from typing import Any

import pytest

from leads_dagster.budget import BUDGET_FILE, Budget, airtable_limits
from leads_dagster.capture_queue.file_queue import FileQueue
from leads_dagster.capture_queue.items import NewCapture, QueueLimits, Settled
from leads_dagster.capture_queue.redis_queue import RedisQueue
from leads_dagster.interfaces.first_run import TWIN_BASE
from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.interfaces.conftest import CommandLine


def checks(leads: CommandLine, *arguments: str) -> dict[str, list[dict[str, Any]]]:
    """Check -> its findings."""
    found: dict[str, list[dict[str, Any]]] = {}
    for finding in leads("doctor", "--json", *arguments).json["checks"]:
        found.setdefault(finding["check"], []).append(finding)
    return found


def verdicts(findings: list[dict[str, Any]]) -> list[str]:
    return [finding["verdict"] for finding in findings]


def test_in_a_fresh_folder_everything_is_well_and_nothing_is_made(leads: CommandLine) -> None:
    ended = leads("doctor", "--json")

    assert ended.code == 0
    assert ended.json["healthy"] is True
    assert {finding["verdict"] for finding in ended.json["checks"]} == {"ok"}
    assert not leads.home.exists()


def test_in_words_each_check_is_a_line_with_its_verdict(leads: CommandLine) -> None:
    lines = leads("doctor").out.splitlines()

    assert [line.split()[0] for line in lines] == ["ok"] * 11
    assert any("default: sheet" in line and "60 rows" in line for line in lines)


def test_dead_letters_and_a_nearly_full_queue_are_warnings(leads: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADS_QUEUE_LIMIT", "2")
    queue = FileQueue(leads.home / "captures.db", QueueLimits(attempts=1))
    queue.put([NewCapture("default", key, b"{}", 0) for key in "abc"])
    (leased,) = queue.lease(customer="default", limit=1)
    queue.settle([Settled(leased.id, leased.lease, "failed", "no")])
    queue.close()
    line, dead, full = checks(leads)["queue"]

    assert verdicts([line, dead, full]) == ["ok", "warn", "warn"]
    assert "2 waiting, 1 dead" in line["message"]
    assert "retry-failed" in dead["mend"]
    assert "2 of 2" in full["message"]


def test_captures_that_vanished_from_the_queue_are_a_warning(leads: CommandLine) -> None:
    queue = FileQueue(leads.home / "captures.db")
    queue.put([NewCapture("default", key, b"{}", 0) for key in "abc"])
    queue.close()
    with sqlite3.connect(leads.home / "captures.db") as file:
        file.execute("DELETE FROM items WHERE key = 'b'")
    file.close()
    line, missing = checks(leads)["queue"]

    assert verdicts([line, missing]) == ["ok", "warn"]
    assert missing["message"].startswith("1 captures that it took in are neither")


def test_captures_of_a_customer_that_leads_toml_does_not_name_are_a_warning(leads: CommandLine) -> None:
    queue = FileQueue(leads.home / "captures.db")
    queue.put([NewCapture("acmee", key, b"{}", 0) for key in "abc"])
    queue.close()
    line, unnamed = checks(leads)["queue"]

    assert verdicts([line, unnamed]) == ["ok", "warn"]
    assert "3 captures wait for 'acmee'" in unnamed["message"]
    assert "leads queue clear" in unnamed["mend"]


def test_a_redis_that_may_forget_captures_is_a_warning(
    leads: CommandLine, redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADS_QUEUE_URL", redis_server)
    monkeypatch.setattr(RedisQueue, "worries", lambda queue: ["it keeps no append-only file: set `appendonly yes`"])
    line, warning = checks(leads)["queue"]

    assert verdicts([line, warning]) == ["ok", "warn"]
    assert "appendonly yes" in warning["message"]
    assert not leads.home.exists()


def test_settings_that_cannot_be_read_are_the_finding_and_end_with_2(leads: CommandLine) -> None:
    leads.configure("[[customers]]\nnam = 3\n")

    ended = leads("doctor", "--json")
    assert ended.code == 2
    assert [finding["check"] for finding in ended.json["checks"]] == ["settings"]
    assert "unknown key nam → name" in ended.json["checks"][0]["message"]


def test_a_variable_with_a_slip_is_a_warning(leads: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADS_DATABASE_PATH", "x.db")

    _, warning = checks(leads)["settings"]
    assert warning["verdict"] == "warn"
    assert warning["mend"] == "Did you mean LEAD_DATABASE_PATH?"


def test_a_state_folder_open_to_others_is_a_warning_with_the_mend(leads: CommandLine) -> None:
    leads.home.mkdir()
    leads.home.chmod(0o755)

    found = checks(leads)["home"]
    assert verdicts(found) == ["ok", "warn"]
    assert found[1]["mend"] == f"chmod 700 {leads.home}"


def test_a_file_in_the_place_of_the_state_folder_fails(leads: CommandLine) -> None:
    leads.home.write_text("in the way")

    ended = leads("doctor", "--json")
    assert ended.code == 1
    assert verdicts([one for one in ended.json["checks"] if one["check"] == "home"]) == ["fail"]


def test_a_database_that_is_something_else_fails(leads: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    (leads.folder / "notes.db").write_text("these are not the bytes of a database, though there are enough of them")
    monkeypatch.setenv("LEAD_DATABASE_PATH", "notes.db")

    (finding,) = checks(leads)["database"]
    assert finding["verdict"] == "fail"
    assert "not a database" in finding["message"]


def test_a_database_others_may_read_is_a_warning(leads: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    path = leads.folder / "open.db"
    sqlite3.connect(path).close()
    path.chmod(0o644)
    monkeypatch.setenv("LEAD_DATABASE_PATH", str(path))

    (finding,) = checks(leads)["database"]
    assert (finding["verdict"], finding["mend"]) == ("warn", f"chmod 600 {path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("url", "words"), [("postgresql+nodriver://db/x", "no database that is known"), ("sqlite://", "in memory")]
)
def test_a_database_url_that_leads_nowhere_is_said(
    url: str, words: str, leads: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADS_CRM_URL", url)

    (finding,) = checks(leads)["crm"]
    assert finding["verdict"] in ("warn", "fail")
    assert words in finding["message"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read"), ("{", "is not JSON"), ('{"client_email": "x"}', "not a service account's key")],
)
def test_a_service_account_file_that_is_none_fails(
    content: str | None, words: str, leads: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = leads.folder / "account.json"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))

    (finding,) = checks(leads)["google credentials"]
    assert finding["verdict"] == "fail"
    assert words in finding["message"]


def test_a_service_account_is_named_so_that_sheets_can_be_shared_with_it(
    leads: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = {"client_email": "sync@project.example", "private_key": "pem", "token_uri": "http://127.0.0.1/token"}
    (leads.folder / "account.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "account.json")

    (finding,) = checks(leads)["google credentials"]
    assert finding["verdict"] == "ok"
    assert "sync@project.example" in finding["mend"]
    assert "pem" not in json.dumps(finding)


def test_a_sheet_that_is_not_there_fails_for_its_customer_alone(leads: CommandLine) -> None:
    (leads.folder / ".leads").mkdir(mode=0o700)
    (leads.home / "there.csv").write_text("Name,Email\nAda Example,ada@example.com\n")
    leads.configure(
        '[[customers]]\nname = "acme"\nsheet = "there.csv"\n[[customers]]\nname = "zeta"\nsheet = "gone.csv"\n'
    )

    found = {finding["customer"]: finding["verdict"] for finding in checks(leads)["sheet"]}
    assert found == {"acme": "ok", "zeta": "fail"}
    assert leads("doctor").code == 1
    assert leads("doctor", "--customer", "acme").code == 0


def test_a_sheet_without_a_known_column_fails_with_the_headers(leads: CommandLine) -> None:
    leads.configure('[[customers]]\nname = "acme"\nsheet = "odd.csv"\n')
    (leads.home / "odd.csv").write_text("Quux,Blorp\n1,2\n")

    (finding,) = checks(leads)["sheet"]
    assert finding["verdict"] == "fail"
    assert "Quux" in finding["message"]


AIRTABLE = """
[[customers]]
name = "acme"
sheet = "leads.csv"
[customers.airtable]
base_id = "{base}"
table = "{table}"
"""


@pytest.fixture
def twin(leads: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        monkeypatch.setenv("AIRTABLE_ENDPOINT_URL", sandbox.url)
        monkeypatch.setenv("AIRTABLE_API_KEY", "any-token")
        yield sandbox


def airtable(leads: CommandLine, *, base: str = TWIN_BASE, table: str = "Leads") -> dict[str, Any]:
    """The doctor's one finding about a base and table."""
    leads.configure(AIRTABLE.format(base=base, table=table))
    (finding,) = checks(leads)["airtable"]
    return finding


@pytest.mark.usefixtures("twin")
def test_a_table_that_airtable_knows_is_well(leads: CommandLine) -> None:
    finding = airtable(leads)

    assert (finding["verdict"], finding["customer"]) == ("ok", "acme")
    assert "table Leads, team plan" in finding["message"]


@pytest.mark.usefixtures("twin")
def test_a_table_that_is_not_there_fails_with_those_that_are(leads: CommandLine) -> None:
    finding = airtable(leads, table="Peopel")

    assert finding["verdict"] == "fail"
    assert "no table 'Peopel'; it has Leads" in finding["message"]


@pytest.mark.usefixtures("twin")
def test_a_base_that_is_not_there_fails(leads: CommandLine) -> None:
    finding = airtable(leads, base="appNotThere000001")

    assert finding["verdict"] == "fail"
    assert "appNotThere000001" in finding["message"]


def test_without_a_token_airtable_fails_and_says_what_to_set(
    leads: CommandLine, twin: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRTABLE_API_KEY")

    finding = airtable(leads)
    assert finding["verdict"] == "fail"
    assert "AIRTABLE_API_KEY_FILE" in finding["mend"]


def test_a_service_that_does_not_answer_fails_in_words(
    leads: CommandLine, twin: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRTABLE_ENDPOINT_URL", "http://127.0.0.1:9")

    assert airtable(leads)["verdict"] == "fail"


@pytest.mark.parametrize(("made", "verdict"), [(0, "ok"), (79_999, "ok"), (80_000, "warn"), (120_000, "warn")])
def test_calls_of_this_month_are_held_against_the_plan(made: int, verdict: str, leads: CommandLine) -> None:
    leads.configure(AIRTABLE.format(base=TWIN_BASE, table="Leads"))
    with Budget(leads.home, airtable_limits(TWIN_BASE, "any-token")) as budget, budget.slot():
        pass
    with sqlite3.connect(leads.home / BUDGET_FILE) as books:
        books.execute("UPDATE limits SET month_calls = ?", (made,))
    books.close()

    (finding,) = checks(leads)["quota"]
    assert finding["verdict"] == verdict
    assert f"{made:,} of the 100,000 calls a month" in finding["message"]


def test_a_pace_that_the_month_cannot_bear_is_a_warning_with_its_end(leads: CommandLine) -> None:
    leads.configure(AIRTABLE.format(base=TWIN_BASE, table="Leads") + "monthly_calls = 1000000\n")
    with Budget(leads.home, airtable_limits(TWIN_BASE, "any-token", monthly_calls=1_000_000)) as budget, budget.slot():
        pass
    with sqlite3.connect(leads.home / BUDGET_FILE) as books:
        books.execute("UPDATE limits SET month_calls = 700000")
        books.execute("UPDATE hours SET calls = 20000000")
    books.close()

    (finding,) = checks(leads)["quota"]
    assert finding["verdict"] == "warn"
    assert "they last until 20" in finding["message"]


def test_a_month_that_is_spent_is_a_warning_with_its_end(leads: CommandLine) -> None:
    leads.configure(AIRTABLE.format(base=TWIN_BASE, table="Leads"))
    with Budget(leads.home, airtable_limits(TWIN_BASE, "any-token")) as budget:
        budget.park(reason="Spent.")

    (finding,) = checks(leads)["quota"]
    assert finding["verdict"] == "warn"
    assert "used up" in finding["message"]


def test_bases_of_one_workspace_are_held_against_one_plan(leads: CommandLine) -> None:
    leads.configure(AIRTABLE.format(base=TWIN_BASE, table="Leads") + 'workspace = "sales"\n')
    with Budget(leads.home, airtable_limits("appOther", "x", monthly_calls=9, workspace="sales")) as budget:
        for _ in range(3):
            with budget.slot():
                pass

    (finding,) = checks(leads)["quota"]
    assert "3 of the 100,000 calls a month" in finding["message"]
