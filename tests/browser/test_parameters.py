"""Parameters on the page: the form of a new project, what the signer sees, and other values for another plan."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff
from tests.browser.test_create import made, write

PLAN = """---
parameters:
  version: {description: The version to release, pattern: '[0-9.]+'}
  target: {choices: [staging, production]}
  dry_run: {type: boolean, default: true}
---

# Release

- Build: `echo "$VERSION for $TARGET"` {#build}
"""


def test_a_form_asks_for_the_values_and_names_what_is_wrong(page: Page, signoff: Signoff) -> None:
    page.goto("/new")
    write(page, PLAN)
    version = page.get_by_label("version", exact=True)
    version.fill("two")
    page.get_by_role("button", name="Create and plan").click()
    expect(page.get_by_text("does not match the pattern")).to_be_visible()
    expect(page.get_by_text("The plan needs a value for the parameter 'target'")).to_be_visible()
    assert violations(page) == []
    version.fill("2.40")
    page.get_by_label("target", exact=True).select_option("production")
    page.get_by_role("button", name="Create and plan").click()
    project = made(page, signoff)
    assert project["name"] == "Release"
    assert project["parameters"] == {"version": "2.40", "target": "production"}
    box = page.get_by_role("region", name="Parameters").first
    expect(box.get_by_text("2.40", exact=True)).to_be_visible()
    expect(box.get_by_text("production", exact=True)).to_be_visible()


CONDITIONAL = """---
parameters:
  target: {choices: [staging, production]}
  version: {}
---

# Release

- Build: `echo "$VERSION for $TARGET"` {#build}
- Warn: `echo careful` {#warn if=target:production}
"""


def test_the_preview_has_the_values_that_are_typed(page: Page, signoff: Signoff) -> None:
    page.goto("/new")
    write(page, CONDITIONAL)
    outline = page.get_by_role("region", name="Plan preview")
    warn = outline.get_by_role("listitem").filter(has_text="Warn").last
    skipped = warn.get_by_text("Skipped:", exact=False)
    expect(warn).to_be_visible()
    expect(skipped).to_have_count(0)
    # The version is still missing. The preview shows the plan anyway, with the value that was given.
    page.get_by_label("target", exact=True).select_option("staging")
    expect(skipped).to_be_visible()
    page.get_by_label("target", exact=True).select_option("production")
    expect(skipped).to_have_count(0)
    # A tidied text has no values: they stay in the form.
    page.get_by_role("button", name="Tidy").click()
    text = page.get_by_role("textbox", name="Description")
    expect(text).to_have_value(re.compile(r"## Tasks \{#tasks\}"))
    expect(text).not_to_have_value(re.compile("value: production"))
    page.get_by_label("version", exact=True).fill("2.40")
    page.get_by_role("button", name="Create and plan").click()
    assert made(page, signoff)["parameters"] == {"version": "2.40", "target": "production"}


def test_a_new_plan_gets_other_values(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Release", PLAN, parameters={"version": "2.4", "target": "staging"})
    page.goto(f"/projects/{project_id}")
    actions = page.get_by_role("group", name="Actions")
    actions.get_by_text("More", exact=True).click()
    actions.get_by_role("button", name="Regenerate plan").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("version", exact=True)).to_have_value("2.4")
    dialog.get_by_label("version", exact=True).fill("x")
    dialog.get_by_role("button", name="Regenerate").click()
    expect(dialog.get_by_text("does not match the pattern")).to_be_visible()
    dialog.get_by_label("version", exact=True).fill("2.5")
    dialog.get_by_role("button", name="Regenerate").click()
    expect(dialog).to_be_hidden()
    # The plan that was read stays beside the change; the plan itself has the new value.
    expect(page.get_by_role("insertion").get_by_text("2.5", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Parameters").last.get_by_text("2.5", exact=True)).to_be_visible()


def test_the_settings_change_the_values_for_the_next_plan(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Settings", PLAN, parameters={"version": "2.4", "target": "staging"})
    page.goto(f"/projects/{project_id}")
    actions = page.get_by_role("group", name="Actions")
    actions.get_by_text("More", exact=True).click()
    actions.get_by_role("button", name="Settings").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("version", exact=True).fill("x")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("does not match the pattern")).to_be_visible()
    dialog.get_by_label("version", exact=True).fill("2.5")
    assert violations(page) == []
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    assert signoff.project(project_id)["parameters"] == {"version": "2.5", "target": "staging"}
    plan = signoff.api.get(f"/api/projects/{project_id}/plan").json()
    assert (plan["version"], plan["parameters"][0]["value"]) == (1, "2.4")
