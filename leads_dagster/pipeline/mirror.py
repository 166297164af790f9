"""crm_store and airtable_mirror: send what a mirror has not heard yet.

What belongs here: opening each mirror and what is special to it. Working off the outbox is `sending`'s.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from leads_dagster.pipeline.attention import Attention
from leads_dagster.pipeline.attention import mark as mark_attention
from leads_dagster.pipeline.mirror_targets import meet
from leads_dagster.pipeline.sending import Sending, Tally, due
from leads_dagster.pipeline.stages import Outcome, rest, stage
from leads_dagster.pipeline.unsettled import Unsettled
from leads_dagster.pipeline.workspace import Workspace


def mirror_crm(ws: Workspace, *, run_id: str) -> Outcome:
    """Bring the CRM database in step with the leads.

    Raises:
        StoreError, StoreBusyError: the CRM cannot be written; the outbox keeps what is left.
    """
    from leads_dagster.mirrors.crm import CrmStore

    crm = ws.customer.crm
    on_delete: Literal["archive", "delete"] = "delete" if ws.customer.delete_policy == "delete" else "archive"
    with (
        stage(ws, run_id, "crm_store", percent=88, message="Writing the CRM"),
        CrmStore(
            ws.crm_url,
            crm.table,
            dict(crm.columns),
            batch_size=ws.settings.batch_size,
            on_delete=on_delete,
            only_read=ws.rehearsal is not None and ws.rehearsal.crm_only_read,
        ) as store,
    ):
        meet(ws, "crm")
        return Sending(ws, run_id, "crm", store).run()


def mirror_airtable(ws: Workspace, *, run_id: str) -> Outcome:
    """Bring the Airtable table in step with the leads; without one configured it says so and passes.

    Raises:
        CredentialsError, TargetMissingError, RateLimitedError, ServiceUnavailableError: the outbox keeps what is left.
    """
    airtable = ws.customer.airtable
    if airtable is None:
        meet(ws, "airtable")
        return Outcome(False, "none", {"configured": False, "created": 0, "updated": 0, "deleted": 0, "calls": 0})
    from leads_dagster.errors import QuotaSpentError
    from leads_dagster.pipeline.airtable_duplicates import take_out
    from leads_dagster.pipeline.airtable_refused import REFUSALS, keep_to_rest, refusals_noted
    from leads_dagster.pipeline.airtable_table import look, open_table
    from leads_dagster.pipeline.fixing_table import show_what_needs_fixing

    with stage(ws, run_id, "airtable_mirror", percent=92, message="Writing Airtable"):
        meet(ws, "airtable")
        mark_attention(ws)
        failure, ws.airtable_failure, ws.airtable_parked = ws.airtable_failure, None, None
        if failure is not None and (isinstance(failure, REFUSALS) or not _has_work(ws)):
            raise failure
        if not _has_work(ws):
            rest(ws)
            return Outcome(False, "same", {"configured": True, **Tally().numbers(), **show_what_needs_fixing(ws)})
        keep_to_rest(ws, ["reading", "writing"])
        try:
            with refusals_noted(ws, airtable, "writing"), open_table(ws, airtable) as mirror:
                target = look(ws, airtable, mirror)
                unsettled, told = Unsettled(ws, airtable, mirror), Attention(ws, mirror.unwritable)
                done = Sending(ws, run_id, "airtable", mirror, unsettled=unsettled, attention=told).run()
                apart = take_out(ws, airtable.base_id, target, mirror)
                return replace(done, numbers={**done.numbers, **apart, **show_what_needs_fixing(ws, mirror)})
        except QuotaSpentError as spent:  # the budget's state says so, too; nothing else is stopped by it
            ws.airtable_parked = spent.message
            rest(ws)
            return Outcome(False, "parked", {"configured": True, "parked": spent.message, **Tally().numbers()})


def _has_work(ws: Workspace) -> bool:
    from leads_dagster.pipeline.airtable_duplicates import any_open

    return due(ws, "airtable") > 0 or any_open(ws)
