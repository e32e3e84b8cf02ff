"""A description that could not be planned is corrected where the error is shown."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff

WRONG = "# Numbers\n\n- Count: `wc -l x` {#count timeout=5x}\n- Say it: `true` {after=count}\n"


def test_the_editor_opens_at_the_error(page: Page, signoff: Signoff) -> None:
    project_id = signoff.create("To repair", WRONG)
    signoff.api.post(f"/api/projects/{project_id}/generate-plan", json={})
    signoff.eventually(project_id, lambda project: project["failure"] is not None)
    page.goto(f"/projects/{project_id}")
    area = page.get_by_role("textbox", name="Description")
    expect(area).to_be_focused()
    start = area.evaluate("area => area.selectionStart")
    assert WRONG[:start].count("\n") == 2
    expect(page.get_by_role("button", name="Line 3, column 28")).to_be_visible()
    assert violations(page) == []
    area.fill(WRONG.replace("5x", "5m"))
    expect(page.get_by_role("region", name="Plan preview").get_by_text("1 phase, 2 tasks")).to_be_visible()
    page.get_by_role("button", name="Save and generate plan").click()
    expect(page.get_by_role("button", name="Approve", exact=False).first).to_be_visible()
    expect(page.get_by_text("Correct the description")).to_have_count(0)
    assert "timeout=5m" in signoff.project(project_id)["description"]
