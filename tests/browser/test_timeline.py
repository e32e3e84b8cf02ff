"""The Timeline tab: the times of a run, and its growth while the run is in progress."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Signoff

FLAKY = "test -e been || { touch been; echo no luck; exit 1; }"
HELD = "until test -e go; do sleep 0.05; done"


def test_a_retry_is_two_attempts_with_a_pause_between_them(page: Page, signoff: Signoff) -> None:
    project_id = signoff.finished("Retried", f"- Flaky: `{FLAKY}` {{retries=1}}\n- Other: `true`")
    page.goto(f"/projects/{project_id}/timeline")
    row = page.get_by_role("listitem").filter(has=page.get_by_role("button", name="Flaky"))
    bars = row.get_by_role("img")
    expect(bars).to_have_count(3)
    first, second = (row.get_by_role("img", name=name) for name in ("Attempt 1: failed", "Attempt 2: completed"))
    here, there = first.bounding_box(), second.bounding_box()
    assert here
    assert there
    assert there["x"] > here["x"] + here["width"]
    # The same times as text, reached by keyboard.
    row.get_by_role("button", name="Flaky").press("Enter")
    times = page.get_by_role("table", name="Times of Flaky").get_by_role("row")
    expect(times).to_have_count(4)
    expect(times.nth(1)).to_contain_text("exit code 1")
    expect(times.nth(2)).to_contain_text("Pause before the next attempt")
    expect(times.nth(3)).to_contain_text("Attempt 2: completed")


def test_it_grows_during_the_run_even_with_many_tasks(page: Page, signoff: Signoff) -> None:
    others = "\n".join(f"- Task {number}: `true`" for number in range(999))
    project_id = signoff.started("Growing", f"## One\n- Hold: `{HELD}`\n## Two {{approval=yes}}\n{others}")
    page.goto(f"/projects/{project_id}/timeline")
    row = page.get_by_role("listitem").filter(has=page.get_by_role("button", name="Hold"))
    bar = row.get_by_role("img")
    expect(bar).to_have_attribute("aria-label", _starts("Attempt 1: running"))
    expect(page.get_by_title("Now")).to_be_attached()
    before = bar.get_attribute("aria-label")
    page.wait_for_function("([bar, before]) => bar.ariaLabel !== before", arg=[bar.element_handle(), before])
    assert page.get_by_role("button", name="Task ").count() == 999
    signoff.api.post(f"/api/projects/{project_id}/files/upload", files={"file": ("go", b"")}).raise_for_status()
    expect(bar).to_have_attribute("aria-label", _starts("Attempt 1: completed"))
    gate = page.get_by_role("region", name="Phase Two").get_by_role("img")
    expect(gate).to_have_attribute("aria-label", _starts("Waiting for approval"))
    wide = page.evaluate("document.querySelector('.chart').clientWidth")
    page.get_by_role("region", name="Timeline:").press("+")
    assert page.evaluate("document.querySelector('.chart').clientWidth") > wide
    signoff.api.post(f"/api/projects/{project_id}/cancel", json={}).raise_for_status()
    expect(page.get_by_title("Now")).not_to_be_attached()


def test_each_run_has_its_own_timeline(page: Page, signoff: Signoff) -> None:
    project_id = signoff.finished("Twice", "1. Fails at first: `test -e go`\n2. Succeeds: `true`")
    signoff.api.post(f"/api/projects/{project_id}/files/upload", files={"file": ("go", b"")}).raise_for_status()
    signoff.api.post(f"/api/projects/{project_id}/retry", json={}).raise_for_status()
    signoff.eventually(project_id, lambda project: project["status"] == "completed")
    page.goto(f"/projects/{project_id}/timeline")
    row = page.get_by_role("listitem").filter(has=page.get_by_role("button", name="Fails at first"))
    expect(row.get_by_role("img")).to_have_attribute("aria-label", _starts("Attempt 2: completed"))
    page.get_by_role("combobox", name="Run").select_option("1")
    expect(row.get_by_role("img")).to_have_attribute("aria-label", _starts("Attempt 1: failed"))


def _starts(text: str) -> re.Pattern[str]:
    return re.compile(f"^{re.escape(text)}")
