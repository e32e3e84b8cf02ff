"""The overview: what it says when there is nothing yet, and what runs, waits and was done, also on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import violations, violations_in_both_themes
from tests.browser.conftest import Signoff, another_signoff

GOOD, BAD = "- Import orders: `echo done` {#import}\n", "- Import orders: `false` {#import}\n"


@pytest.fixture(scope="module")
def signoff(signoff: Signoff, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signoff]:
    """A Signoff without projects of other tests, which would count."""
    with another_signoff(signoff, tmp_path_factory.mktemp("overview")) as running:
        yield running


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def test_it_shows_what_runs_and_waits_and_how_the_last_weeks_went(page: Page, signoff: Signoff) -> None:
    page.goto("/")
    page.get_by_role("navigation", name="Signoff").get_by_role("link", name="Overview").click()
    expect(page).to_have_title(re.compile("Overview · Signoff$"))
    expect(page.get_by_role("heading", name="Nothing to show yet")).to_be_visible()
    assert violations(page) == []

    signoff.finished("Orders of Monday", GOOD, template="Nightly import")
    signoff.finished("Orders of Tuesday", BAD, template="Nightly import")
    signoff.finished("By hand", GOOD)
    signoff.started("Reading", "- [ ] Read the report {#read}\n", template="Checks")
    signoff.planned("Unread", GOOD)

    # The page learns of everything by itself.
    templates = section(page, "Runs by template").get_by_role("listitem")
    expect(templates).to_have_count(2)
    expect(templates.filter(has_text="Nightly import")).to_contain_text("50 %")
    expect(templates.filter(has_text="Nightly import")).to_contain_text("1 completed, 1 failed")
    expect(templates.filter(has_text="Without a template")).to_contain_text("100 %")
    waiting = section(page, "Waiting for a person").get_by_role("listitem")
    expect(waiting).to_have_count(2)
    expect(waiting.filter(has_text="Reading")).to_contain_text("Do a task: Read the report")
    expect(section(page, "Running now").get_by_role("listitem")).to_contain_text(["Reading"])
    expect(section(page, "Slowest steps").get_by_role("link", name="Import orders")).to_have_count(2)
    expect(section(page, "Runs and cost by week").get_by_role("listitem")).to_have_count(13)
    page.get_by_label("Period").select_option("4 weeks")
    expect(section(page, "Runs and cost by week").get_by_role("listitem")).to_have_count(4)
    expect(page).to_have_url(re.compile(r"/overview\?weeks=4$"))
    assert violations(page) == []
    waiting.get_by_role("link", name="Reading").click()
    expect(page.get_by_role("heading", name="Reading")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Period")).to_have_value("4")


def test_a_phone_shows_it_without_scrolling_sideways(page: Page, signoff: Signoff) -> None:
    signoff.planned("ImportOfAllOrdersOfTheYearWithoutAnySpaceInItsName" * 3, GOOD)
    page.set_viewport_size({"width": 390, "height": 740})
    page.goto("/")
    page.get_by_role("link", name="Overview", exact=True).locator("visible=true").click()
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 740})
        expect(section(page, "Waiting for a person").get_by_text("ImportOfAllOrders")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations_in_both_themes(page) == []
