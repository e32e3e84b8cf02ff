"""Waiting for me: what waits across all projects, its number in the title and the icon, and from one to the next."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff

PLAN = "- Clear: `true || rm -rf /var/log`\n"


def test_what_waits_is_signed_one_after_the_other(page: Page, signoff: Signoff) -> None:
    ids = [signoff.planned(f"Inbox {number}", PLAN) for number in range(3)]
    page.goto("/")
    # The first tab of the list leads to it.
    page.get_by_role("navigation", name="Projects by status").get_by_role("link").first.click()
    expect(page).to_have_url(re.compile("/inbox$"))
    expect(page).to_have_title(re.compile(r"^\(\d+\) Waiting for me · Signoff$"))
    expect(page.locator('link[rel="icon"]')).to_have_attribute("href", re.compile("^data:image/svg"))
    listed = page.get_by_role("main").get_by_role("listitem").filter(has_text="Inbox 0")
    expect(listed).to_contain_text("Approve the plan")
    expect(listed).to_contain_text("1 critical")
    assert violations(page) == []
    page.get_by_role("link", name="Inbox 0", exact=True).click()
    waiting = page.get_by_role("link", name=re.compile(r"^Next waiting: "))
    expect(waiting).to_be_visible()
    signoff.api.post(f"/api/projects/{ids[0]}/approve", json={}).raise_for_status()
    waiting.click()
    expect(page).not_to_have_url(re.compile(ids[0]))
    expect(page).to_have_url(re.compile("/projects/proj_"))


def test_the_list_changes_as_things_are_settled(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Soon settled", PLAN)
    page.goto("/inbox")
    link = page.get_by_role("link", name="Soon settled", exact=True)
    expect(link).to_be_visible()
    signoff.api.post(f"/api/projects/{project_id}/cancel", json={}).raise_for_status()
    expect(link).to_have_count(0)
