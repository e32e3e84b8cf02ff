"""Decisions and manual tasks of a run: the first person to answer decides."""

from __future__ import annotations

import os
import pwd

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff

# Without a key, decisions are recorded under the name of the user who started Signoff.
NAME = pwd.getpwuid(os.getuid()).pw_name
DECISION = "- Which list? {#list decision=everybody,team default=team expires=2d}\n"
MANUAL = """\
- [ ] Look at it {#look}

  Compare <b>the totals</b>.
- Use: `echo "$INPUT_ROWS rows" > rows.txt` {#use after=look files=rows.txt}

  ```inputs
  ROWS: ${{ tasks.look.outputs.rows }}
  ```
"""


def _open(signoff: Signoff, name: str, description: str) -> str:
    project_id = signoff.started(name, description, decision_mode="human")
    signoff.eventually(project_id, lambda project: any(task["status"] == "waiting" for task in project["tasks"]))
    return project_id


def _task(signoff: Signoff, project_id: str, key: str) -> dict:
    return signoff.api.get(f"/api/projects/{project_id}/tasks/{key}").json()


def test_a_decision_is_answered_with_a_comment(page: Page, signoff: Signoff) -> None:
    project_id = _open(signoff, "Ask", DECISION)
    page.goto(f"/projects/{project_id}")
    form = page.get_by_role("form", name="Which list?")
    expect(page).to_have_title("● Decide: Ask")
    expect(page.get_by_role("main")).to_contain_text("Waiting for a person: 1 decision")
    expect(form).to_contain_text("If nobody answers in time: team")
    expect(form).to_contain_text("left")
    form.get_by_role("button", name="Answer").click()
    expect(form.get_by_role("alert")).to_contain_text("Choose an answer")
    assert violations(page) == []
    form.get_by_label("everybody").check()
    form.get_by_label("Comment").fill("they asked")
    form.get_by_role("button", name="Answer").dblclick()
    expect(page.get_by_role("status").filter(has_text="All done")).to_be_visible()
    expect(form).to_be_hidden()
    # The page reports only the answers of other people.
    expect(page.get_by_text("Answered by")).to_be_hidden()
    outputs = _task(signoff, project_id, "list")["outputs"]
    assert (outputs["answer"], outputs["comment"]) == ("everybody", "they asked")


def test_a_decision_shows_what_it_is_about(page: Page, signoff: Signoff) -> None:
    plan = """\
- Write: `printf '# The week\\n\\n42 users\\n' > report.md` {#write files=report.md}
- Send report.md to everybody? {#send decision=yes,no after=write}

  The list has **42** readers.
"""
    page.goto(f"/projects/{_open(signoff, 'Shown', plan)}")
    form = page.get_by_role("form", name="Send report.md to everybody?")
    expect(form.get_by_role("strong")).to_have_text("42")
    expect(form).to_contain_text("42 users")
    assert violations(page) == []


def test_an_answer_from_another_page_leaves_a_notice(page: Page, context: BrowserContext, signoff: Signoff) -> None:
    project_id = _open(signoff, "Two people", DECISION + "- [ ] Look at it {#look}\n- [ ] Stay {#stay}\n")
    other = context.new_page()
    for one in (page, other):
        one.goto(f"/projects/{project_id}")
        expect(one.get_by_role("form", name="Which list?")).to_be_visible()
    comment = page.get_by_role("form", name="Stay").get_by_label("Comment")
    comment.fill("half a sentence")
    other.get_by_role("form", name="Which list?").get_by_label("team").check()
    other.get_by_role("form", name="Which list?").get_by_role("button", name="Answer").click()
    other.get_by_role("form", name="Look at it").get_by_role("button", name="Skip").click()
    expect(page.get_by_text(f"Which list? Answered by {NAME}: team")).to_be_visible()
    expect(page.get_by_text(f"{NAME} skipped “Look at it”.")).to_be_visible()
    expect(page.get_by_role("form", name="Which list?")).to_be_hidden()
    # The form below keeps what was typed.
    expect(comment).to_have_value("half a sentence")


def test_a_failed_task_is_retried(page: Page, signoff: Signoff) -> None:
    project_id = _open(signoff, "Fix", "- Check: `test -e ok.txt || { echo no ok.txt >&2; exit 3; }` {#check}")
    page.goto(f"/projects/{project_id}")
    form = page.get_by_role("form", name="“Check” has failed. What now?")
    expect(form).to_contain_text("no ok.txt")
    task_id = _task(signoff, project_id, "check")["id"]
    log = form.get_by_role("link", name="Show task and log")
    expect(log).to_have_attribute("href", f"/projects/{project_id}?task={task_id}")
    signoff.api.post(f"/api/projects/{project_id}/files/upload", files={"file": ("ok.txt", b"ok")}).raise_for_status()
    form.get_by_label("Try again").check()
    form.get_by_role("button", name="Answer").click()
    expect(page.get_by_role("status").filter(has_text="All done")).to_be_visible()


def test_a_manual_task_provides_the_outputs_of_later_tasks(page: Page, signoff: Signoff) -> None:
    project_id = _open(signoff, "By hand", MANUAL)
    page.goto(f"/projects/{project_id}")
    form = page.get_by_role("form", name="Look at it")
    expect(form).to_contain_text("Compare the totals.")
    # The name of the output comes from the task that uses it.
    expect(form.get_by_label("Name 1")).to_have_value("rows")
    form.get_by_role("button", name="Done").click()
    expect(form.get_by_role("alert")).to_contain_text("Later tasks use rows")
    form.get_by_label("Value 1").fill("3")
    form.get_by_role("button", name="Done").click()
    expect(page.get_by_role("status").filter(has_text="All done")).to_be_visible()
    assert _task(signoff, project_id, "look")["outputs"] == {"rows": 3}


def test_many_waiting_tasks_are_shown_in_steps(page: Page, signoff: Signoff) -> None:
    project_id = _open(signoff, "Many", "\n".join(f"- [ ] Look {number}" for number in range(50)))
    page.goto(f"/projects/{project_id}")
    box = page.get_by_role("region", name="Waiting for a person")
    expect(box.get_by_role("form")).to_have_count(20)
    box.get_by_role("button", name="Show more (30 left)").click()
    expect(box.get_by_role("form")).to_have_count(40)
    box.get_by_role("button", name="Show more (10 left)").click()
    expect(box.get_by_role("form")).to_have_count(50)
    signoff.api.post(f"/api/projects/{project_id}/cancel", json={}).raise_for_status()


def test_a_refused_answer_says_why(page: Page, signoff: Signoff) -> None:
    project_id = _open(signoff, "Refused", "- [ ] Look at it {#look}\n- [ ] Stay {#stay}\n")
    page.route("**/events*", lambda route: route.abort())
    page.goto(f"/projects/{project_id}")
    form = page.get_by_role("form", name="Look at it")
    expect(form).to_be_visible()
    page.route("**/complete", lambda route: route.abort())
    form.get_by_role("button", name="Done").click()
    expect(form.get_by_role("alert")).to_contain_text("not responding")
    expect(form.get_by_role("button", name="Done")).to_be_enabled()


def test_the_page_says_who_decides(page: Page, signoff: Signoff) -> None:
    plan = (
        "- Look: `true` {#look}\n- Which title? {#title decision=short,long by=model after=look}\n"
        "- Right? {#first decision=yes,no}\n- Really? {#second decision=yes,no other_than=first}\n"
    )
    project_id = signoff.planned("Who", plan)
    page.goto(f"/projects/{project_id}?tab=plan")
    title = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Which title?"))
    expect(title).to_contain_text("a model answers this first")
    second = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Really?"))
    expect(second).to_contain_text("Must be answered by a different person than")
    expect(page.get_by_role("main")).to_contain_text("a model answers 1 of them first")
    assert violations(page) == []


def test_another_person_must_answer(page: Page, signoff: Signoff) -> None:
    plan = "- Right? {#first decision=yes,no}\n- Really? {#second decision=yes,no other_than=first}\n"
    project_id = _open(signoff, "Two", plan)
    page.goto(f"/projects/{project_id}")
    form = page.get_by_role("form", name="Really?")
    expect(form).to_contain_text("Only somebody other than whoever answered “Right?” can answer this.")
    first = page.get_by_role("form", name="Right?")
    first.get_by_label("yes").check()
    first.get_by_role("button", name="Answer").click()
    expect(first).to_be_hidden()
    form.get_by_label("yes").check()
    form.get_by_role("button", name="Answer").click()
    expect(form.get_by_role("alert")).to_contain_text("Another person must answer 'second'.")
