"""The jobs: what can be asked for as a whole.

What belongs here: names and selections. When a job runs is for sensors and schedules to say.
"""

from __future__ import annotations

import dagster as dg

from leads_dagster.orchestration.assets import ROAD

LEADS_SYNC = "leads_sync"
# For runs that nobody waits for at a terminal. Every event stands in Dagster's storage anyway.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

leads_sync = dg.define_asset_job(
    LEADS_SYNC,
    selection=dg.AssetSelection.assets(*(one.key for one in ROAD)),
    description="One cycle of one customer: from the sheet to the lead store, the CRM database and Airtable.",
)
