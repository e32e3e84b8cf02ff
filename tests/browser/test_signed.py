"""An approval shows and covers the files and settings it freezes; a run asks if they have changed."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff, another_signoff

GOOD, EVIL = "echo good\n", "echo evil \u202e\n"
BUILD = "- Build: `sh build.sh` {#build}"
WAITS = "- [ ] Look {#wait}\n- Build: `sh build.sh` {#build after=wait}"


def upload(signoff: Signoff, project_id: str, text: str, name: str = "build.sh") -> None:
    files = {"file": (name, text.encode())}
    data = {"path": name, "overwrite": "true"}
    signoff.api.post(f"/api/projects/{project_id}/files/upload", files=files, data=data).raise_for_status()


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def approvals(page: Page) -> list[dict[str, Any]]:
    """Record the bodies of all approvals that the page sends from now on."""
    sent: list[dict[str, Any]] = []
    page.on(
        "request",
        lambda request: (
            sent.append(json.loads(request.post_data or "{}")) if request.url.endswith("/approve") else None
        ),
    )
    return sent


def test_a_file_replaced_during_the_run_needs_a_decision(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Replaced", WAITS)
    upload(signoff, project_id, GOOD)
    page.goto(f"/projects/{project_id}")
    signed = page.get_by_role("form").get_by_role("region", name="Signed with the plan")
    line = signed.get_by_text(f"Runs build.sh as it is now (sha256 {sha256(GOOD)[:6]}…)")
    expect(signed.get_by_text(sha256(GOOD))).to_be_hidden()
    line.click()
    expect(signed.get_by_text(sha256(GOOD))).to_be_visible()
    expect(signed.get_by_text("shell, from")).to_be_hidden()
    signed.get_by_text("Also covered by your signature").click()
    expect(signed.get_by_text("shell, from")).to_be_visible()
    assert violations(page) == []
    shown = signoff.api.get(f"/api/projects/{project_id}/plan").json()["frozen"]["digest"]
    sent = approvals(page)
    page.get_by_role("button", name="Approve and start").click()
    expect(page.get_by_text(f"Runs build.sh as signed (sha256 {sha256(GOOD)[:6]}…)")).to_be_visible()
    assert [item["frozen_digest"] for item in sent] == [shown]

    upload(signoff, project_id, EVIL)
    signoff.api.post(f"/api/projects/{project_id}/tasks/wait/complete", json={}).raise_for_status()
    question = page.get_by_role("form", name="“Build” would no longer run what was signed")
    expect(question).to_contain_text("Changed since signing")
    expect(question).to_contain_text("uploaded it")
    lines = question.get_by_label("build.sh: changed lines")
    expect(lines).to_contain_text("-echo good")
    expect(lines).to_contain_text("+echo evil ⟨U+202E⟩")
    expect(question).to_contain_text(f"sha256 {sha256(GOOD)}")
    expect(question).to_contain_text(f"sha256 {sha256(EVIL)}")
    expect(question.get_by_label("Run it as it is now")).to_be_visible()
    assert violations(page) == []
    question.get_by_label("Do not run it: the task fails").check()
    question.get_by_role("button", name="Answer").click()
    project = signoff.eventually(project_id, lambda project: project["stage"] == "finished")
    assert (project["status"], project["tasks"][1]["error"]["type"]) == ("failed", "signed_changed")


def test_content_that_changed_since_it_was_read_is_not_approved(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Surroundings", BUILD)
    upload(signoff, project_id, GOOD)
    # The page receives no events about what others do.
    page.route("**/events*", lambda route: route.abort())
    page.goto(f"/projects/{project_id}")
    approve = page.get_by_role("button", name="Approve and start")
    expect(approve).to_be_enabled()
    upload(signoff, project_id, EVIL)
    with page.expect_response("**/approve") as refusal:
        approve.click()
    assert (refusal.value.status, refusal.value.json()["code"]) == (409, "surroundings_changed")
    alert = page.get_by_role("form").get_by_role("alert")
    expect(alert).to_contain_text("have changed since you read it. Nothing was approved.")
    expect(alert).to_contain_text(f"build.sh: was sha256 {sha256(GOOD)[:6]}…, is now sha256 {sha256(EVIL)[:6]}…")
    expect(approve).to_be_hidden()
    # The content that was read stays until its reader moves on.
    expect(page.get_by_text(f"Runs build.sh as it is now (sha256 {sha256(GOOD)[:6]}…)")).to_be_visible()
    assert violations(page) == []
    project = signoff.project(project_id)
    assert (project["status"], project["run"]) == ("pending", None)

    page.get_by_role("button", name="Show the current state").click()
    expect(page.get_by_text(f"Runs build.sh as it is now (sha256 {sha256(EVIL)[:6]}…)")).to_be_visible()
    expect(alert).to_be_hidden()
    approve.click()
    signoff.eventually(project_id, lambda project: project["status"] == "completed")


def test_a_file_replaced_while_the_plan_is_read_is_reported_at_once(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Told", BUILD)
    page.goto(f"/projects/{project_id}")
    expect(page.get_by_role("button", name="Approve and start")).to_be_enabled()
    upload(signoff, project_id, GOOD)
    alert = page.get_by_role("form").get_by_role("alert")
    expect(alert).to_contain_text(f"build.sh: did not exist, is now sha256 {sha256(GOOD)[:6]}…")


def test_content_that_a_signature_does_not_cover_is_listed(page: Page, signoff: Signoff, tmp_path: Path) -> None:
    outside = tmp_path / "outside.sh"
    outside.write_text(GOOD)
    plan = f'- Odd: `sh "$script"` {{#odd}}\n- Out: `sh {outside}` {{#out}}\n- Link: `sh link.sh` {{#link}}'
    project_id = signoff.planned("Not covered", plan)
    folder = signoff.folder / "data" / "workspaces" / project_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "link.sh").symlink_to(outside)
    page.goto(f"/projects/{project_id}")
    signed = page.get_by_role("region", name="Signed with the plan")
    expect(signed).to_contain_text("Not covered by your signature")
    expect(signed).to_contain_text("Task odd runs")
    expect(signed).to_contain_text(f"{outside} is outside the workspace")
    frozen = signoff.api.get(f"/api/projects/{project_id}/plan").json()["frozen"]
    expect(signed).to_contain_text(f"link.sh: {frozen['unhashed']['link.sh']}")


def test_tasks_without_a_sandbox_are_shown_before_signing(browser: Browser, signoff: Signoff, tmp_path: Path) -> None:
    with another_signoff(signoff, tmp_path, SIGNOFF_SANDBOX="none") as unsandboxed:
        project_id = unsandboxed.planned("Unconfined", "- A: `true` {#a}")
        page = browser.new_page(base_url=unsandboxed.url)
        page.goto(f"/projects/{project_id}")
        powers = page.get_by_role("region", name="What it may do")
        expect(powers).to_contain_text(f"tasks run unsandboxed as {pwd.getpwuid(os.geteuid()).pw_name}")
        page.close()


def test_grants_and_limits_are_shown_before_signing(page: Page, signoff: Signoff) -> None:
    plan = (
        "- A: `true` {#a reads=/srv/exports,/opt/more writes=/srv/out memory=2g}\n"
        "- B: `true` {#b reads=/srv/exports processes=0}"
    )
    project_id = signoff.planned("Granted", plan)
    page.goto(f"/projects/{project_id}")
    powers = page.get_by_role("region", name="What it may do")
    for words in (
        "Reads outside",
        "/srv/exports \u00d72",
        "/opt/more",
        "Writes outside",
        "/srv/out",
        "memory: 2.1 GB",
        "processes: no limit",
    ):
        expect(powers).to_contain_text(words)
    page.get_by_text("Also covered by your signature").click()
    signed = page.get_by_role("region", name="Signed with the plan")
    expect(signed).to_contain_text("Limits for tasks that set none")
    expect(signed).to_contain_text("open files: 65536")
