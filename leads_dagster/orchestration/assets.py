"""The assets: one road from the sheet to every store.

What belongs here: what each asset is called, made from and described by, and which pipeline function it is. How a
stage becomes an asset is `road`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from leads_dagster.orchestration import checks
from leads_dagster.orchestration.freshness import POLICY
from leads_dagster.orchestration.metadata import table_schema
from leads_dagster.orchestration.road import GROUP, OWNERS, RoadAsset, build_asset
from leads_dagster.store.tables import leads

if TYPE_CHECKING:
    from leads_dagster.pipeline.stages import Outcome
    from leads_dagster.pipeline.workspace import Workspace


def google_sheet() -> dg.AssetSpec:
    """The sheet itself, which people write and Dagster only shows; nothing of it is ever "0 % filled"."""
    return dg.AssetSpec(
        "google_sheet",
        description="The customer's sheet as people edit it: a Google Sheet, any CSV address, or a file.",
        owners=OWNERS,
        kinds={"googlesheets"},
        group_name=GROUP,
        tags={"layer": "source"},
    )


def airtable_table() -> dg.AssetSpec:
    """The customer's table in Airtable, which people work in; our own half of it is `airtable_mirror`."""
    return dg.AssetSpec(
        "airtable_table",
        description="The customer's table in Airtable as people edit it.",
        owners=OWNERS,
        kinds={"airtable"},
        group_name=GROUP,
        tags={"layer": "source"},
    )


def capture_queue() -> dg.AssetSpec:
    """The capture queue, into which programs hand leads."""
    return dg.AssetSpec(
        "capture_queue",
        description="Leads that scrapers, forms and webhooks handed over, until they are processed.",
        owners=OWNERS,
        kinds={"sqlite"},
        group_name=GROUP,
        tags={"layer": "source"},
    )


def _fetch_raw(ws: Workspace, run_id: str) -> Outcome:
    from leads_dagster.pipeline.ingest import fetch_raw

    return fetch_raw(ws, run_id=run_id)


def _take_edits(ws: Workspace, run_id: str) -> Outcome:
    from leads_dagster.pipeline.airtable_edits import take_edits

    return take_edits(ws, run_id=run_id)


def _take_captures(ws: Workspace, run_id: str) -> Outcome:
    from leads_dagster.pipeline.capture import take_captures

    return take_captures(ws, run_id=run_id)


def _normalize(ws: Workspace, run_id: str) -> Outcome:
    from leads_dagster.pipeline.ingest import normalize

    return normalize(ws, run_id=run_id)


def _resolve(ws: Workspace, run_id: str) -> Outcome:
    from leads_dagster.pipeline.resolve import resolve

    return resolve(ws, run_id=run_id)


def _record(ws: Workspace, run_id: str) -> Outcome:
    from leads_dagster.pipeline.record import record

    return record(ws, run_id=run_id)


def _mirror_crm(ws: Workspace, run_id: str) -> Outcome:
    from leads_dagster.pipeline.mirror import mirror_crm

    return mirror_crm(ws, run_id=run_id)


def _mirror_airtable(ws: Workspace, run_id: str) -> Outcome:
    from leads_dagster.pipeline.mirror import mirror_airtable

    return mirror_airtable(ws, run_id=run_id)


# The code versions say by which rules an asset was made. They are written out, since importing matching to ask for its
# version would cost every unchanged cycle half a second; a test holds that they are the versions of `leads`.
ROAD: tuple[RoadAsset, ...] = (
    RoadAsset(
        key="raw_leads",
        stage=_fetch_raw,
        description="The sheet's bytes as fetched, kept by checksum. A sheet that did not change stops here.",
        deps=("google_sheet",),
        kinds=frozenset({"python", "csv"}),
        layer="raw",
        kept_in="files by checksum: $LEADS_HOME/raw, a folder a customer",
        is_gate=True,
        priority=4,  # it looks at Airtable too, and airtable_edits takes over what was seen
    ),
    RoadAsset(
        key="airtable_edits",
        stage=_take_edits,
        description="What people changed in Airtable, taken into the lead store once they stopped typing.",
        deps=("airtable_table",),
        kinds=frozenset({"airtable", "python"}),
        layer="raw",
        kept_in="tables airtable_changes, source_records and claims of the lead database",
        priority=3,  # in a run without the sheet nothing else puts the mirrors behind what comes in
        checks=(checks.AIRTABLE_READ,),
    ),
    RoadAsset(
        key="captured_leads",
        stage=_take_captures,
        description="What waited in the capture queue, taken into the lead store; what fails the criteria is rejected.",
        deps=("capture_queue",),
        kinds=frozenset({"python"}),
        layer="raw",
        kept_in="tables captures, source_records and claims of the lead database",
        priority=2,
        checks=(checks.QUEUE_FLOWS, checks.QUEUE_ADDS_UP),
    ),
    RoadAsset(
        key="normalized_leads",
        stage=_normalize,
        description="The rows that changed: headers mapped, values normalised, unusable rows in quarantine.",
        deps=("raw_leads", "airtable_edits", "captured_leads"),
        kinds=frozenset({"python"}),
        layer="staged",
        kept_in="table staging of the lead database, until the cycle closes",
        code_version="headers 3, normalization 4",
        checks=(checks.HEADERS_KNOWN, checks.SHEET_NOT_SHRUNK, checks.ERROR_RATE),
    ),
    RoadAsset(
        key="deduped_leads",
        stage=_resolve,
        description="Each row matched to a lead by LinkedIn URL, e-mail, then name and company; every match explained.",
        deps=("normalized_leads",),
        kinds=frozenset({"python"}),
        layer="staged",
        kept_in="table staging of the lead database, until the cycle closes",
        code_version="matching 9",
    ),
    RoadAsset(
        key="lead_store",
        stage=_record,
        description="The system of record: leads folded from claims, with history, written batch by batch.",
        deps=("deduped_leads",),
        kinds=frozenset({"sqlite", "table"}),
        layer="store",
        kept_in="tables leads, claims, lead_history and others of LEADS_DATABASE_URL, else LEAD_DATABASE_PATH",
        columns=table_schema(leads),
        checks=(checks.LEDGER_ADDS_UP, checks.NO_STRONG_KEY_DOUBLES, checks.FRESHNESS),
        freshness=POLICY,
    ),
    RoadAsset(
        key="crm_store",
        stage=_mirror_crm,
        description="The CRM database's leads, kept in step with the store; only differences are written.",
        deps=("lead_store",),
        kinds=frozenset({"sqlite", "table"}),
        layer="mirror",
        kept_in="the table of [customers.crm] in LEADS_CRM_URL",
        priority=1,  # Airtable's own limits may take minutes, the CRM need not wait for them
        checks=(checks.CRM_AGREES,),
        freshness=POLICY,
    ),
    RoadAsset(
        key="airtable_mirror",
        stage=_mirror_airtable,
        description="The Airtable table, in step with the store within its call budget; only differences are sent.",
        deps=("lead_store",),
        kinds=frozenset({"airtable"}),
        layer="mirror",
        kept_in="the table of [customers.airtable]",
        checks=(checks.AIRTABLE_AGREES,),
        freshness=POLICY,
    ),
)


def road(partitions: dg.PartitionsDefinition[str], retries: dg.RetryPolicy) -> list[dg.AssetsDefinition]:
    """The assets from `raw_leads` to the mirrors, one partition a customer."""
    return [build_asset(one, partitions=partitions, retries=retries) for one in ROAD]
