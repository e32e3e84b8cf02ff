"""Cancelling at every point of a project's life, and what is left afterwards."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.actions import Action, TaskContext
from app.domain.registry import load_actions
from tests.conftest import Stack, eventually, running_stack
from tests.databases import tries
from tests.processes import with_environment
from workflows import running

# A shell that starts children and waits for them.
TREE = "touch started_$SIGNOFF_TASK_KEY; (sleep 600 & sleep 600 & wait) & sleep 600"
STUBBORN = f"trap '' TERM; {TREE}; while :; do sleep 1; done"


def trees(command: str) -> str:
    tasks = "\n".join(f"- T{i}: `{command}` {{#t{i} after=done}}" for i in (1, 2, 3))
    return f"## P\n\n- Done: `touch done` {{#done}}\n{tasks}\n- Later: `touch later` {{#later after=t1,t2,t3}}"


async def started_trees(signoff: Stack, command: str) -> tuple[str, Path]:
    project_id = await signoff.started(trees(command))
    workspace = Path((await signoff.project(project_id))["workspace"])

    async def all_run() -> bool:
        begun = all((workspace / f"started_t{i}").exists() for i in (1, 2, 3))
        # Each is a shell with at least two children.
        return begun and len(with_environment("SIGNOFF_PROJECT_ID", project_id)) >= 9

    await eventually(all_run, what="three trees run")
    return project_id, workspace


@pytest.mark.parametrize(("command", "limit"), [(TREE, 1.5), (STUBBORN, 4.0)], ids=["plain", "ignores-sigterm"])
async def test_cancel_leaves_no_process_behind(signoff: Stack, command: str, limit: float) -> None:
    project_id, workspace = await started_trees(signoff, command)
    began = time.monotonic()
    answer = await signoff.call("POST", f"/{project_id}/cancel", json={"reason": "enough"})
    took = time.monotonic() - began
    assert with_environment("SIGNOFF_PROJECT_ID", project_id) == []
    assert answer["status"] == "cancelled"
    assert answer["tasks"] == {"completed": 1, "interrupted": 3, "never_started": 1, "did_not_stop": 0}
    # Generous, for a busy machine. benchmarks/cancel.py has the real figures.
    assert took < limit * 6

    project = await signoff.project(project_id)
    assert (project["status"], project["stage"]) == ("cancelled", "finished")
    assert {t["key"]: t["status"] for t in project["tasks"]} == {
        "done": "completed",
        "t1": "cancelled",
        "t2": "cancelled",
        "t3": "cancelled",
        "later": "cancelled",
    }
    assert not (workspace / "later").exists()
    events = await signoff.events(project_id)
    cancelling = next(event for event in events if event["type"] == "run.cancelling")
    assert cancelling["data"]["reason"] == "enough"
    after = [event["type"] for event in events if event["seq"] > cancelling["seq"]]
    assert "task.started" not in after
    assert after[-1] == "project.cancelled"
    handle = signoff.temporal.get_workflow_handle(project_id)

    async def closed() -> bool:
        return (await handle.describe()).status.name == "COMPLETED"

    await eventually(closed, what="the workflow has closed")


async def test_cancel_of_a_draft_and_of_a_waiting_plan(signoff: Stack) -> None:
    draft = await signoff.create("- A: `true`")
    assert (await signoff.call("POST", f"/{draft}/cancel"))["status"] == "cancelled"
    waiting = await signoff.planned("- A: `touch a`")
    answer = await signoff.call("POST", f"/{waiting}/cancel")
    assert answer["tasks"]["never_started"] == 1
    for project_id in (draft, waiting):
        assert (await signoff.project(project_id))["stage"] == "finished"
        refused = await signoff.call("POST", f"/{project_id}/cancel", status=409)
        assert refused["code"] == "already_finished"
    await signoff.call("POST", f"/{waiting}/approve", status=409)


async def test_cancel_in_a_phase_gate(signoff: Stack) -> None:
    plan = "## One\n\n- A: `true` {#a}\n\n## Two\n\n- B: `true` {#b}"
    project_id = await signoff.started(plan, auto_approve_phases=False)
    await signoff.at_gate(project_id)
    answer = await signoff.call("POST", f"/{project_id}/cancel")
    assert answer["tasks"] == {"completed": 1, "interrupted": 0, "never_started": 1, "did_not_stop": 0}
    project = await signoff.project(project_id)
    assert (project["gate"], [p["status"] for p in project["phases"]]) == (None, ["completed", "cancelled"])


@pytest.mark.parametrize(
    ("plan", "key", "reason"),
    [
        ("- Bad: `exit 1` {#it retries=9}", "it", "retry"),
        ("- [ ] Ask {#it}", "it", "manual"),
    ],
    ids=["back-off", "person"],
)
async def test_cancel_while_a_task_waits(signoff: Stack, plan: str, key: str, reason: str) -> None:
    project_id = await signoff.started(plan)
    await signoff.task_in(project_id, key, "waiting", reason=reason)
    assert (await signoff.call("POST", f"/{project_id}/cancel"))["status"] == "cancelled"
    task = (await signoff.project(project_id))["tasks"][0]
    assert task["status"] == "cancelled"


async def test_temporals_own_cancel_takes_the_same_way(signoff: Stack) -> None:
    project_id, workspace = await started_trees(signoff, TREE)
    await signoff.temporal.get_workflow_handle(project_id).cancel(reason="from the Web UI")
    project = await signoff.finished(project_id)
    assert project["status"] == "cancelled"
    assert with_environment("SIGNOFF_PROJECT_ID", project_id) == []
    assert not (workspace / "later").exists()
    cancelling = next(e for e in await signoff.events(project_id) if e["type"] == "run.cancelling")
    assert cancelling["actor"] == "temporal (unauthenticated)"


async def test_cancel_at_the_moment_of_completions(signoff: Stack) -> None:
    """Tasks end just as the cancel arrives. Record and answer agree, regardless of which was first."""

    async def race(pause: float) -> None:
        project_id = await signoff.started("- A: `sleep 0.3` {#a}\n- B: `touch b` {#b after=a}")
        await asyncio.sleep(pause)  # why: the moment of the cancel is what is varied
        answer = await signoff.http.post(f"/api/projects/{project_id}/cancel")
        project = await signoff.finished(project_id)
        if answer.status_code == 200:
            assert project["status"] == "cancelled"
            assert answer.json()["tasks"]["completed"] == sum(t["status"] == "completed" for t in project["tasks"])
        else:
            assert answer.status_code == 409
            assert project["status"] == "completed"
        assert with_environment("SIGNOFF_PROJECT_ID", project_id) == []

    races = tries(7, 20)
    await asyncio.gather(*(race(0.2 + 0.4 * number / races) for number in range(races)))


async def test_deleting_a_live_project_stops_it_first(signoff: Stack) -> None:
    project_id, workspace = await started_trees(signoff, TREE)
    answer = await signoff.call("DELETE", f"/{project_id}")
    assert answer == {"deleted": True, "deleting": False, "id": project_id}
    assert with_environment("SIGNOFF_PROJECT_ID", project_id) == []
    assert not workspace.exists()
    assert (await signoff.call("GET", f"/{project_id}", status=404))["code"] == "project_deleted"


class Deaf(Action):
    """An action that ignores a cancel until it is told to end."""

    type = "deaf"
    end = asyncio.Event()

    async def run(self, context: TaskContext) -> dict:
        while not Deaf.end.is_set():
            try:
                await Deaf.end.wait()
            except asyncio.CancelledError:
                continue
        return {}


@pytest.mark.usefixtures("sqlite_only", "soon_answered")  # it waits for a clock
async def test_a_task_that_does_not_stop_is_given_up_and_said_so(
    temporal_server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(load_actions(), "deaf", Deaf)
    # Long enough for the two requests before it, even on a busy machine.
    monkeypatch.setattr(running, "CANCEL_LIMIT", timedelta(seconds=12))
    async with running_stack(temporal_server, tmp_path) as stack:
        try:
            project_id = await stack.create("")
            body = {"title": "Deaf", "key": "deaf", "action": {"type": "deaf"}}
            await stack.call("POST", f"/{project_id}/tasks", status=201, json=body)
            await stack.call("POST", f"/{project_id}/approve")
            await stack.task_in(project_id, "deaf", "running")
            recorded = await stack.call("POST", f"/{project_id}/cancel", status=202)
            assert (recorded["status"], recorded["stage"]) == ("running", "cancelling")
            assert (await stack.call("DELETE", f"/{project_id}", status=202))["deleting"]
            project = await stack.finished(project_id, seconds=60)
            assert project["status"] == "cancelled"
            assert project["tasks"][0]["error"]["type"] == "did_not_stop"

            async def stopping_is_known() -> bool:
                answer = await stack.http.delete(f"/api/projects/{project_id}")
                return answer.status_code == 409 and answer.json()["code"] == "task_still_stopping"

            await eventually(stopping_is_known, what="a delete is refused while the task lives")
            logged: list[str] = []

            async def refusal_is_logged() -> bool:
                logged.extend("".join(capfd.readouterr()).splitlines())
                return any("the project is not deleted" in line for line in logged)

            await eventually(refusal_is_logged, what="the worker says that the project is not deleted")
            assert not [line for line in logged if "erase_project" in line and "Traceback" in line]
        finally:
            Deaf.end.set()

        async def deleted() -> bool:
            return (await stack.http.delete(f"/api/projects/{project_id}")).status_code == 200

        await eventually(deleted, what="the project can be deleted once the task has ended")
