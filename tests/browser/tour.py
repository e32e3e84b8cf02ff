"""Records the first ten minutes: follows the tutorial on the real page, and writes its pictures and the one that moves.

`python -m tests.browser.tour FOLDER`
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import FLAGS, Signoff, chromium, running_signoff
from tests.e2e.snippets import snippets

WIDTH, HEIGHT = 1120, 760
_MOVING = "first-ten-minutes.gif"
_MOVING_WIDTH = 840
_COLORS = 96
_MAX_BYTES = 1_500_000


class Recorder:
    """Keeps pictures of a page, each with the time for which it is shown."""

    def __init__(self, page: Page, folder: Path) -> None:
        self._page, self._folder = page, folder
        self._frames: list[tuple[Image.Image, int]] = []

    def frame(self, milliseconds: int) -> None:
        """Add the page as it is now to the picture that moves."""
        picture = Image.open(io.BytesIO(self._page.screenshot())).convert("RGB")
        height = picture.height * _MOVING_WIDTH // picture.width
        self._frames.append((picture.resize((_MOVING_WIDTH, height), Image.Resampling.LANCZOS), milliseconds))

    def still(self, name: str, milliseconds: int) -> None:
        """Write a picture for the tutorial, and add it to the one that moves."""
        self._page.wait_for_timeout(600)  # why: the page must have settled before the picture is taken
        self._page.screenshot(path=self._folder / f"tutorial-{name}.png")
        self.frame(milliseconds)

    def save(self) -> None:
        """Write the picture that moves.

        Raises:
            SystemExit: It is too large.
        """
        # One palette for all frames: what does not change between two of them then takes no space.
        whole = Image.new("RGB", (_MOVING_WIDTH, sum(frame.height for frame, _ in self._frames)))
        top = 0
        for frame, _ in self._frames:
            whole.paste(frame, (0, top))
            top += frame.height
        palette = whole.quantize(_COLORS, dither=Image.Dither.NONE)
        frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame, _ in self._frames]
        path = self._folder / _MOVING
        durations = [milliseconds for _, milliseconds in self._frames]
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=True)
        if path.stat().st_size > _MAX_BYTES:
            raise SystemExit(f"{path} has {path.stat().st_size:,} bytes; at most {_MAX_BYTES:,} are allowed.")


def follow(page: Page, signoff: Signoff, folder: Path) -> None:
    """Do what the tutorial says, with the plan that it has."""
    plan = next(one.text for one in snippets("docs/tutorial.md") if one.argument == "first.md")
    recorder = Recorder(page, folder)
    page.goto("/")
    page.get_by_role("link", name="New project").first.click()
    area = page.get_by_role("textbox", name="Description")
    area.wait_for()
    recorder.frame(1200)
    lines = plan.splitlines(keepends=True)
    for end in (2, 8, 12, 22, len(lines)):
        area.fill("".join(lines[:end]))
        page.wait_for_timeout(900)  # why: the outline follows what is typed with a delay
        recorder.frame(700)
    page.get_by_role("heading", name="Plan preview").scroll_into_view_if_needed()
    page.get_by_text("Publish it", exact=True).first.wait_for()
    recorder.still("1-write", 2500)
    page.get_by_role("button", name="Create and plan").click()
    approve = page.get_by_role("button", name="Approve and start")
    approve.wait_for()
    recorder.still("2-approve", 3500)
    approve.click()
    for _ in range(4):
        page.wait_for_timeout(250)  # why: pictures at even distances show how the run progresses
        recorder.frame(500)
    form = page.get_by_role("form", name="Publish the report?")
    form.get_by_label("yes").wait_for()
    recorder.still("3-decide", 3000)
    form.get_by_label("yes").check()
    recorder.frame(800)
    form.get_by_role("button", name="Answer").click()
    signoff.eventually(page.url.split("/projects/")[1].split("/")[0], lambda project: project["stage"] == "finished")
    page.get_by_text("All done").wait_for()
    recorder.frame(2000)
    page.get_by_role("link", name="Files").click()
    page.get_by_role("link", name="published.md").first.click()
    recorder.still("4-files", 2500)
    page.get_by_role("link", name="Record").click()
    page.wait_for_timeout(1500)  # why: the check of the record must have ended
    recorder.still("5-record", 3000)
    recorder.save()


def main(folder: str) -> None:
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright, running_signoff(Path(data)) as signoff:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        context = browser.new_context(
            base_url=signoff.url, viewport={"width": WIDTH, "height": HEIGHT}, locale="en-GB", timezone_id="UTC"
        )
        context.set_default_timeout(120_000)
        follow(context.new_page(), signoff, Path(folder))
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
