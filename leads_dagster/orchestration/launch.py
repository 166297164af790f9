"""One cycle of one customer as a run of the Dagster job, in this process.

What belongs here: starting the run and reading what became of it. `leads sync` is this; the live system starts runs
of its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import dagster as dg

from leads_dagster.definitions import build
from leads_dagster.errors import LeadsError, SettingsError
from leads_dagster.orchestration.failures import words_of_failure
from leads_dagster.orchestration.instance import open_instance
from leads_dagster.orchestration.jobs import LEADS_SYNC
from leads_dagster.orchestration.resources import Workspaces
from leads_dagster.settings import Settings, customer_named

if TYPE_CHECKING:
    from leads_dagster.pipeline.result import SyncResult
    from leads_dagster.pipeline.workspace import Progress, Workspace

logger = logging.getLogger(__name__)

_CHECK_FAILED = "DagsterAssetCheckFailedError"  # says how many, not which
_INTERRUPTS = (KeyboardInterrupt.__name__, dg.DagsterExecutionInterruptedError.__name__)


def sync_once(
    settings: Settings,
    customer: str | None = None,
    *,
    sheet: str | None = None,
    progress: Progress | None = None,
    instance: dg.DagsterInstance | None = None,
    paced: bool = False,
    full: bool = False,
    run_id: str | None = None,
) -> SyncResult:
    """Run one cycle and wait for it.

    Args:
        settings: what holds for the run.
        customer: a name, or None for the only configured one.
        sheet: another sheet in place of the configured one.
        progress: told percent (0 to 100) and words.
        instance: an open instance to record the run in; one is opened and closed where it is None.
        paced: look at Airtable only as often as the month's budget allows; for cycles that nobody asked for.
        full: compare sheet, store, CRM and Airtable as a whole before, whatever any shortcut says.
        run_id: what the run is to be called, a UUID; None for a fresh one.

    Returns:
        What the ledger says; `status` is "failed" and `error` says why where any stage failed.

    Raises:
        SettingsError: no such customer, or the settings are wrong.
        StoreError, StoreBusyError: the lead database or Dagster's own cannot be opened.
        KeyboardInterrupt: the run was stopped; it is recorded as failed, and the next one catches up.
    """
    started = time.monotonic()
    from leads_dagster.pipeline.ingest import has_work
    from leads_dagster.pipeline.result import read_result
    from leads_dagster.pipeline.stages import mark_failed
    from leads_dagster.store.failures import typed_errors

    name = customer_named(settings, customer).name
    opened = nullcontext(instance) if instance is not None else open_instance(settings)
    with Workspaces(lambda: settings, sheet=sheet, progress=progress) as leads, _quiet_dagster():
        # The lock is held over the whole cycle: two at once would take each other's staged rows away. It comes before
        # Dagster's storage, which two processes cannot make at the same moment.
        with typed_errors(), leads.of(name).locked(), opened as found:
            leads.of(name).paced = paced
            if full:
                _compare_all(leads.of(name))
            selection = _selection(leads.of(name), has_work(leads.of(name)))
            run = _execute(settings, name, leads, instance=found, sheet=sheet, selection=selection, run_id=run_id)
        if leads.stopped or _was_interrupted_between_steps(run):
            mark_failed(leads.of(name), run.run_id, LeadsError("Stopped before its end; the next sync catches up."))
            raise KeyboardInterrupt
        _raise_settings_fault(run)
        return read_result(leads.of(name), run.run_id, seconds=time.monotonic() - started, error=_error(run))


def _compare_all(ws: Workspace) -> None:
    """What differs is marked, and mended by the cycle that comes; a sheet or CRM that is away fails that one."""
    from leads_dagster.pipeline.reconcile import reconcile

    ws.audit = "now"
    try:
        reconcile(ws)
    except SettingsError:
        raise
    except LeadsError as error:
        logger.warning("Not everything could be compared: %s", error.message)


def _selection(ws: Workspace, has_work: bool) -> set[dg.AssetKey] | None:
    """What to run; None for all. Where the sheet could not be read, Airtable and the mirrors go on all the same."""
    if not has_work:
        return {dg.AssetKey("raw_leads")}
    if isinstance(ws.looked, LeadsError):
        return {dg.AssetKey(name) for name in ("raw_leads", "airtable_edits", "crm_store", "airtable_mirror")}
    return None


def _execute(
    settings: Settings,
    customer: str,
    leads: Workspaces,
    *,
    instance: dg.DagsterInstance,
    sheet: str | None,
    selection: set[dg.AssetKey] | None,
    run_id: str | None,
) -> dg.ExecuteInProcessResult:
    """Run the job; with nothing to do only its first asset, since Dagster would book skipped checks as not passed."""
    whole = build(settings).resolve_job_def(LEADS_SYNC)
    job = whole if selection is None else whole.get_subset(asset_selection=selection)
    return job.execute_in_process(
        partition_key=customer,
        instance=instance,
        resources={"leads": leads},
        run_config=_run_config(sheet),
        run_id=run_id,
        raise_on_error=False,
    )


def _was_interrupted_between_steps(run: dg.ExecuteInProcessResult) -> bool:
    """Whether Ctrl-C or a signal came while Dagster wrote its events; it books that as a failed step and returns."""
    errors = [event.step_failure_data.error for event in run.all_events if event.is_step_failure]
    return any(error is not None and error.cls_name in _INTERRUPTS for error in errors)


def _raise_settings_fault(run: dg.ExecuteInProcessResult) -> None:
    """A setting that only a stage could find wrong (a column that the sheet does not have) is still a setting."""
    for event in run.all_events:
        told = event.step_failure_data.user_failure_data if event.is_step_failure else None
        if told is not None and told.metadata.get("error") == dg.MetadataValue.text(SettingsError.__name__):
            raise SettingsError(told.description or "The settings are wrong.")


def _run_config(sheet: str | None) -> dict[str, Any]:
    """Nothing on the terminal; and the sheet, so that re-executing the run in Dagster's UI reads the same one.

    Dagster keeps it in its history, so without passwords and tokens: this run has the whole address from its
    workspaces, and one executed again is refused with the reason.
    """
    from leads_dagster.sources.sheet_address import without_secrets

    kept = {"sheet": without_secrets(sheet)} if sheet else {}
    return {
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        "resources": {"leads": {"config": kept}},
    }


def _error(run: dg.ExecuteInProcessResult) -> str | None:
    """Why the run failed, in the words of the errors that failed its steps; None where it did not."""
    if run.success:
        return None
    failures = [event.step_failure_data for event in run.all_events if event.is_step_failure]
    faults = [one for one in failures if one.error is None or one.error.cls_name != _CHECK_FAILED]
    said = dict.fromkeys([*map(words_of_failure, faults), *_failed_checks(run)])
    return " ".join(said) or "The Dagster run failed before its first step."


def _failed_checks(run: dg.ExecuteInProcessResult) -> Iterator[str]:
    """What the checks found that stopped the run."""
    for check in run.get_asset_check_evaluations():
        if check.blocking and not check.passed and check.severity is dg.AssetCheckSeverity.ERROR:
            yield f"Check {check.check_name} of {check.asset_key.to_user_string()}: {check.description}"


@contextmanager
def _quiet_dagster() -> Iterator[None]:
    """Keep Dagster's own remarks off the terminal, such as that a check of a skipped asset has no result.

    Its logger "dagster" sets its own level at every run, so the one below it is told.
    """
    logger = logging.getLogger("dagster._core")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
