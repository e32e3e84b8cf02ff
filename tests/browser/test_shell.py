"""The frame of the page: addresses, theme, missing projects and signing in."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff
from tests.browser.signing_in import KEY


def test_an_unknown_project_says_so(page: Page, signoff: Signoff) -> None:
    page.goto("/projects/proj_00000000000000000000000000")
    expect(page.get_by_role("main")).to_contain_text("There is no such project.")


def test_the_theme_is_stored(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Theme").select_option("dark")
    page.reload()
    expect(page.get_by_label("Theme")).to_have_value("dark")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_links_change_the_view_without_reloading_the_page(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Routing", "- `true`")
    page.goto("/")
    page.evaluate("window.kept = true")
    page.get_by_role("link", name="Routing").click()
    page.wait_for_url(f"**/projects/{project_id}")
    page.get_by_role("link", name="Files").click()
    page.go_back()
    page.go_back()
    expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
    assert page.evaluate("window.kept") is True


def test_the_frame_is_accessible(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
    assert violations(page) == []


def test_a_server_with_a_key_asks_for_it_once(browser: Browser, locked: str) -> None:
    with browser.new_context(base_url=locked) as context:
        person = {"name": "Signs in by name", "roles": [{"role": "viewer"}], "password": "a long password"}
        added = context.request.post("/api/people", data=person, headers={"Authorization": f"Bearer {KEY}"})
        assert added.ok
        page = context.new_page()
        page.goto("/")
        page.get_by_role("button", name="Sign in with the server's key instead").click()
        page.get_by_label("API key").fill("a-wrong-key")
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("alert")).to_be_visible()
        page.get_by_label("API key").fill(KEY)
        page.get_by_label("API key").press("Enter")
        expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
        assert page.evaluate("document.cookie") == ""
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert context.request.get("/api/projects").status == 401


def test_the_api_is_browsed_without_a_network(page: Page) -> None:
    page.goto("/schema")
    expect(page.get_by_text("listProjects").or_(page.get_by_text("/api/projects", exact=True)).first).to_be_visible()


def test_an_address_that_does_not_exist_leads_back(page: Page, signoff: Signoff) -> None:
    answer = page.goto("/nosuch/page")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="There is no such page.")).to_be_visible()
    page.get_by_role("link", name="Back to projects").click()
    expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
    page.goto("/projects/proj_00000000000000000000000000")
    expect(page.get_by_role("link", name="Back to projects")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    for path in ("/api/nosuch", "/assets/nosuch.js"):
        assert signoff.api.get(path, headers={"Accept": "text/html"}).json()["code"] == "not_found"
