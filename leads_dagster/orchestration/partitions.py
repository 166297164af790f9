"""One partition a customer.

What belongs here: how customers become partition keys, and back. Which customers there are is the settings' business.

The keys are those of leads.toml at the moment the code location loads: at every `dagster` command and every
`leads sync`, at the start of `dagster dev`, and when "Reload" is pressed beside the code location in its UI. A run
reads leads.toml again whatever the keys were then, so a customer that has been taken out meanwhile fails by name.
"""

from __future__ import annotations

import dagster as dg

from leads_dagster.settings import Settings


def customer_partitions(settings: Settings) -> dg.StaticPartitionsDefinition:
    """The customers' names as partition keys, in the order of leads.toml."""
    return dg.StaticPartitionsDefinition([customer.name for customer in settings.customers])


def customer_of(context: dg.AssetExecutionContext) -> str | None:
    """The customer a step is for; None where it has no partition, as when a check is asked for alone."""
    return context.partition_key if context.has_partition_key else None
