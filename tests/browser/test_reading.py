"""A step in which a person reads a file that a later task runs."""

from __future__ import annotations

import hashlib

from playwright.sync_api import Page, expect

from tests.browser.conftest import Signoff

PLAN = """\
- Read the script {#look}

  ```action
  {"type": "manual", "shows": ["clean.sh"]}
  ```
- Clean: `sh clean.sh` {#clean after=look}
"""
SAFE, OTHER = "echo cleaned\n", "echo other\n"


def _upload(signoff: Signoff, project_id: str, text: str) -> None:
    body = {"file": ("clean.sh", text.encode())}
    url = f"/api/projects/{project_id}/files/upload"
    signoff.api.post(url, files=body, data={"overwrite": "true"}).raise_for_status()


def test_a_person_reads_the_file_and_confirms_just_what_the_page_shows(page: Page, signoff: Signoff) -> None:
    made = signoff.api.post("/api/projects", json={"name": "Clean", "description": PLAN}).raise_for_status().json()
    project_id = made["id"]
    signoff.api.post(f"/api/projects/{project_id}/generate-plan").raise_for_status()
    _upload(signoff, project_id, SAFE)
    signoff.api.post(f"/api/projects/{project_id}/approve", json={}).raise_for_status()
    page.goto(f"/projects/{project_id}")
    form = page.get_by_role("form", name="Read the script")
    files = form.get_by_role("region", name="Files to read")
    expect(files).to_contain_text("echo cleaned")
    expect(files).to_contain_text(f"13 B, sha256 {hashlib.sha256(SAFE.encode()).hexdigest()}")
    _upload(signoff, project_id, OTHER)
    form.get_by_role("button", name="I have read it").click()
    expect(form.get_by_role("alert")).to_contain_text("clean.sh has changed since you looked at it")
    expect(files).to_contain_text("echo other")
    form.get_by_role("button", name="I have read it").click()
    expect(page.get_by_role("status").filter(has_text="All done")).to_be_visible()
    tasks = signoff.api.get(f"/api/projects/{project_id}/tasks").raise_for_status().json()["tasks"]
    assert tasks[0]["outputs"]["read"] == {"clean.sh": hashlib.sha256(OTHER.encode()).hexdigest()}
    assert tasks[1]["outputs"]["stdout"] == "other"


def test_a_person_does_without_an_expected_file_at_the_second_press(page: Page, signoff: Signoff) -> None:
    plan = "- [ ] Write the report {#report files=report.md}"
    made = signoff.api.post("/api/projects", json={"name": "Report", "description": plan}).raise_for_status().json()
    signoff.api.post(f"/api/projects/{made['id']}/generate-plan").raise_for_status()
    signoff.api.post(f"/api/projects/{made['id']}/approve", json={}).raise_for_status()
    page.goto(f"/projects/{made['id']}")
    form = page.get_by_role("form", name="Write the report")
    form.get_by_role("button", name="Done").click()
    expect(form.get_by_text("press Done again to continue without it")).to_be_visible()
    form.get_by_role("button", name="Done").click()
    expect(page.get_by_role("status").filter(has_text="All done")).to_be_visible()
