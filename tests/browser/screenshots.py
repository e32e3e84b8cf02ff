"""Takes pictures of every view: light, dark, and as wide as a phone.

`python -m tests.browser.screenshots FOLDER [NAME…]`
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import scenes
from tests.browser.conftest import FLAGS, Signoff, chromium, running_signoff

LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}


# On a busy machine, a view takes seconds to load.
STILL_LOADING = ("Loading…", "Connecting")


def _outline(page: Page) -> None:
    page.get_by_label("Name").fill("Weekly report")
    page.get_by_role("textbox", name="Description").fill(scenes.WEEKLY)
    page.get_by_text("Start writing to see the plan here.").wait_for(state="hidden")


def _rest(page: Page) -> None:
    del page


# For each view, the address to open and what to do there before the picture is taken.
VIEWS: dict[str, tuple[str, Callable[[Page], object]]] = {
    "list": ("/", lambda page: page.get_by_role("link", name="Weekly report", exact=True).wait_for()),
    "create": ("/new", _outline),
    "draft": ("/projects/{draft}", _rest),
    "sign-off": ("/projects/{pending}", _rest),
    "phase-gate": ("/projects/{gate}", _rest),
    "decision": ("/projects/{decision}", _rest),
    "manual-task": ("/projects/{manual}", _rest),
    "failed": ("/projects/{failed}", _rest),
    "cancelled": ("/projects/{cancelled}", _rest),
    "task": ("/projects/{decision}?task=tests", _rest),
    "graph": ("/projects/{finished}/graph", _rest),
    "graph-1000": ("/projects/{thousand}/graph", _rest),
    "timeline": ("/projects/{finished}/timeline", _rest),
    "files": ("/projects/{manual}/files", _rest),
    "metrics": ("/projects/{finished}/metrics", _rest),
    "record": ("/projects/{manual}/record", _rest),
    "versions": ("/projects/{pending}/versions", _rest),
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
            page.locator("h1").first.wait_for(state="attached")
            for text in STILL_LOADING:
                expect(page.get_by_text(text, exact=True)).to_have_count(0, timeout=60_000)
            page.wait_for_timeout(700)  # why: the page must have settled before the picture is taken
            if look == "phone":
                # The whole page: browsers do not draw what is outside the viewport.
                height = min(6000, page.evaluate("document.documentElement.scrollHeight"))
                page.set_viewport_size({"width": 360, "height": height})
                page.wait_for_timeout(200)  # why: the browser has to draw the part that has become visible
            page.screenshot(path=folder / f"{name}-{look}.png")
            page.close()
        context.close()


def main(folder: str, *names: str) -> None:
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright, running_signoff(Path(data)) as signoff:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        take(browser, signoff, scenes.build(signoff), Path(folder), list(names))
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
