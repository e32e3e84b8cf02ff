"""Examples of the inbox, of the overview and of notifications."""

from __future__ import annotations

from docs.api_guide.guide import Guide


def inbox(guide: Guide) -> None:
    """What waits for the reader."""
    guide.write("## What waits for you")
    guide.call(
        "getInbox",
        "GET",
        "/api/inbox",
        about="What you may approve, release, answer or do, across all projects: first what expires, then the oldest. Send "
        "`answer` to settle an item; `body` names what you have seen. Takes `limit` (20, at most 200) and `offset`.",
    )


def overview(guide: Guide) -> None:
    """Figures over all projects."""
    guide.write("## Overview")
    guide.call(
        "getOverview",
        "GET",
        "/api/overview?weeks=2",
        about="What runs and what is waiting, whoever for; runs by template; runs and the cost of models by week; and the slowest "
        "steps, over all projects that you may see. `weeks` is how many weeks to go back, with the current one (13, at most 52).",
    )


def notifications(guide: Guide) -> None:
    """What was sent to whom."""
    guide.write("## Notifications")
    guide.call(
        "listNotifications",
        "GET",
        "/api/notifications",
        about="Who was told about what, newest first: see [Get told](notifications.md). Takes `status` (pending, delivered, failed, "
        "obsolete), `limit` (20, at most 200) and `offset`. This server tells nobody.",
    )
    guide.call(
        "replayNotification",
        "POST",
        "/api/notifications/msg_01k00000000000000000000000/replay",
        status=404,
        about="Sends the same message with the same id again. The answer is 404 if there is no such notification, and 409 while it "
        "is still being sent.",
    )


def filters(guide: Guide) -> None:
    """Saved filters of the list of projects."""
    guide.write("## Saved filters")
    conditions = {"status": "failed", "label": "production"}
    saved = guide.call(
        "saveFilter",
        "POST",
        "/api/filters",
        {"name": "Failures", "conditions": conditions},
        status=201,
        about="Saves conditions of the list of projects under a name: `status`, `search`, `label`, `archived`, and `created_after` and "
        "`created_before`, or `updated_after` and `updated_before`. Each person and each key has filters of their own. With the "
        "server's key, or without a key, they are those of the installation.",
    )
    guide.call("listFilters", "GET", "/api/filters", about="Oldest first.")
    address = f"/api/filters/{saved['id']}"
    guide.call(
        "changeFilter",
        "PUT",
        address,
        {"name": "Failures in production", "conditions": conditions},
        about="Replaces the name and all conditions.",
    )
    guide.call("deleteFilter", "DELETE", address)
