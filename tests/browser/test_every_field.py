"""The page shows every field that an approval covers: in the sign-off box, or on the Plan tab below it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from playwright.sync_api import Page, expect
from sqlalchemy import Connection

from app.database.database import Database
from app.domain.plan import covered_by
from app.domain.registry import load_actions
from app.storage import plans, projects
from tests.browser.axe import violations
from tests.browser.conftest import Signoff
from tests.every_field import Words, hidden, store

WORDS: Words = {
    "action.type": {
        "shell": "Command",
        "http": "Request",
        "agent": "Agent",
        "manual": "Manual task",
        "decision": "Decision",
        "wait": "Wait",
        "milestone": "Milestone",
    }.__getitem__,
    "phases.strategy": {"dag": "in dependency order", "sequential": "one after another"}.__getitem__,
    "phases.requires_approval": lambda _: "needs approval to start",
    "phases.runs_on": lambda _: "only after a failure",
    "action.by": lambda _: "a model answers this first",
    "action.other_than": lambda key: f"Must be answered by a different person than {key}",
    "depends_on": lambda key: f"After {key.capitalize()}",
    "inputs.reference": lambda value: f"reference = {value}",
    "tasks.timeout_seconds": lambda _: "Time limit 41 s",
    "tasks.retries": lambda value: f"Retries {value}",
    "tasks.on_crash": lambda value: "If its worker is lost ask a person" if value == "ask" else "",
    "tasks.after_failure": lambda _: "If it fails fail",
    "tasks.requires_approval": lambda _: "Starts when a person releases it",
    "reads": lambda path: f"May also read {path}",
    "writes": lambda path: f"May also change {path}",
    "limits.name": lambda _: "Memory limit (bytes)",
    "expected_files": lambda path: f"Produces {path}",
    "condition.task": lambda key: f"Only if “{key.capitalize()}” is completed",
    "condition.parameter": lambda name: f"{name} is friday",
    "decision_mode": lambda _: "Always a person",
    "auto_approve_phases": lambda _: "wait for approval, apart from the first",
    "action.follow_redirects": lambda _: "false",
}


def stored(signoff: Signoff) -> tuple[str, dict[str, Any]]:
    """Store the plan that sets every field, and return the project's id and what an approval would cover."""

    def covered(conn: Connection, project_id: str) -> dict[str, Any]:
        row = projects.get(conn, project_id)
        draft = plans.verified_draft(plans.current(conn, row))
        return covered_by(draft, plans.run_settings(row, draft, load_actions()))

    async def work() -> tuple[str, dict[str, Any]]:
        database = Database(f"sqlite+aiosqlite:///{signoff.folder / 'data' / 'signoff.db'}")
        await database.start()
        try:
            project_id = await database.transact(store)
            return project_id, await database.read(lambda conn: covered(conn, project_id))
        finally:
            await database.close()

    # The browser's own event loop runs in this thread.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work()).result()


def test_the_page_shows_every_field_that_is_signed(page: Page, signoff: Signoff) -> None:
    project_id, covered = stored(signoff)
    page.goto(f"/projects/{project_id}")
    box = page.get_by_role("region", name="Waiting for a person")
    expect(box.get_by_role("button", name="Approve and start")).to_be_enabled()
    # Only what is on the screen is drawn, and only what is drawn has text.
    page.set_viewport_size({"width": 1280, "height": 10_000})
    expect(page.get_by_role("link", name="A9")).to_be_in_viewport()
    text = page.locator("body").inner_text()
    assert hidden(covered, text, WORDS) == []
    for gone in ("/srv/may-read", "literal-value", "key-of-second", "What is open?"):
        assert hidden(covered, text.replace(gone, ""), WORDS) != []
    assert violations(page) == []
