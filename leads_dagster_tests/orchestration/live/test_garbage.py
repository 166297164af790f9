"""What stays for the life of a process is not searched for garbage again."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Iterator

import pytest

from leads_dagster.orchestration.live.garbage import set_apart, set_apart_later


class _Ring:
    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_lives_is_set_apart_and_what_is_garbage_by_then_is_gone() -> None:
    gone = weakref.ref(_Ring())
    stays = _Ring()

    set_apart()

    assert gone() is None
    assert gc.get_freeze_count() > 0
    assert not any(one is stays for one in gc.get_objects())


def test_rings_made_later_are_found_as_ever() -> None:
    set_apart()
    later = weakref.ref(_Ring())

    gc.collect()

    assert later() is None


def test_a_part_can_leave_it_to_a_moment_when_it_has_loaded_all() -> None:
    set_apart_later(0.0)

    ends = time.monotonic() + 30
    while not gc.get_freeze_count() and time.monotonic() < ends:
        time.sleep(0.01)
    assert gc.get_freeze_count() > 0
