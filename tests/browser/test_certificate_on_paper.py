"""A certificate on paper: nothing is cut off, and no column is too narrow to read."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.conftest import Signoff
from tests.browser.waiting import until

PLAN = """---
parameters:
  pages: {default: 'https://www.example.com/shop/list?sort=price', description: Pages to check}
---
# Release on paper

- Measure: `echo measuring; exit 3` {#measure after_failure=ask}
- Build {#build files=dist/a-file-with-a-rather-long-name.tar.gz}

  ```sh
  mkdir -p dist
  echo "a long line, as commands often have: nothing of it is cut off" | tee dist/a-file-with-a-rather-long-name.tar.gz
  ```
- [ ] Publish it, and look at the front page {#look after=build}
"""
# A4 without the margins of the page, in CSS pixels.
PAPER = {"width": 672, "height": 987}
NARROW = """() => {
  const cells = [...document.querySelectorAll("td, th")].filter((cell) => cell.textContent.trim().length > 1);
  const words = (cell) => cell.textContent.split(/\\s+/).some((word) => word.length > 5);
  return cells.filter((cell) => words(cell) && cell.getBoundingClientRect().width < 45).map((cell) => cell.textContent);
}"""
CUT = """() => {
  const end = document.documentElement.clientWidth;
  return [...document.querySelectorAll("main *")]
    .filter((part) => part.getBoundingClientRect().right > end + 1)
    .map((part) => part.textContent.slice(0, 80));
}"""


def test_a_certificate_fits_on_paper(page: Page, signoff: Signoff) -> None:
    project_id = signoff.started("Release on paper", PLAN)
    for task, answer in (("measure", "skip"), ("look", "complete")):
        signoff.eventually(
            project_id,
            lambda project, key=task: any(one["key"] == key and one["status"] == "waiting" for one in project["tasks"]),
        )
        signoff.api.post(
            f"/api/projects/{project_id}/tasks/{task}/{answer}", json={"comment": "The old release is gone."}
        ).raise_for_status()
    signoff.eventually(project_id, lambda project: project["stage"] == "finished")
    address = f"/api/projects/{project_id}/certificate?format=html"
    until(lambda: signoff.api.get(address).status_code == 200, "the record is sealed up to its end")
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print")
    page.goto(address)
    assert page.evaluate(CUT) == []
    assert page.evaluate(NARROW) == []
    # Tables are not nested: the innermost ones had no room for what is in them.
    assert page.locator("td table").count() == 0
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
