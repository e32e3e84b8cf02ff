"""Concurrent activities answer in any order, and more than once. A project always continues with the newest record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from activities.records import Records
from tests.conftest import Stack, eventually, running_stack

# Long enough for a workflow to process the earlier answers.
A_MOMENT = 0.5


def hold_back(
    monkeypatch: pytest.MonkeyPatch, name: str, when: Callable[[str, Any], Awaitable[bool]], *, then_fail: bool = False
) -> None:
    """Delay the first answer of an activity, after its commit, until `when(project, answer)`, or lose it then."""
    original = Records._write
    held: list[str] = []

    async def late(self: Records, work: Callable[[Connection], Any]) -> Any:
        answer = await original(self, work)
        info = activity.info()
        if info.activity_type == name and not held and await when(str(info.workflow_id), answer):
            held.append(name)
            await asyncio.sleep(A_MOMENT)  # why: the order in which answers arrive is what is tested
            if then_fail:
                raise ConnectionResetError("the answer is lost")
        return answer

    monkeypatch.setattr(Records, "_write", late)


async def run_2_is_on_record(stack: Stack, project_id: str) -> bool:
    return bool(await stack.until(project_id, lambda project: project["run"]["number"] == 2))


async def workflow_runs(stack: Stack, project_id: str) -> list[WorkflowExecutionStatus | None]:
    return [run.status async for run in stack.temporal.list_workflows(f"WorkflowId = '{project_id}'")]


async def test_a_retry_decided_before_the_end_is_answered(
    temporal_server: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack: Stack

    async def retried(project_id: str, _: Any) -> bool:
        return await run_2_is_on_record(stack, project_id)

    hold_back(monkeypatch, "finish_run", retried)
    async with running_stack(temporal_server, tmp_path) as stack:
        project_id = await stack.started("- Bad: `echo x >> ran; false` {#bad}")
        await stack.finished(project_id)
        await stack.call("POST", f"/{project_id}/retry")
        project = await stack.finished(project_id)
        assert (project["run"]["number"], project["failure"]["code"]) == (2, "task_failed")
        assert (Path(project["workspace"]) / "ran").read_text().split() == ["x", "x"]


async def test_the_end_of_a_run_repeated_after_a_retry_does_not_touch_the_retry(
    temporal_server: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack: Stack

    async def retried(project_id: str, _: Any) -> bool:
        return await run_2_is_on_record(stack, project_id)

    hold_back(monkeypatch, "finish_run", retried, then_fail=True)
    async with running_stack(temporal_server, tmp_path) as stack:
        project_id = await stack.started("- Slow: `[ -e go ] || sleep 600` {#slow}")
        await stack.task_in(project_id, "slow", "running")
        await stack.call("POST", f"/{project_id}/cancel")
        (Path((await stack.project(project_id))["workspace"]) / "go").touch()
        await stack.finished(project_id)
        await stack.call("POST", f"/{project_id}/retry")
        # Run 1 was told to cancel. Run 2 was not.
        project = await stack.finished(project_id)
        assert (project["run"]["number"], project["status"]) == (2, "completed")


async def test_a_refusal_answered_after_the_end_does_not_bring_the_run_back(
    temporal_server: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack: Stack

    async def ended(project_id: str, decided: Any) -> bool:
        if decided.accepted:
            return False
        workspace = Path((await stack.project(project_id))["workspace"])
        (workspace / "go").touch()
        return bool(await stack.finished(project_id))

    hold_back(monkeypatch, "decide", ended)
    async with running_stack(temporal_server, tmp_path, signals_by_hand=True) as stack:
        project_id = await stack.started("- Bad: `while [ ! -e go ]; do sleep 0.05; done; false` {#bad}")
        await stack.task_in(project_id, "bad", "running")
        handle = stack.temporal.get_workflow_handle(project_id)
        # The first is refused, and its answer is late. The second is decided after it, when the run has ended.
        await handle.signal("retry", {"comment": "too early"})
        await handle.signal("retry", {"comment": "in time"})
        await run_2_is_on_record(stack, project_id)
        project = await stack.finished(project_id)
        assert (project["run"]["number"], project["failure"]["code"]) == (2, "task_failed")

        async def closed() -> bool:
            return await workflow_runs(stack, project_id) == [WorkflowExecutionStatus.COMPLETED]

        await eventually(closed, what="the workflow has completed")
