"""The page says who must approve, who has, and why its reader may not."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff
from tests.browser.signing_in import PASSWORD, sign_in


def test_two_people_approve_and_neither_is_the_author(visitor: Page, signoff: Signoff) -> None:
    page = visitor
    for name in ("Ada", "Grace"):
        body = {"name": name, "roles": [{"role": "author"}, {"role": "approver"}], "password": PASSWORD}
        signoff.api.post("/api/people", json=body).raise_for_status()
    signing = {"approvals": 2, "four_eyes": True}
    project_id = signoff.planned("Signed by two", "- Do it: `true` {#do}", signing=signing)
    page.goto(f"/projects/{project_id}")
    sign_in(page, "Ada")
    box = page.get_by_role("region", name="Waiting for a person")
    expect(box.get_by_role("heading", name="0 of 2 approvals")).to_be_visible()
    expect(box).to_contain_text("This project's own rule: two approvers, not the author.")
    assert violations(page) == []
    page.get_by_role("button", name="Approve and start").click()
    expect(box.get_by_role("heading", name="1 of 2 approvals")).to_be_visible()
    expect(box).to_contain_text("Ada approved")
    expect(box).to_contain_text("Ada has already approved this, and counts once.")
    expect(page.get_by_role("button", name="Approve and start")).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "Grace")
    page.get_by_role("button", name="Approve and start").click()
    signoff.eventually(project_id, lambda project: project["status"] == "completed")
    page.goto(f"/projects/{project_id}/record")
    main = page.get_by_role("main")
    expect(main).to_contain_text("(1 of 2 approvals)")
    expect(main).to_contain_text("An approval is needed. This project's own rule: two approvers, not the author.")
