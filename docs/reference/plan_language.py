"""The page with the attributes of tasks by action."""

from __future__ import annotations

from app.domain.attributes import API_NAMES, ATTRIBUTES, MEANS, means, why_meaningless
from docs.reference.tables import table


def page() -> str:
    """What each attribute means for which action, and what to write instead where it means nothing."""
    parts = [
        "# Plan language: attributes of tasks",
        (
            "[How to write a plan](../plans.md) explains the grammar. This page says which attribute of a task has a meaning for which "
            "action. An attribute without a meaning is refused, so that nobody relies on it."
        ),
        table(
            ("Attribute", "In the API", *(f"`{action}`" for action in MEANS)),
            (
                (
                    f"`{attribute}`",
                    f"`{API_NAMES[attribute]}`" if attribute in API_NAMES else "a field of the action",
                    *("yes" if means(action, attribute) else "" for action in MEANS),
                )
                for attribute in ATTRIBUTES
            ),
        ),
        "## What to write instead",
    ]
    for action in MEANS:
        rows = [
            (f"`{attribute}`", why_meaningless(action, attribute))
            for attribute in ATTRIBUTES
            if not means(action, attribute)
        ]
        parts += [f"### `{action}`", table(("Attribute", "Answer"), rows)]
    return "\n\n".join(parts) + "\n"
