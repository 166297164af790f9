"""The code location: everything that Dagster sees of this project, on one screen.

What belongs here: the assembly and nothing else. A fault in the environment or in leads.toml raises SettingsError while
this module loads; Dagster shows it, naming the key and the nearest one there is, and every run in flight goes on.
"""

from __future__ import annotations

import dagster as dg

from leads_dagster.orchestration.assets import airtable_table, capture_queue, google_sheet, road
from leads_dagster.orchestration.backups import backup_leads, backup_schedule
from leads_dagster.orchestration.capturing import queue_retry_schedule
from leads_dagster.orchestration.cleaning import clean_up_job, retention_schedule
from leads_dagster.orchestration.freshness import freshness_roll_up, freshness_schedule
from leads_dagster.orchestration.jobs import leads_sync
from leads_dagster.orchestration.notifying import alert_schedule, notifying_sensors
from leads_dagster.orchestration.partitions import customer_partitions
from leads_dagster.orchestration.resources import LeadsResource
from leads_dagster.orchestration.road import retry_policy
from leads_dagster.orchestration.schedules import customer_jobs, customer_schedules
from leads_dagster.orchestration.sensors import sensors
from leads_dagster.settings import Settings, load_settings


def build(settings: Settings) -> dg.Definitions:
    """The definitions for these customers; sheet and Airtable table are external, the other assets are the road."""
    customers = customer_partitions(settings)
    return dg.Definitions(
        assets=[
            google_sheet(),
            airtable_table(),
            capture_queue(),
            *road(customers, retry_policy(settings.retry_delay_seconds)),
        ],
        jobs=[leads_sync, backup_leads, clean_up_job, freshness_roll_up, *customer_jobs(customers)],
        schedules=[
            backup_schedule(settings),
            retention_schedule(settings),
            freshness_schedule,
            alert_schedule,
            queue_retry_schedule(settings),
            *customer_schedules(settings),
        ],
        sensors=[*sensors(settings), *notifying_sensors(settings)],
        resources={"leads": LeadsResource()},
        executor=dg.in_process_executor,  # a process a step would cost some ten seconds each
    )


defs = build(load_settings())
