"""Writes the reference pages of the site from the code. They are not kept in Git, so they are always current."""

from __future__ import annotations

from docs.reference import api, commands, errors, events, plan_language, settings

_HEAD = "<!-- Generated from the code: see docs/reference in the repository. -->\n\n"


def pages() -> dict[str, str]:
    """The reference pages, by their path on the site."""
    made = {
        "settings": settings.page(),
        "command-line": commands.page(),
        "rest-api": api.page(),
        "plan-language": plan_language.page(),
        "events": events.page(),
        "errors": errors.page(),
    }
    return {f"reference/{name}.md": _HEAD + text for name, text in made.items()}
