"""Conditions, answers that end a run, clean-up and releases: what the page says before and afterwards, and its forms."""

from __future__ import annotations

import os
import pwd

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff

# Without a key, decisions are recorded under the name of the user who started Signoff.
NAME = pwd.getpwuid(os.getuid()).pw_name
SHIP = """\
## Ship

- Ship it? {#ask decision=yes,no}
- Ship: `true` {#ship if=ask:yes}
- Apologize: `true` {#sorry if=ask:no}

## Clean up {on=always}

- Sweep: `true` {#sweep}
"""
RELEASE = """---
parameters:
  environment: {choices: [staging, production], default: staging}
---

# Release

## Build

- Build: `true` {#build}
- Warn: `true` {#warn if=environment:production}

## Live

- Switch: `true` {#switch}
"""


def test_a_no_says_first_what_follows_and_ends_the_project(page: Page, signoff: Signoff) -> None:
    project_id = signoff.started("No", SHIP)
    signoff.eventually(project_id, lambda project: project["tasks"][0]["status"] == "waiting")
    page.goto(f"/projects/{project_id}")
    form = page.get_by_role("form", name="Ship it?")
    expect(form).to_contain_text("ends the run: what depends on it and all later phases are skipped")
    expect(form).to_contain_text("Apologize")
    assert violations(page) == []
    form.get_by_label("no", exact=False).check()
    form.get_by_label("Comment").fill("too early")
    form.get_by_role("button", name="Answer").click()
    project = signoff.eventually(project_id, lambda project: project["stage"] == "finished")
    assert project["status"] == "cancelled"
    expect(page.get_by_role("main")).to_contain_text(f"{NAME} answered 'no' to 'Ship it?': too early")
    reasons = {task["key"]: task["reason"] or task["status"] for task in project["tasks"]}
    assert reasons == {"ask": "completed", "ship": "stopped_by_answer", "sorry": "completed", "sweep": "completed"}


def test_what_a_parameter_rules_out_is_shown_before_the_signature(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Ruled out", RELEASE)
    page.goto(f"/projects/{project_id}?tab=plan")
    expect(page.get_by_role("main")).to_contain_text("environment is 'staging' (runs only if it is production)")
    signoff.api.post(f"/api/projects/{project_id}/approve", json={}).raise_for_status()
    signoff.eventually(project_id, lambda project: project["stage"] == "finished")
    expect(page.get_by_role("main")).to_contain_text("its condition is not met")


def test_a_clean_up_phase_runs_after_a_cancel(page: Page, signoff: Signoff) -> None:
    plan = "## Work\n\n- Long: `sleep 300` {#long}\n\n## Clean up {on=always}\n\n- Sweep: `echo swept` {#sweep}\n"
    project_id = signoff.started("Clean up", plan)
    signoff.eventually(project_id, lambda project: project["tasks"][0]["status"] == "running")
    page.goto(f"/projects/{project_id}")
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the project").click()
    project = signoff.eventually(project_id, lambda project: project["stage"] == "finished")
    assert [task["status"] for task in project["tasks"]] == ["cancelled", "completed"]
    report = page.get_by_role("region", name="Cancelled: what happened to each task")
    expect(report).to_contain_text("1 interrupted")


def test_a_task_is_released_by_a_person(page: Page, signoff: Signoff) -> None:
    project_id = signoff.started("Release", "- Deploy: `echo deployed` {#deploy approval=yes}\n")
    signoff.eventually(project_id, lambda project: project["tasks"][0]["status"] == "waiting")
    page.goto(f"/projects/{project_id}")
    form = page.get_by_role("form", name="Deploy")
    expect(form).to_contain_text("Waits to be released")
    form.get_by_role("button", name="Run it now").click()
    project = signoff.eventually(project_id, lambda project: project["stage"] == "finished")
    assert project["tasks"][0]["outputs"]["stdout"] == "deployed"


def test_forms_set_conditions_and_approvals(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Forms", RELEASE)
    page.goto(f"/projects/{project_id}?tab=plan")
    dialog = page.get_by_role("dialog")
    page.get_by_role("button", name="Edit: Switch").click()
    dialog.get_by_label("Runs only if").select_option(label="Build")
    dialog.get_by_label("is one of").fill("moon")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text("cannot be 'moon'; use completed, failed, skipped")
    dialog.get_by_label("is one of").fill("completed\nskipped")
    dialog.get_by_label("A person must release it").check()
    assert violations(page) == []
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Edit: Live").click()
    dialog.get_by_role("combobox", name="Runs", exact=True).select_option("always")
    dialog.get_by_label("Runs only if").select_option(label="parameter environment")
    dialog.get_by_label("is one of").fill("production")
    assert violations(page) == []
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    plan = signoff.api.get(f"/api/projects/{project_id}/plan").json()
    live = plan["phases"][1]
    assert live["condition"] == {"parameter": "environment", "is": ["production"], "value": "staging", "met": False}
    assert (live["runs_on"], live["requires_approval"]) == ("always", False)
    switch = live["tasks"][0]
    assert switch["condition"] == {"task": "build", "is": ["completed", "skipped"]}
    assert switch["requires_approval"]
    page.get_by_role("button", name="Edit: Live").click()
    expect(dialog.get_by_label("is one of")).to_have_value("production")
    dialog.get_by_label("Runs only if").select_option(label="always")
    dialog.get_by_role("combobox", name="Runs", exact=True).select_option("success")
    dialog.get_by_label("A person must approve it").check()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    live = signoff.api.get(f"/api/projects/{project_id}/plan").json()["phases"][1]
    assert (live["condition"], live["runs_on"], live["requires_approval"]) == (None, "success", True)
