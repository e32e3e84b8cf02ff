"""The list of projects: its address, its live updates, and deletions that can be undone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import Signoff
from tests.browser.waiting import until

MANY = 60


@pytest.fixture(scope="module")
def many(signoff: Signoff) -> list[str]:
    """The names of 60 projects, oldest first, that only the search for `cataloged` finds."""
    names = [f"Cataloged {number:02}" for number in range(MANY)]
    for name in names:
        signoff.create(name, "- `true`", strategy="careful" if name.endswith("0") else "performance")
    return names


def span(first: int, last: int) -> str:
    return f"{first}\N{EN DASH}{last} of {MANY}"


def rows(page: Page) -> Locator:
    return page.get_by_role("main").get_by_role("listitem")


def row(page: Page, name: str) -> Locator:
    return rows(page).filter(has=page.get_by_role("link", name=name, exact=True))


def tick(page: Page, name: str) -> Locator:
    return page.get_by_role("checkbox", name=f"Select {name}", exact=True)


def exists(signoff: Signoff, project_id: str) -> bool:
    return signoff.api.get(f"/api/projects/{project_id}").status_code == 200


def test_the_address_stores_what_is_shown(page: Page, many: list[str]) -> None:
    page.goto("/")
    page.get_by_role("searchbox").press_sequentially("cataloged")
    page.wait_for_url("**/?search=cataloged")
    expect(page.get_by_text(span(1, 20))).to_be_visible()
    page.get_by_label("Sort by").select_option("Name")
    expect(rows(page).first).to_contain_text(many[0])
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text(span(21, 40))).to_be_visible()
    page.reload()
    expect(rows(page).first).to_contain_text(many[20])
    expect(page.get_by_role("searchbox")).to_have_value("cataloged")
    expect(page.get_by_label("Sort by")).to_have_value("name")
    page.get_by_label("Rows").select_option("100")
    expect(rows(page)).to_have_count(MANY)
    page.get_by_role("link", name=many[7]).click()
    page.wait_for_url("**/projects/*")
    page.go_back()
    expect(rows(page)).to_have_count(MANY)
    page.go_back()
    expect(page.get_by_text(span(21, 40))).to_be_visible()


def test_filters_count_what_they_would_show(page: Page, signoff: Signoff, many: list[str]) -> None:
    page.goto("/?search=cataloged")
    tabs = page.get_by_role("navigation", name="Projects by status")
    expect(tabs.get_by_role("link", name=re.compile("^All"))).to_have_text(re.compile(rf"All\s+{MANY}"))
    tabs.get_by_role("link", name=re.compile("^Pending")).click()
    expect(page.get_by_text(span(1, 20))).to_be_visible()
    tabs.get_by_role("link", name=re.compile("^Failed")).click()
    expect(page.get_by_role("heading", name="No matching projects")).to_be_visible()
    page.get_by_role("link", name="Clear search and filter").click()
    expect(rows(page).first).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("")


def test_an_older_response_does_not_replace_a_newer_one(page: Page, many: list[str]) -> None:
    page.goto("/?search=cataloged")
    expect(rows(page)).to_have_count(20)
    older = re.compile(r"/api/projects\?.*\bsearch=cataloged%200\b")
    page.route(older, lambda _: None)  # not answered
    search = page.get_by_role("searchbox")
    with page.expect_request(older) as sent:
        search.fill("cataloged 0")
    # The page cancels the older request, so no response to it can arrive any more.
    with page.expect_event("requestfailed", lambda failed: failed == sent.value):
        search.fill("cataloged 11")
    expect(rows(page)).to_have_count(1)


def test_rows_change_as_their_projects_do(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Seen live", "- Go on? {decision=yes,no}", decision_mode="human")
    page.goto("/?search=seen+live")
    page.evaluate("window.kept = true")
    live = row(page, "Seen live")
    expect(live).to_contain_text("Waiting for your approval")
    signoff.api.post(f"/api/projects/{project_id}/approve", json={}).raise_for_status()
    expect(live).to_contain_text("Running")
    expect(live).to_contain_text("Waiting for your answer")
    expect(page.get_by_role("link", name=re.compile("^Running"))).to_contain_text("1")
    signoff.create("Seen live as well", "")
    expect(row(page, "Seen live as well")).to_be_visible()
    signoff.api.delete(f"/api/projects/{project_id}").raise_for_status()
    expect(live).to_have_count(0)
    assert page.evaluate("window.kept") is True


def test_a_manual_task_is_shown_in_the_list(page: Page, signoff: Signoff) -> None:
    project_id = signoff.started("By hand in the list", "- [ ] Look at it\n- [ ] And at this")
    page.goto("/?search=by+hand+in+the+list")
    live = row(page, "By hand in the list")
    expect(live).to_contain_text("2 tasks are waiting for you")
    expect(page.get_by_role("link", name=re.compile(r"things? (is|are) waiting for you"))).to_be_visible()
    first, second = (task["id"] for task in signoff.project(project_id)["tasks"])
    signoff.api.post(f"/api/projects/{project_id}/tasks/{first}/complete", json={}).raise_for_status()
    expect(live).to_contain_text("1 task is waiting for you")
    signoff.api.post(f"/api/projects/{project_id}/tasks/{second}/complete", json={}).raise_for_status()
    signoff.eventually(project_id, lambda project: project["status"] == "completed")
    expect(live).to_contain_text("Completed")
    expect(live).not_to_contain_text("waiting for you")


def test_a_lost_connection_is_shown_and_restored(page: Page, signoff: Signoff) -> None:
    page.route("**/api/events", lambda route: route.abort())
    page.goto("/")
    expect(page.get_by_text("may be out of date")).to_be_visible()
    signoff.create("Made meanwhile", "")
    page.unroute("**/api/events")
    expect(row(page, "Made meanwhile")).to_be_visible()
    expect(page.get_by_text("may be out of date")).to_have_count(0)


def test_a_list_that_cannot_be_read_says_so(page: Page) -> None:
    # Otherwise an event of another project would reload the list.
    page.route("**/api/events", lambda route: route.abort())
    page.route("**/api/projects?*", lambda route: route.abort())
    page.goto("/")
    expect(page.get_by_role("alert")).to_contain_text("not responding")
    page.unroute("**/api/projects?*")
    page.get_by_role("button", name="Try again").click()
    expect(rows(page).first).to_be_visible()


def test_only_undo_keeps_projects(page: Page, signoff: Signoff) -> None:
    kept, gone = (signoff.create(f"Undoable {word}", "") for word in ("kept", "gone"))
    running = signoff.started("Undoable running", "- `sleep 600`")
    page.clock.install()
    page.goto("/?search=undoable")
    tick(page, "Undoable kept").check()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row(page, "Undoable kept")).to_contain_text("Deleting…")
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(row(page, "Undoable kept")).not_to_contain_text("Deleting…")
    tick(page, "Undoable gone").check()
    tick(page, "Undoable running").check()
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("dialog")).to_contain_text("1 is running")
    page.get_by_role("dialog").get_by_role("button", name="Delete 2").click()
    expect(row(page, "Undoable gone")).to_contain_text("Deleting…")
    assert exists(signoff, gone)
    page.clock.fast_forward(9000)
    expect(page.get_by_role("status").filter(has_text="2 projects were deleted.")).to_be_visible()
    expect(rows(page).filter(has_text="Undoable")).to_have_count(1)
    assert [exists(signoff, project_id) for project_id in (kept, gone, running)] == [True, False, False]


def test_leaving_the_page_sends_pending_deletions(page: Page, signoff: Signoff) -> None:
    project_id = signoff.create("Left behind", "")
    page.goto("/?search=left+behind")
    page.get_by_role("button", name="More actions for Left behind").click()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row(page, "Left behind")).to_contain_text("Deleting…")
    page.goto("about:blank")
    until(lambda: not exists(signoff, project_id), "the project is deleted")


def test_a_refused_deletion_shows_its_reason(page: Page, signoff: Signoff) -> None:
    project_id = signoff.create("Not to be deleted", "")
    failed = [{"id": project_id, "error": "task_still_stopping", "message": "A task has not stopped yet."}]
    answer = {"deleted": [], "deleting": [], "failed": failed, "message": ""}
    page.route("**/api/projects/batch/delete", lambda route: route.fulfill(json=answer))
    page.clock.install()
    page.goto("/?search=not+to+be+deleted")
    tick(page, "Not to be deleted").check()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row(page, "Not to be deleted")).to_contain_text("Deleting…")
    page.clock.fast_forward(9000)
    expect(page.get_by_text("“Not to be deleted” was not deleted: A task has not stopped yet.")).to_be_visible()
    expect(row(page, "Not to be deleted")).not_to_contain_text("Deleting…")


def test_a_range_is_selected_by_keyboard(page: Page, many: list[str]) -> None:
    page.goto("/?search=cataloged&sort=name")
    tick(page, many[1]).focus()
    page.keyboard.press("Space")
    tick(page, many[4]).focus()
    page.keyboard.press("Shift+Space")
    expect(page.get_by_text("4 selected")).to_be_visible()
    expect(tick(page, many[3])).to_be_checked()
    page.get_by_label("4 selected").press("Space")
    expect(page.get_by_text("20 selected")).to_be_visible()


def test_a_copy_is_made_from_the_list(page: Page, signoff: Signoff) -> None:
    signoff.planned("Master copy", "- `true`")
    page.goto("/?search=master+copy")
    page.get_by_role("button", name="More actions for Master copy").press("Enter")
    page.get_by_role("button", name="Duplicate").press("Enter")
    expect(row(page, "Master copy (Copy)")).to_be_visible()
    page.get_by_role("button", name="Open").click()
    page.wait_for_url("**/projects/*")


def test_markup_in_a_name_is_text(page: Page, signoff: Signoff) -> None:
    name = '<img src=x onerror="window.run = true"> <b>bold</b>'
    signoff.create(name, "<script>window.run = true</script>")
    page.goto("/?search=onerror")
    expect(page.get_by_role("link", name=name)).to_be_visible()
    assert page.evaluate("window.run") is None


def test_the_list_is_accessible(page: Page, signoff: Signoff) -> None:
    signoff.planned("Open to all", "Words.\n\n- `true`")
    page.goto("/?search=open+to+all")
    tick(page, "Open to all").check()
    assert violations_in_both_themes(page) == []
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations_in_both_themes(page) == []


def test_the_list_fits_a_phone(page: Page, signoff: Signoff) -> None:
    signoff.planned("Narrow " + "x" * 190, "y" * 5000 + "\n\n- `true`")
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/?search=narrow")
    expect(rows(page).first).to_be_visible()
    assert rows(page).first.bounding_box()["width"] <= 360  # pyright: ignore[reportOptionalSubscript]
    assert page.evaluate("document.querySelector('main').scrollWidth <= innerWidth")
