"""Checks the accessibility of a page with axe-core."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Page

_AXE = Path(__file__).parents[2] / "app" / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
_RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_RULES_ABOUT_COLORS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
# Without `resultTypes`, axe also describes every element that passes, which takes as long as the check itself.
_RUN = """async (rules) => {
  const results = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
  const places = (nodes) => nodes.slice(0, 3).map((node) => node.html).join(" | ");
  return results.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${places(nodes)}`);
}"""


def violations(page: Page) -> list[str]:
    """Violations of WCAG 2.2 AA and of axe's best practices in the current state of the page."""
    return _run(page, _RULES)


def violations_in_both_themes(page: Page) -> list[str]:
    """Violations in the light theme, and in the dark theme, which differs from it only in its colors."""
    # Colors that fade would be measured on their way.
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    light = violations(page)
    page.emulate_media(color_scheme="dark")
    return [*light, *(f"dark: {each}" for each in violations_of_colors(page))]


def violations_of_colors(page: Page) -> list[str]:
    """Violations of the rules about colors alone."""
    return _run(page, _RULES_ABOUT_COLORS)


def _run(page: Page, rules: Mapping[str, object]) -> list[str]:
    if not page.evaluate("'axe' in window"):
        # Through the debugger, to which the page's security policy does not apply.
        page.evaluate(_script())
    return page.evaluate(_RUN, rules)


@functools.cache
def _script() -> str:
    return _AXE.read_text()
