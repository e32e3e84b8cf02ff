"""What people who read no commands see: the plan in short, what failed before a gate, files in the box, and results."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff
from tests.browser.signing_in import PASSWORD, sign_in

REPORT = """\
- Write it {#write files=report.md}

  ```sh
  printf '# The week\\n\\n42 users\\n' > report.md
  ```
- Read the report {#check after=write}

  ```action
  {"type": "manual", "instructions": "It is in `report.md`.\\n\\n- Is the **number** right?"}
  ```
"""
FAILS_FIRST = """\
## Build
- Run the tests {#tests}

  ```sh
  echo "expected 200, got 502" >&2; exit 3
  ```
## Publish {#publish approval=yes}
- Upload it: `echo uploaded` {#upload}
"""


def test_a_plan_is_told_in_short_before_its_commands(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("In short", REPORT)
    page.goto(f"/projects/{project_id}")
    short = page.get_by_role("region", name="In short")
    expect(short).to_contain_text("1 phase with 2 tasks: “Write it” and “Read the report”.")
    expect(short).to_contain_text("It runs 1 command, creates “report.md”.")
    expect(short).to_contain_text("Nothing for models: no task uses one.")
    expect(short).to_contain_text("One approval is enough. Later, it needs people for 1 manual task.")
    box = page.get_by_role("region", name="Waiting for a person")
    expect(box.get_by_text("printf '# The week")).to_have_count(0)
    box.get_by_text("Show what 1 task runs, word for word").click()
    expect(box.get_by_text("printf '# The week")).to_be_visible()
    assert violations(page) == []


def test_a_manual_task_shows_the_file_that_it_is_about_and_the_end_shows_the_result(
    page: Page, signoff: Signoff
) -> None:
    project_id = signoff.started("Report", REPORT)
    page.goto(f"/projects/{project_id}")
    form = page.get_by_role("form", name="Read the report")
    expect(form.get_by_role("listitem").get_by_text("number")).to_be_visible()
    expect(form.get_by_role("heading", name="The week")).to_be_visible()
    expect(form.get_by_text("42 users")).to_be_visible()
    # Nothing uses an output of this task.
    expect(form.get_by_role("group", name="Outputs")).to_have_count(0)
    assert violations(page) == []
    # A look at the source does not answer the task.
    form.get_by_role("button", name="Source").click()
    expect(form.get_by_text("# The week")).to_be_visible()
    form.get_by_role("button", name="Done").click()
    results = page.get_by_role("region", name="Results")
    expect(results.get_by_role("link", name="report.md", exact=True)).to_be_visible()
    expect(results.get_by_role("heading", name="The week")).to_be_visible()
    with page.expect_download() as started:
        results.get_by_role("link", name="Download report.md").click()
    assert started.value.path().read_text() == "# The week\n\n42 users\n"
    expect(page.get_by_role("button", name="Edit: Write it")).to_have_count(0)
    expect(page.get_by_role("button", name="Remove: Write it")).to_have_count(0)
    assert violations(page) == []


def test_a_gate_names_what_failed_and_who_skipped_it(page: Page, signoff: Signoff) -> None:
    project_id = signoff.started("Release", FAILS_FIRST, decision_mode="human", auto_approve_phases=False)
    page.goto(f"/projects/{project_id}")
    failure = page.get_by_role("form", name="“Run the tests” has failed. What now?")
    failure.get_by_label("Skip it and continue").check()
    failure.get_by_label("Comment").fill("known, and harmless")
    failure.get_by_role("button", name="Answer").click()
    gate = page.get_by_role("form", name="Phase “Publish” is waiting for your approval")
    problems = gate.get_by_role("region", name="Failed or skipped so far")
    expect(problems).to_contain_text("Run the tests")
    expect(problems).to_contain_text("Failed")
    expect(problems).to_contain_text("expected 200, got 502")
    who = signoff.project(project_id)["created_by"]
    expect(problems).to_contain_text(f"skipped by {who}")
    expect(problems).to_contain_text("known, and harmless")
    gate.get_by_text("Show what 1 task runs, word for word").click()
    expect(gate.get_by_text("echo uploaded")).to_be_visible()
    assert violations(page) == []
    signoff.api.post(f"/api/projects/{project_id}/cancel", json={}).raise_for_status()


def test_an_accepted_change_shows_who_has_approved_and_who_is_missing(visitor: Page, signoff: Signoff) -> None:
    page = visitor
    for name in ("Ada Lovelace", "Grace Hopper"):
        body = {"name": name, "roles": [{"role": "author"}, {"role": "approver"}], "password": PASSWORD}
        signoff.api.post("/api/people", json=body).raise_for_status()
    project_id = signoff.create(
        "Changed", "- [ ] Look {#look}\n- Run: `sh run.sh` {#run after=look}\n", signing={"approvals": 2}
    )
    url = f"/api/projects/{project_id}"

    def upload(text: bytes) -> None:
        files, data = {"file": ("run.sh", text)}, {"overwrite": "true"}
        signoff.api.post(f"{url}/files/upload", files=files, data=data).raise_for_status()

    upload(b"echo safe\n")
    signoff.api.post(f"{url}/generate-plan", json={}).raise_for_status()
    page.goto(f"/projects/{project_id}")
    for name in ("Ada Lovelace", "Grace Hopper"):
        sign_in(page, name)
        page.get_by_role("button", name="Approve and start").click()
        expect(
            page.get_by_role("status").filter(has_text="approv").or_(page.get_by_role("form", name="Look")).first
        ).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
    signoff.eventually(project_id, lambda project: project["tasks"][0]["status"] == "waiting")
    upload(b"echo other\n")
    task_id = signoff.project(project_id)["tasks"][0]["id"]
    signoff.api.post(f"{url}/tasks/{task_id}/complete", json={}).raise_for_status()
    sign_in(page, "Ada Lovelace")
    card = page.get_by_role("form", name="“Run” would no longer run what was signed. Run it anyway?")
    card.get_by_label("Run it as it is now").check()
    card.get_by_role("button", name="Answer").click()
    expect(card.get_by_role("heading", name="1 of 2 approvals")).to_be_visible()
    expect(card).to_contain_text("Ada Lovelace approved")
    expect(card).to_contain_text("Still needed: one more approval")
    expect(card.get_by_label("Run it as it is now")).to_be_disabled()
    # The same in the header, with initials.
    expect(page.get_by_role("main").get_by_text("AL", exact=True).first).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "Grace Hopper")
    card.get_by_label("Run it as it is now").check()
    card.get_by_role("button", name="Answer").click()
    signoff.eventually(project_id, lambda project: project["status"] == "completed")
