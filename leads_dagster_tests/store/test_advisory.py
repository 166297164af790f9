"""PostgreSQL's locks keep two hosts' cycles of one customer apart."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from leads_dagster.store.advisory import cycle_lock
from leads_dagster.store.engine import (
    open_engine,
    writing,
)
from leads_dagster.store.tables import counters


def test_a_cycle_on_another_host_keeps_this_one_waiting_on_postgresql(postgres_url: str) -> None:
    here, there = open_engine(postgres_url), open_engine(postgres_url)
    with cycle_lock(there, "acme", wait_seconds=0):
        with pytest.raises(TimeoutError), cycle_lock(here, "acme", wait_seconds=0.2):
            pass
        with cycle_lock(here, "other", wait_seconds=0):
            pass
    with cycle_lock(here, "acme", wait_seconds=0), writing(there, "acme") as connection:
        connection.execute(insert(counters).values(name="x", value=1))
    here.dispose()
    there.dispose()
