"""`leads backup`: what each command prints, asks and ends with."""

from __future__ import annotations

import io
import sys

import pytest

from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster.settings import load_settings
from leads_dagster.settings_table import is_backup_key
from leads_dagster_tests.interfaces.conftest import CommandLine
from leads_dagster_tests.store.backup_cases import flip, spoil_pages

SHEET = "Name,Email\nAda Example,ada@one.example\nBo Sample,bo@two.example\n"


@pytest.fixture
def synced(leads: CommandLine) -> CommandLine:
    """Two leads in the store."""
    leads.configure('[[customers]]\nname = "acme"\nsheet = "sheet.csv"\n')
    (leads.home / "sheet.csv").write_text(SHEET)
    with open_workspace(load_settings(), "acme") as workspace:  # a second quicker than `leads sync`
        assert run_cycle(workspace).status == "done"
    return leads


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_create_says_what_it_made(synced: CommandLine) -> None:
    ended = synced("backup", "create", "--json")

    assert ended.code == 0
    assert set(ended.json) == {"name", "bytes", "rows", "seconds", "kept", "pruned", "encrypted", "verified"}
    assert (ended.json["verified"], ended.json["encrypted"], ended.json["kept"]) == (True, False, 1)


def test_the_list_is_what_comes_without_a_word(synced: CommandLine) -> None:
    assert "There is no backup in" in synced("backup").out
    name = synced("backup", "create", "--no-verify", "--json").json["name"]

    assert name in synced("backup").out
    (listed,) = synced("backup", "--json").json["backups"]
    assert (listed["name"], listed["leads"], listed["verified_at"], listed["key_id"]) == (name, 2, None, None)


def test_verify_takes_the_newest_unless_one_is_named(synced: CommandLine) -> None:
    first = synced("backup", "create", "--json").json["name"]
    second = synced("backup", "create", "--json").json["name"]

    assert synced("backup", "verify", "--json").json["name"] == second
    assert synced("backup", "verify", first, "--json").json["name"] == first
    assert synced("backup", "verify", str(synced.home / "backups" / first)).code == 0


def test_a_damaged_backup_ends_with_1_and_is_named(synced: CommandLine) -> None:
    name = synced("backup", "create", "--json").json["name"]
    flip(synced.home / "backups" / name, 300)

    ended = synced("backup", "verify")
    assert ended.code == 1
    assert f"{name} is damaged" in ended.err


def test_the_live_database_is_read_as_a_whole(synced: CommandLine) -> None:
    assert synced("backup", "verify", "--live", "--json").json["healthy"] is True
    path = synced.home / "leads.db"
    synced("backup", "create")
    spoil_pages(path)

    ended = synced("backup", "verify", "--live", "--json")
    assert (ended.code, ended.json["healthy"]) == (1, False)
    stopped = synced("sync", "--json")
    assert stopped.code == 1
    assert "leads backup restore --latest" in stopped.json["error"]
    doctor = synced("doctor", "--json").json
    assert "integrity" in {check["check"] for check in doctor["checks"] if check["verdict"] == "fail"}
    assert synced("backup", "restore", "--latest", "--yes").code == 0
    assert synced("backup", "verify", "--live").code == 0


def test_restore_asks_and_a_no_changes_nothing(synced: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    synced("backup", "create")
    before = (synced.home / "leads.db").read_bytes()
    for said in ("n\n", ""):
        answer(monkeypatch, said)
        ended = synced("backup", "restore", "--latest")
        assert ended.code == 1
        assert "Nothing was changed." in ended.err
        assert "with 2 leads" in ended.err
    assert (synced.home / "leads.db").read_bytes() == before


def test_restore_says_what_it_did_and_what_the_sheet_brought(
    synced: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced("backup", "create")
    (synced.home / "sheet.csv").write_text(SHEET + "Cy Sample,cy@three.example\n")
    synced("sync")
    answer(monkeypatch, "y\n")

    ended = synced("backup", "restore", "--latest")
    assert ended.code == 0
    assert "2 leads" in ended.out
    assert "kept as leads-" in ended.out
    assert synced("status", "--json").json["leads"] == 3


def test_restore_without_a_sync_says_how_to_catch_up(synced: CommandLine) -> None:
    name = synced("backup", "create", "--json").json["name"]

    ended = synced("backup", "restore", name, "--yes", "--no-sync")
    assert "leads sync" in ended.out
    assert synced("backup", "restore", name, "--yes", "--no-sync", "--json").json["replayed"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("restore",), "--latest"),
        (("restore", "some", "--latest"), "--latest"),
        (("restore", "--latest", "--json"), "--yes"),
        (("verify", "some", "--live"), "--live"),
    ],
)
def test_arguments_that_do_not_fit_end_with_2(arguments: tuple[str, ...], words: str, leads: CommandLine) -> None:
    ended = leads("backup", *arguments)
    assert ended.code == 2
    assert words in ended.out + ended.err


@pytest.mark.parametrize("verb", ["verify", "restore"])
def test_a_backup_that_is_not_there_ends_with_1(verb: str, synced: CommandLine) -> None:
    ended = synced("backup", verb, "leads-nothing.db.gz", *(["--yes"] if verb == "restore" else []))
    assert ended.code == 1
    assert "There is no backup leads-nothing.db.gz" in ended.err


def test_create_before_there_is_a_database_ends_with_1_and_makes_none(leads: CommandLine) -> None:
    ended = leads("backup", "create")
    assert ended.code == 1
    assert "no lead database yet" in ended.err
    assert not (leads.home / "leads.db").exists()


def test_a_key_is_printed_alone_and_encrypts(synced: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    key = synced("backup", "key").out.strip()
    assert is_backup_key(key)
    monkeypatch.setenv("LEADS_BACKUP_KEY", key)
    assert synced("backup", "create", "--json").json["encrypted"] is True

    monkeypatch.delenv("LEADS_BACKUP_KEY")
    refused = synced("backup", "verify", "--json")
    assert (refused.code, refused.json["error"]["type"]) == (1, "CredentialsError")


def test_rotate_lists_what_it_encrypted_anew(synced: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    synced("backup", "create")
    monkeypatch.setenv("LEADS_BACKUP_KEY", synced("backup", "key", "--json").json["key"])

    (rotated,) = synced("backup", "rotate", "--json").json["rotated"]
    assert rotated["key_id"] is not None
    assert "newest key" in synced("backup", "rotate").out
    assert synced("backup", "verify").code == 0


def test_doctor_wants_a_backup_and_is_content_with_a_fresh_one(synced: CommandLine) -> None:
    def verdicts() -> dict[str, str]:
        return {check["check"]: check["verdict"] for check in synced("doctor", "--json").json["checks"]}

    assert (verdicts()["backups"], verdicts()["integrity"]) == ("warn", "ok")
    synced("backup", "create", "--no-verify")
    assert verdicts()["backups"] == "warn"
    synced("backup", "verify")
    assert verdicts()["backups"] == "ok"
