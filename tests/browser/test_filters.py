"""Filters of the list: by date and label, and saved under a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("main").get_by_role("listitem").filter(has=page.get_by_role("link", name=name, exact=True))


@pytest.fixture(autouse=True)
def no_filters(signoff: Signoff) -> Iterator[None]:
    """Delete the filters of a test. Other tests count the items of the list's page."""
    yield
    for saved in signoff.api.get("/api/filters").json()["filters"]:
        signoff.api.delete(f"/api/filters/{saved['id']}").raise_for_status()


def test_the_list_shows_what_was_created_or_changed_on_some_days(page: Page, signoff: Signoff) -> None:
    signoff.create("Dated porcelain", "- `true`")
    page.goto("/?search=dated porcelain")
    today = datetime.fromisoformat(page.evaluate("new Date().toLocaleDateString('sv')")).date()
    tomorrow, yesterday = (today + timedelta(days=days) for days in (1, -1))
    page.get_by_label("Dates").select_option("Created")
    page.get_by_label("From", exact=True).fill(today.isoformat())
    page.get_by_label("To", exact=True).fill(today.isoformat())
    expect(page).to_have_url(re.compile(f"from={today}&to={today}$"))
    expect(row(page, "Dated porcelain")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("From", exact=True).fill(tomorrow.isoformat())
    expect(page.get_by_role("heading", name="No matching projects")).to_be_visible()
    page.get_by_role("link", name="Clear search and filter").click()
    expect(page).to_have_url(re.compile("/$"))
    page.goto(f"/?search=dated porcelain&dates=updated&to={yesterday}")
    expect(page.get_by_role("heading", name="No matching projects")).to_be_visible()
    expect(page.get_by_label("Dates")).to_have_value("updated")
    page.get_by_label("Dates").select_option("Any time")
    expect(row(page, "Dated porcelain")).to_be_visible()


def test_a_label_of_a_row_filters_by_it(page: Page, signoff: Signoff) -> None:
    signoff.create("Labeled vase", "- `true`", labels=["glassware"])
    signoff.create("Labeled bowl", "- `true`")
    page.goto("/?search=labeled")
    expect(row(page, "Labeled bowl")).to_be_visible()
    row(page, "Labeled vase").get_by_role("link", name="glassware").click()
    expect(row(page, "Labeled bowl")).to_have_count(0)
    expect(row(page, "Labeled vase")).to_be_visible()
    page.get_by_role("link", name="Show projects without the label glassware, too").click()
    expect(row(page, "Labeled bowl")).to_be_visible()


def test_filters_are_saved_used_renamed_and_deleted(page: Page, signoff: Signoff) -> None:
    signoff.create("Kept curtain", "- `true`", labels=["textiles"])
    page.goto("/")
    expect(page.get_by_role("button", name="Save this filter…")).to_have_count(0)
    page.goto("/?search=kept curtain&label=textiles&status=pending&sort=name")
    page.get_by_role("button", name="Save this filter…").click()
    page.get_by_label("Name", exact=True).fill("Our textiles")
    assert violations(page) == []
    page.get_by_role("button", name="Save", exact=True).click()
    filters = page.get_by_role("navigation", name="Saved filters")
    saved = filters.get_by_role("link", name="Our textiles")
    expect(saved).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("button", name="Save this filter…")).to_have_count(0)

    page.goto("/?status=failed")
    page.get_by_role("button", name="Save this filter…").click()
    page.get_by_label("Name", exact=True).fill(" Our textiles ")
    expect(page.get_by_role("alert")).to_have_text("Another filter has this name.")
    page.get_by_label("Name", exact=True).fill("Failures")
    page.get_by_label("Name", exact=True).press("Enter")
    expect(filters.get_by_role("link")).to_have_text(["Our textiles", "Failures"])
    saved.click()
    expect(page).to_have_url(re.compile(r"\?status=pending&search=kept\+curtain&label=textiles$"))
    expect(row(page, "Kept curtain")).to_be_visible()

    page.get_by_role("button", name="Edit filters…").click()
    page.get_by_label("Name of the filter Our textiles").fill("Textiles")
    page.get_by_role("button", name="Delete the filter Failures").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(filters.get_by_role("link")).to_have_text(["Textiles"])
    page.reload()
    expect(filters.get_by_role("link")).to_have_text(["Textiles"])
    # A list without a filter keeps the saved ones.
    page.goto("/")
    expect(filters.get_by_role("link")).to_have_text(["Textiles"])
    expect(filters.get_by_role("link")).not_to_have_attribute("aria-current", "page")


def test_other_tabs_learn_of_saved_filters(page: Page, signoff: Signoff) -> None:
    signoff.create("Two tabs", "- `true`")
    page.goto("/?search=two tabs")
    other = page.context.new_page()
    other.goto("/?search=two tabs")
    other.get_by_role("button", name="Save this filter…").wait_for()
    page.get_by_role("button", name="Save this filter…").click()
    page.get_by_label("Name", exact=True).fill("Tabs")
    page.get_by_role("button", name="Save", exact=True).click()
    link = other.get_by_role("navigation", name="Saved filters").get_by_role("link", name="Tabs")
    expect(link).to_be_visible()
    other.close()


def test_other_browsers_have_the_same_filters(page: Page, signoff: Signoff, browser: Browser) -> None:
    page.goto("/?status=failed&dates=updated&from=2026-11-01&to=2026-11-30")
    page.get_by_role("button", name="Save this filter…").click()
    page.get_by_label("Name", exact=True).fill("November")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("navigation", name="Saved filters").get_by_role("link", name="November").wait_for()
    (saved,) = signoff.api.get("/api/filters").json()["filters"]
    given = {name: value for name, value in saved["conditions"].items() if value is not None}
    assert given == {"status": "failed", "updated_after": "2026-11-01", "updated_before": "2026-12-01"}
    with browser.new_context(base_url=signoff.url) as context:
        other = context.new_page()
        other.goto("/")
        other.get_by_role("navigation", name="Saved filters").get_by_role("link", name="November").click()
        expect(other).to_have_url(re.compile(r"\?status=failed&dates=updated&from=2026-11-01&to=2026-11-30$"))


def test_a_name_that_was_taken_meanwhile_is_said(page: Page, signoff: Signoff) -> None:
    page.goto("/?status=failed")
    page.get_by_role("button", name="Save this filter…").click()
    taken = {"name": "Failures", "conditions": {"status": "failed", "label": "ops"}}
    signoff.api.post("/api/filters", json=taken).raise_for_status()
    page.get_by_label("Name", exact=True).fill("failures")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("There is a saved filter 'failures' already.")


def test_filters_that_a_browser_kept_move_to_the_server(page: Page, signoff: Signoff) -> None:
    page.goto("/")
    page.get_by_role("heading", name="Projects").wait_for()
    page.evaluate(
        """async () => {
            const { actor } = await (await fetch("/api/session")).json();
            const filters = [{ name: "From before", filter: "status=failed&label=ops" }];
            localStorage.setItem(`signoff.filters.${actor ?? ""}`, JSON.stringify(filters));
        }"""
    )
    page.reload()
    page.get_by_role("navigation", name="Saved filters").get_by_role("link", name="From before").wait_for()
    (saved,) = signoff.api.get("/api/filters").json()["filters"]
    assert (saved["conditions"]["status"], saved["conditions"]["label"]) == ("failed", "ops")
    page.wait_for_function("Object.keys(localStorage).every((key) => !key.startsWith('signoff.filters'))")
