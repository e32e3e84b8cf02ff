"""Checks the accessibility of a page with axe-core."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

_AXE = Path(__file__).parents[2] / "app" / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """async () => {
  const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const results = await axe.run(document, { runOnly: rules });
  const places = (nodes) => nodes.slice(0, 3).map((node) => node.html).join(" | ");
  return results.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${places(nodes)}`);
}"""


def violations(page: Page) -> list[str]:
    """Violations of WCAG 2.2 AA and of axe's best practices in the current state of the page."""
    # Through the debugger, to which the page's security policy does not apply.
    page.evaluate(_AXE.read_text())
    return page.evaluate(_RUN)
