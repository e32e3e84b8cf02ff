"""The inbox: what waits for the reader, across all projects."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from temporalio.testing import WorkflowEnvironment

from app.domain.people import ALL
from app.storage import inbox
from tests.api.test_roles import ADMIN, SERVER_KEY, bearer, key_for
from tests.conftest import Stack, eventually, running_stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

GATE = "## One\n\n- Done {#done milestone}\n\n## Two\n\n- Clear: `true || rm -rf /var/log` {#clear}\n"
TASKS = """\
- [ ] Read it {#read}
- Delete: `true || rm -rf /var/log` {#delete approval=yes}
- Ship it? {#ship decision=yes,no expires=3d}
- Bad: `false` {#bad after_failure=ask}
"""


@pytest.fixture
async def locked(temporal_server: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[Stack]:
    async with running_stack(temporal_server, tmp_path, api_key=SERVER_KEY) as stack:
        stack.http.headers.update(ADMIN)
        yield stack


async def read_inbox(stack: Stack, headers: dict[str, str] | None = None, **query: Any) -> dict[str, Any]:
    answer = await stack.http.get("/api/inbox", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def kinds_of(stack: Stack, headers: dict[str, str] | None = None) -> list[str]:
    return sorted(item["kind"] for item in (await read_inbox(stack, headers))["items"])


async def until_kinds(stack: Stack, *kinds: str) -> None:
    async def reached() -> bool:
        return await kinds_of(stack) == sorted(kinds)

    await eventually(reached, what=f"the inbox has {kinds}")


async def test_everything_that_waits_is_listed_and_the_call_that_it_names_settles_it(locked: Stack) -> None:
    plan = await locked.planned("# Logs\n\n- Clear: `true || rm -rf /var/log`\n", name="Clear logs", labels=["ops"])
    gate = await locked.started(GATE, name="Gate", auto_approve_phases=False)
    tasks = await locked.started(TASKS, name="Tasks", decision_mode="human")
    edited = await locked.started("- [ ] Wait {#wait}\n", name="Edited")
    await locked.task_in(edited, "wait", "waiting")
    await locked.call("POST", f"/{edited}/tasks", status=201, json={"title": "More"})
    expected = ["plan", "phase", "manual", "release", "decision", "task_failed", "manual", "edit"]
    await until_kinds(locked, *expected)

    listed = await read_inbox(locked)
    assert (listed["total"], listed["limit"], listed["offset"]) == (8, 20, 0)
    assert listed["counts"] == {
        "plan": 1, "edit": 1, "phase": 1, "release": 1, "manual": 2, "decision": 1, "task_failed": 1,
    }  # fmt: skip
    items = {(item["kind"], item["project_id"]): item for item in listed["items"]}
    first = items["plan", plan]
    assert (first["project_name"], first["labels"], first["page"]) == ("Clear logs", ["ops"], f"/projects/{plan}")
    assert first["findings"]["critical"] == 1
    assert items["phase", gate]["title"] == "Two"
    assert items["phase", gate]["findings"]["critical"] == 1
    assert items["release", tasks]["findings"]["critical"] == 1
    decision = items["decision", tasks]
    assert (decision["title"], decision["options"], decision["task_key"]) == ("Ship it?", ["yes", "no"], "ship")
    # What expires comes first, then the oldest.
    assert listed["items"][0] == decision
    assert decision["expires_at"] is not None
    rest = [item["since"] for item in listed["items"][1:]]
    assert rest == sorted(rest)

    for item in listed["items"]:
        body = dict(item["answer"]["body"])
        if item["decision_id"]:
            body["answer"] = "skip" if item["kind"] == "task_failed" else "yes"
        answer = await locked.http.post(item["answer"]["path"], json=body)
        assert answer.status_code in {200, 202}, (item, answer.text)
    # The approved edit has added a task, which now waits in its turn.
    await until_kinds(locked, "manual")


async def test_pages_follow_each_other(locked: Stack) -> None:
    made = [await locked.planned("- A: `true`") for _ in range(3)]
    pages = [await read_inbox(locked, limit=1, offset=offset) for offset in range(4)]
    assert [item["project_id"] for page in pages for item in page["items"]] == made
    assert [page["total"] for page in pages] == [3] * 4
    for query in ({"limit": 0}, {"limit": 201}, {"offset": -1}, {"kind": "plan"}):
        assert (await locked.http.get("/api/inbox", params=query)).status_code == 400


async def test_only_what_the_reader_may_settle_is_listed(locked: Stack) -> None:
    await locked.planned("- A: `true`", labels=["payments"])
    await locked.planned("- A: `true`", labels=["reports"])
    await locked.started(TASKS, decision_mode="human", labels=["payments"])
    await until_kinds(locked, "plan", "plan", "manual", "release", "decision", "task_failed")

    async def sees(name: str, *roles: dict[str, Any]) -> list[str]:
        return await kinds_of(locked, bearer((await key_for(locked, name, *roles))["key"]))

    assert await sees("a viewer", {"role": "viewer"}) == []
    assert await sees("an author", {"role": "author"}) == []
    assert await sees("an operator", {"role": "operator"}) == ["manual", "task_failed"]
    assert await sees("an approver", {"role": "approver"}) == ["decision", "manual", "plan", "plan", "release"]
    assert await sees("for reports", {"role": "approver", "labels": ["reports"]}) == ["plan"]
    both = ({"role": "approver", "labels": ["reports"]}, {"role": "operator", "labels": ["payments"]})
    assert await sees("for both", *both) == ["manual", "plan", "task_failed"]


async def test_a_plan_with_requested_changes_waits_for_its_author(locked: Stack) -> None:
    project_id = await locked.planned("- A: `true` {#a}", labels=["payments"])
    ann, kim, other = [
        bearer((await key_for(locked, name, roles))["key"])
        for name, roles in (
            ("Ann", {"role": "author"}),
            ("Kim", {"role": "approver"}),
            ("Lee", {"role": "author", "labels": ["reports"]}),
        )
    ]
    for comment in ("Not yet.", "Ask the DBA first."):
        assert await kinds_of(locked, kim) == ["plan"]
        assert await kinds_of(locked, ann) == []
        path = f"/api/projects/{project_id}"
        asked = await locked.http.post(f"{path}/request-changes", json={"comment": comment}, headers=kim)
        assert asked.status_code in {200, 202}, asked.text
        assert await kinds_of(locked, kim) == []
        assert await kinds_of(locked, other) == []
        (item,) = (await read_inbox(locked, ann))["items"]
        assert (item["kind"], item["title"], item["project_id"]) == ("changes_requested", comment, project_id)
        assert item["answer"] == {"method": "POST", "path": f"{path}/refine-plan", "body": {}}
        edits = [{"op": "update_task", "task": "a", "title": comment}]
        made = await locked.http.post(item["answer"]["path"], json={"edits": edits}, headers=ann)
        assert made.status_code in {200, 201, 202}, made.text
        await until_kinds(locked, "plan")
    assert await kinds_of(locked, ann) == []


async def test_a_decision_of_two_people_waits_for_the_other_one(locked: Stack) -> None:
    both = "- First? {#first decision=yes,no}\n- Second? {#second decision=yes,no other_than=first}\n"
    project_id = await locked.started(both)
    await until_kinds(locked, "decision", "decision")
    dana, kim = [bearer((await key_for(locked, name, {"role": "approver"}))["key"]) for name in ("Dana", "Kim")]
    items = {item["task_key"]: item for item in (await read_inbox(locked, dana))["items"]}
    answer = await locked.http.post(items["second"]["answer"]["path"], json={"answer": "yes"}, headers=dana)
    assert answer.status_code == 200
    assert await kinds_of(locked, dana) == []
    assert await kinds_of(locked, kim) == ["decision"]
    assert (await locked.project(project_id))["status"] == "running"


async def test_what_was_cancelled_or_has_ended_waits_for_nobody(locked: Stack) -> None:
    planned = await locked.planned("- A: `true`")
    started = await locked.started("- [ ] Look {#look}\n- Ship it? {#ship decision=yes,no}\n")
    await until_kinds(locked, "plan", "manual", "decision")
    for project_id in (planned, started):
        await locked.call("POST", f"/{project_id}/cancel")
    assert await kinds_of(locked) == []


async def test_finished_projects_are_not_read(locked: Stack, sqlite_only: None) -> None:
    """Every part of the query begins with a partial index, which has only what waits."""
    statements: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    def plan_of(conn: Connection) -> list[str]:
        event.listen(conn, "before_cursor_execute", note)
        inbox.page(conn, ALL, "person_x", limit=20, offset=0)
        event.remove(conn, "before_cursor_execute", note)
        found: list[str] = []
        for statement, parameters in statements:
            rows = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            found += [row[3] for row in rows]
        return found

    assert await locked.database.read(lambda conn: conn.execute(text("SELECT 1")).scalar()) == 1
    steps = await locked.database.read(plan_of)
    # `anon_…` is what the parts have found.
    scans = [step for step in steps if step.startswith("SCAN") and "anon_" not in step]
    named = ("ix_plans_ready", "ix_projects_gate", "ix_tasks_manual", "ix_questions_open")
    assert [scan for scan in scans if not any(name in scan for name in named)] == []
    assert {name for name in named if any(name in scan for scan in scans)} == set(named), steps
