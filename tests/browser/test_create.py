"""Creating a project: the preview matches the result, and nothing that was typed is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.axe import violations, violations_in_both_themes
from tests.browser.conftest import Signoff

PLAN = """# Two phases

What they are for.

## Prepare (parallel)

- Fetch: `echo fetch` {#fetch}
- [ ] Look at it {#look}

## Finish

1. Write {#write after=fetch}

   ```sh
   echo written > out.txt
   ```
2. Done {#done milestone}
"""
TEMPLATES = [
    "Certificate expiry check",
    "Data import with validation",
    "Database backup and restore check",
    "Dependency update check",
    "Disk clean-up",
    "Incident checklist",
    "Machine report",
    "Onboarding checklist",
    "Release checklist",
    "Website health check",
    "Weekly repository report",
]
WRONG = "## Build\n\n- Fetch: `git pull` {#fetch}\n- Test: `make test` {after=biuld}\n"


def write(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Description").fill(text)


def shown(page: Page) -> list[str]:
    """The names of phases and titles of tasks in the preview, in order."""
    preview = page.get_by_role("region", name="Plan preview")
    phases = preview.get_by_role("heading", level=3).all_inner_texts()
    return [*phases, *preview.locator("[data-task-title]").all_inner_texts()]


def made(page: Page, signoff: Signoff) -> dict[str, Any]:
    """The project that this page shows."""
    page.wait_for_url("**/projects/proj_*")
    return signoff.project(page.url.rsplit("/", 1)[1])


def test_the_plan_matches_the_preview(page: Page, signoff: Signoff) -> None:
    page.goto("/new")
    write(page, PLAN)
    preview = page.get_by_role("region", name="Plan preview")
    expect(preview.get_by_text("2 phases, 4 tasks")).to_be_visible()
    promised = shown(page)
    page.get_by_role("button", name="Create and plan").click()
    project = made(page, signoff)
    assert project["name"] == "Two phases"
    assert project["stage"] == "awaiting_approval"
    names = [phase["name"] for phase in project["phases"]]
    assert [*names, *(task["title"] for task in project["tasks"])] == promised
    expect(page.get_by_role("heading", name="Two phases", level=1)).to_be_visible()


def test_a_problem_leads_to_its_line(page: Page, signoff: Signoff) -> None:
    page.goto("/new")
    write(page, WRONG)
    page.get_by_role("button", name=re.compile("^Line 4")).click()
    area = page.get_by_role("textbox", name="Description")
    expect(area).to_be_focused()
    assert WRONG[: area.evaluate("area => area.selectionStart")].count("\n") == 3
    page.get_by_role("button", name="Create and plan").click()
    expect(area).to_have_accessible_description(re.compile("This text cannot be planned yet: .*biuld"))
    assert page.url.endswith("/new")


def test_dangerous_commands_are_marked(page: Page) -> None:
    page.goto("/new")
    write(page, "- Harmless: `true`\n- Wipe: `rm -rf / --no-preserve-root`\n")
    tasks = page.get_by_role("region", name="Plan preview").get_by_role("listitem")
    expect(tasks.filter(has_text="Critical")).to_have_count(2)  # The task and its phase.
    expect(tasks.filter(has_text="Harmless").last).not_to_contain_text("Critical")


def test_files_are_uploaded_before_the_plan_is_generated(page: Page, signoff: Signoff) -> None:
    page.goto("/new")
    write(page, "- Read: `cat numbers.txt`")
    files = [{"name": name, "mimeType": "text/plain", "buffer": name.encode()} for name in ("numbers.txt", "b ü.txt")]
    page.get_by_label("Files to upload").set_input_files(files)  # pyright: ignore[reportArgumentType]
    page.get_by_role("button", name="Create and plan").click()
    project = made(page, signoff)
    path = f"/api/projects/{project['id']}"
    listed = signoff.api.get(f"{path}/output-files").json()["files"]
    assert {file["path"]: file["kind"] for file in listed} == {"numbers.txt": "upload", "b ü.txt": "upload"}
    assert signoff.api.get(f"{path}/files/raw", params={"path": "numbers.txt"}).text == "numbers.txt"
    types = re.findall(r"^event: (\S+)", signoff.api.get(f"{path}/events?follow=false").text, re.MULTILINE)
    assert types.index("file.uploaded") < types.index("plan.generating")


def test_a_failed_upload_is_named_and_the_project_is_kept(page: Page, signoff: Signoff) -> None:
    page.goto("/new")
    page.get_by_label("Name").fill("Half sent")
    write(page, "- `true`")
    page.get_by_label("Files to upload").set_input_files({"name": "lost.txt", "mimeType": "text/plain", "buffer": b"x"})
    page.route("**/files/upload", lambda route: route.abort())
    page.get_by_role("button", name="Create and plan").click()
    expect(page.get_by_role("alert")).to_contain_text("lost.txt")
    page.unroute("**/files/upload")
    page.get_by_role("button", name="Upload again").click()
    project = made(page, signoff)
    assert project["plan"] is not None
    assert signoff.api.get("/api/projects?search=half+sent").json()["total"] == 1
    assert signoff.api.get(f"/api/projects/{project['id']}/output-files").json()["total"] == 1


def test_a_double_click_and_a_lost_answer_make_one_project(page: Page, signoff: Signoff) -> None:
    page.goto("/new")
    page.get_by_label("Name").fill("Only once")
    lost: list[str] = []

    def lose_first(route: Route) -> None:
        answer = route.fetch() if route.request.method == "POST" else None
        if answer is None or lost:
            route.continue_() if answer is None else route.fulfill(response=answer)
        else:
            lost.append(answer.json()["id"])
            route.abort()

    page.route("**/api/projects", lose_first)
    page.get_by_role("button", name="Create without a plan").click()
    expect(page.get_by_role("alert")).to_contain_text("not responding")
    page.get_by_role("button", name="Create without a plan").dblclick()
    assert made(page, signoff)["id"] == lost[0]
    assert signoff.api.get("/api/projects?search=only+once").json()["total"] == 1


def test_what_was_typed_survives_a_reload_and_is_gone_afterwards(page: Page, signoff: Signoff) -> None:
    page.goto("/new")
    page.get_by_label("Name").fill("Kept over a reload")
    write(page, "- `true`")
    page.get_by_label("Strategy").select_option("careful")
    page.reload()
    expect(page.get_by_label("Name")).to_have_value("Kept over a reload")
    expect(page.get_by_role("textbox", name="Description")).to_have_value("- `true`")
    page.get_by_role("button", name="Create without a plan").click()
    project = made(page, signoff)
    assert (project["strategy"], project["plan"]) == ("careful", None)
    page.goto("/new")
    expect(page.get_by_label("Name")).to_have_value("")


def test_server_errors_are_shown_at_their_fields(page: Page, signoff: Signoff) -> None:
    page.goto("/new")
    page.get_by_text("More settings").click()
    page.get_by_label("Folder").fill("/nowhere/at/all")
    page.get_by_text("More settings").click()
    page.get_by_role("button", name="Create without a plan").click()
    expect(page.get_by_label("Folder")).to_be_focused()
    expect(page.get_by_label("Folder")).to_have_accessible_description(
        re.compile("/nowhere/at/all|folder", re.IGNORECASE)
    )
    page.get_by_label("Folder").fill("")
    page.get_by_label("Cost limit").fill("ten")
    page.get_by_role("button", name="Create without a plan").click()
    expect(page.get_by_label("Cost limit")).to_be_focused()


def test_automatic_approval_shows_a_warning_and_starts(page: Page, signoff: Signoff) -> None:
    page.goto("/new")
    write(page, "- `true`")
    page.get_by_label("Approve the plan automatically").check()
    expect(page.get_by_role("alert")).to_contain_text("Nobody reads the plan")
    page.get_by_role("button", name="Create, plan and start").click()
    project = made(page, signoff)
    signoff.eventually(project["id"], lambda now: now["status"] == "completed")


def test_plain_text_becomes_steps_without_a_model(page: Page) -> None:
    page.goto("/new")
    write(page, "Weekly report: gather metrics, write a summary, mail it")
    expect(page.get_by_text("no model is configured here")).to_be_visible()
    expect(page.get_by_text("1 phase, 3 tasks")).to_be_visible()


def test_the_keyboard_alone_makes_a_project(page: Page, signoff: Signoff) -> None:
    page.goto("/new")
    page.get_by_label("Name").press_sequentially("By keyboard")
    area = page.get_by_role("textbox", name="Description")
    for _ in range(30):  # The templates and the pieces are between the name and the text.
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "TEXTAREA":
            break
    expect(area).to_be_focused()
    page.keyboard.type("- One: `true`")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("More about it.")
    expect(area).to_have_value("- One: `true`\n  More about it.")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(area).not_to_be_focused()
    for _ in range(20):
        if page.evaluate("document.activeElement.textContent").strip() == "Create and plan":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert made(page, signoff)["name"] == "By keyboard"


def test_pieces_are_inserted_and_undone(page: Page) -> None:
    page.goto("/new?example=machine-report")
    area = page.get_by_role("textbox", name="Description")
    expect(area).to_have_value(re.compile("^# Machine report"))
    before = area.input_value()
    area.press("ControlOrMeta+End")
    page.get_by_role("button", name="Manual task").click()
    page.keyboard.type("Sign it")
    expect(area).to_have_value(f"{before}- [ ] Sign it\n")
    page.get_by_text("Start from a template").click()
    page.get_by_role("button", name="Disk clean-up").click()
    expect(area).to_have_value(re.compile("# Disk clean-up"))
    page.get_by_role("button", name="Undo").click()
    expect(area).to_have_value(f"{before}- [ ] Sign it\n")


def test_a_text_is_tidied_and_the_tidying_undone(page: Page) -> None:
    untidy = "# A\n\n* Fetch: `git pull`\n* Test: `make test` {#t after=fetch}\n"
    page.goto("/new")
    tidy = page.get_by_role("button", name="Tidy")
    expect(tidy).to_be_disabled()
    write(page, WRONG)
    expect(page.get_by_text("1 problem")).to_be_visible()
    expect(tidy).to_be_disabled()
    write(page, untidy)
    tidy.click()
    area = page.get_by_role("textbox", name="Description")
    expect(area).to_have_value(re.compile(r"^# A\n\n## Tasks \{#tasks\}\n\n.*\{#fetch\}", re.DOTALL))
    promised = shown(page)
    page.get_by_role("button", name="Undo").click()
    expect(area).to_have_value(untidy)
    assert shown(page) == promised
    tidy.click()
    expect(area).to_have_value(re.compile(r"^# A\n\n## Tasks"))
    tidy.click()
    expect(page.get_by_text("in canonical form already")).to_be_visible()


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_the_name_and_the_text_are_in_view_below_the_templates(
    page: Page, signoff: Signoff, size: tuple[int, int]
) -> None:
    about = "Counts the orders of each region, and compares them with those of the week before. " * 3
    signoff.create("A template of the team with quite a long name", f"# A\n\n{about}\n\n- `true`", labels=["template"])
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    page.goto("/new")
    gallery = page.get_by_role("group", name="Start from a template")
    gallery.get_by_role("button", name="A template of the team with quite a long name").first.wait_for()
    place = gallery.bounding_box()
    assert place is not None
    assert place["height"] < 120
    name, text = (page.get_by_role("textbox", name=label).bounding_box() for label in ("Name", "Description"))
    assert name is not None
    assert text is not None
    assert name["y"] + name["height"] < text["y"] < height - 150, (name, text)
    assert violations(page) == []
    # What does not fit is reached by scrolling, and with the keyboard.
    last = gallery.get_by_role("button").last
    last.focus()
    expect(last).to_be_in_viewport()


def test_an_address_with_a_template_does_not_replace_what_is_being_written(page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/templates", hold)
    page.goto("/new?example=machine-report")
    write(page, "- Mine: `true`")
    held[0].continue_()
    page.get_by_role("group", name="Start from a template").get_by_role("button").first.wait_for(state="attached")
    expect(page.get_by_role("textbox", name="Description")).to_have_value("- Mine: `true`")


def test_every_template_makes_a_plan(page: Page) -> None:
    page.goto("/new")
    gallery = page.get_by_role("group", name="Start from a template")
    for number, name in enumerate(TEMPLATES):
        if number:
            page.get_by_text("Start from a template").click()
        gallery.get_by_role("button", name=name).click()
        expect(page.get_by_role("textbox", name="Description")).to_have_value(re.compile(f"# {name}\n"))
        expect(
            page.get_by_role("region", name="Plan preview").get_by_text(re.compile(r"^[2-6] phases?, "))
        ).to_be_visible()
        expect(page.get_by_role("region", name="Plan preview").get_by_text("problem")).to_have_count(0)


def test_the_form_is_accessible(page: Page) -> None:
    page.goto("/new")
    page.get_by_text("More settings").click()
    page.get_by_label("Approve the plan automatically").check()
    write(page, PLAN + "3. Wipe: `rm -rf / --no-preserve-root`\n")
    expect(page.get_by_text("Critical").first).to_be_visible()
    assert violations_in_both_themes(page) == []
    write(page, WRONG)
    expect(page.get_by_role("button", name=re.compile("^Line 4"))).to_be_visible()
    assert violations_in_both_themes(page) == []


def test_the_form_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/new")
    write(page, f"- {'x' * 190}: `{'y' * 10_000}`")
    expect(page.get_by_text("1 phase, 1 task")).to_be_visible()
    assert page.evaluate("document.querySelector('main').scrollWidth <= innerWidth")
