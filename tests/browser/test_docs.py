"""The documentation site, as the app serves it. `make site` builds it."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from app.dashboard.docs import BUILT
from tests.browser.axe import violations, violations_of_colors
from tests.browser.conftest import Signoff

PAGES = sorted(path.relative_to(BUILT).as_posix() for path in BUILT.rglob("*.html") if path.name != "404.html")


def test_the_site_has_been_built() -> None:
    assert {"index.html", "tutorial.html", "reference/settings.html"} <= set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_itself_without_errors(page: Page, name: str) -> None:
    # The context fails if the page asks another site, or does what its policy forbids.
    answer = page.goto(f"/docs/{name}")
    assert answer is not None
    assert answer.status == 200
    assert "unsafe" not in answer.headers["content-security-policy"]
    expect(page.locator("article h1").first).to_be_visible()


def test_search_works_without_a_network(page: Page) -> None:
    page.goto("/docs/index.html")
    page.get_by_role("button", name="Search").first.click()
    page.locator("input:visible:not([type=checkbox], [type=radio])").press_sequentially("heads file")
    page.locator("ol a", has_text="heads file").first.click()
    expect(page).to_have_url(re.compile(r"/docs/record\.html.*#the-heads-file"))


def test_the_page_links_to_the_documentation(page: Page) -> None:
    page.goto("/")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Documentation").click()
    expect(opened.value.get_by_role("heading", level=1)).to_have_text(re.compile("Signoff"))


@pytest.mark.parametrize("address", ["/docs", "/docs/"])
def test_the_short_addresses_lead_to_the_home_page(page: Page, address: str) -> None:
    page.goto(address)
    expect(page).to_have_url(re.compile(r"/docs/index\.html$"))


LOOKED_AT = (
    "index",
    "tutorial",
    "how-to/runbook",
    "reference/rest-api",
    "reference/command-line",
)


def in_both_themes(page: Page) -> list[str]:
    """Violations in the light theme, and those of colors in the dark theme, which differs from it only in its colors."""
    light = violations(page)
    _switch(page, "dark", "slate")
    dark = [f"dark: {each}" for each in violations_of_colors(page)]
    _switch(page, "light", "default")
    return light + dark


def _switch(page: Page, system: Literal["light", "dark"], scheme: str) -> None:
    """Change the color scheme of the system, and wait until the site has followed and its colors no longer change."""
    page.emulate_media(color_scheme=system)
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", scheme)
    page.wait_for_function("document.getAnimations().length === 0")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_site_is_accessible(signoff: Signoff, browser: Browser, width: int) -> None:
    size: ViewportSize = {"width": width, "height": 844}
    with browser.new_context(base_url=signoff.url, viewport=size) as context:
        page = context.new_page()
        found: dict[str, list[str]] = {}
        for name in LOOKED_AT:
            page.goto(f"/docs/{name}.html")
            page.locator("article h1").first.wait_for()
            found[name] = in_both_themes(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.goto("/docs/index.html")
        page.locator("label[for=__search], button.md-search__button").locator("visible=true").first.click()
        page.locator("input:visible:not([type=checkbox], [type=radio])").press_sequentially("heads file")
        page.locator("ol a", has_text="heads file").first.wait_for()
        found["search"] = in_both_themes(page)
        assert {name: problems for name, problems in found.items() if problems} == {}
