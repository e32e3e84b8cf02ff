"""Actions on a project: each is offered only if the state allows it, and shows its outcome."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Signoff
from tests.conftest import OWNER

WORK = """\
## Work
- Done: `true` {#done}
- Long: `sleep 600` {#long}
- Longer: `sleep 600` {#longer}
## Later
- After: `true` {#after}
"""


def _working(signoff: Signoff, name: str) -> str:
    project_id = signoff.started(name, WORK)
    signoff.eventually(
        project_id,
        lambda project: [task["status"] for task in project["tasks"]] == ["completed", "running", "running", "pending"],
    )
    return project_id


def test_a_cancellation_shows_the_outcome_of_each_task(page: Page, signoff: Signoff) -> None:
    page.goto(f"/projects/{_working(signoff, 'Stop it')}")
    page.get_by_role("button", name="Cancel…").click()
    dialog = page.get_by_role("dialog", name="Cancel the project")
    expect(dialog).to_contain_text("2 tasks are running and will be interrupted. 1 task has not started")
    dialog.get_by_label("Reason").fill("wrong week")
    dialog.get_by_role("button", name="Cancel the project").click()
    report = page.get_by_role("region", name="Cancelled: what happened to each task")
    expect(report).to_contain_text("1 completed")
    expect(report).to_contain_text("2 interrupted")
    expect(report).to_contain_text("1 never started")
    expect(report).to_contain_text("wrong week")
    for title in ("Long", "Longer"):
        row = report.get_by_role("listitem").filter(has=page.get_by_role("link", name=title, exact=True))
        expect(row).to_contain_text("Interrupted")
    report.get_by_role("button", name="Close").click()
    expect(report).to_be_hidden()


def test_a_cancellation_by_somebody_else_is_shown_too(page: Page, signoff: Signoff) -> None:
    project_id = _working(signoff, "Stopped by another")
    page.goto(f"/projects/{project_id}")
    expect(page.get_by_text("2 tasks running")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    signoff.api.post(f"/api/projects/{project_id}/cancel", json={"reason": "not now"}).raise_for_status()
    expect(page.get_by_role("region", name="Cancelled")).to_contain_text(f"By {OWNER}: not now")


def test_actions_that_the_state_forbids_are_not_offered(page: Page, signoff: Signoff) -> None:
    project_id = _working(signoff, "States")
    page.goto(f"/projects/{project_id}")
    actions = page.get_by_role("group", name="Actions")
    expect(actions.get_by_role("button", name="Retry")).to_be_hidden()
    actions.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("main").get_by_text("Paused", exact=False).first).to_be_visible()
    actions.get_by_role("button", name="Resume").click()
    expect(actions.get_by_role("button", name="Pause")).to_be_visible()
    actions.get_by_text("More", exact=True).click()
    expect(actions.get_by_role("button", name="Regenerate plan")).to_be_hidden()
    actions.get_by_role("button", name="Settings").click()
    settings = page.get_by_role("dialog", name="Settings")
    expect(settings.get_by_label("Strategy")).to_be_disabled()
    expect(settings.get_by_label("Token limit")).to_be_enabled()


def test_selected_tasks_run_again(page: Page, signoff: Signoff) -> None:
    project_id = signoff.finished("Again", "- One: `true` {#one}\n- Two: `true` {#two}")
    page.goto(f"/projects/{project_id}")
    page.get_by_role("button", name="Run again…").click()
    dialog = page.get_by_role("dialog", name="Run again")
    dialog.get_by_role("button", name="Run again").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Select at least one task")
    dialog.get_by_label("Two").check()
    dialog.get_by_role("button", name="Run again").click()
    expect(page.get_by_text("Run 2")).to_be_visible()
    signoff.eventually(project_id, lambda project: project["stage"] == "finished")
    attempts = [task["attempt"] for task in signoff.project(project_id)["tasks"]]
    assert attempts[0] == 1
    assert attempts[1] > 1


def test_settings_that_an_approval_covers_make_a_new_version(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Before", "- One: `true`")
    page.goto(f"/projects/{project_id}")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Settings").click()
    settings = page.get_by_role("dialog", name="Settings")
    settings.get_by_label("Strategy").select_option("careful")
    expect(settings.get_by_role("status")).to_contain_text("Saving creates a new plan version")
    settings.get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="Waiting for a person").get_by_role("alert")).to_contain_text("careful")
    # The name is not covered; a name that changed meanwhile is not overwritten.
    page.get_by_role("button", name="Rename").click()
    name = page.get_by_label("Name", exact=True)
    name.fill("After")
    signoff.api.put(f"/api/projects/{project_id}", json={"name": "Between"}).raise_for_status()
    name.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="changed since you read it")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(name).to_have_value("Between")
    name.fill("After")
    name.press("Enter")
    expect(page.get_by_role("heading", level=1, name="After")).to_be_visible()
    assert signoff.project(project_id)["plan"]["version"] == 2


def test_a_project_is_copied_and_deleted(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Original", "- One: `true`")
    page.goto(f"/projects/{project_id}")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Duplicate").click()
    page.get_by_role("dialog").get_by_role("button", name="Duplicate").click()
    expect(page.get_by_role("heading", level=1, name="Original (Copy)")).to_be_visible()
    page.wait_for_url(re.compile(rf"/projects/(?!{project_id})"))
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete the project permanently")
    expect(dialog).to_contain_text("cannot be undone")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    assert signoff.project(project_id)["status"] == "pending"
