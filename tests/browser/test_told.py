"""The reader is told in the browser, and an author has a link mailed. Both only because somebody has asked for it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff, another_signoff, second_app
from tests.browser.signing_in import KEY, PASSWORD, sign_in
from tests.browser.waiting import until

# Remembers each message that the browser was given: nothing in a test can look at the desktop.
REMEMBER = """
window.told = [];
window.asked = 0;
const ask = Notification.requestPermission.bind(Notification);
window.Notification = class extends Notification {
  constructor(title, options) { super(title, options); window.told.push(this); }
  static requestPermission() { window.asked += 1; return ask(); }
};
"""
TOLD = "window.told.map((one) => `${one.title}: ${one.body}`)"


@pytest.fixture(scope="module")
def signoff(signoff: Signoff, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signoff]:
    """One in which nothing else waits."""
    with another_signoff(signoff, tmp_path_factory.mktemp("told")) as running:
        yield running


@pytest.fixture
def reader(browser: Browser, signoff: Signoff) -> Iterator[Page]:
    context = browser.new_context(base_url=signoff.url, permissions=["notifications"], locale="en-GB")
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.add_init_script(REMEMBER)
    yield page
    context.close()


def in_background(page: Page) -> None:
    """Put a page into the background. A browser without windows shows every tab, so it is told that this one is hidden."""
    page.evaluate(
        """() => {
          Object.defineProperty(document, "hidden", { get: () => true });
          Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )


def told(page: Page) -> list[str]:
    """What the browser was given to show, once there is something."""
    return until(lambda: page.evaluate(TOLD), "the browser was given something to show")


def test_a_reader_is_told_in_the_background_what_is_new(reader: Page, signoff: Signoff) -> None:
    page = reader
    # More than the inbox shows at first.
    for number in range(21):
        signoff.planned(f"Waits already {number}", "- A: `true`")
    page.goto("/inbox")
    expect(page.get_by_role("link", name="Waits already 0", exact=True)).to_be_visible()
    assert page.evaluate("window.asked") == 0
    page.get_by_role("button", name="Tell me in this browser").click()
    expect(page.get_by_role("button", name="Stop telling me")).to_be_visible()
    expect(page).to_have_title(re.compile(r"\(21\)"))
    assert page.evaluate("window.asked") == 1
    assert violations(page) == []
    # What comes while the reader looks at it is not told.
    signoff.planned("Comes in front of them", "- A: `true`")
    expect(page).to_have_title(re.compile(r"\(22\)"))
    in_background(page)
    project_id = signoff.planned("Comes behind them", "- A: `true`")
    assert told(page) == ["Comes behind them: Approve the plan"]
    page.evaluate("window.told[0].dispatchEvent(new Event('click'))")
    expect(page).to_have_url(re.compile(f"/projects/{project_id}"))


def test_who_refuses_is_told_where_to_change_that(browser: Browser, signoff: Signoff) -> None:
    page = browser.new_context(base_url=signoff.url, permissions=[], locale="en-GB").new_page()
    page.goto("/inbox")
    page.get_by_role("button", name="Tell me in this browser").click()
    expect(page.get_by_role("alert")).to_contain_text("Allow notifications in its settings")
    expect(page.get_by_role("button", name="Tell me in this browser")).to_be_visible()
    page.context.close()


@pytest.fixture(scope="module")
def locked(signoff: Signoff) -> Iterator[str]:
    with second_app(signoff, SIGNOFF_API_KEY=KEY) as url:
        yield url


def test_an_author_asks_for_a_link_and_is_told_what_to_set(visitor: Page, signoff: Signoff) -> None:
    page = visitor
    body = {"name": "Alma", "roles": [{"role": "author"}], "password": PASSWORD}
    signoff.api.post("/api/people", json=body).raise_for_status()
    page.goto(f"/projects/{signoff.planned('Asked by mail', '- A: `true`')}")
    sign_in(page, "Alma")
    box = page.get_by_role("region", name="Waiting for a person")
    box.get_by_text("Ask somebody to sign by e-mail").click()
    box.get_by_label("E-mail address or name").fill("pat@example.com")
    assert violations(page) == []
    box.get_by_role("button", name="Send the link").click()
    expect(box.get_by_role("alert")).to_contain_text("links_on_request = true")


def test_an_administrator_edits_a_person_and_labels(visitor: Page, signoff: Signoff) -> None:
    page = visitor
    body = {"name": "Bea", "roles": [{"role": "author", "labels": ["payments"]}, {"role": "viewer"}]}
    person = signoff.api.post("/api/people", json=body).raise_for_status().json()
    project_id = signoff.planned("Gets labels", "- A: `true`")
    page.goto("/settings/people")
    page.get_by_role("button", name="server's key").click()
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("banner")).to_contain_text("server key")
    page.get_by_role("button", name="Edit: Bea").click()
    dialog = page.get_by_role("dialog", name="Edit Bea")
    expect(dialog.get_by_label("Labels of projects for the role author")).to_have_value("payments")
    assert violations(page) == []
    for role in ("Author", "Viewer"):
        dialog.get_by_role("checkbox", name=role).uncheck()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_have_text("Choose at least one role.")
    dialog.get_by_role("checkbox", name="Approver").check()
    dialog.get_by_label("Labels of projects for the role approver").fill("Not A Label")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert").last).to_contain_text("labels")
    dialog.get_by_label("Labels of projects for the role approver").fill("payments, reports")
    dialog.get_by_label("E-mail").fill("bea@example.com")
    dialog.get_by_label("Name", exact=True).fill("Bea B.")
    dialog.get_by_role("checkbox", name="Disabled").check()
    dialog.get_by_role("button", name="Save").click()
    row = page.get_by_role("row").filter(has_text="Bea B.")
    for text in ("bea@example.com", "approver (payments, reports)", "disabled"):
        expect(row).to_contain_text(text)
    changed = signoff.api.get("/api/people").json()["people"]
    assert next(one for one in changed if one["id"] == person["id"])["disabled"] is True
    page.goto(f"/projects/{project_id}")
    page.get_by_role("button", name="Edit labels").click()
    form = page.get_by_role("form", name="Edit labels")
    form.get_by_label("Labels").fill("Not A Label")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").last).to_contain_text("labels")
    assert violations(page) == []
    form.get_by_label("Labels").fill("reports, payments")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("main")).to_contain_text("Labels: payments, reports")
    assert signoff.project(project_id)["labels"] == ["payments", "reports"]
