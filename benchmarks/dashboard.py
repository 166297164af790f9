"""The dashboard in a browser: until something is seen of a page, and pages of many customers that are read anew.

    python -m benchmarks.dashboard FOLDER LEADS CUSTOMERS LOOKS

What belongs here: Chromium's own clock, and the clock around answers after the store changed. The server and its leads
are `api`'s.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from benchmarks.api import CUSTOMER, fill, served, verdict
from benchmarks.measuring import NotHereError, run_child_rows
from benchmarks.page import Findings, Table
from benchmarks.searching import BATCH, made_leads
from benchmarks.workbench import Workbench
from leads_dagster.settings import load_settings
from leads_dagster.store import lead_rows, ledger
from leads_dagster.store.engine import open_engine, writing
from leads_dagster.store.schema import ensure_schema

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
PAGES = {
    "overview": "/",
    "leads": "/leads",
    "a customer": f"/customers/{CUSTOMER}",
    "quarantine": "/inboxes/quarantine",
}
MANY = {"status/all": "/api/leads/sync/status/all", "overview": "/", "metrics for Prometheus": "/metrics"}
_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
# A store that changes all the time is read again at most so often.
_KEPT_SECONDS = 0.3


def dashboard(bench: Workbench) -> Findings:
    """The section of the page.

    Raises:
        NotHereError: there is no Chromium.
    """
    _chromium()
    sizes = [str(one) for one in (bench.sizes.api[0], bench.sizes.dashboard_customers, bench.sizes.looks)]
    rows = run_child_rows([sys.executable, "-m", "benchmarks.dashboard", bench.folder / "dashboard", *sizes])
    painted = [one["cells"] for one in rows if one["of"] == "paint"]
    many = [one["cells"] for one in rows if one["of"] == "many"]
    note = (
        f"Above: {int(sizes[0]):,} leads of one customer in SQLite, the server in a process of its own, Chromium "
        f"without a window on the same cores; first contentful paint by the browser's clock, each of {sizes[2]} looks "
        f"with an empty cache. Below: {int(sizes[1]):,} customers with as many leads together; before each of "
        f"{sizes[2]} questions something was written, so that none is answered from what was kept."
    )
    return Findings(
        [
            Table(("first paint of", "median ms", "worst ms", "bar", ""), painted),
            Table(("of many customers, read anew", "median ms", "worst ms", "bar", ""), many),
        ],
        [note],
    )


def run(folder: str, leads: int, customers: int, looks: int) -> list[dict[str, Any]]:
    """What was measured, a line a page."""
    home = Path(folder)
    fill(home, leads)
    with served(home) as server, _browser() as browser:
        address = f"http://127.0.0.1:{server.port}"
        painted = [_painted(browser, name, f"{address}{path}", looks) for name, path in PAGES.items()]
    crowd = home.with_name(f"{home.name}-many")
    _fill_many(crowd, leads, customers)
    with served(crowd) as server:
        address = f"http://127.0.0.1:{server.port}"
        return painted + [_anew(crowd, name, f"{address}{path}", looks) for name, path in MANY.items()]


def _chromium() -> str:
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found is None:
        raise NotHereError("no Chromium is installed, which the section on the dashboard needs")
    return found


@contextmanager
def _browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


def _painted(browser: Browser, name: str, url: str, looks: int) -> dict[str, Any]:
    found = []
    for _ in range(looks):
        context = browser.new_context()
        page = context.new_page()
        page.goto(url, wait_until="load")
        while (painted := page.evaluate(_PAINT)) is None:  # wait_for_function would need what the pages' policy forbids
            page.wait_for_timeout(20)
        found.append(float(painted))
        context.close()
    return {"of": "paint", "cells": [name, *_spread(found), "< 1,000", verdict(max(found) < 1000)]}


def _fill_many(home: Path, leads: int, customers: int) -> None:
    """So many customers, each synced once, who have the leads together."""
    home.mkdir(parents=True, exist_ok=True)
    names = [f"customer-{number}" for number in range(customers)]
    toml = "".join(f'[[customers]]\nname = "{name}"\nsheet = "{name}.csv"\n' for name in names)
    (home / "leads.toml").write_text(toml, encoding="utf-8")
    rows = [{**one, "customer": names[place % customers]} for place, one in enumerate(made_leads(leads))]
    engine = open_engine(load_settings({"LEADS_HOME": str(home)}).database_url)
    ensure_schema(engine)
    for start in range(0, leads, BATCH):
        with writing(engine) as connection:
            lead_rows.insert(connection, rows[start : start + BATCH])
    for name in names:
        with writing(engine) as connection:
            ledger.save_progress(connection, name, 100, "Up to date", running=False)
    engine.dispose()


def _anew(home: Path, name: str, url: str, looks: int) -> dict[str, Any]:
    engine = open_engine(load_settings({"LEADS_HOME": str(home)}).database_url)
    found = []
    for look in range(looks + 1):
        with writing(engine) as connection:
            ledger.save_progress(connection, "customer-0", look % 100, "Working", running=True)
        time.sleep(_KEPT_SECONDS)
        began = time.perf_counter()
        with urlopen(url, timeout=60) as answer:
            answer.read()
        found.append((time.perf_counter() - began) * 1000)
    engine.dispose()
    del found[0]  # the first one opens the database and reads the templates
    median = statistics.median(found)
    return {"of": "many", "cells": [name, *_spread(found), "median < 100", verdict(median < 100)]}


def _spread(found: list[float]) -> list[str]:
    return [f"{statistics.median(found):.0f}", f"{max(found):.0f}"]


if __name__ == "__main__":
    folder_, leads_, customers_, looks_ = sys.argv[1:]
    sys.stdout.write(json.dumps(run(folder_, int(leads_), int(customers_), int(looks_))))
