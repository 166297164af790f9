"""`leads queue` hands leads over, shows what became of them, and loses none that cannot be taken."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from leads_dagster.capture_queue.items import NewCapture, Settled
from leads_dagster.capture_queue.place import open_queue
from leads_dagster.settings import load_settings
from leads_dagster_tests.interfaces.conftest import CommandLine

ADA = {"Name": "Ada Lovelace", "Email": "ada@example.com", "url": "https://x.example/ada", "source": "list"}
BOB = {"Name": "Bob Roe", "Email": "bob@example.com", "url": "https://x.example/bob", "confidence": 0.2}


def write(leads: CommandLine, *lines: Mapping[str, Any] | bytes, name: str = "found.jsonl") -> str:
    path = leads.folder / name
    path.write_bytes(b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines))
    return str(path)


def kill(leads: CommandLine, *, times: int = 3) -> None:
    """Let what is queued fail until it is dead."""
    queue = open_queue(load_settings({"LEADS_HOME": str(leads.home), "LEADS_QUEUE_ATTEMPTS": "1"}, cwd=Path.cwd()))
    for _ in range(times):
        queue.settle([Settled(one.id, one.lease, "failed", "It broke.") for one in queue.lease(customer="default")])
    queue.close()


def states(leads: CommandLine) -> dict[str, int]:
    found = leads("queue", "status", "--json").json
    names = ("queued", "leased", "delayed", "dead", "recorded", "duplicates", "rejected")
    return {name: found[name] for name in names if found[name]}


def test_lines_are_handed_over_and_processed(leads: CommandLine) -> None:
    added = leads("queue", "add", write(leads, ADA, BOB), "--json")
    assert (added.code, added.json["added"]) == (0, 2)
    assert states(leads) == {"queued": 2}

    done = leads("queue", "process", "--json")

    assert done.json == {"recorded": 1, "duplicates": 0, "rejected": 1, "failed": 0, "remaining": 0}
    assert states(leads) == {"recorded": 1, "rejected": 1}
    assert leads("history", "ada@example.com", "--json").code == 0


def test_the_sum_of_all_that_was_ever_taken_in_is_shown(leads: CommandLine) -> None:
    leads("queue", "add", write(leads, ADA, BOB))
    leads("queue", "process", "--limit", "1")

    found = leads("queue", "status", "--json").json["sum"]
    assert (found["taken"], found["recorded"] + found["waiting"], found["missing"]) == (2, 2, 0)
    assert "missing" in leads("queue", "status").out


def test_a_limit_leaves_the_rest_waiting(leads: CommandLine) -> None:
    leads("queue", "add", write(leads, ADA, {**ADA, "Name": "Eve", "Email": "eve@example.com", "url": "e"}, BOB))

    assert leads("queue", "process", "--limit", "1", "--json").json["remaining"] == 2
    assert leads("queue", "process").code == 0
    assert "queued" not in states(leads)


def test_a_key_makes_the_same_lead_the_same_capture(leads: CommandLine) -> None:
    file = write(leads, ADA, ADA, BOB)

    first = leads("queue", "add", file, "--key", "url", "--json").json
    again = leads("queue", "add", file, "--key", "url")

    assert (first["added"], first["known"]) == (2, 1)
    assert again.out == "0 handed over, 3 were there already, 0 refused.\n"


def test_lines_that_cannot_be_captures_are_said_with_their_numbers_and_stop_no_other(leads: CommandLine) -> None:
    file = write(leads, ADA, b"{broken", b"", b"[1]", b'{"Name": "\xff"}', {"confidence": 7}, b" ", BOB)

    ended = leads("queue", "add", file, "--json")

    assert ended.code == 1
    assert (ended.json["added"], ended.json["refusals"]) == (2, 4)
    assert [one["line"] for one in ended.json["refused"]] == [2, 4, 5, 6]
    assert "ada@example.com" not in ended.out


def test_the_numbers_of_refused_lines_are_told_to_people_too(leads: CommandLine) -> None:
    ended = leads("queue", "add", write(leads, b"no", ADA))

    assert ended.out == "1 handed over, 0 were there already, 1 refused.\n"
    assert "This is no JSON" in ended.err


def test_a_line_without_the_key_that_was_asked_for_is_refused(leads: CommandLine) -> None:
    ended = leads("queue", "add", write(leads, {"Name": "Ada"}, ADA), "--key", "url", "--json")

    assert ended.json["refused"] == [{"line": 1, "reason": "It has no url that could be its key."}]
    assert ended.json["added"] == 1


def test_a_line_longer_than_a_capture_is_passed_over(leads: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADS_QUEUE_ITEM_BYTES", "1000")
    file = write(leads, ADA, {"x": "y" * 350_000}, {"x": "y" * 2_000}, {**BOB, "Email": "bob@b.example"})

    ended = leads("queue", "add", file, "--json")

    assert [one["line"] for one in ended.json["refused"]] == [2, 3]
    assert ended.json["added"] == 2


def test_a_full_queue_says_from_which_line_on_nothing_was_taken(
    leads: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADS_QUEUE_LIMIT", "1500")
    file = write(leads, *({**ADA, "url": str(number)} for number in range(2_500)))

    ended = leads("queue", "add", file, "--json")

    assert (ended.code, ended.json["added"], ended.json["full_at_line"]) == (1, 1_000, 1_001)


def test_lines_can_be_piped_in(leads: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    piped = io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + json.dumps(ADA).encode() + b"\r\n"))
    monkeypatch.setattr(sys, "stdin", piped)

    assert leads("queue", "add", "-", "--json").json["added"] == 1


def test_a_file_that_is_not_there_is_a_wrong_argument(leads: CommandLine) -> None:
    ended = leads("queue", "add", "nowhere.jsonl")

    assert ended.code == 2
    assert "nowhere.jsonl cannot be read" in ended.err


def test_dead_letters_are_listed_with_the_error_and_queued_again(leads: CommandLine) -> None:
    leads("queue", "add", write(leads, ADA, BOB), "--key", "url")
    kill(leads)

    (first, second) = leads("queue", "dead", "--json").json
    assert (first["key"], first["reason"], first["data"]) == (ADA["url"], "It broke.", ADA)
    assert "ada@example.com" not in leads("queue", "dead").out
    assert leads("queue", "retry-failed", "--limit", "1", "--json").json == {"retried": 1}
    assert states(leads) == {"queued": 1, "dead": 1}
    assert second["attempts"] == 1


def test_without_dead_letters_the_list_says_so(leads: CommandLine) -> None:
    assert leads("queue", "dead").out == "Nothing is dead.\n"


def test_what_is_cleared_is_kept_and_can_be_added_again_as_what_it_was(leads: CommandLine) -> None:
    leads("queue", "add", write(leads, ADA, BOB), "--key", "url")

    cleared = leads("queue", "clear", "--yes", "--json").json
    assert cleared["cleared"] == 2
    assert states(leads) == {}
    leads("queue", "add", cleared["kept_in"])

    assert states(leads) == {"queued": 2}
    assert leads("queue", "add", write(leads, ADA, BOB), "--key", "url", "--json").json["known"] == 2


def test_clear_asks_first(leads: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    leads("queue", "add", write(leads, ADA))
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))

    ended = leads("queue", "clear")

    assert ended.code == 1
    assert "1 captures of default are not processed" in ended.err
    assert states(leads) == {"queued": 1}


def test_with_json_nobody_is_asked(leads: CommandLine) -> None:
    assert leads("queue", "clear", "--json").code == 2


def test_what_was_rejected_can_be_judged_again(leads: CommandLine) -> None:
    leads("queue", "add", write(leads, BOB))
    leads("queue", "process")
    leads.configure('[[customers]]\nname = "default"\nsheet = "x.csv"\n[customers.capture]\nmin_confidence = 0.1\n')

    assert leads("queue", "replay", "--since", "2020-01-01", "--json").json == {"replayed": 1}
    assert leads("queue", "process", "--json").json["recorded"] == 1


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_a_time_that_is_none_is_a_wrong_argument(leads: CommandLine, option: str) -> None:
    ended = leads("queue", "replay", "--since", "2020-01-01", option, "yesterday")

    assert ended.code == 2
    assert "is no time" in ended.err


@pytest.fixture
def strangers(leads: CommandLine) -> CommandLine:
    """Two captures of a customer that leads.toml does not name."""
    queue = open_queue(load_settings({"LEADS_HOME": str(leads.home)}, cwd=Path.cwd()))
    queue.put([NewCapture("../x[red]", key, json.dumps(ADA).encode(), 0) for key in "ab"])
    queue.close()
    return leads


def test_captures_of_a_customer_that_nobody_named_are_shown(strangers: CommandLine) -> None:
    assert strangers("queue", "status", "--json").json["unnamed"] == {"../x[red]": 2}
    shown = strangers("queue", "status").out
    assert "../x[red]" in shown
    assert "leads queue clear --customer NAME" in shown


def test_they_are_taken_out_and_added_to_the_customer_that_was_meant(strangers: CommandLine) -> None:
    cleared = strangers("queue", "clear", "--customer", "../x[red]", "--yes", "--json").json

    assert cleared["cleared"] == 2
    assert Path(cleared["kept_in"]).parent == strangers.home
    assert strangers("queue", "status", "--json").json["unnamed"] == {}
    strangers("queue", "add", cleared["kept_in"], "--customer", "default")
    assert states(strangers) == {"queued": 2}


def test_a_customer_that_is_neither_named_nor_in_the_queue_is_a_wrong_argument(strangers: CommandLine) -> None:
    assert strangers("queue", "clear", "--customer", "nobody", "--yes").code == 2
    assert strangers("queue", "add", write(strangers, ADA), "--customer", "../x[red]").code == 2
