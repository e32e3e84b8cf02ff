"""The page while its code does not arrive, and after an upgrade of the server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.dashboard.serving import BUILT
from tests.browser.conftest import Signoff, second_app
from tests.ports import free_port


def test_a_view_that_did_not_arrive_is_loaded_again_without_help(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Cut off", "- `true`")
    page.goto(f"/projects/{project_id}")
    expect(page.get_by_role("heading", name="Cut off")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("link", name="Record").click()
    expect(page.get_by_text("This part of the page could not be loaded. Trying again…")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    expect(page.get_by_text("This part of the page could not be loaded")).to_have_count(0)


def test_a_view_that_is_slow_says_that_it_is_loading(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Slow", "- `true`")
    page.goto(f"/projects/{project_id}")
    expect(page.get_by_role("heading", name="Slow")).to_be_visible()
    held: list[Callable[[], None]] = []
    page.route("**/assets/MetricsView-*.js", lambda route: held.append(route.continue_))
    page.get_by_role("link", name="Metrics").click()
    expect(page.get_by_text("Loading…", exact=True)).to_be_visible()
    held[0]()
    expect(page.get_by_role("heading", name="Slowest tasks")).to_be_visible()


@pytest.fixture
def newer(tmp_path: Path) -> str:
    """A copy of the app whose page has other file names, as after an upgrade: the value of PYTHONPATH that selects it."""
    app = Path(BUILT).parent.parent
    shutil.copytree(app, tmp_path / "app", ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    built = tmp_path / "app" / "dashboard" / "built"
    names = [file.name for file in (built / "assets").iterdir()]
    for file in [path for path in built.rglob("*") if path.suffix in {".js", ".css", ".html"}]:
        text = file.read_text()
        for name in names:
            text = text.replace(name, _renamed(name))
        file.write_text(text)
    for name in names:
        (built / "assets" / name).rename(built / "assets" / _renamed(name))
    return os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)


def _renamed(name: str) -> str:
    stem, _, ending = name.rpartition(".")
    return f"{stem}9.{ending}"


def test_after_an_upgrade_the_page_reloads_when_nothing_can_be_lost(
    browser: Browser, signoff: Signoff, newer: str
) -> None:
    project_id = signoff.planned("Upgraded", "- `true`")
    port = free_port()
    with second_app(signoff, port=port) as url:
        reading, typing = browser.new_page(base_url=url), browser.new_page(base_url=url)
        reading.goto(f"/projects/{project_id}")
        typing.goto(f"/projects/{project_id}")
        typing.get_by_text("Comments", exact=True).click()
        typing.get_by_role("textbox", name="Comment on the plan").fill("Half a sen")
        expect(reading.get_by_text("Live", exact=True)).to_be_visible()
        before = reading.evaluate("document.querySelector('script').src")
    with second_app(signoff, port=port, PYTHONPATH=newer):
        # The old code of this view is gone, so it arrives only after a reload.
        reading.get_by_role("link", name="Record").click()
        expect(reading.get_by_role("heading", name="Events")).to_be_visible()
        assert reading.evaluate("document.querySelector('script').src") != before
        expect(typing.get_by_text("Signoff has been updated")).to_be_visible()
        expect(typing.get_by_role("textbox", name="Comment on the plan")).to_have_value("Half a sen")
    reading.close()
    typing.close()


def test_a_server_that_does_not_answer_is_reported(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Frozen", "- `true`")
    held: list[Callable[[], None]] = []
    page.route("**/api/projects/*/metrics", lambda route: held.append(route.continue_))
    page.goto(f"/projects/{project_id}/metrics")
    expect(page.get_by_text("The server is taking long to respond. Still waiting…")).to_be_visible()
    held[0]()
    expect(page.get_by_role("heading", name="Slowest tasks")).to_be_visible()
    expect(page.get_by_text("The server is taking long to respond")).to_have_count(0)
