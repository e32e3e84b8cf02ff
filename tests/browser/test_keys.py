"""The command palette, keyboard shortcuts, links and copies."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff

PLAN = "## Prepare\n\n- Fetch the keys: `echo fetched` {#fetch}\n\n## Finish\n\n- Tell the team: `true` {#tell}\n"


def test_the_palette_goes_to_tasks_views_and_projects(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Palette home", PLAN)
    other = signoff.create("Quarterly zebra count", "")
    page.goto(f"/projects/{project_id}")
    expect(page.get_by_role("heading", name="Palette home")).to_be_visible()
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Go to a project, a task or an action")
    field.fill("fetch the")
    expect(page.get_by_role("dialog").get_by_role("option", selected=True)).to_contain_text("Fetch the keys")
    assert violations(page) == []
    field.press("Enter")
    expect(page.get_by_role("dialog", name="Fetch the keys")).to_be_visible()
    page.keyboard.press("Control+k")
    field.fill("zebra")
    page.get_by_role("option", name="Quarterly zebra count").click()
    page.wait_for_url(f"**/projects/{other}")
    page.keyboard.press("Control+k")
    field.fill("nothing is called this")
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(field).to_have_count(0)


def test_the_palette_does_what_the_project_allows(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Palette action", PLAN)
    page.goto(f"/projects/{project_id}")
    expect(page.get_by_role("button", name="Cancel…")).to_be_visible()
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").get_by_role("combobox").fill("cancel")
    page.get_by_role("option", name="Cancel…").click()
    expect(page.get_by_role("dialog").get_by_text("Cancel", exact=False).first).to_be_visible()


def test_shortcuts_of_a_single_key_can_be_turned_off(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Shortcuts", PLAN)
    page.goto(f"/projects/{project_id}")
    expect(page.get_by_role("heading", name="Shortcuts")).to_be_visible()
    page.keyboard.press("]")
    page.wait_for_url("**/graph")
    page.keyboard.press("[")
    page.wait_for_url(f"**/projects/{project_id}")
    page.keyboard.press("/")
    filter_field = page.get_by_role("searchbox", name="Filter tasks")
    expect(filter_field).to_be_focused()
    page.keyboard.type("?n")
    expect(filter_field).to_have_value("?n")
    filter_field.blur()
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet.get_by_text("Open the command palette")).to_be_visible()
    assert violations(page) == []
    sheet.get_by_label("Use shortcuts of a single key").uncheck()
    sheet.get_by_role("button", name="Close").click()
    page.keyboard.press("n")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog").get_by_role("combobox")).to_be_visible()
    assert page.url.split("?")[0].endswith(project_id)


@pytest.mark.parametrize("context", [{"permissions": ["clipboard-read", "clipboard-write"]}], indirect=True)
def test_links_and_commands_are_copied(page: Page, signoff: Signoff, context: Any) -> None:
    project_id = signoff.planned("Copied", PLAN)
    page.goto(f"/projects/{project_id}")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("Copied.").first).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{signoff.url}/projects/{project_id}"
    task = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Fetch the keys"))
    task.get_by_text("echo fetched").hover()
    task.get_by_role("button", name="Copy the code").click()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.endsWith('echo fetched'))")


def test_tasks_are_filtered_by_phase(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("By phase", PLAN)
    page.goto(f"/projects/{project_id}")
    page.get_by_role("search").get_by_label("Phase").select_option("Finish")
    expect(page.get_by_role("heading", name="Fetch the keys")).to_have_count(0)
    expect(page.get_by_role("heading", name="Tell the team")).to_be_visible()
    assert "phase=finish" in page.url


def test_the_logs_of_all_tasks_are_in_one_view(page: Page, signoff: Signoff) -> None:
    plan = (
        "## One (sequential)\n\n- First: `echo alpha; echo 'warning: old'` {#first}\n"
        "- Second: `echo beta; echo 'ERROR: full' >&2` {#second}\n"
    )
    project_id = signoff.finished("All logs", plan)
    page.goto(f"/projects/{project_id}/logs")
    expect(page.get_by_role("heading", name="First")).to_be_visible()
    expect(page.get_by_text("beta", exact=True)).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Level").select_option("Errors")
    expect(page.get_by_text("ERROR: full")).to_be_visible()
    expect(page.get_by_role("heading", name="First")).to_have_count(0)
    page.get_by_label("Level").select_option("All lines")
    page.get_by_role("region", name="Second").get_by_role("link", name="Link to line 2").click()
    page.wait_for_url("**line=second%3A2")
    page.reload()
    expect(page.get_by_role("region", name="Second").locator("li.current")).to_contain_text("ERROR: full")
    page.get_by_role("searchbox", name="Filter lines").fill("ALPHA")
    expect(page.locator("mark")).to_have_text("alpha")


def test_a_printed_plan_has_no_buttons(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("On paper", PLAN)
    page.goto(f"/projects/{project_id}")
    expect(page.get_by_role("heading", name="Fetch the keys")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.get_by_text("echo fetched").first).to_be_visible()
    for name in ("New project", "Cancel…", "Rename"):
        expect(page.get_by_text(name, exact=True)).to_be_hidden()
    expect(page.get_by_role("searchbox")).to_be_hidden()
