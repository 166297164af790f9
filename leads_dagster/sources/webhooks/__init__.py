"""Web forms and other services that post leads to us: from a request to captures.

What belongs here: what Typeform, Tally, HubSpot and any sender of JSON put into a request, and how each signs it. Pure:
headers and bytes in, captures out. Who listens is `interfaces.api`'s business, where captures wait `capture_queue`'s.
"""

from leads_dagster.sources.webhooks.receiving import receive, secret_of
from leads_dagster.sources.webhooks.request import WebhookRequest

__all__ = ["WebhookRequest", "receive", "secret_of"]
