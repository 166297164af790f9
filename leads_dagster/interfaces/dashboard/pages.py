"""All pages: the one name that the application imports."""

from __future__ import annotations

from leads_dagster.interfaces.dashboard import customers, inboxes, lead_pages, other_pages

ROUTERS = (customers.router, lead_pages.router, inboxes.router, other_pages.router)
