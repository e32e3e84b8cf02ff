"""Takes a picture of every view, in light, in dark and as wide as a phone: `python -m tests.browser.screenshots FOLDER [NAME…]`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import scenes
from tests.browser.conftest import FLAGS, Signoff, chromium, start_signoff

LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}
# What to open, and what to do there before the picture is taken.
VIEWS: dict[str, tuple[str, Callable[[Page], object]]] = {
    "list": ("/", lambda page: page.get_by_role("link", name="Weekly report", exact=True).wait_for()),
    "create": ("/new", lambda page: _outline(page)),
    "draft": ("/projects/{draft}", lambda page: None),
    "sign-off": ("/projects/{pending}", lambda page: None),
    "phase-gate": ("/projects/{gate}", lambda page: None),
    "decision": ("/projects/{decision}", lambda page: None),
    "manual-task": ("/projects/{manual}", lambda page: None),
    "failed": ("/projects/{failed}", lambda page: None),
    "cancelled": ("/projects/{cancelled}", lambda page: None),
    "task": ("/projects/{decision}?task=tests", lambda page: None),
    "graph": ("/projects/{finished}/graph", lambda page: None),
    "graph-1000": ("/projects/{thousand}/graph", lambda page: None),
    "timeline": ("/projects/{finished}/timeline", lambda page: None),
    "files": ("/projects/{manual}/files", lambda page: None),
    "metrics": ("/projects/{finished}/metrics", lambda page: None),
    "record": ("/projects/{manual}/record", lambda page: None),
    "versions": ("/projects/{pending}/versions", lambda page: None),
}


def take(browser: Browser, signoff: Signoff, found: dict[str, str], folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for look, options in LOOKS.items():
        context = browser.new_context(base_url=signoff.url, locale="en-GB", timezone_id="UTC", **options)  # pyright: ignore
        for name, (address, then) in VIEWS.items():
            if names and name not in names:
                continue
            page = context.new_page()
            page.goto(address.format(**found))
            then(page)
            page.wait_for_timeout(700)  # why: pictures are of pages at rest
            page.screenshot(path=folder / f"{name}-{look}.png", full_page=look == "phone")
            page.close()
        context.close()


def _outline(page: Page) -> None:
    page.get_by_label("Name").fill("Weekly report")
    page.get_by_role("textbox", name="Description").fill(scenes.WEEKLY)


def main(folder: str, *names: str) -> None:
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        process, addresses = start_signoff(Path(data))
        try:
            with httpx.Client(base_url=addresses["url"], timeout=60) as api:
                signoff = Signoff(addresses["url"], Path(data), addresses, api)
                browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
                take(browser, signoff, scenes.build(signoff), Path(folder), list(names))
                browser.close()
        finally:
            process.terminate()
            process.wait(30)


if __name__ == "__main__":
    main(*sys.argv[1:])
