"""A reviewer requests changes; the author makes the next version; the reviewer sees what it is about, and approves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff
from tests.browser.signing_in import PASSWORD, sign_in

ASKED = "Not before Friday: ask the DBA first."
PLAN = "- Clean: `echo now` {#clean}\n- Tell: `echo told` {#tell after=clean}"


@pytest.fixture(scope="module", autouse=True)
def people(signoff: Signoff) -> None:
    """An author, two reviewers and a reader."""
    for name, role in (("Ava", "author"), ("Rita", "approver"), ("Ralf", "approver"), ("Vera", "viewer")):
        body = {"name": name, "roles": [{"role": role}], "password": PASSWORD}
        signoff.api.post("/api/people", json=body).raise_for_status()


@pytest.fixture
def opened(browser: Browser, locked: str) -> Iterator[Callable[[str, str], Page]]:
    """Open an address as somebody, each in a browser of their own."""
    contexts = []

    def open_as(name: str, address: str) -> Page:
        context = browser.new_context(base_url=locked, viewport={"width": 1280, "height": 900}, locale="en-GB")
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.goto(address)
        sign_in(page, name)
        expect(page.get_by_role("banner")).to_contain_text(name)
        return page

    yield open_as
    for context in contexts:
        context.close()


def test_changes_are_requested_made_and_approved(opened: Callable[[str, str], Page], signoff: Signoff) -> None:
    project_id = signoff.planned("Clean the logs", PLAN)
    reviewer = opened("Rita", f"/projects/{project_id}")
    box = reviewer.get_by_role("region", name="Waiting for a person")
    box.get_by_role("button", name="Request changes…").click()
    dialog = reviewer.get_by_role("dialog", name="Request changes to version 1")
    dialog.get_by_role("button", name="Request changes").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Describe what should change.")
    assert violations(reviewer) == []
    dialog.get_by_label("What should change?").fill(ASKED)
    dialog.get_by_role("button", name="Request changes").click()
    told = reviewer.get_by_role("status").filter(has_text="Changes requested. The project waits for its author.")
    expect(told).to_be_visible()
    expect(box.get_by_role("heading", name="Changes to plan version 1 were requested")).to_be_visible()
    expect(box).to_contain_text("If you approve this version after all, that withdraws your request.")
    expect(box.get_by_role("button", name="Request changes…")).to_have_count(0)
    reviewer.goto("/")
    row = reviewer.get_by_role("listitem").filter(has_text="Clean the logs")
    expect(row).to_contain_text("Changes requested")
    expect(row).not_to_contain_text("Waiting for your")

    # Another reviewer cannot approve it, and the author sees on top what is asked for.
    other = opened("Ralf", f"/projects/{project_id}")
    expect(other.get_by_role("region", name="Waiting for a person")).to_contain_text("Only Rita can approve")
    expect(other.get_by_role("button", name="Approve and start")).to_have_count(0)
    author = opened("Ava", "/")
    row = author.get_by_role("listitem").filter(has_text="Clean the logs")
    expect(row).to_contain_text("Waiting for your changes")
    author.get_by_role("link", name="Clean the logs").click()
    expect(author).to_have_title("● Changes requested: Clean the logs")
    expect(author.get_by_role("status").filter(has_text="Rita requested changes")).to_be_visible()
    box = author.get_by_role("region", name="Waiting for a person")
    expect(box).to_contain_text("Rita requested changes to version 1")
    expect(box).to_contain_text(ASKED)
    assert violations(author) == []
    edit = {"op": "update_task", "task": "clean", "action": {"type": "shell", "command": "echo on friday"}}
    key = signoff.api.post("/api/keys", json={"name": "The author's", "roles": [{"role": "author"}]}).json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    signoff.api.post(
        f"/api/projects/{project_id}/refine-plan", json={"edits": [edit]}, headers=headers
    ).raise_for_status()

    # The reviewer sees the comment and what has changed since.
    reviewer.goto(f"/projects/{project_id}")
    box = reviewer.get_by_role("region", name="Waiting for a person")
    expect(box.get_by_role("heading", name="Plan version 2 is waiting for your approval")).to_be_visible()
    expect(box).to_contain_text(ASKED)
    expect(box.get_by_role("heading", name="Changes since version 1, to which Rita requested changes")).to_be_visible()
    expect(box).to_contain_text("echo now")
    expect(box).to_contain_text("echo on friday")
    box.get_by_role("button", name="Approve and start").click()
    signoff.eventually(project_id, lambda project: project["stage"] == "finished")
    assert signoff.project(project_id)["status"] == "completed"
    reviewer.goto(f"/projects/{project_id}/record")
    expect(reviewer.get_by_role("main")).to_contain_text("Rita requested changes to plan version 1")


def test_a_plan_is_rejected(opened: Callable[[str, str], Page], signoff: Signoff) -> None:
    project_id = signoff.planned("Drop the table", PLAN)
    page = opened("Rita", f"/projects/{project_id}")
    page.get_by_role("button", name="Reject…").click()
    dialog = page.get_by_role("dialog", name="Reject version 1")
    dialog.get_by_label("Why do you reject it?").fill("We need the table.")
    dialog.get_by_role("button", name="Reject plan").click()
    expect(page.get_by_text("Rita rejected plan version 1", exact=True)).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("We need the table.")
    expect(page.get_by_role("status").filter(has_text="The plan was rejected")).to_be_visible()
    assert signoff.project(project_id)["outcome"] == "rejected"
    page.goto("/")
    expect(page.get_by_role("listitem").filter(has_text="Drop the table")).to_contain_text("Rejected")


def test_people_comment_on_a_plan_and_on_a_task(opened: Callable[[str, str], Page], signoff: Signoff) -> None:
    project_id = signoff.planned("Talk about it", PLAN)
    author = opened("Ava", f"/projects/{project_id}")
    reader = opened("Vera", f"/projects/{project_id}?task=clean")
    panel = reader.get_by_role("dialog", name="Clean")
    expect(panel).to_be_visible()
    author.get_by_text("Comments", exact=True).click()
    author.get_by_label("Comment on the plan").fill("It runs on Friday.")
    author.get_by_role("button", name="Comment", exact=True).click()
    expect(author.get_by_role("list", name="1 comment")).to_contain_text("It runs on Friday.")
    author.get_by_role("link", name="Clean").first.click()
    panel_of_author = author.get_by_role("dialog", name="Clean")
    field = panel_of_author.get_by_label("Comment on this task")
    comments = panel_of_author.locator("details", has=author.get_by_label("Comment on this task"))
    comments.evaluate("details => { details.open = true; }")
    field.fill("Which log?")
    panel_of_author.get_by_role("button", name="Comment", exact=True).click()
    expect(panel.get_by_role("list", name="1 comment")).to_contain_text("Which log?")
    expect(panel.get_by_label("Comment on this task")).to_have_count(0)
    assert violations(reader) == []
