"""The Record, Versions and Metrics tabs of a project."""

from __future__ import annotations

import json
import textwrap

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.axe import violations, violations_in_both_themes
from tests.browser.conftest import Signoff
from tests.conftest import OWNER

BEFORE, AFTER = "make all\nmake test --verbose", "make all\nmake test --quiet\nrm -rf build"


@pytest.fixture(scope="module")
def signed(signoff: Signoff) -> str:
    """A project whose plan was changed, whose approval of the old version was refused, and that was then approved and run."""
    command = textwrap.indent(f"```sh\n{BEFORE}\n```\n", "  ")
    project_id = signoff.planned("Signed", f"- Build it {{#build}}\n\n{command}")
    task = signoff.project(project_id)["tasks"][0]["id"]
    change = {"action": {"type": "shell", "command": f"cat << end\n{AFTER}\nend"}}
    signoff.api.put(f"/api/projects/{project_id}/tasks/{task}", json=change).raise_for_status()
    refused = signoff.api.post(f"/api/projects/{project_id}/approve", json={"plan_version": 1})
    assert refused.status_code == 409
    signoff.api.post(f"/api/projects/{project_id}/approve", json={"comment": "I read <b>it</b>"}).raise_for_status()
    signoff.eventually(project_id, lambda project: project["stage"] == "finished")
    return project_id


def test_the_record_says_who_approved_which_version_and_who_was_refused(
    page: Page, signed: str, signoff: Signoff
) -> None:
    page.goto(f"/projects/{signed}/record")
    made = page.get_by_role("list", name="Decisions").get_by_role("listitem")
    approved = made.filter(has_text="approved the plan (version 2)")
    digest = signoff.project(signed)["plan"]["digest"]
    expect(approved).to_contain_text(OWNER)
    expect(approved).to_contain_text("I read <b>it</b>")
    expect(approved).to_contain_text(digest[:12])
    refused = made.filter(has_text="Refused")
    expect(refused).to_contain_text(f"{OWNER} tried to approve")
    expect(refused).to_contain_text("version 2 is the current one")


def test_the_seal_is_the_one_of_the_audit_and_warns_when_broken(page: Page, signed: str, signoff: Signoff) -> None:
    trail = signoff.api.post(f"/api/projects/{signed}/audit", json={}).json()["trail"]
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url) if sent.url.endswith("/audit") else None)
    page.goto(f"/projects/{signed}/record")
    seal = page.get_by_role("region", name="Record seal")
    expect(seal).to_contain_text(f"Record intact: {trail['events']} events")
    expect(seal).to_contain_text(trail["head"])
    expect(seal).to_contain_text(f"Sealed up to event {trail['seal']['seq']} with key {trail['fingerprint']}")
    expect(seal).not_to_contain_text("not sealed yet")
    expect(page.get_by_text("signoff verify project.zip")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert len(asked) == 1
    page.route("**/audit", _break)
    seal.get_by_role("button", name="Check again").click()
    expect(page.get_by_role("alert")).to_contain_text("The record was altered")
    expect(page.get_by_role("alert")).to_contain_text("2 events are not sealed yet")


def test_events_are_sentences_that_can_be_filtered(page: Page, signed: str, signoff: Signoff) -> None:
    page.goto(f"/projects/{signed}/record")
    events = page.get_by_role("list", name="All events").get_by_role("listitem")
    expect(events.first).to_contain_text("The project completed")
    page.get_by_label("Order").select_option("Oldest first")
    expect(events.first).to_contain_text(f"{OWNER} created the project")
    page.get_by_label("Category").select_option("Tasks")
    expect(events).to_have_count(2)
    expect(events.nth(1)).to_contain_text("Build it completed after")
    events.nth(1).get_by_text("Raw").click()
    expect(events.nth(1)).to_contain_text('"type": "task.completed"')


def test_the_record_is_updated_live(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Going on", "- [ ] Look")
    page.goto(f"/projects/{project_id}/record")
    expect(page.get_by_role("list", name="All events")).to_contain_text("Plan version 1 is ready")
    signoff.api.post(f"/api/projects/{project_id}/approve", json={"comment": "go"}).raise_for_status()
    expect(page.get_by_role("list", name="All events")).to_contain_text(f"{OWNER} approved plan version 1: “go”")
    expect(page.get_by_role("list", name="Decisions")).to_contain_text("approved the plan (version 1)")
    expect(page.get_by_role("region", name="Record seal")).to_contain_text("events since then")


def test_versions_are_compared_down_to_the_words_of_a_command(page: Page, signed: str) -> None:
    page.goto(f"/projects/{signed}/versions")
    expect(page.get_by_role("table", name="Plan versions").get_by_role("row")).to_have_count(3)
    before = page.get_by_role("group", name="action.command, Version 1")
    after = page.get_by_role("group", name="action.command, Version 2")
    expect(before).to_contain_text("make test --verbose")
    expect(after).to_contain_text("make test --quiet")
    expect(after).to_contain_text("rm -rf build")
    here, there = before.bounding_box(), after.bounding_box()
    assert here
    assert there
    assert here["y"] == there["y"]
    assert there["x"] >= here["x"] + here["width"]
    page.set_viewport_size({"width": 360, "height": 740})
    here, there = before.bounding_box(), after.bounding_box()
    assert here
    assert there
    assert there["y"] >= here["y"] + here["height"]
    page.get_by_role("combobox", name="To version").select_option("1")
    expect(page.get_by_text("Choose two different versions.")).to_be_visible()


def test_the_metrics_follow_the_run(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Counted", "- Quick: `true`\n- [ ] Look", max_tokens=1000)
    page.goto(f"/projects/{project_id}/metrics")
    progress = page.get_by_role("region", name="Metrics").get_by_role("progressbar", name="Progress")
    expect(progress).to_have_attribute("aria-valuetext", "0 of 2 tasks completed, 0%")
    expect(page.get_by_role("meter", name="Tokens")).to_have_attribute("aria-valuetext", "0 of 1,000")
    signoff.api.post(f"/api/projects/{project_id}/approve", json={}).raise_for_status()
    expect(progress).to_have_attribute("aria-valuetext", "1 of 2 tasks completed, 50%")
    expect(page.get_by_role("link", name="Quick")).to_be_visible()


def test_the_views_of_a_run_are_accessible(page: Page, signed: str) -> None:
    for view, shown in [
        ("graph", "Statuses"),
        ("timeline", "Select a task"),
        ("metrics", "Slowest tasks"),
        ("record", "Raw"),
        ("versions", "From version 1"),
    ]:
        page.goto(f"/projects/{signed}/{view}")
        found = page.get_by_role("list", name=shown) if view == "graph" else page.get_by_text(shown).first
        expect(found).to_be_visible()
        assert (view, violations_in_both_themes(page)) == (view, [])


def _break(route: Route) -> None:
    answer = route.fetch()
    audit = answer.json()
    audit["trail"]["intact"] = False
    audit["trail"]["unsealed"] = 2
    route.fulfill(response=answer, body=json.dumps(audit))


def test_the_certificate_opens_prints_and_is_saved(page: Page, signed: str, signoff: Signoff) -> None:
    digest = signoff.project(signed)["plan"]["digest"]
    page.goto(f"/projects/{signed}/record")
    part = page.get_by_role("region", name="Certificate")
    with page.context.expect_page() as opened:
        part.get_by_role("link", name="Certificate").click()
    certificate = opened.value
    expect(certificate.get_by_role("heading", name="Certificate of a signed plan")).to_be_visible()
    expect(certificate.locator("body")).to_contain_text(digest)
    expect(certificate.locator("body")).to_contain_text("I read <b>it</b>")
    expect(certificate.locator("body")).to_contain_text("rm -rf build")
    assert violations(certificate) == []
    # The style applies, although the page allows no other.
    assert certificate.locator(".lead").evaluate("e => getComputedStyle(e).borderTopStyle") == "solid"
    assert certificate.pdf().startswith(b"%PDF")
    certificate.close()
    with page.expect_download() as download:
        part.get_by_role("link", name="Signed file").click()
    assert download.value.suggested_filename == f"{signed}.certificate.json"


def test_what_was_not_signed_has_no_certificate(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Not signed", "- [ ] Look {#look}")
    page.goto(f"/projects/{project_id}/record")
    expect(page.get_by_role("list", name="All events")).to_be_visible()
    expect(page.get_by_role("region", name="Certificate")).to_have_count(0)
