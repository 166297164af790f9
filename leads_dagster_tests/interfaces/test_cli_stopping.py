"""A command that keeps going ends at Ctrl-C and at SIGTERM, whatever else took the signals meanwhile."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from leads_dagster.stopping import stop_signals

BOTH = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def handled_as_dagster_does() -> Iterator[None]:
    """While a job runs Dagster only remembers both signals; then both get the handler that SIGINT had."""
    before = signal.getsignal(signal.SIGINT)
    for one in BOTH:
        signal.signal(one, lambda number, frame: None)
    yield
    for one in BOTH:
        signal.signal(one, before)


@pytest.fixture
def started_in_the_background() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("sent", BOTH)
def test_a_signal_interrupts(sent: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), stop_signals():
        signal.raise_signal(sent)


@pytest.mark.parametrize("sent", BOTH)
def test_a_signal_that_was_taken_and_forgotten_is_made_good(sent: signal.Signals) -> None:
    with stop_signals() as raise_if_forgotten:
        with handled_as_dagster_does():
            signal.raise_signal(sent)
        with pytest.raises(KeyboardInterrupt):
            raise_if_forgotten()
        raise_if_forgotten()


@pytest.mark.parametrize("sent", BOTH)
def test_a_signal_interrupts_after_dagster_had_them(sent: signal.Signals) -> None:
    with stop_signals():
        with handled_as_dagster_does():
            pass
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(sent)


@pytest.mark.usefixtures("started_in_the_background")
def test_in_the_background_sigterm_counts_and_ctrl_c_is_meant_for_others() -> None:
    with stop_signals() as raise_if_forgotten:
        with handled_as_dagster_does():
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise_if_forgotten()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_afterwards_the_signals_are_as_they_were() -> None:
    before = [signal.getsignal(one) for one in BOTH]
    with stop_signals():
        assert [signal.getsignal(one) for one in BOTH] != before

    assert [signal.getsignal(one) for one in BOTH] == before
