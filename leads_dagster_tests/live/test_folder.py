"""The folder that the parts share is its owner's alone, and its paths are short enough for what they are for."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from leads_dagster.errors import StoreError
from leads_dagster.live.folder import code_socket, live_folder, prepare


def test_only_the_owner_may_enter(tmp_path: Path) -> None:
    prepare(tmp_path)

    assert stat.S_IMODE(live_folder(tmp_path).stat().st_mode) == 0o700


def test_the_socket_stands_in_the_state_folder() -> None:
    assert code_socket(Path("/var/lib/leads")) == Path("/var/lib/leads/live/code.sock")


def test_a_socket_whose_path_would_be_too_long_for_the_kernel_stands_elsewhere(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 40)

    assert len(os.fsencode(code_socket(home))) <= 100
    assert code_socket(home) == code_socket(home) != code_socket(tmp_path / ("longer" * 40))


def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    live_folder(tmp_path).mkdir()
    live_folder(tmp_path).chmod(0o777)

    with pytest.raises(StoreError, match="Others may write"):
        prepare(tmp_path)


def test_a_state_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="cannot be made"):
        prepare(tmp_path / "file")
