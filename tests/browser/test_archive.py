"""The archive: finished projects that the list leaves out."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("main").get_by_role("listitem").filter(has=page.get_by_role("link", name=name, exact=True))


def test_a_project_is_archived_found_there_and_brought_back(page: Page, signoff: Signoff) -> None:
    signoff.finished("Antique clock", "- `true`")
    signoff.planned("Antique chair", "- `true`")
    page.goto("/?search=antique")
    page.get_by_role("button", name="More actions for Antique chair").click()
    expect(page.get_by_role("button", name="Archive", exact=True)).to_have_count(0)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="More actions for Antique clock").click()
    page.get_by_role("button", name="Archive", exact=True).click()
    expect(page.get_by_text("1 project was archived.")).to_be_visible()
    expect(row(page, "Antique clock")).to_have_count(0)
    expect(row(page, "Antique chair")).to_be_visible()
    page.get_by_role("combobox", name="Archive").select_option("Only the archive")
    page.wait_for_url("**/?search=antique&archived=true")
    expect(row(page, "Antique clock")).to_contain_text("Archived")
    expect(row(page, "Antique chair")).to_have_count(0)
    assert violations(page) == []
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Bring back").click()
    expect(page.get_by_role("heading", name="No matching projects")).to_be_visible()
    page.get_by_role("combobox", name="Archive").select_option("Without the archive")
    expect(row(page, "Antique clock")).to_be_visible()


def test_archiving_can_be_undone_and_is_on_record(page: Page, signoff: Signoff) -> None:
    project_id = signoff.finished("Archived from its page", "- `true`")
    page.goto(f"/projects/{project_id}/record")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Archive", exact=True).click()
    expect(page.get_by_text("archived the project", exact=False)).to_be_visible()
    assert signoff.project(project_id)["archived_at"]
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_text("brought the project back from the archive")).to_be_visible()
    assert signoff.project(project_id)["archived_at"] is None


def test_the_list_with_an_archive_fits_a_phone(page: Page, signoff: Signoff) -> None:
    signoff.finished("Antique on a phone", "- `true`")
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 740})
        page.goto("/?search=antique+on+a+phone&archived=all")
        expect(row(page, "Antique on a phone")).to_be_visible()
        assert page.evaluate("document.querySelector('main').scrollWidth <= innerWidth")
    page.set_viewport_size({"width": 1280, "height": 740})
    page.get_by_role("button", name=re.compile("More actions")).click()
    expect(page.get_by_role("button", name="Archive", exact=True)).to_be_visible()
