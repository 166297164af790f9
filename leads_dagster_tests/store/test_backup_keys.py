"""Encrypted backups: with the newest key, readable with any, useless without; and every change of them is found."""

from __future__ import annotations

import io
import os
import tracemalloc
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from leads_dagster.errors import CredentialsError, SettingsError, StoreError
from leads_dagster.settings import load_settings
from leads_dagster.store.backup_frames import FRAME_BYTES, MAGIC, FrameReader, FrameWriter, copy_stream
from leads_dagster.store.backup_keys import BackupKeys, fresh_key, key_id
from leads_dagster_tests.store.backup_cases import Store, sqlite_store, store

__all__ = ["sqlite_store", "store"]

OLD, NEW, OTHER = fresh_key(), fresh_key(), fresh_key()


def sealed(data: bytes, keys: BackupKeys) -> bytes:
    target = io.BytesIO()
    writer = FrameWriter(target, keys)
    copy_stream(io.BytesIO(data), cast("BinaryIO", writer))
    writer.finish()
    return target.getvalue()


def opened(data: bytes, keys: BackupKeys) -> bytes:
    return FrameReader(io.BytesIO(data), keys).read()


def frames(data: bytes) -> list[bytes]:
    """The frames behind the head, each with its length."""
    at, found = len(MAGIC) + 16, []
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        found.append(data[at:end])
        at = end
    return found


@pytest.mark.parametrize("size", [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES + 7])
def test_what_was_sealed_comes_out_as_it_was(size: int) -> None:
    data, keys = os.urandom(size), BackupKeys((NEW,))
    assert opened(sealed(data, keys), keys) == data


def test_frames_that_were_cut_swapped_repeated_or_taken_from_another_file_are_found() -> None:
    keys = BackupKeys((NEW,))
    whole = sealed(os.urandom(2 * FRAME_BYTES + 5), keys)
    other = sealed(os.urandom(2 * FRAME_BYTES + 5), keys)
    head, parts, foreign = whole[: len(MAGIC) + 16], frames(whole), frames(other)
    assert len(parts) == 3
    for changed in (
        parts[:-1],
        [parts[1], parts[0], parts[2]],
        [parts[0], *parts],
        [*parts, parts[2]],
        [parts[0], foreign[1], parts[2]],
        [parts[0], parts[2]],
        [],
    ):
        with pytest.raises(StoreError):
            opened(head + b"".join(changed), keys)


def test_any_flipped_byte_of_a_sealed_stream_is_found() -> None:
    keys = BackupKeys((NEW,))
    whole = sealed(b"leads" * 20, keys)
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 1
        with pytest.raises(StoreError):
            opened(bytes(changed), keys)


def test_memory_does_not_grow_with_what_is_sealed(tmp_path: Path) -> None:
    keys = BackupKeys((NEW,))
    sealed(b"", keys)
    tracemalloc.start()
    with (tmp_path / "sealed").open("wb") as target:
        writer = FrameWriter(target, keys)
        for _ in range(40):
            writer.write(b"x" * FRAME_BYTES)
        writer.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * FRAME_BYTES


def test_with_a_key_the_backup_holds_nothing_that_can_be_read(store: Store) -> None:
    made = store.with_environment(LEADS_BACKUP_KEY=NEW).backups.make("asked")

    assert made.key_id == key_id(NEW)
    assert made.name.endswith(".enc")
    assert NEW not in (store.settings.backup_folder / f"{made.name}.json").read_text()
    with pytest.raises(CredentialsError, match="not among the keys given"):
        store.backups.verify(made.name)


def test_a_wrong_key_is_named_as_the_reason_and_the_backup_keeps_its_good_name(sqlite_store: Store) -> None:
    made = sqlite_store.with_environment(LEADS_BACKUP_KEY=OLD).backups.make("asked")
    wrong = sqlite_store.with_environment(LEADS_BACKUP_KEY=OTHER).backups

    with pytest.raises(CredentialsError, match=key_id(OLD)) as caught:
        wrong.verify(made.name)
    assert OTHER not in str(caught.value)
    assert wrong.folder.find(made.name).verified_at is not None
    with pytest.raises(CredentialsError):
        wrong.newest_good()


def test_old_keys_still_read_and_the_newest_writes(store: Store) -> None:
    old = store.with_environment(LEADS_BACKUP_KEY=OLD).backups.make("asked")
    both = store.with_environment(LEADS_BACKUP_KEY=f"{NEW}, {OLD}")
    new = both.backups.make("asked")

    assert (old.key_id, new.key_id) == (key_id(OLD), key_id(NEW))
    store.add("Di")
    both.backups.put_in_place(old)
    assert store.names() == ["Ada", "Bo", "Cy"]


def test_rotation_leaves_nothing_that_needs_an_old_key(store: Store) -> None:
    plain = store.backups.make("asked")
    old = store.with_environment(LEADS_BACKUP_KEY=OLD).backups.make("asked")
    changed = store.with_environment(LEADS_BACKUP_KEY=f"{NEW},{OLD}").backups.rotate()

    assert {one.contents for one in map(_comparable, changed)} == {_comparable(plain).contents}
    only_new = store.with_environment(LEADS_BACKUP_KEY=NEW).backups
    listed = only_new.folder.listed().manifests
    assert {one.key_id for one in listed} == {key_id(NEW)}
    assert {plain.created_at, old.created_at} == {one.created_at for one in listed}
    assert all(only_new.verify(one.name).verified_at for one in listed)
    assert only_new.rotate() == []


def _comparable(manifest: object) -> object:
    from types import SimpleNamespace

    contents = manifest.contents  # type: ignore[attr-defined]
    return SimpleNamespace(contents=(contents.schema, tuple(sorted(contents.tables.items()))))


@pytest.mark.parametrize("key", [None, OLD], ids=["plain", "encrypted"])
def test_rotation_leaves_a_damaged_backup_as_it_is_and_does_the_others(sqlite_store: Store, key: str | None) -> None:
    before = sqlite_store if key is None else sqlite_store.with_environment(LEADS_BACKUP_KEY=key)
    damaged, good = before.backups.make("asked"), before.backups.make("asked")
    path = before.backups.folder.file(damaged)
    spoiled = bytearray(path.read_bytes())
    spoiled[len(spoiled) // 2] ^= 0xFF
    path.write_bytes(spoiled)

    both = sqlite_store.with_environment(LEADS_BACKUP_KEY=NEW if key is None else f"{NEW},{key}").backups
    with pytest.raises(StoreError, match=rf"{damaged.name} is damaged.* 1 of 2"):
        both.rotate()
    assert path.read_bytes() == bytes(spoiled)
    assert both.folder.find(damaged.name) == damaged
    listed = {one.created_at: one for one in both.folder.listed().manifests}
    assert len(listed) == 2
    assert both.verify(listed[good.created_at].name).key_id == key_id(NEW)
    with pytest.raises(StoreError, match="damaged"):
        both.verify(damaged.name)


def test_rotation_without_a_key_is_refused(sqlite_store: Store) -> None:
    with pytest.raises(CredentialsError, match="no key"):
        sqlite_store.backups.rotate()


def test_a_key_file_is_read_anew_so_that_rotation_needs_no_restart(sqlite_store: Store, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"{OLD}\n")
    backups = sqlite_store.with_environment(LEADS_BACKUP_KEY_FILE=str(path)).backups
    first = backups.make("asked")
    path.write_text(f"{NEW}\n{OLD}\n")

    assert (first.key_id, backups.make("asked").key_id) == (key_id(OLD), key_id(NEW))
    assert backups.verify(first.name)


@pytest.mark.parametrize(("text", "words"), [("", "no key"), ("hunter2\n", "no key"), (None, "cannot be read")])
def test_a_key_file_that_is_no_good_is_a_credentials_error(
    sqlite_store: Store, tmp_path: Path, text: str | None, words: str
) -> None:
    path = tmp_path / "keys"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CredentialsError, match=words) as caught:
        sqlite_store.with_environment(LEADS_BACKUP_KEY_FILE=str(path)).backups.make("asked")
    assert "hunter2" not in str(caught.value)


def test_a_key_in_the_environment_that_is_none_is_a_settings_error_that_does_not_show_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="LEADS_BACKUP_KEY must hold keys") as caught:
        load_settings({"LEADS_BACKUP_KEY": "hunter2"}, tmp_path)
    assert "hunter2" not in str(caught.value)
    settings = load_settings({"LEADS_BACKUP_KEY": NEW}, tmp_path)
    assert NEW not in repr(settings)
