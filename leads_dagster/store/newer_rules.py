"""What the public database sees to before it first writes: that all records are matched by today's rules.

What belongs here: that one step for both classes. A cycle does the same where thresholds or knowledge changed.
"""

from __future__ import annotations

import logging

from sqlalchemy import Engine

from leads_dagster.store.engine import reading
from leads_dagster.store.lead_edits import new_run_id
from leads_dagster.store.lead_operations import Caller
from leads_dagster.store.rematching import is_due_for_callers, match_all_anew
from leads_dagster.store.retry import StoreRetries, run_retried

logger = logging.getLogger(__name__)


def match_by_todays_rules(engine: Engine, caller: Caller, retries: StoreRetries) -> None:
    """Match all records anew where a newer version of the rules opens the database; else new ones would miss some.

    It takes half a minute for 100,000 records, once.

    Raises:
        StoreError, StoreBusyError: the database refuses; what was done stays, and the next caller goes on.
    """

    def due() -> bool:
        with reading(engine) as connection:
            return is_due_for_callers(connection, caller.policy)

    if not run_retried("matching anew", due, policy=retries):
        return
    logger.warning("The rules of matching are newer than the leads of %s: matching them anew.", caller.policy.customer)
    found = match_all_anew(
        engine,
        caller.policy,
        run_id=new_run_id(),
        attempt=lambda work: run_retried("matching anew", work, policy=retries),
    )
    logger.warning("Matched %d records anew: %s, %d moved.", found.records, found.status, found.moved)
