"""The made-up team: nobody in it is anybody, and no two are alike."""

from __future__ import annotations

import re
from pathlib import Path

from leads_dagster.demo import team


def test_no_two_people_share_name_address_or_telephone() -> None:
    people = [team.lead(number) for number in range(500)]

    assert [len({person[column] for person in people}) for column in (0, 1, 2)] == [500, 500, 500]


def test_addresses_and_telephones_are_nobodys() -> None:
    for number in range(500):
        _, email, phone, *_ = team.lead(number)

        assert email.endswith(".example")
        assert re.fullmatch(r"\+1 \d{3} 555 01\d\d", phone)


def test_the_sheet_has_one_typo_where_the_scene_mends_it(tmp_path: Path) -> None:
    lines = team.write_sheet(tmp_path).read_text(encoding="utf-8").splitlines()

    assert len(lines) == team.ROWS + 1
    assert [number for number, line in enumerate(lines, 1) if team.TYPO in line] == [team.row_of(10)]


def test_the_same_people_at_every_start(tmp_path: Path) -> None:
    first, second = (team.write_sheet(tmp_path / name).read_bytes() for name in ("a", "b"))

    assert first == second
