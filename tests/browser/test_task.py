"""The task panel and its log."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import Signoff

# Writes the content of the files step1, step2, … as they arrive, so that a test controls when a line appears.
STEPS = (
    "n=0; while true; do n=$((n + 1)); while [ ! -e step$n ]; do sleep 0.05; done; cat step$n; "
    "if grep -q last step$n; then break; fi; done"
)


def _step(signoff: Signoff, project_id: str, number: int, text: str) -> None:
    files = {"file": (f"step{number}", text.encode())}
    signoff.api.post(f"/api/projects/{project_id}/files/upload", files=files).raise_for_status()


def test_a_log_is_followed_line_by_line(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Live log", f"- Talk {{#talk}}\n\n  ```sh\n  {STEPS}\n  ```\n")
    page.goto(f"/projects/{project_id}?task=talk")
    panel = page.get_by_role("dialog", name="Talk")
    expect(panel).to_contain_text("The task has not started.")
    signoff.api.post(f"/api/projects/{project_id}/approve", json={}).raise_for_status()
    log = panel.get_by_role("region", name="Log", exact=True)
    _step(signoff, project_id, 1, "first\n")
    expect(log).to_contain_text("first")
    expect(panel).to_contain_text("Running")
    _step(signoff, project_id, 2, "".join(f"line {number}\n" for number in range(300)))
    expect(log.get_by_text("line 299")).to_be_in_viewport()
    # A reader who has scrolled up stays there.
    log.hover()
    page.mouse.wheel(0, -2000)
    expect(panel.get_by_role("button", name="Jump to the end")).to_be_visible()
    top = log.evaluate("log => log.scrollTop")
    _step(signoff, project_id, 3, "much later\n")
    expect(panel).to_contain_text("302 lines")
    assert log.evaluate("log => log.scrollTop") == top
    panel.get_by_role("button", name="Jump to the end").click()
    expect(log.get_by_text("much later")).to_be_in_viewport()
    _step(signoff, project_id, 4, "last\n")
    expect(log.get_by_text("last", exact=True)).to_be_in_viewport()
    expect(panel).to_contain_text("Complete · 303 lines")


def test_colors_and_overwritten_lines_look_as_in_a_terminal(page: Page, signoff: Signoff) -> None:
    command = r"printf '10%%\r100%%\n\033[31mred\nstill\033[0m plain \033[2K\342\200\256end\n'"
    project_id = signoff.finished("Colors", f"- Paint {{#paint}}\n\n  ```sh\n  {command}\n  ```\n")
    page.goto(f"/projects/{project_id}?task=paint")
    log = page.get_by_role("region", name="Log", exact=True)
    expect(log.locator("[data-line]")).to_have_text(["100%", "red", "still plain ⟨U+202E⟩end"])
    red, still = log.get_by_text("red"), log.get_by_text("still", exact=True)
    color = "element => getComputedStyle(element).color"
    assert red.evaluate(color) == still.evaluate(color) == "rgb(185, 28, 28)"
    assert log.locator("[data-line='2']").evaluate(color) != red.evaluate(color)


def test_a_long_log_opens_and_is_searched(page: Page, signoff: Signoff) -> None:
    project_id = signoff.finished("Long log", "- Count: `seq -f 'line %.0f of a long log' 130000` {#count}")
    page.goto(f"/projects/{project_id}?task=count")
    panel = page.get_by_role("dialog", name="Count")
    log = panel.get_by_role("region", name="Log", exact=True)
    expect(panel).to_contain_text("Complete · 130,000 lines")
    expect(log.get_by_text("line 130000 ")).to_be_in_viewport()
    # The page stays fast, because it holds only a part of the log.
    assert page.evaluate("document.querySelectorAll('[data-line]').length") <= 5250
    search = panel.get_by_role("searchbox", name="Search the log")
    search.fill("LINE 12345")
    expect(panel.get_by_text("1 of 11")).to_be_visible()
    expect(log.get_by_role("mark").get_by_text("line 12345", exact=True)).to_be_in_viewport()
    search.press("Enter")
    expect(panel.get_by_text("2 of 11")).to_be_visible()
    expect(log.locator("[data-line='123449']")).to_be_in_viewport()
    panel.get_by_role("button", name="Previous match").click()
    expect(log.locator("[data-line='12344']")).to_be_in_viewport()
    log.evaluate("log => { log.scrollTop = 0 }")
    log.get_by_role("button", name=re.compile("earlier lines")).click()
    expect(log.locator("[data-line='6000']")).to_be_attached()
    with page.expect_download() as download:
        panel.get_by_role("link", name="Download").click()
    assert download.value.path().read_text().endswith("line 130000 of a long log\n")


def test_a_failed_task_shows_why_and_its_earlier_attempts(page: Page, signoff: Signoff) -> None:
    outline = "- Fail: `echo attempt >> tries; wc -l < tries; exit 3` {#fail retries=1}"
    project_id = signoff.finished("Failing", outline)
    page.goto(f"/projects/{project_id}?task=fail")
    panel = page.get_by_role("dialog", name="Fail")
    expect(panel.locator("dl").first).to_contain_text("Exit code 3")
    log = panel.get_by_role("region", name="Log", exact=True)
    expect(log).to_contain_text("2")
    panel.get_by_label("Attempt").select_option("1")
    expect(log.locator("[data-line]")).to_have_text(["1"])


def test_long_outputs_are_shown_whole(page: Page, signoff: Signoff) -> None:
    command = """{ printf 'words='; head -c 9000 /dev/zero | tr '\\0' 'a'; echo ' the end'; } >> "$SIGNOFF_OUTPUT\""""
    project_id = signoff.finished("Outputs", f"- Speak: `{command}` {{#speak}}")
    page.goto(f"/projects/{project_id}?task=speak")
    panel = page.get_by_role("dialog", name="Speak")
    panel.get_by_role("button", name="Show all 9,008 characters").click()
    expect(panel).to_contain_text("aaa the end")


def test_a_task_is_opened_and_closed_by_keyboard(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Keyboard", "- One: `true`\n- Two: `true` {after=one}")
    page.goto(f"/projects/{project_id}?q=two")
    link = page.get_by_role("heading", name="Two").get_by_role("link")
    expect(link).to_be_visible()
    link.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="Two")
    expect(panel.get_by_role("heading", name="Two")).to_be_focused()
    page.keyboard.press("Tab")
    expect(panel.locator(":focus")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(link).to_be_focused()
    page.wait_for_url(f"**/projects/{project_id}?q=two")


def test_a_task_is_accessible(page: Page, signoff: Signoff) -> None:
    colors = "".join(
        f"\\033[{number}mcolor {number}\\033[0m\\n" for number in (*range(30, 38), *range(90, 98), 41, 107)
    )
    project_id = signoff.finished(
        "Accessible task", f"- Paint {{#paint}}\n\n  ```sh\n  printf '{colors}'; exit 1\n  ```\n"
    )
    page.goto(f"/projects/{project_id}?task=paint")
    page.get_by_role("searchbox", name="Search the log").fill("color 3")
    expect(page.get_by_text("1 of 8")).to_be_visible()
    assert violations_in_both_themes(page) == []
