"""The Graph tab: its content, its updates during a run, and moving about in it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from tests.browser.conftest import Signoff

# Runs until the test uploads a file named `go` to the workspace.
HELD = "until test -e go; do sleep 0.05; done"
FORTY = "## One\n" + "\n".join(
    [
        f"- Hold <b>on</b>: `{HELD}` {{#hold}}",
        *(f"- Task {number}: `true` {{after=hold}}" for number in range(1, 25)),
        "## Two",
        *(f"{number}. Step {number}: `true`" for number in range(1, 16)),
    ]
)


@pytest.fixture(scope="module")
def thousand(signoff: Signoff) -> str:
    phases = (
        f"## Phase {phase}\n\n" + "\n".join(f"- Task {phase}-{number}: `true`" for number in range(125)) + "\n\n"
        for phase in range(8)
    )
    return signoff.planned("Thousand", "".join(phases))


def picture(page: Page) -> Locator:
    return page.get_by_role("region", name="Task graph")


def test_every_task_is_shown_and_updated_without_a_new_layout(page: Page, signoff: Signoff) -> None:
    drawn: list[str] = []
    page.on("request", lambda sent: drawn.append(sent.url) if _is_picture(sent) else None)
    project_id = signoff.planned("Forty", FORTY)
    page.goto(f"/projects/{project_id}/graph")
    links = picture(page).get_by_role("link")
    expect(links).to_have_count(40)
    expect(links.first).to_have_accessible_name("Hold <b>on</b> shell · Pending")
    signoff.api.post(f"/api/projects/{project_id}/approve", json={}).raise_for_status()
    held = picture(page).get_by_role("link", name="Hold <b>on</b> shell · Running")
    expect(held).to_be_visible()
    expect(held).to_contain_text("▶")
    expect(page.get_by_role("list", name="Statuses")).to_contain_text("Running 1")
    assert len(drawn) == 1
    signoff.api.post(f"/api/projects/{project_id}/files/upload", files={"file": ("go", b"")}).raise_for_status()
    expect(picture(page).get_by_role("link", name="Step 15 shell · Completed")).to_contain_text("✓")
    expect(page.get_by_role("list", name="Statuses")).to_contain_text("Completed 40")


def test_only_shapes_and_texts_of_the_svg_reach_the_page(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Hostile", "- Look: `true`")
    hostile = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 90"><style>* {fill: red}</style>'
        '<script>window.hit = 1</script><foreignObject><iframe src="/schema"/></foreignObject>'
        '<image href="https://example.com/x.png"/><a href="javascript:hit = 1"><rect id="main" width="9" height="9"/></a>'
        '<rect class="task" width="9" height="9"/></svg>'
    )
    page.route("**/dag?*", lambda route: route.fulfill(body=hostile, content_type="image/svg+xml"))
    page.goto(f"/projects/{project_id}/graph")
    expect(picture(page).locator("rect")).to_have_count(1)
    inside = picture(page).evaluate("(view) => view.innerHTML")
    assert not re.search(r"style|script|foreignObject|image|iframe|href|id=", inside)
    assert page.evaluate("window.hit") is None


def test_the_critical_path_can_be_switched(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Critical", "1. First: `true`\n2. Second: `true`")
    page.goto(f"/projects/{project_id}/graph")
    line = picture(page).locator("path.edge.critical")
    expect(line).to_have_count(1)
    wide = line.evaluate("(path) => getComputedStyle(path).strokeWidth")
    page.get_by_role("switch", name="Critical path").uncheck()
    assert line.evaluate("(path) => getComputedStyle(path).strokeWidth") != wide


def test_a_thousand_tasks_are_collapsed_into_phases_that_open(page: Page, thousand: str) -> None:
    page.goto(f"/projects/{thousand}/graph")
    expect(picture(page).get_by_role("link")).to_have_count(8)
    picture(page).get_by_role("link", name="Phase 2 125 tasks").press("Enter")
    expect(picture(page).get_by_role("link")).to_have_count(125)
    page.get_by_role("link", name="All phases").click()
    expect(picture(page).get_by_role("link")).to_have_count(8)
    page.get_by_role("link", name="Show all 1,000 tasks").click()
    expect(picture(page).get_by_role("link")).to_have_count(1000)


def test_one_moves_about_a_thousand_tasks_by_mouse_and_keyboard(page: Page, thousand: str) -> None:
    page.goto(f"/projects/{thousand}/graph?all=yes")
    view = picture(page)
    expect(view.get_by_role("link")).to_have_count(1000)
    view.focus()
    before = _width(view)
    page.keyboard.press("+")
    assert _width(view) > before
    view.hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, 300)
    page.keyboard.up("Control")
    page.wait_for_function("(width) => document.querySelector('.view svg').clientWidth < width", arg=before)
    # A drag that starts on a task moves the graph and opens nothing.
    page.get_by_role("button", name="Fit width").click()
    page.keyboard.press("Tab")
    page.keyboard.press("+")
    box = view.get_by_role("link").nth(20).bounding_box()
    assert box
    page.get_by_role("button", name="Zoom in").click(click_count=3)
    x, y = 640, 500
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 200, y - 150, steps=4)
    page.mouse.up()
    assert view.evaluate("(view) => [view.scrollLeft > 0, view.scrollTop > 0]") == [True, True]
    assert "task=" not in page.url
    # A drag may end outside the graph, where no click follows it.
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(2, y, steps=4)
    page.mouse.up()
    # A task that gets the keyboard focus is scrolled into view, and Enter opens it.
    last = view.get_by_role("link", name="Task 7-124 shell · Pending")
    last.focus()
    expect(last).to_be_in_viewport()
    last.press("Enter")
    page.wait_for_url(f"**/projects/{thousand}?task=task_*")


def _is_picture(request: Request) -> bool:
    return "/dag?" in request.url and "format=svg" in request.url


def _width(view: Locator) -> float:
    return view.locator("svg").evaluate("(svg) => svg.clientWidth")
