"""Reading, signing and revising plans: an approval covers what was on the page, regardless of later changes."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import Signoff

DANGEROUS = "- Clean up: `rm -rf / --no-preserve-root` {#clean}\n"
TWO_PHASES = """\
## Gather
- Count: `echo 3 > out.txt; echo rows=3 >> "$SIGNOFF_OUTPUT"` {#count files=out.txt}
## Publish {#publish approval=yes}
- Upload: `true` {#upload}
"""
# Resolves once the browser has stored a value under a key.
SEEN = """key => new Promise((done) => {
  const look = () => (localStorage.getItem(key) ? done() : setTimeout(look, 50));
  look();
})"""


def _edit(signoff: Signoff, project_id: str, command: str) -> None:
    """Change the first task's command, as another person."""
    edit = {"op": "update_task", "task": "one", "action": {"type": "shell", "command": command}}
    signoff.api.post(f"/api/projects/{project_id}/refine-plan", json={"edits": [edit]}).raise_for_status()


def _approvals(page: Page) -> list[dict]:
    sent: list[dict] = []
    page.on(
        "request",
        lambda request: (
            sent.append({**json.loads(request.post_data or "{}"), "if_match": request.headers.get("if-match")})
            if request.url.endswith("/approve")
            else None
        ),
    )
    return sent


def test_from_a_plan_to_its_files(page: Page, signoff: Signoff) -> None:
    project_id = signoff.create("Weekly report", "- Write: `echo done > report.txt` {#write files=report.txt}")
    page.goto(f"/projects/{project_id}")
    page.get_by_role("button", name="Generate plan").click()
    box = page.get_by_role("region", name="Waiting for a person")
    expect(box.get_by_role("heading", name="Plan version 1 is waiting for your approval")).to_be_visible()
    expect(page).to_have_title("● Approve: Weekly report")
    expect(box).to_contain_text("1 phase, 1 task")
    expect(box).to_contain_text("echo")
    sent = _approvals(page)
    box.get_by_label("Comment").fill("ship it")
    box.get_by_role("button", name="Approve and start").dblclick()
    expect(page.get_by_role("status").filter(has_text="All done")).to_be_visible()
    expect(page.get_by_role("progressbar", name="Progress")).to_have_attribute("aria-valuenow", "100")
    expect(box).to_be_hidden()
    expect(page).to_have_title("Weekly report · Signoff")
    plan = signoff.api.get(f"/api/projects/{project_id}/plan").json()
    digest = plan["digest"]
    # A double click approves once, and exactly what was shown.
    read = {"plan_version": 1, "plan_digest": digest, "frozen_digest": plan["frozen"]["digest"]}
    assert sent == [{**read, "comment": "ship it", "if_match": f'"{digest}"'}]
    page.get_by_role("link", name="Files").click()
    page.wait_for_url(f"**/projects/{project_id}/files")
    assert [file["path"] for file in signoff.api.get(f"/api/projects/{project_id}/output-files").json()["files"]]


def test_a_plan_that_is_replaced_while_it_is_read_is_not_approved(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Superseded", "- One: `echo before` {#one}")
    page.goto(f"/projects/{project_id}")
    approve = page.get_by_role("button", name="Approve and start")
    expect(approve).to_be_enabled()
    _edit(signoff, project_id, "echo after")
    box = page.get_by_role("region", name="Waiting for a person")
    expect(box.get_by_role("alert")).to_contain_text("Version 2 has replaced the version you were reading")
    expect(box.get_by_role("alert")).to_contain_text("echo before")
    expect(box.get_by_role("alert")).to_contain_text("echo after")
    expect(approve).to_be_hidden()
    # A second edit replaces the first, which the server does not store.
    _edit(signoff, project_id, "echo last")
    box.get_by_role("button", name="Show version 3").click()
    expect(box.get_by_role("heading", name="Plan version 3 is waiting for your approval")).to_be_visible()
    sent = _approvals(page)
    approve.click()
    expect(page.get_by_role("status").filter(has_text="All done")).to_be_visible()
    assert [(item["plan_version"], item["if_match"]) for item in sent] == [(3, f'"{sent[0]["plan_digest"]}"')]


def test_a_late_approval_starts_nothing(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Too late", "- One: `echo before` {#one}")
    # The page receives no events about what others do.
    page.route("**/events*", lambda route: route.abort())
    page.goto(f"/projects/{project_id}")
    approve = page.get_by_role("button", name="Approve and start")
    expect(approve).to_be_enabled()
    _edit(signoff, project_id, "echo after")
    approve.click()
    alert = page.get_by_role("alert").filter(has_text="Version 2 has replaced")
    expect(alert).to_contain_text("echo after")
    expect(page.get_by_role("button", name="Show version 2")).to_be_visible()
    project = signoff.project(project_id)
    assert (project["status"], project["run"]) == ("pending", None)


def test_changes_since_the_last_visit_are_shown(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Seen", "- One: `echo before` {#one}")
    page.goto(f"/projects/{project_id}")
    page.evaluate(SEEN, f"signoff.seen.{project_id}")
    page.goto("/")
    _edit(signoff, project_id, "echo after")
    for _ in range(2):
        # Also after a reload: showing it once does not mean that it was read.
        page.goto(f"/projects/{project_id}")
        box = page.get_by_role("region", name="Waiting for a person")
        expect(box.get_by_role("heading", name="Since version 1, the last one you saw")).to_be_visible()
        expect(box).to_contain_text("echo before")
        link = box.get_by_role("link", name="Compare in full")
        expect(link).to_have_attribute("href", f"/projects/{project_id}/versions?from=1&to=2")


def test_invisible_characters_are_named_in_changes(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Unseen", "- One: `echo before` {#one}")
    page.goto(f"/projects/{project_id}")
    page.evaluate(SEEN, f"signoff.seen.{project_id}")
    _edit(signoff, project_id, "echo \u202eafter")
    page.reload()
    box = page.get_by_role("region", name="Waiting for a person")
    expect(box).to_contain_text("echo ⟨U+202E⟩after")
    box.get_by_role("link", name="Compare in full").click()
    expect(page.get_by_role("group", name="action.command, Version 2")).to_contain_text("echo ⟨U+202E⟩after")


def test_an_unreadable_command_does_not_break_the_page(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Nested", "- One: `true` {#one}")
    _edit(signoff, project_id, f"ls {'$(' * 9_000}")
    page.goto(f"/projects/{project_id}")
    box = page.get_by_role("region", name="Waiting for a person")
    expect(box.get_by_role("region", name="What it may do")).to_contain_text("…")
    expect(box.get_by_role("button", name="Approve and start")).to_be_enabled()


def test_a_part_that_cannot_be_drawn_does_not_break_the_others(browser: Browser, signoff: Signoff) -> None:
    project_id = signoff.planned("Half", "- One: `true` {#one}")
    # Not the usual fixture, because this page logs the error to its console.
    page = browser.new_page(base_url=signoff.url)
    page.route("**/plan", lambda route: route.fulfill(json={**route.fetch().json(), "stats": None}))
    page.goto(f"/projects/{project_id}/files")
    expect(page.get_by_role("alert")).to_contain_text("This part of the page cannot be displayed")
    expect(page.get_by_role("heading", name="Half")).to_be_visible()
    expect(page.get_by_text("There are no files yet")).to_be_visible()
    page.unroute("**/plan")
    page.reload()
    expect(page.get_by_role("button", name="Approve and start")).to_be_enabled()
    page.close()


def test_a_critical_finding_must_be_confirmed(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Dangerous", DANGEROUS)
    page.goto(f"/projects/{project_id}")
    box = page.get_by_role("region", name="Waiting for a person")
    expect(box).to_contain_text("removes files outside its workspace")
    task_id = signoff.project(project_id)["tasks"][0]["id"]
    expect(box.get_by_role("link", name="Show task")).to_have_attribute(
        "href", f"/projects/{project_id}?task={task_id}"
    )
    sent = _approvals(page)
    box.get_by_role("button", name="Approve and start").click()
    expect(box.get_by_role("alert")).to_contain_text("confirm that you have read")
    assert sent == []
    box.get_by_label("I have read the critical finding").check()
    expect(box.get_by_role("alert")).to_be_hidden()
    # Not approved here, because the command would run.
    assert signoff.project(project_id)["status"] == "pending"


def test_a_plan_is_revised_with_a_comment(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Back", "- One: `echo before` {#one}")
    page.goto(f"/projects/{project_id}")
    page.get_by_role("button", name="Revise plan…").click()
    dialog = page.get_by_role("dialog", name="Revise version 1")
    dialog.get_by_role("button", name="Regenerate").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Describe what should change")
    dialog.get_by_label("What should change?").fill("say after")
    dialog.get_by_label("Description").fill("- One: `echo after` {#one}")
    dialog.get_by_role("button", name="Regenerate").click()
    box = page.get_by_role("region", name="Waiting for a person")
    expect(box.get_by_role("alert")).to_contain_text("echo after")
    box.get_by_role("button", name=re.compile("Show version")).click()
    expect(box.get_by_role("heading", name="is waiting for your approval")).to_be_visible()
    expect(page.get_by_text("in place of version 1.")).to_be_hidden()
    returned = [d for d in signoff.api.get(f"/api/projects/{project_id}/decisions").json()["decisions"] if d["comment"]]
    assert [(item["kind"], item["comment"]) for item in returned] == [("return", "say after")]


def test_a_phase_waits_for_its_approval(page: Page, signoff: Signoff) -> None:
    project_id = signoff.started("Gate", TWO_PHASES)
    page.goto(f"/projects/{project_id}")
    box = page.get_by_role("form", name="Phase “Publish” is waiting for your approval")
    expect(box).to_contain_text("1 completed")
    expect(box.get_by_role("link", name="1 output file")).to_be_visible()
    expect(box.get_by_role("link", name="Upload")).to_be_visible()
    expect(page).to_have_title("● Approve: Gate")
    box.get_by_role("button", name="Approve the phase").click()
    expect(page.get_by_role("status").filter(has_text="All done")).to_be_visible()


def test_a_plan_is_signed_by_keyboard(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Keyboard", DANGEROUS.replace("rm -rf /", "echo rm; true #") + "- Two: `true`")
    page.goto(f"/projects/{project_id}")
    approve = page.get_by_role("button", name="Approve and start")
    expect(approve).to_be_enabled()
    for _ in range(40):
        page.keyboard.press("Tab")
        if approve.evaluate("button => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="All done")).to_be_visible()
    expect(page.get_by_role("heading", name="Keyboard")).to_be_focused()


def test_signing_is_accessible(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Open to all", DANGEROUS + "- One: `true` {#one}\n- [ ] Look\n")
    page.goto(f"/projects/{project_id}")
    expect(page.get_by_role("button", name="Approve and start")).to_be_enabled()
    _edit(signoff, project_id, "echo after")
    expect(page.get_by_role("alert").filter(has_text="has replaced")).to_be_visible()
    assert violations_in_both_themes(page) == []
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("dialog", name="Settings").get_by_label("Strategy")).to_be_visible()
    assert violations_in_both_themes(page) == []


def test_temporal_and_the_page_link_to_each_other(page: Page, browser: Browser, signoff: Signoff) -> None:
    project_id = signoff.started("Both ways", "- [ ] Look")
    page.goto(f"/projects/{project_id}")
    link = page.get_by_role("link", name="Open in Temporal")
    expect(link).to_have_attribute("target", "_blank")
    # Temporal's page is on another server, so it needs a separate browser context: this one allows no other host.
    with browser.new_context() as other:
        temporal = other.new_page()
        temporal.goto(link.get_attribute("href") or "")
        temporal.get_by_role("tab", name="User Metadata").click()
        # Summary, details and current details each have their own frame.
        details = temporal.locator("iframe").nth(1).content_frame
        expect(details.locator(f'a[href$="/projects/{project_id}"]').first).to_be_visible()
