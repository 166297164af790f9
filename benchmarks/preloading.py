"""A child program: every customer's sheet into the stores, one after the other, without Dagster.

    python -m benchmarks.preloading

What belongs here: that loop. Google allows 60 reads a minute, so that a first load of 1,000 sheets takes half an hour
of waiting whoever does it; here nothing is asked of the budget, and the twin keeps no limits.
"""

from __future__ import annotations

from leads_dagster.pipeline import ingest
from leads_dagster.pipeline.cycle import run_cycle
from leads_dagster.pipeline.workspace import open_workspace
from leads_dagster.settings import load_settings


def main() -> None:
    """All customers of the environment's leads.toml."""
    setattr(ingest, "budget_place", lambda _: None)  # noqa: B010  the measured system keeps its budget
    settings = load_settings()
    for customer in settings.customers:
        with open_workspace(settings, customer.name) as ws:
            run_cycle(ws)


if __name__ == "__main__":
    main()
