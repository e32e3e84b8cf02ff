"""Edits of a run in the sign-off box: what they change, an approval, a discard, and several people who edit at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff

PLAN = """\
1. Hold: `while [ ! -e go ]; do sleep 0.1; done` {#hold}
2. Next: `echo signed > ran` {#next}
"""


def _held(signoff: Signoff, name: str) -> str:
    """A project whose first task runs until it is released."""
    project_id = signoff.started(name, PLAN)
    signoff.eventually(project_id, lambda project: project["tasks"][0]["status"] == "running")
    return project_id


def _release(signoff: Signoff, project_id: str) -> dict[str, Any]:
    (Path(signoff.project(project_id)["workspace"]) / "go").touch()
    return signoff.eventually(project_id, lambda project: project["stage"] == "finished")


def _edit_next(page: Page, command: str) -> Locator:
    """Change the command of the task that has not started, in its form. Returns the form."""
    page.get_by_role("button", name="Edit: Next").click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Command").fill(command)
    form.get_by_role("button", name="Save").click()
    return form


def _ran(project: dict[str, Any]) -> str:
    return (Path(project["workspace"]) / "ran").read_text().strip()


def test_an_edit_of_a_run_is_approved_in_its_box(page: Page, signoff: Signoff) -> None:
    project_id = _held(signoff, "Edited and approved")
    page.goto(f"/projects/{project_id}")
    expect(_edit_next(page, "echo changed > ran")).to_be_hidden()
    box = page.get_by_role("region", name="Waiting for a person")
    heading = box.get_by_role("heading", name="Plan version 2, an edit of this run, is waiting for your approval")
    expect(heading).to_be_visible()
    expect(box).to_contain_text("Nothing more starts until you approve or discard it.")
    expect(box.locator(".changes")).to_contain_text("echo changed > ran")
    assert violations(page) == []
    box.get_by_label("Comment").fill("as agreed")
    box.get_by_role("button", name="Approve and start").click()
    expect(heading).to_be_hidden()
    project = _release(signoff, project_id)
    assert (project["status"], _ran(project)) == ("completed", "changed")


def test_an_edit_of_a_run_is_discarded_with_a_comment(page: Page, signoff: Signoff) -> None:
    project_id = _held(signoff, "Edited and discarded")
    page.goto(f"/projects/{project_id}")
    expect(_edit_next(page, "echo changed > ran")).to_be_hidden()
    box = page.get_by_role("region", name="Waiting for a person")
    box.get_by_label("Comment").fill("not this week")
    box.get_by_role("button", name="Discard the edit").click()
    expect(page.get_by_text("Version 2 is discarded. The run continues with the approved plan.")).to_be_visible()
    expect(box).to_be_hidden()
    # A later edit is compared with the approved plan, not with what was discarded.
    expect(_edit_next(page, "echo later > ran")).to_be_hidden()
    expect(box.get_by_role("heading", name="Plan version 3")).to_be_visible()
    expect(box.locator(".changes")).to_contain_text("echo signed > ran")
    box.get_by_role("button", name="Discard the edit").click()
    expect(box).to_be_hidden()
    project = _release(signoff, project_id)
    assert (project["status"], _ran(project)) == ("completed", "signed")
    page.goto(f"/projects/{project_id}/versions")
    expect(page.get_by_role("cell", name="Discarded")).to_have_count(2)
    page.goto(f"/projects/{project_id}/record")
    expect(page.get_by_text("discarded the edit in plan version 2: “not this week”")).to_be_visible()


def test_two_people_who_edit_a_task_at_once_lose_nothing(page: Page, signoff: Signoff) -> None:
    project_id = _held(signoff, "Edited twice")
    page.goto(f"/projects/{project_id}")
    page.get_by_role("button", name="Edit: Next").click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Command").fill("echo mine > ran")
    task = f"/api/projects/{project_id}/tasks/next"
    theirs = {"action": {"type": "shell", "command": "echo theirs > ran"}, "retries": 3}
    signoff.api.put(task, json=theirs).raise_for_status()
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("Command: echo theirs > ran")
    expect(form.get_by_role("textbox", name="Command")).to_have_value("echo mine > ran")
    # What the other person has changed elsewhere stays, and is in the form now.
    expect(form.get_by_label("Retries")).to_have_value("3")
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()
    # The next form shows what waits, not what is in force; and it sends only what is changed in it.
    page.get_by_role("button", name="Edit: Next").click()
    expect(form.get_by_role("textbox", name="Command")).to_have_value("echo mine > ran")
    signoff.api.put(task, json={"retries": 4}).raise_for_status()
    form.get_by_label("Title").fill("Next one")
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()
    waiting = signoff.api.get(f"/api/projects/{project_id}/plan").json()["phases"][0]["tasks"][1]
    assert (waiting["title"], waiting["action"]["command"], waiting["retries"]) == ("Next one", "echo mine > ran", 4)
    signoff.api.post(f"/api/projects/{project_id}/cancel", json={}).raise_for_status()


def test_a_form_that_is_refused_keeps_what_was_typed(page: Page, signoff: Signoff) -> None:
    project_id = signoff.finished("Failed", "1. Bad: `exit 1` {#bad}\n2. Next: `true` {#next}\n")
    page.goto(f"/projects/{project_id}")
    page.get_by_role("button", name="Remove: Bad").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Remove").click()
    expect(dialog.get_by_role("alert")).to_contain_text("bad")
    dialog.get_by_role("button", name="Cancel").click()
    running = _held(signoff, "Started meanwhile")
    page.goto(f"/projects/{running}")
    page.get_by_role("button", name="Edit: Next").click()
    dialog.get_by_role("textbox", name="Command").fill("echo typed > ran")
    _release(signoff, running)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    # The run had ended, so the edit corrects the project. What ran stays in the record.
    assert signoff.project(running)["status"] == "pending"
