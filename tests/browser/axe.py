"""Asks axe-core what a page does to people who cannot see it, or use no mouse."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

_AXE = Path(__file__).parents[2] / "app" / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """async () => {
  const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await axe.run(document, { runOnly: rules });
  const places = (nodes) => nodes.slice(0, 3).map((node) => node.html).join(" | ");
  return found.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${places(nodes)}`);
}"""


def violations(page: Page) -> list[str]:
    """What breaks WCAG 2.2 AA or axe's best practices on the page as it is now."""
    # By the debugger's way in, which the page's security policy does not concern.
    page.evaluate(_AXE.read_text())
    return page.evaluate(_RUN)
