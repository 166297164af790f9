"""What the public database needs before its first operation: settings, policy, engine, schema.

What belongs here: choosing these for both `LeadDatabase` and `AsyncLeadDatabase`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from leads_dagster.settings import Settings, load_settings
from leads_dagster.store.api_arguments import seconds, whole_number
from leads_dagster.store.damage import refuse_damaged
from leads_dagster.store.lead_operations import Caller
from leads_dagster.store.person import who_asks
from leads_dagster.store.policy import Policy, policy_of
from leads_dagster.store.retry import StoreRetries

DEFAULT_ATTEMPTS = 3
DEFAULT_DELAY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Opening:
    """Which database, on whose behalf, and how its operations are tried; `settings` name that database."""

    settings: Settings
    caller: Caller
    retries: StoreRetries


def opening(url: str | None, customer: str, who: str | None) -> Opening:
    """Complete what a caller gave from the settings of the process.

    Raises:
        SettingsError: the environment or leads.toml is wrong, with every fault at once.
        StoreDamagedError: the database is known to be damaged, or gone while there are backups of it.
    """
    configured = load_settings()
    settings = replace(configured, database_url=url or configured.database_url)
    refuse_damaged(settings)
    if url is None:
        settings.prepare_home()
    caller = Caller(_policy(settings, customer), who_asks(who))
    return Opening(settings, caller, StoreRetries.from_settings(settings))


def _policy(settings: Settings, customer: str) -> Policy:
    """The configured customer's policy; that of nobody in particular for a name that leads.toml does not have."""
    known = {one.name: one for one in settings.customers}
    if customer in known:
        return policy_of(known[customer], batch_size=settings.batch_size)
    return Policy(customer=customer, batch_size=settings.batch_size)


def tried(retries: StoreRetries, *, attempts: int, delay_seconds: float) -> StoreRetries:
    """The retries of one call: what its arguments say, else what the settings say.

    Raises:
        SettingsError: an argument that is no such number.
    """
    whole_number("max_retries", attempts)
    seconds("retry_delay", delay_seconds)
    if (attempts, delay_seconds) == (DEFAULT_ATTEMPTS, DEFAULT_DELAY_SECONDS):
        return retries
    return replace(retries, attempts=attempts, delay_seconds=delay_seconds)
