"""Every page in a real browser, on a desk and on a phone: no serious fault of access, and decisions by keyboard."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from leads_dagster_tests.interfaces.api.conftest import served
from leads_dagster_tests.interfaces.dashboard.conftest import World, made_world

AXE = Path(__file__).with_name("axe.min.js")
PATHS = (
    "/", "/customers/acme", "/leads", "/inboxes/conflicts", "/inboxes/reviews", "/inboxes/holds", "/inboxes/holds/1",
    "/inboxes/quarantine", "/inboxes/outbox", "/inboxes/drift", "/queue", "/budget", "/decisions",
)  # fmt: skip
WIDTHS = {"desk": (1280, 900, "light"), "phone": (390, 844, "dark")}
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests here: the machine's own."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    assert found is not None, "No Chromium is installed: apt-get install chromium."
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(params=WIDTHS)
def visit(request: pytest.FixtureRequest, browser: Browser, tmp_path: Path) -> Iterator[tuple[Page, World]]:
    """A page of the dashboard of a world of its own; whatever a script or the browser complains about fails."""
    world = made_world(tmp_path / "home")
    width, height, scheme = WIDTHS[request.param]
    faults: list[str] = []
    with served(world.road.settings) as client:
        context = browser.new_context(
            base_url=str(client.base_url),
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            bypass_csp=False,
        )
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        yield page, world
        context.close()
    assert faults == []


def serious_faults(page: Page) -> list[str]:
    """What axe-core finds that keeps somebody from using the page."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{page.url} {one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0].get('failureSummary', '')}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def too_wide(page: Page) -> int:
    """By how many pixels a page has to be pushed aside."""
    found: int = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    return found


def test_every_page_fits_and_has_no_serious_fault(visit: tuple[Page, World]) -> None:
    page, world = visit
    for path in (*PATHS, f"/leads/{world.lead('Jane M. Doe')}"):
        page.goto(path)

        assert too_wide(page) <= 0, path
        assert serious_faults(page) == []


def test_a_person_walks_from_the_overview_to_all_that_waits_and_decides(visit: tuple[Page, World]) -> None:
    page, world = visit
    page.goto("/")
    page.get_by_role("link", name="Conflicts").click()
    page.get_by_role("button", name="Take this").click()
    expect(page.get_by_text("Settled: Title of")).to_be_visible()
    expect(page.locator(".decided")).to_be_focused()
    expect(page.locator("#waiting")).to_contain_text("3")

    page.get_by_role("link", name="Holds").click()
    page.get_by_role("link", name="See what it would do").click()
    expect(page.get_by_role("link", name="Person N39")).to_be_visible()
    page.get_by_role("button", name="Approve 34 rows").click()
    expect(page.get_by_text("Approved: the next sync does it")).to_be_visible()

    page.get_by_role("link", name="Leads", exact=True).click()
    page.get_by_label("Search").fill("jane")
    page.get_by_role("link", name="Jane M. Doe").click()
    page.get_by_role("button", name="Undo the merge").click()
    expect(page.get_by_text("The merge is taken apart")).to_be_visible()

    assert serious_faults(page) == []
    assert {"Jane Doe", "Jane M. Doe"} <= {one["full_name"] for one in world.road.leads()}
    (ada,) = (one for one in world.road.leads() if one["full_name"] == "Ada King")
    assert ada["title"] == "Chair"


def test_charts_are_drawn_and_change_their_span(visit: tuple[Page, World]) -> None:
    page, _ = visit
    page.goto("/customers/acme")

    expect(page.locator(".plot canvas")).to_have_count(4)
    page.get_by_role("button", name="4 weeks").press("Enter")
    expect(page.get_by_role("button", name="4 weeks")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".plot canvas")).to_have_count(4)


def test_a_review_is_answered_by_keyboard_alone(visit: tuple[Page, World]) -> None:
    page, world = visit
    page.goto("/inboxes/reviews")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.textContent") == "The same":
            break
    page.keyboard.press("Enter")

    expect(page.get_by_text("They are one lead now")).to_be_visible()
    assert sum(one["email"] == "nl7@fjord.example" for one in world.road.leads()) == 1


def test_a_sync_elsewhere_shows_by_itself(visit: tuple[Page, World]) -> None:
    page, world = visit
    page.goto("/")
    with page.expect_response(lambda answer: answer.url.endswith("/card")):
        page.wait_for_timeout(1_000)
        world.road.sync([["Somebody New", "new@new.example", "New", "CEO"]])
    expect(page.locator(".customer .state")).to_be_visible()


def test_nothing_is_loaded_from_elsewhere(visit: tuple[Page, World]) -> None:
    page, _ = visit
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.goto("/customers/acme")
    expect(page.locator(".plot canvas")).to_have_count(4)

    hosts = {httpx.URL(url).host for url in asked}
    assert hosts == {"127.0.0.1"}
