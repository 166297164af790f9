"""What parts print is shown whole, harmless and without secrets."""

from __future__ import annotations

from pathlib import Path

from leads_dagster.live.lines import Lines, Secrets, shown


def test_lines_come_whole_however_their_bytes_arrive() -> None:
    lines = Lines()
    told = [line for chunk in (b"on", b"e\ntw", b"o\nthree") for line in lines.feed(chunk)]

    assert told == ["one", "two"]
    assert list(lines.rest()) == ["three"]
    assert list(lines.rest()) == []


def test_a_line_without_end_is_cut_and_nothing_of_it_is_lost() -> None:
    lines = Lines()
    told = [*lines.feed(b"x" * 200_000), *lines.rest()]

    assert "".join(told) == "x" * 200_000
    assert len(told) > 1


def test_colours_and_commands_to_the_terminal_are_taken_out() -> None:
    assert shown(b"\x1b[32mgreen\x1b[0m \x1b]0;title\x07bell\x07\r") == "green bell\\x07"


def test_bytes_that_are_no_text_are_no_error() -> None:
    assert shown(b"caf\xe9") == "caf\ufffd"


def test_the_password_of_an_address_is_secret_and_the_address_is_not() -> None:
    secrets = Secrets({"LEADS_CRM_URL": "postgresql://me:p%40ssword@db/crm"})

    assert secrets.hidden("postgresql://me:p%40ssword@db/crm p@ssword") == "postgresql://me:***@db/crm ***"


def test_a_token_that_was_changed_is_known(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("patOld.12345", encoding="utf-8")
    secrets = Secrets({"AIRTABLE_API_KEY_FILE": str(token)})
    token.write_text("patNew.12345", encoding="utf-8")
    secrets.read_again()

    assert secrets.hidden("patNew.12345") == "***"


def test_a_word_too_short_for_a_secret_stays() -> None:
    assert Secrets({"AIRTABLE_API_KEY": "any"}).hidden("any company") == "any company"
