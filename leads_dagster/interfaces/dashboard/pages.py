"""All pages: the one name that the application imports."""

from __future__ import annotations

from leads_dagster.interfaces.dashboard import customers, dagster_runs, inboxes, lead_pages, lists, other_pages

# Pages with names of their own come before those whose place an inbox takes.
ROUTERS = (
    customers.router,
    dagster_runs.router,
    lead_pages.router,
    lists.router,
    inboxes.router,
    other_pages.router,
)
