"""Templates: a project is saved as one, and a new project starts from it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Signoff

PLAN = """---
parameters:
  region: {default: north}
---
# Sales of a region

- Count: `echo "$region" > region.txt` {#count}
"""


def test_a_project_is_saved_as_a_template_and_started_again(page: Page, signoff: Signoff) -> None:
    project_id = signoff.create(
        "Sales of a region", PLAN, parameters={"region": "south"}, strategy="careful", labels=["sales"]
    )
    page.goto(f"/projects/{project_id}")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Save as template").click()
    expect(page.get_by_text("Saved “Sales of a region” as a template.", exact=False)).to_be_visible()
    saved = {"label": "template", "search": "Sales of a region"}
    (template,) = signoff.api.get("/api/projects", params=saved).json()["projects"]
    assert template["labels"] == ["sales", "template"]
    page.goto("/new")
    page.get_by_role("group", name="Start from a template").get_by_role("button", name="Sales of a region").click()
    expect(page.get_by_label("region")).to_have_value("south")
    page.get_by_role("button", name="Create and plan").click()
    page.wait_for_url("**/projects/proj_*")
    made = signoff.project(page.url.rsplit("/", 1)[1])
    assert made["parameters"] == {"region": "south"}
    assert made["strategy"] == "careful"
    assert made["description"] == template["description"]
