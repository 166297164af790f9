"""What holds for every command: help, exit codes, errors in words or JSON, and who is meant."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from leads_dagster import __version__
from leads_dagster.errors import LeadsError
from leads_dagster.interfaces.cli import render
from leads_dagster_tests.interfaces.conftest import CommandLine

COMMANDS = ("sync", "plan", "status", "drift", "dedupe", "doctor", "sandbox")
GROUPS = {
    "quarantine": ("list", "show"),
    "holds": ("list", "show", "approve", "drop"),
    "reviews": ("list", "show", "resolve", "export", "import"),
}
SHARED = {"backup": ("list", "create", "verify", "restore", "rotate", "key")}  # of all customers together
EVERY = [(name,) for name in COMMANDS] + [(group, verb) for group, verbs in GROUPS.items() for verb in verbs]
TWO_CUSTOMERS = '[[customers]]\nname = "acme"\nsheet = "a.csv"\n[[customers]]\nname = "zeta"\nsheet = "z.csv"\n'


def test_without_a_word_it_lists_the_commands(leads: CommandLine) -> None:
    ended = leads()

    assert ended.code == 0
    assert all(f"\n  {name} " in ended.out for name in (*COMMANDS, *GROUPS, *SHARED))


def test_it_says_its_version(leads: CommandLine) -> None:
    assert leads("--version").out == f"leads {__version__}\n"


@pytest.mark.parametrize(
    "words", [*EVERY, *((group, verb) for group, verbs in SHARED.items() for verb in verbs)], ids=" ".join
)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_explains_itself_with_an_example(words: tuple[str, ...], flag: str, leads: CommandLine) -> None:
    ended = leads(*words, flag)

    assert ended.code == 0
    assert "Examples:\n    leads " in ended.out
    assert "--json" in ended.out
    assert not leads.home.exists()


@pytest.mark.parametrize("words", [word for word in EVERY if word not in (("sandbox",),)], ids=" ".join)
def test_every_command_on_leads_takes_a_customer(words: tuple[str, ...], leads: CommandLine) -> None:
    assert "--customer" in leads(*words, "--help").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("bogus",), "No such command 'bogus'"),
        (("status", "--bogus"), "No such option: --bogus"),
        (("sync", "--watch", "--interval", "0.5"), "--interval"),
        (("sync", "--interval", "60"), "--watch"),
        (("holds", "approve"), "Missing argument"),
        (("holds", "approve", "three"), "Invalid value for 'ID'"),
        (("dedupe", "not-there.csv", "--out", "out.csv"), "not-there.csv"),
        (("status", "--customer", "nobody"), "no customer 'nobody'"),
    ],
)
def test_wrong_arguments_end_with_2_and_say_what_is_wrong(
    arguments: tuple[str, ...], words: str, leads: CommandLine
) -> None:
    ended = leads(*arguments)

    assert ended.code == 2
    assert words in ended.err
    assert ended.out == ""
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("words", [word for word in EVERY if word[0] not in ("doctor", "sandbox")], ids=" ".join)
def test_several_customers_and_none_named_ends_with_2(words: tuple[str, ...], leads: CommandLine) -> None:
    leads.configure(TWO_CUSTOMERS)
    (leads.folder / "in.csv").write_text("name\nAda Example\n")
    needed = {
        "dedupe": ("in.csv", "--out", "out.csv"), "show": ("1",), "approve": ("1",), "drop": ("1",),
        "resolve": ("1", "--same"), "export": ("out.csv",), "import": ("in.csv",),
    }  # fmt: skip

    ended = leads(*words, *needed.get(words[-1], ()))
    assert ended.code == 2
    assert "--customer: acme, zeta" in ended.err


def test_a_misspelt_key_ends_with_2_and_names_line_and_key(leads: CommandLine) -> None:
    leads.configure('[[customers]]\nname = "acme"\nsheet = "a.csv"\nintervall_seconds = 5\n')

    ended = leads("status")
    assert ended.code == 2
    assert "line 4: unknown key intervall_seconds → interval_seconds" in ended.err


def test_with_json_an_error_is_json_on_stdout(leads: CommandLine) -> None:
    ended = leads("status", "--customer", "nobody", "--json")

    assert ended.code == 2
    assert ended.err == ""
    assert ended.json["error"]["type"] == "SettingsError"
    assert "nobody" in ended.json["error"]["message"]
    assert "default" in ended.json["error"]["advice"]


def test_with_json_a_wrong_argument_is_json_on_stdout(leads: CommandLine) -> None:
    ended = leads("plan", "--json", "--bogus")

    assert (ended.code, ended.err) == (2, "")
    assert ended.json["error"]["message"] == "No such option: --bogus."


def test_a_fault_nobody_foresaw_has_no_traceback_unless_asked_for(
    leads: CommandLine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("leads_dagster.interfaces.cli.status.load_settings", lambda: 1 / 0)

    quiet = leads("status")
    assert quiet.code == LeadsError.exit_code
    assert "ZeroDivisionError" in quiet.err
    assert "Traceback" not in quiet.err + caplog.text

    monkeypatch.setenv("LEADS_DEBUG", "1")
    leads("status")
    assert "Traceback" in caplog.text


def test_an_interrupt_ends_with_130(leads: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("leads_dagster.interfaces.cli.status.load_settings", interrupted)
    assert leads("status").code == 130


def test_a_reader_that_leaves_early_gets_no_complaint() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "leads_dagster", "--help"]
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)

    assert ended.stderr == ""


def test_a_cell_cannot_talk_to_the_terminal() -> None:
    assert render.safe("Ada\x1b[31m\r\nX") == "Ada\\x1b[31m\\r\\nX"
    assert render.safe("[bold]José") == "[bold]José"
    assert len(render.safe("x" * 5000)) == 200


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (True, "yes"), (1234.5, "1,234.5"), (0.0123, "0.0123"), ({}, "-"), (["a"], '["a"]'), (0, "0")],
)
def test_values_are_shown_in_words(value: object, shown: str) -> None:
    assert render.safe(value) == shown
