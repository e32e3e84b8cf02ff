"""The frame of the page: its addresses, its colours, and what it says where something is not there."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff


def test_an_unknown_project_says_so(page: Page, signoff: Signoff) -> None:
    page.goto("/projects/proj_00000000000000000000000000")
    expect(page.get_by_role("main")).to_contain_text("There is no project")


def test_the_choice_of_colours_is_kept(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Colours").select_option("dark")
    page.reload()
    expect(page.get_by_label("Colours")).to_have_value("dark")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_links_change_the_view_without_loading_the_page_again(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Routing", "- `true`")
    page.goto("/")
    page.evaluate("window.kept = true")
    page.get_by_role("link", name="Routing").click()
    page.wait_for_url(f"**/projects/{project_id}")
    page.get_by_role("link", name="Files").click()
    page.go_back()
    page.go_back()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    assert page.evaluate("window.kept") is True


def test_nobody_is_shut_out(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    assert violations(page) == []
